/* SPDX-License-Identifier: MIT */
/*
 * pirn: executors. An executor polls tasks whenever they are woken. There is one handle type for
 * all: pools (pirn_pool.h) have threads of their own, and can be lent some of yours, by the calls
 * below; a local executor (pirn_local.h) has none but the one that made it, which must be it.
 */
#ifndef PIRN_EXECUTOR_H
#define PIRN_EXECUTOR_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Lends the calling thread to an executor: it polls tasks, beside the executor's own threads if
 * there are any, until f ends. f need not be a task of the executor. What the thread has in its
 * queue when it leaves is the others'.
 *
 * Takes:    f, as pirn_block_on; or NULL: until there is nothing to poll at the moment.
 * Returns:  the err of f (NULL: 0). Before the first poll, with f as it was: -ENOMEM; -EBUSY
 *           (pools: as many threads as were asked for run it). At any time, with f pending:
 *           -ESHUTDOWN, the executor is being freed, or shut down by PIRN_CANCEL. pirn_drop(f) is
 *           right in each case.
 * Threads:  outside. A call may be in progress when the executor is freed, but none may begin.
 */
PIRN_API int pirn_executor_run(struct pirn_executor *ex, struct pirn_future *f);

/*
 * Polls one task, waiting until there is one.
 *
 * Returns:  1; -EBUSY, -ESHUTDOWN as pirn_executor_run; -EDEADLK: a local executor, with no task
 *           that could be woken.
 * Threads:  as pirn_executor_run.
 */
PIRN_API int pirn_executor_tick(struct pirn_executor *ex);

/*
 * Polls one task, if there is one that is ready for it.
 *
 * Returns:  1; 0: there was none; -EBUSY, -ESHUTDOWN as pirn_executor_run.
 * Threads:  as pirn_executor_run.
 */
PIRN_API int pirn_executor_try_tick(struct pirn_executor *ex);

/*
 * Frees an executor: no new tasks, those left are cancelled and dropped, blocking calls that run
 * are waited for, calls still queued end with -ECANCELED, every thread is joined, and yours that
 * run it are sent away (-ESHUTDOWN). Handles, wakers and calls of others stay valid.
 *
 * Takes:    NULL is fine.
 * Returns:  0; -EBUSY (pools: tasks or calls are left behind a pirn_pool_shutdown by PIRN_CANCEL
 *           that has run out; nothing was freed, try again later).
 * Threads:  owner, outside: traps on the executor's own threads (polls and jobs).
 */
PIRN_API int pirn_executor_free(struct pirn_executor *ex);

#ifdef __cplusplus
}
#endif
#endif
