/* SPDX-License-Identifier: MIT */
/*
 * A waker that counts, to poll a future by hand on any thread and see whether it was woken. Its
 * operations order nothing that pirn should have ordered: only who finds that no clone is left
 * (with acquire) may free it.
 */
#ifndef BELL_H
#define BELL_H

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "pirn.h"

struct bell {
	struct pirn_waker waker;
	atomic_int refs; /* clones not given up */
	atomic_uint wakes;
};

static inline struct bell *bell_of(struct pirn_waker *w)
{
	return (struct bell *)(void *)w;
}

static inline struct pirn_waker *bell_clone(struct pirn_waker *w)
{
	atomic_fetch_add_explicit(&bell_of(w)->refs, 1, memory_order_relaxed);
	return w;
}

static inline void bell_wake_by_ref(struct pirn_waker *w)
{
	atomic_fetch_add_explicit(&bell_of(w)->wakes, 1, memory_order_relaxed);
}

static inline void bell_drop(struct pirn_waker *w)
{
	int refs = atomic_fetch_sub_explicit(&bell_of(w)->refs, 1, memory_order_release);

	if (refs <= 0) {
		fputs("a waker was dropped twice\n", stderr);
		abort();
	}
}

static inline void bell_wake(struct pirn_waker *w)
{
	bell_wake_by_ref(w);
	bell_drop(w);
}

static const struct pirn_waker_ops bell_ops PIRN_UNUSED = {
	.clone = bell_clone,
	.wake = bell_wake,
	.wake_by_ref = bell_wake_by_ref,
	.drop = bell_drop,
};

static inline void bell_init(struct bell *w)
{
	w->waker.ops = &bell_ops;
	atomic_init(&w->refs, 0);
	atomic_init(&w->wakes, 0);
}

static inline void bell_await_free(struct bell *w)
{
	while (atomic_load_explicit(&w->refs, memory_order_acquire) > 0)
		sched_yield();
}

/* Waits for the n-th wake. */
static inline void bell_await(struct bell *w, unsigned n)
{
	while (atomic_load_explicit(&w->wakes, memory_order_relaxed) < n)
		sched_yield();
}

/* Polls a future by hand, on an executor or (NULL) on none. */
static inline enum pirn_poll bell_poll_on(struct pirn_executor *ex, struct pirn_future *f,
					  struct bell *w)
{
	struct pirn_context cx;

	pirn_context_init(&cx, &w->waker, ex);
	return pirn_poll(f, &cx);
}

static inline enum pirn_poll bell_poll(struct pirn_future *f, struct bell *w)
{
	return bell_poll_on(NULL, f, w);
}

#endif
