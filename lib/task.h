/* SPDX-License-Identifier: MIT */
/*
 * A task: one block, the header of 48 bytes and then the future. What other files may do with
 * one.
 */
#ifndef PIRN_TASK_INTERNAL_H
#define PIRN_TASK_INTERNAL_H

#include "atomic.h"
#include "pirn.h"
#include "state.h"

struct pirn_task {
	/* First: a waker of the task is a pointer to it. Aligned so that the future is, too. */
	_Alignas(16) struct pirn_waker waker;
	struct word state; /* state.h */
	/*
	 * One word for three things that never overlap: the injector's link while the task lies
	 * in it, the executor else, the memory functions from the finish on. Read by whoever has
	 * just made an idle task OWNED, or by whoever gives the last reference up.
	 */
	union {
		struct pirn_task *next;
		struct pirn_executor *executor;
		const struct pirn_memory *memory;
	} at;
	struct pirn_waker *joiner; /* guarded by TASK_JOINER and TASK_DONE */
	const char *place;         /* constant: "file:line" of the spawn */
	uint32_t entry;            /* its place in the executor's registry, 0: none; the runner's */
	uint32_t size;             /* constant: of the whole block */
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct pirn_task) == 48, "the header is 48 bytes");

static inline struct pirn_future *task_future(struct pirn_task *t)
{
	return (struct pirn_future *)(void *)(t + 1);
}

/* Of every task of a pool. */
extern const struct pirn_waker_ops pirn__task_waker_ops;

/*
 * Polls a task that was taken from a queue of ex, or drops it if it was cancelled. True: it was
 * woken meanwhile and is still OWNED, the caller pushes it. False: it is not the caller's any
 * more. in_place: inside another task's poll, where a cancelled one is not dropped but pushed.
 */
bool pirn__task_run(struct pirn_task *t, struct pirn_executor *ex, bool in_place);

/* Marks a task cancelled; the handle stays. An idle one is pushed, to be dropped where it runs. */
void pirn__task_cancel(struct pirn_task *t);

/* One reference more, for who found the task in a registry under the registry's lock. */
void pirn__task_ref(struct pirn_task *t);
void pirn__task_unref(struct pirn_task *t);

#endif
