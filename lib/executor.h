/* SPDX-License-Identifier: MIT */
/*
 * What an executor is to tasks and leaves: a few operations. The pool is one; the one-thread
 * driver of the tests, which runs everything on command, is another.
 */
#ifndef PIRN_EXECUTOR_H
#define PIRN_EXECUTOR_H

#include "job.h"
#include "pirn.h"
#include "task.h"

struct pirn_executor_ops {
	/*
	 * A spawn begins: the executor stands until leave, and has linked the task (it can be
	 * found and cancelled). Returns 0, -ESHUTDOWN, -ENOMEM; on failure there is no leave.
	 */
	int (*admit)(struct pirn_executor *, struct pirn_task *);
	void (*leave)(struct pirn_executor *);

	/*
	 * Takes an OWNED task into the queue and gets a worker out of bed if one is needed. Never
	 * allocates, fails or blocks. The task may be gone before it returns; the executor is
	 * kept alive by the operation itself from before the task is in the queue.
	 */
	void (*push)(struct pirn_executor *, struct pirn_task *);

	/* A task ends, on a thread that runs tasks of this executor: it is not found any more. */
	void (*unlink)(struct pirn_executor *, struct pirn_task *);

	/*
	 * Queues a blocking job. Returns 0, or -EAGAIN, -ENOMEM, -ESHUTDOWN: it was not queued.
	 * On success the caller has a hold on the executor's memory, given up by let_go.
	 */
	int (*submit)(struct pirn_executor *, struct pirn_job *);
	/* Takes a job out of the queue again. False: it runs, or has ended. */
	bool (*withdraw)(struct pirn_executor *, struct pirn_job *);
	void (*let_go)(struct pirn_executor *);

	int (*free)(struct pirn_executor *);
};

struct pirn_executor {
	const struct pirn_executor_ops *ops;
	const struct pirn_platform *platform;
};

#endif
