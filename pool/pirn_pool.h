/* SPDX-License-Identifier: MIT */
/*
 * pirn: the pool. An executor with a few worker threads that poll tasks, and a second set of
 * threads for blocking calls (pirn_blocking.h).
 *
 * Threads of a pool: the workers, made at once and joined when the pool is freed; blocking
 * threads, made when a call finds none idle, at most `blocking_threads`, ended after a second of
 * nothing to do. All have every signal blocked but SEGV, BUS, FPE, ILL, TRAP, SYS and PROF. pirn
 * installs no handler.
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
	 * Called on each thread, as its first and its last thing, in pairs; NULL: nothing. Not in a
	 * poll: they may block, but must not wait for this pool. number counts from 0, for each
	 * kind; that of a blocking thread which has ended is used again.
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
 * What the macro calls.
 *
 * Returns:  as pirn_spawn.
 * Threads:  any.
 */
PIRN_API int pirn_spawn_at(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
			   const char *place);

/*
 * What the macro calls.
 *
 * Returns:  as pirn_spawn_many.
 * Threads:  any.
 */
PIRN_API int pirn_spawn_many_at(struct pirn_executor *ex, struct pirn_task **out,
				struct pirn_future *f, size_t n, const char *place);

#ifdef __cplusplus
}
#endif
#endif
