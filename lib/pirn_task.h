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
 * Takes:    ex: not NULL, which traps.
 *           f, made but never polled; it is moved: on success *f is empty (all zero), on failure it
 *           is as it was, so pirn_drop(f) behind a spawn is always right. out: where the handle
 *           goes, before the task can run; NULL: detached. place: a static string, "file:line",
 *           or NULL.
 * Returns:  0, -ENOMEM, -ESHUTDOWN (the executor is being freed).
 * Threads:  any.
 */
PIRN_API int pirn_spawn_on(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
			   const char *place);

/*
 * Makes tasks of an array of n futures of one type: all of them, or none. One push and as many
 * threads woken as there are tasks, where n spawns would push and look n times.
 *
 * Takes:    as pirn_spawn_on; n: 0 does nothing; out: room for n handles, or NULL. Traps on futures
 *           of two types.
 * Returns:  0, -ENOMEM, -ESHUTDOWN.
 * Threads:  any.
 */
PIRN_API int pirn_spawn_many_on(struct pirn_executor *ex, struct pirn_task **out,
				struct pirn_future *f, size_t n, const char *place);

/*
 * Room for a task, to build a large future in place and not have it moved: all zero but for the
 * operations. Ends with pirn_task_start, if that returns 0, else with pirn_task_discard.
 *
 * Takes:    an executor; without one (NULL) it traps, as pirn_spawn_on does.
 * Returns:  the future, of ops->size bytes; NULL: out of memory.
 * Threads:  any.
 */
PIRN_API void *pirn_task_new(struct pirn_executor *ex, const struct pirn_future_ops *ops);

/*
 * pirn_task_start(out, f): hands a task of pirn_task_new to its executor. out: as pirn_spawn_on.
 * From then on f is the task's. Returns 0; -ENOMEM or -ESHUTDOWN: f is as it was. Any thread.
 */
#define pirn_task_start(out, f) pirn_task_start_at((out), (f), PIRN_PLACE)

/*
 * What the macro calls.
 *
 * Returns:  as pirn_task_start.
 * Threads:  any.
 */
PIRN_API int pirn_task_start_at(struct pirn_task **out, struct pirn_future *f, const char *place);

/*
 * Drops a future of pirn_task_new that was not started, and gives its room back.
 *
 * Takes:    NULL is fine.
 * Threads:  holder, while the executor exists.
 */
PIRN_API void pirn_task_discard(struct pirn_future *f);

/* The place in the source where it stands, as a static string: "file:line". */
#define PIRN_PLACE __FILE__ ":" PIRN_TEXT(__LINE__)
#define PIRN_TEXT(x) PIRN_TEXT_OF(x)
#define PIRN_TEXT_OF(x) #x

/*
 * pirn_spawn_here(cx, out, f): a spawn on the executor that polls just now. Where the context has
 * none (pirn_block_on, a static executor, a loop of your own): on the default pool, whose threads
 * run it beside you. Returns as pirn_spawn. Inside a poll.
 */
#define pirn_spawn_here(cx, out, f) pirn_spawn_at((cx)->executor, (out), (f), PIRN_PLACE)

/*
 * What this macro calls, and pirn_spawn of pirn_pool.h.
 *
 * Returns:  as pirn_spawn.
 * Threads:  any.
 */
PIRN_API int pirn_spawn_at(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
			   const char *place);

/*
 * Has the task ended? A question that costs one load; to wait for the end, join.
 *
 * Threads:  holder.
 */
PIRN_API bool pirn_task_is_finished(struct pirn_task *t);

/*
 * The task's future, to read its result; it stays the task's. It lies at the beginning of the frame
 * that was spawned, so cast it to that: `((struct probe *)(void *)pirn_task_future(t))->answer`.
 *
 * Returns:  NULL before the end, and when the task was cancelled.
 * Threads:  holder.
 */
PIRN_API struct pirn_future *pirn_task_future(struct pirn_task *t);

/*
 * What it is: the name of its future.
 *
 * Returns:  a static string; NULL behind a pirn_drop of its result.
 * Threads:  holder.
 */
PIRN_API const char *pirn_task_name(const struct pirn_task *t);

/*
 * Where it was spawned.
 *
 * Returns:  "file:line", or what the spawn was given.
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

PIRN_API extern const struct pirn_future_ops pirn_join_ops,
	pirn_cancel_ops; /* Threads: any; constants of the makers below */

/*
 * READY when the task has ended. err: the task's err, or -ECANCELED if it was cancelled; then
 * pirn_task_future gives the result until the handle ends. A join that is dropped leaves the
 * handle as it was. On a worker its first poll may run the task inside, if that was never polled
 * and would come next: so no lock of yours may be held around it. The task is not NULL.
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
 * Joins on a plain thread: sleeps until the task has ended, and costs next to nothing if it has.
 *
 * Takes:    the handle; NULL traps.
 * Returns:  the task's err, or -ECANCELED; -ENOMEM, the task goes on.
 * Threads:  outside, holder. As pirn_block_on.
 */
PIRN_API int pirn_join_blocking(struct pirn_task *t);

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
