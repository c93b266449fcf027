/* SPDX-License-Identifier: MIT */
/*
 * pirn: tasks. A task is a future that an executor polls whenever it is woken: one allocation, a
 * header of 48 bytes and then the future, by value.
 *
 * A spawn may give a handle. A handle borrows nothing and has two ends, detach and abort; one of
 * them must come. Join and cancel are futures that borrow the handle; at most one of them may be
 * pending at a time (a second traps). A handle outlives its pool: what the pool cancelled ends
 * with -ECANCELED.
 */
#ifndef PIRN_TASK_H
#define PIRN_TASK_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_task;

/*
 * Makes a task of a future and hands it to an executor. pirn_pool.h has pirn_spawn, the macro
 * that notes the place and takes NULL for the default pool; this is the form underneath.
 *
 * Takes:    f, made but never polled; it is moved: on success *f is empty (all zero), on failure it
 *           is as it was, so pirn_drop(f) behind a spawn is always right. out: where the handle
 *           goes, before the task can run; NULL: detached. place: a static string, "file:line".
 * Returns:  0, -ENOMEM, -ESHUTDOWN (the executor is being freed).
 * Threads:  any.
 */
PIRN_API int pirn_spawn_on(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
			   const char *place);

/*
 * The task's future, to read its result; it stays the task's.
 *
 * Returns:  NULL before the end, and when the task was cancelled.
 * Threads:  holder.
 */
PIRN_API struct pirn_future *pirn_task_future(struct pirn_task *t);

/*
 * Where it was spawned.
 *
 * Returns:  "file:line".
 * Threads:  holder.
 */
PIRN_API const char *pirn_task_place(const struct pirn_task *t);

/*
 * Ends a handle: the task runs on, its result is dropped when it ends (or now, if it has ended).
 *
 * Takes:    the handle; NULL is fine. No join or cancel may be pending on it.
 * Threads:  holder.
 */
PIRN_API void pirn_task_detach(struct pirn_task *t);

/*
 * Ends a handle and asks the task to end. Does not wait and drops nothing here: the task is woken
 * and dropped where it would have been polled. On a task that has ended it is the same as detach.
 *
 * Takes:    the handle; NULL is fine. No join or cancel may be pending on it.
 * Threads:  holder.
 */
PIRN_API void pirn_task_abort(struct pirn_task *t);

/*
 * Frees an executor: no new tasks, those left are cancelled and dropped, blocking calls that run
 * are waited for, calls still queued end with -ECANCELED, every thread is joined. Handles, wakers
 * and calls of others stay valid.
 *
 * Takes:    NULL is fine.
 * Returns:  0.
 * Threads:  owner, outside: traps on the executor's own threads (polls and jobs).
 */
PIRN_API int pirn_executor_free(struct pirn_executor *ex);

PIRN_API extern const struct pirn_future_ops pirn_join_ops,
	pirn_cancel_ops; /* Threads: any; constants of the makers below */

/*
 * READY when the task has ended. err: the task's err, or -ECANCELED if it was cancelled; then
 * pirn_task_future gives the result until the handle ends. A join that is dropped leaves the
 * handle as it was. On a worker its first poll may run the task inside, if that was never polled
 * and was spawned last: so no lock of yours may be held around it.
 */
struct pirn_join {
	struct pirn_future future;
	struct pirn_task *task;
};

static inline struct pirn_join pirn_join(struct pirn_task *t)
{
	struct pirn_join f;
	pirn_future_init(&f.future, &pirn_join_ops);
	f.task = t;
	return f;
}

/*
 * Asks the task to end, at the first poll; READY, with err 0, when its future has been dropped or
 * it has ended by itself (its result then stays for pirn_task_future). The handle stays, and
 * still wants its detach. For a thread: pirn_block_on(&cancel.future).
 */
struct pirn_cancel {
	struct pirn_future future;
	struct pirn_task *task;
};

static inline struct pirn_cancel pirn_cancel(struct pirn_task *t)
{
	struct pirn_cancel f;
	pirn_future_init(&f.future, &pirn_cancel_ops);
	f.task = t;
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
