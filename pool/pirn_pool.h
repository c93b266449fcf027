/* SPDX-License-Identifier: MIT */
/*
 * pirn: the pool. An executor with a few worker threads that poll tasks, and a second set of
 * threads for blocking calls (pirn_blocking.h).
 *
 * Threads of a pool: the workers, made at once and joined when the pool has ended; blocking
 * threads, made when a call finds none idle, at most `blocking_threads`, ended after a second of
 * nothing to do. All have every signal blocked but SEGV, BUS, FPE, ILL, TRAP, SYS and PROF. pirn
 * installs no handler, neither of signals nor for the exit or a fork.
 *
 * A pool ends with pirn_executor_free, which cancels what is left and waits for what runs; or in
 * steps, with a limit to each:
 *
 *	left = pirn_pool_shutdown(pool, PIRN_DRAIN, 5000000000u);
 *	if (left > 0) {
 *		pirn_pool_left(pool, print, NULL);
 *		left = pirn_pool_shutdown(pool, PIRN_CANCEL, 1000000000u);
 *	}
 *	if (left > 0)
 *		pirn_pool_abandon(pool);
 *	else
 *		pirn_executor_free(pool);
 */
#ifndef PIRN_POOL_H
#define PIRN_POOL_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PIRN_NO_THREADS (~0u)

/* Zero in every field means the default. */
struct pirn_pool_config {
	/*
	 * Workers, 1 to 1024. 0: PIRN_THREADS from the environment, else the number of processors
	 * this process may use: its affinity mask, or its cgroup's CPU quota if that is less.
	 */
	unsigned threads;      /* PIRN_NO_THREADS: only those that are lent */
	unsigned lent_threads; /* of yours, at the same time (pirn_executor_run), to 1024; 0: 8 */
	unsigned blocking_threads;            /* at most; 0: 256 */
	const struct pirn_platform *platform; /* NULL: the built-in */
	/*
	 * What debuggers call the threads: NAME-w0, NAME-w1 the workers, NAME-b0, NAME-b1 the
	 * blocking threads; the name is cut so that 15 bytes hold it all. NULL: "pirn".
	 */
	const char *name;
	size_t stack_size; /* of each thread, in bytes; 0: the system's */
	/*
	 * Called on each thread of the pool's own, as its first and its last thing, in pairs; NULL:
	 * nothing. Not in a poll: they may block, but must not wait for this pool, and calls wait
	 * for the thread that starts. pirn_pool_new does not wait for them. number counts from 0,
	 * for each kind; that of a blocking thread which has ended is used again.
	 */
	void (*thread_started)(void *hook_arg, bool blocking, unsigned number);
	void (*thread_stopping)(void *hook_arg, bool blocking, unsigned number);
	void *hook_arg;
	/*
	 * Each worker stays on one processor: of those that the calling thread may use, the first
	 * worker on the first, and so on, round and round. Blocking threads go anywhere.
	 */
	bool affinity;
};

/*
 * Makes a pool and starts its workers.
 *
 * Takes:    config, or NULL: all defaults. It need not outlive the call.
 * Returns:  0, -ENOMEM, -EAGAIN (no threads to be had), -EINVAL (threads over 1024; PIRN_THREADS
 *           needed and not a number from 1 to 1024; a stack that is too small for a thread),
 *           -ENOTSUP (affinity elsewhere than on Linux, or with over 1024 processors), or why a
 *           worker could not be put onto its processor. On failure nothing is left behind.
 * Threads:  any. Free it with pirn_executor_free.
 */
PIRN_API int pirn_pool_new(struct pirn_executor **out, const struct pirn_pool_config *config);

/*
 * The default pool, made on first use with all defaults. Freed like any other; the next use makes
 * a new one.
 *
 * Returns:  0, or as pirn_pool_new.
 * Threads:  any; a free of it must not come at the same time as a use.
 */
PIRN_API int pirn_pool_default(struct pirn_executor **out);

/*
 * pirn_spawn(ex, out, f): makes a task of *f and runs it on ex; NULL: the default pool. f: empty
 * on success, as it was on failure. out: where the handle goes, or NULL (detached). Returns as
 * pirn_spawn_on, and for NULL also as pirn_pool_new. Any thread.
 */
#define pirn_spawn(ex, out, f) pirn_spawn_at((ex), (out), (f), PIRN_PLACE)

/*
 * pirn_spawn_many(ex, out, f, n): the same for an array of n futures of one type; all or none. f:
 * the first one. Returns as pirn_spawn_many_on. Any thread.
 */
#define pirn_spawn_many(ex, out, f, n) pirn_spawn_many_at((ex), (out), (f), (n), PIRN_PLACE)

/*
 * What the macro calls; pirn_task.h has pirn_spawn_at.
 *
 * Returns:  as pirn_spawn_many.
 * Threads:  any.
 */
PIRN_API int pirn_spawn_many_at(struct pirn_executor *ex, struct pirn_task **out,
				struct pirn_future *f, size_t n, const char *place);

/* ---- the end ------------------------------------------------------------------------------- */

enum pirn_shutdown {
	PIRN_DRAIN, /* what is there goes on, and may add to itself */
	PIRN_CANCEL /* tasks are cancelled, and so are calls that have not begun */
};

/*
 * Ends a pool, as far as that can be done in a time: no new tasks and calls (-ESHUTDOWN), then
 * waits until there are none.
 *
 * Draining leaves those that there are: tasks may be woken from anywhere, spawn in their polls,
 * and make calls. (In a pool without threads of its own this call polls them.) What is left when
 * the time is over stays as it is. Cancelling ends them, as pirn_executor_free does: a task where
 * it would be polled next; a call that runs is waited for. To be called again: with more time, or
 * to cancel behind a drain; not the other way round.
 *
 * Takes:    ns: so many nanoseconds from now; UINT64_MAX: no limit.
 * Returns:  0: all has ended, all threads are joined, and what is left of the pool is for
 *           pirn_executor_free. Else how many are left, tasks and calls; a task and the call that
 *           it waits for are two. (Cancelled, threads too that were lent and do not come back.)
 *           Once PIRN_CANCEL has left some, pirn_executor_free does not wait any more, but returns
 *           -EBUSY.
 * Threads:  owner, outside; traps on the pool's own threads (polls and jobs).
 */
PIRN_API size_t pirn_pool_shutdown(struct pirn_executor *pool, enum pirn_shutdown how, uint64_t ns);

/* One of those that are left. Strings are static. */
struct pirn_left {
	const char *call;  /* the function that was wrapped; NULL: it is a task */
	const char *place; /* a task: where it was spawned; a call: the file with the wrap */
	bool running;      /* a call; a task that is being polled, or in a queue. false: it waits */
};

/*
 * Lists what is left: the tasks that have been pending, and the calls that run. Tasks that were
 * never pending, and calls that have not begun, are counted by pirn_pool_shutdown alone.
 *
 * Takes:    each, called for one after the other, no lock held. They go on meanwhile.
 * Threads:  owner, outside.
 */
PIRN_API void pirn_pool_left(struct pirn_executor *pool,
			     void (*each)(void *arg, const struct pirn_left *left), void *arg);

/*
 * Frees a pool in which calls run that do not come back: tasks are cancelled, workers joined. The
 * blocking threads end by themselves, and with the last one the memory; the very last thing is its
 * thread_stopping. Until then the platform, the hooks and what they use must stay.
 *
 * Takes:    a pool; best one for which PIRN_CANCEL has been tried.
 * Returns:  0, -EBUSY (tasks are left: one does not come back from its poll; nothing was freed).
 * Threads:  owner, outside; traps on the pool's own threads.
 */
PIRN_API int pirn_pool_abandon(struct pirn_executor *pool);

/*
 * In a child of fork, gives up a pool that the parent made. The child has none of its threads, and
 * its locks are as somebody else left them; so its memory is not freed. From then on spawns and
 * calls on it give -ESHUTDOWN, wakes of its tasks do nothing, pirn_executor_free returns 0 and does
 * nothing; its tasks never end. If it was the default pool, the next use makes a new one.
 *
 * Not needed where the child calls exec or _exit, or where fork comes before the first pool.
 * Channels that other threads of the parent used at the time of the fork must not be used. What the
 * platform calls must stand a fork at any moment, as malloc does.
 *
 * pirn_pool_shutdown and pirn_pool_abandon likewise return 0 then.
 *
 * Takes:    the pool; NULL: the default one, if there is one. Traps on a local executor.
 * Threads:  the one that called fork, before there are others; outside: traps on the pool's own
 *           threads (behind a fork in a poll or a job there is only exec and _exit).
 */
PIRN_API void pirn_pool_after_fork_child(struct pirn_executor *pool);

#ifdef __cplusplus
}
#endif
#endif
