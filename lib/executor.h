/* SPDX-License-Identifier: MIT */
/*
 * What an executor is to tasks and leaves: a few operations. The pool is one; the one-thread
 * driver of the tests, which runs everything on command, is another.
 */
#ifndef PIRN_EXECUTOR_INTERNAL_H
#define PIRN_EXECUTOR_INTERNAL_H

#include "job.h"
#include "pirn.h"
#include "task.h"

struct pirn_executor_ops {
	/*
	 * A spawn of n tasks begins, linked by at.next from the newest to the oldest: the executor
	 * counts them, and stands until start. Returns 0, -ESHUTDOWN, -ENOMEM; on failure there
	 * is no start.
	 */
	int (*admit)(struct pirn_executor *, struct pirn_task *newest, size_t n);
	/* It ends: a push of all, and the executor need not stand any more. */
	void (*start)(struct pirn_executor *, struct pirn_task *newest, struct pirn_task *oldest);

	/*
	 * Takes an OWNED task into the queue and gets a worker out of bed if one is needed. Never
	 * allocates, fails or blocks. The task may be gone before it returns; the executor is
	 * kept alive by the operation itself from before the task is in the queue.
	 */
	void (*push)(struct pirn_executor *, struct pirn_task *);

	/* The same for one that was polled just now, on this thread: behind all others. */
	void (*again)(struct pirn_executor *, struct pirn_task *);

	/*
	 * Takes the task that this thread pushed last out of the queue again. False: it was another
	 * one, or is gone. NULL: the executor has no such thing.
	 */
	bool (*take)(struct pirn_executor *, struct pirn_task *);

	/*
	 * A task was polled for the first time and is pending: from now on it can be found and
	 * cancelled. Cannot fail, for admit has seen to it. True: the executor is being freed, the
	 * task is to end. On a thread that runs tasks of this executor, as is unlink.
	 */
	bool (*link)(struct pirn_executor *, struct pirn_task *);
	/* A task ends: it is not found any more. */
	void (*unlink)(struct pirn_executor *, struct pirn_task *);

	/*
	 * Queues a blocking job. Returns 0, or -EAGAIN, -ENOMEM, -ESHUTDOWN: it was not queued.
	 * On success the caller has a hold on the executor's memory, given up by let_go. NULL: it
	 * has no threads for them, the default pool is asked.
	 */
	int (*submit)(struct pirn_executor *, struct pirn_job *);
	/* Takes a job out of the queue again. False: it runs, or has ended. */
	bool (*withdraw)(struct pirn_executor *, struct pirn_job *);
	void (*let_go)(struct pirn_executor *);

	/* As pirn_executor_run and _tick. */
	int (*run)(struct pirn_executor *, struct pirn_future *);
	int (*tick)(struct pirn_executor *, bool wait);
	int (*free)(struct pirn_executor *);
};

struct pirn_executor {
	const struct pirn_executor_ops *ops;
	const struct pirn_platform *platform;
	size_t tail; /* bytes behind a task's frame for the executor's own use; a multiple of 16 */
};

#endif
