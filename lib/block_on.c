/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a future on a plain thread. The waker and the parker lie in a counted block of
 * their own: a waker may be woken, and looked at, long after block_on has returned.
 *
 * Orderings.
 *
 *   tag   writer                       reader                     without it
 *   [B1]  unref: release on refs       last unref: acquire        the block is freed before another
 *                                                                 thread's unpark is done with it
 */
#include "config.h"

#include <errno.h>

#include "atomic.h"
#include "list.h"
#include "park.h"
#include "pirn.h"
#include "thread.h"

struct sleeper {
	struct pirn_waker waker;
	struct word refs; /* block_on 1, each waker 1 */
	struct parker parker;
};

static struct sleeper *from_waker(struct pirn_waker *w)
{
	return container_of(w, struct sleeper, waker);
}

static void sleeper_unref(struct sleeper *s)
{
	const struct pirn_memory *memory = &pirn_platform_default()->memory;

	/* [B1] Release: our use comes before the free. Acquire: the free comes after all use. */
	/* Where the count is 1 it is ours: nobody else can change it. */
	if (word_load_acquire(&s->refs) != 1 && word_sub_acq_rel(&s->refs, 1) != 1)
		return;
	pirn__parker_deinit(&s->parker);
	memory->free(memory, s, sizeof(*s));
}

static struct pirn_waker *sleeper_clone(struct pirn_waker *w)
{
	word_add_relaxed(&from_waker(w)->refs, 1); /* [B1] relaxed: the caller has one already */
	return w;
}

static void sleeper_wake_by_ref(struct pirn_waker *w)
{
	pirn__unpark(&from_waker(w)->parker);
}

static void sleeper_drop(struct pirn_waker *w)
{
	sleeper_unref(from_waker(w));
}

static void sleeper_wake(struct pirn_waker *w)
{
	sleeper_wake_by_ref(w);
	sleeper_drop(w);
}

static const struct pirn_waker_ops sleeper_ops = {
	.clone = sleeper_clone,
	.wake = sleeper_wake,
	.wake_by_ref = sleeper_wake_by_ref,
	.drop = sleeper_drop,
};

int pirn_block_on(struct pirn_future *f)
{
	const struct pirn_memory *memory = &pirn_platform_default()->memory;
	struct pirn_context cx;
	struct sleeper *s;

	must_be_outside(f->ops ? f->ops->file : NULL, "block_on inside a poll or on a worker");
	s = memory->alloc(memory, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->waker.ops = &sleeper_ops;
	word_init(&s->refs, 1);
	pirn__parker_init(&s->parker);
	for (;;) {
		enum pirn_poll poll;

		pirn_context_init(&cx, &s->waker, NULL);
		pirn__thread.poll = &cx;
		poll = pirn_poll(f, &cx);
		pirn__thread.poll = NULL;
		if (poll == PIRN_READY)
			break;
		pirn__park(&s->parker);
	}
	sleeper_unref(s);
	return f->err;
}

int pirn_join_blocking(struct pirn_task *t)
{
	struct pirn_join join = pirn_join(t);
	struct pirn_future *f;

	if (!t)
		pirn_trap(NULL, 0, "join_blocking of no task");
	must_be_outside(pirn_task_place(t), "join_blocking inside a poll or on a worker");
	if (!pirn_task_is_finished(t))
		return pirn_block_on(&join.future);
	f = pirn_task_future(t);
	return f ? f->err : -ECANCELED;
}
