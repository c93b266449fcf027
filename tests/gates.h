/* SPDX-License-Identifier: MIT */
/* What the suites share that poll by hand: a waker that counts, a future that ends on command. */
#ifndef GATES_H
#define GATES_H

#include "pirn.h"

/* A waker that counts what is done with it. */
struct tally {
	struct pirn_waker waker;
	int clones, wakes, drops;
};

static inline struct pirn_waker *tally_clone(struct pirn_waker *w)
{
	((struct tally *)(void *)w)->clones++;
	return w;
}

static inline void tally_wake_by_ref(struct pirn_waker *w)
{
	((struct tally *)(void *)w)->wakes++;
}

static inline void tally_drop(struct pirn_waker *w)
{
	((struct tally *)(void *)w)->drops++;
}

static inline void tally_wake(struct pirn_waker *w)
{
	tally_wake_by_ref(w);
	tally_drop(w);
}

static const struct pirn_waker_ops tally_ops = {
	.clone = tally_clone,
	.wake = tally_wake,
	.wake_by_ref = tally_wake_by_ref,
	.drop = tally_drop,
};

#define TALLY \
 { \
  .waker = {.ops = &tally_ops } \
 }

static inline enum pirn_poll poll_with(struct pirn_future *f, struct tally *t)
{
	struct pirn_context cx;

	pirn_context_init(&cx, &t->waker, NULL);
	return pirn_poll(f, &cx);
}

static inline enum pirn_poll poll(struct pirn_future *f)
{
	static struct tally nobody = TALLY; /* static: futures keep it */

	return poll_with(f, &nobody);
}

/* A future that ends when the test says so, written by hand; it counts its polls and drops. */
struct gate {
	struct pirn_future future;
	bool open;
	int result, polls, drops;
	struct pirn_waker *waker;
};

static inline enum pirn_poll gate_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct gate *g = (struct gate *)(void *)f;

	g->polls++;
	g->future.at = 1;
	if (!g->open) {
		pirn_waker_keep(&g->waker, cx);
		return PIRN_PENDING;
	}
	if (g->waker)
		pirn_waker_drop(g->waker);
	g->waker = NULL;
	g->future.err = g->result;
	return PIRN_READY;
}

static inline void gate_drop(struct pirn_future *f)
{
	struct gate *g = (struct gate *)(void *)f;

	g->drops++;
	if (g->waker)
		pirn_waker_drop(g->waker);
	g->waker = NULL;
}

static const struct pirn_future_ops gate_ops = {
	.name = "gate",
	.file = __FILE__,
	.size = sizeof(struct gate),
	.poll = gate_poll,
	.drop = gate_drop,
};

static inline struct gate gate(bool open, int result)
{
	struct gate g = { .open = open, .result = result };

	pirn_future_init(&g.future, &gate_ops);
	return g;
}

#endif
