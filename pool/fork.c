/* SPDX-License-Identifier: MIT */
/*
 * A pool behind a fork, in the child. Its words and locks are those of threads that are not here,
 * in whatever state, so nothing of it is touched but the pointer to its operations: they are
 * exchanged for some that do nothing.
 */
#include "config.h"

#include <errno.h>

#include "pool.h"
#include "thread.h"

static int refuse_tasks(struct pirn_executor *ex, struct pirn_task *newest, size_t n)
{
	(void)ex;
	(void)newest;
	(void)n;
	return -ESHUTDOWN;
}

static void ignore_task(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	(void)t;
}

static int refuse_job(struct pirn_executor *ex, struct pirn_job *job)
{
	(void)ex;
	(void)job;
	return -ESHUTDOWN;
}

/* As if it ran: whoever gives it up leaves it to a thread that is not here. */
static bool keep_job(struct pirn_executor *ex, struct pirn_job *job)
{
	(void)ex;
	(void)job;
	return false;
}

static void ignore(struct pirn_executor *ex)
{
	(void)ex;
}

static int refuse_run(struct pirn_executor *ex, struct pirn_future *f)
{
	(void)ex;
	(void)f;
	return -ESHUTDOWN;
}

static int refuse_tick(struct pirn_executor *ex, bool wait)
{
	(void)ex;
	(void)wait;
	return -ESHUTDOWN;
}

static int leave_it(struct pirn_executor *ex)
{
	(void)ex;
	return 0;
}

/* No task of it runs here, so there is nothing to start, take, link or unlink. */
const struct pirn_executor_ops pirn__pool_forked = {
	.admit = refuse_tasks,
	.push = ignore_task,
	.submit = refuse_job,
	.withdraw = keep_job,
	.let_go = ignore,
	.run = refuse_run,
	.tick = refuse_tick,
	.free = leave_it,
};

void pirn_pool_after_fork_child(struct pirn_executor *ex)
{
	ex = pirn__default_after_fork(ex);
	if (!ex)
		return;
	if (pirn__thread.owner == ex)
		pirn_trap(NULL, 0, "a fork on one of the pool's own threads: only exec is left");
	if (ex->ops != &pirn__pool_forked && ex->ops->free != pirn__pool_free)
		pirn_trap(NULL, 0, "an executor that is no pool given up in a child of fork");
	ex->ops = &pirn__pool_forked;
}
