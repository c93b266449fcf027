/* SPDX-License-Identifier: MIT */
/*
 * pirn: the static executor. Tasks in static storage, one thread, no heap: for a main loop on bare
 * metal, where interrupt handlers wake tasks. On a hosted system signal handlers and other threads
 * may wake them as well.
 *
 *	struct blink { struct pirn_future future; int led; struct pirn_yield nap; };
 *	PIRN_ASYNC(blink, f) { ... }
 *	PIRN_STATIC_TASKS(blink, 2);                    // room for two of them: blink_tasks
 *
 *	static struct pirn_static ex;
 *
 *	int main(void)
 *	{
 *		struct blink b = { PIRN_INIT(blink), .led = 3 };
 *
 *		pirn_static_init(&ex, NULL, NULL);
 *		pirn_static_spawn(&ex, NULL, &blink_tasks, &b.future);
 *		for (;;) {
 *			while (pirn_static_poll(&ex))
 *				;
 *			disable_interrupts();
 *			if (pirn_static_idle(&ex))
 *				wait_for_interrupt();   // which ends at one that is pending, too
 *			enable_interrupts();
 *		}
 *	}
 *
 * Handles, joins and cancels are those of pirn_task.h, on the executor's thread only (elsewhere
 * they trap), not in an interrupt. The contexts of its tasks have no executor: a spawn wants room
 * (pirn_spawn_here would go to the default pool, where there is one).
 *
 * Freestanding: with -ffreestanding compile lib/async.c combinator.c freestanding.c future.c loop.c
 * static_executor.c thread.c waker.c, with an empty config.h in the include path. They want
 * stdatomic.h, stdbool.h, stddef.h and stdint.h, compare-and-swap of 32 bits and of a pointer, and
 * memcpy and memset. Where there is no errno.h, ENOMEM and ECANCELED have Linux's values.
 */
#ifndef PIRN_STATIC_H
#define PIRN_STATIC_H

#include <pirn.h>

#ifdef __cplusplus
# define PIRN_ALIGN_16 alignas(16)
extern "C" {
#else
# define PIRN_ALIGN_16 _Alignas(16)
#endif

/* An executor; static, too. What lies in it is private. */
struct pirn_static {
	void *words[14];
};

/* In front of a task's frame and behind it; private. Zero: free. */
struct pirn_static_head {
	PIRN_ALIGN_16 void *operations;
#if __STDC_HOSTED__
	uint64_t state; /* aligned as in a pool's task */
#else
	uint32_t state[2];
#endif
	void *list[2], *place;
	uint32_t clones, size;
};
struct pirn_static_tail {
	PIRN_ALIGN_16 void *words[4];
};

/* Room for tasks of one type. */
struct pirn_static_tasks {
	/* read-only */
	void *first;
	size_t size; /* of one, with head and tail */
	size_t count;
};

/* clang-format off */

/* Static room for count tasks with the frame struct name: name_tasks, for pirn_static_spawn. */
#define PIRN_STATIC_TASKS(name, count)								\
	static struct name##_room {								\
		struct pirn_static_head head;							\
		struct name frame;								\
		struct pirn_static_tail tail;							\
	} name##_room[count];									\
	PIRN_STATIC_ASSERT(offsetof(struct name##_room, frame) == sizeof(struct pirn_static_head), \
			   "tasks are aligned to 16");						\
	static const struct pirn_static_tasks name##_tasks PIRN_UNUSED = {			\
		name##_room, sizeof(name##_room[0]), count					\
	}

/* clang-format on */

/*
 * Makes an executor of the calling thread.
 *
 * Takes:    ex, in static storage (it is not to go away while a task or a waker is left). notify:
 *           something has become runnable while nothing was; called with arg where that happens,
 *           also in an interrupt handler that wakes; it may set a flag, not poll. NULL: none.
 * Threads:  any; it belongs to the calling one from then on, which is the executor's thread.
 */
PIRN_API void pirn_static_init(struct pirn_static *ex, void (*notify)(void *arg), void *arg);

/*
 * pirn_static_spawn(ex, out, tasks, f): makes a task of *f, in room that is free: never used, or
 * its task has ended, and neither handle nor waker of that one is left. f: empty on success, as it
 * was on failure. out: where the handle goes, or NULL (detached).
 */
#define pirn_static_spawn(ex, out, tasks, f) \
 pirn_static_spawn_at((ex), (out), (tasks), (f), PIRN_PLACE)

/*
 * What the macro calls.
 *
 * Returns:  0, or -ENOMEM: all are busy.
 * Threads:  the executor's, not in an interrupt.
 */
PIRN_API int pirn_static_spawn_at(struct pirn_static *ex, struct pirn_task **out,
				  const struct pirn_static_tasks *tasks, struct pirn_future *f,
				  const char *place);

/*
 * Polls the task that has been runnable for longest.
 *
 * Returns:  false if there is none: then there is nothing to do until the next wake.
 * Threads:  the executor's, not in an interrupt, nor inside a poll of its own.
 */
PIRN_API bool pirn_static_poll(struct pirn_static *ex);

/*
 * Is nothing runnable? To be asked with interrupts off, before waiting for the next one.
 *
 * Threads:  the executor's.
 */
PIRN_API bool pirn_static_idle(struct pirn_static *ex);

#ifdef __cplusplus
}
#endif
#endif
