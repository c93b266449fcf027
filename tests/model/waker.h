/* SPDX-License-Identifier: MIT */
/* A waker with a block of its own, which nobody waits for; and one poll with it. */
#ifndef MODEL_WAKER_H
#define MODEL_WAKER_H

#include "atomic.h"
#include "model.h"

struct idle_waker {
	struct pirn_waker waker;
	struct word refs;
};

static inline struct pirn_waker *idle_clone(struct pirn_waker *w)
{
	word_add_relaxed(&((struct idle_waker *)(void *)w)->refs, 1);
	return w;
}

static inline void idle_wake_by_ref(struct pirn_waker *w)
{
	(void)w;
}

static inline void idle_drop(struct pirn_waker *w)
{
	if (word_sub_acq_rel(&((struct idle_waker *)(void *)w)->refs, 1) == 1)
		model_memory_free(w, sizeof(struct idle_waker));
}

static const struct pirn_waker_ops idle_ops = {
	.clone = idle_clone,
	.wake = idle_drop,
	.wake_by_ref = idle_wake_by_ref,
	.drop = idle_drop,
};

static inline enum pirn_poll poll_with_a_waker(struct pirn_future *f, struct pirn_executor *ex)
{
	struct idle_waker *w = model_memory_alloc(sizeof(*w));
	struct pirn_context cx;
	enum pirn_poll poll;

	w->waker.ops = &idle_ops;
	word_init(&w->refs, 1);
	pirn_context_init(&cx, &w->waker, ex);
	poll = pirn_poll(f, &cx);
	pirn_waker_drop(&w->waker);
	return poll;
}

#endif
