/* SPDX-License-Identifier: MIT */
/*
 * pirn: the local executor. Its tasks run on one thread, the one that made it, and nowhere else:
 * what they share with each other needs no lock. A program, or a thread, that has no use for
 * workers runs all on it:
 *
 *	pirn_local_new(&ex, NULL);
 *	err = pirn_executor_run(ex, &f.future);     // its tasks run until f is READY
 *	pirn_executor_free(ex);
 *
 * A foreign main loop is told by notify that something is runnable, and calls
 * pirn_executor_run(ex, NULL), which returns when nothing is any more; as long as a task goes on
 * yielding, it does not. A loop that must come back calls pirn_executor_try_tick so many times.
 *
 * On its thread only: spawns (pirn_spawn, pirn_spawn_on, pirn_spawn_here), the handles of its tasks
 * and futures over them (join, cancel), running it, freeing it. Elsewhere these trap (but for
 * pirn_task_name and pirn_task_place, which do not look). A task's wakers are good on every thread,
 * like all wakers. On its own thread spawn, clone, wake, poll, join and the end of a task take no
 * locked instruction; what comes from another thread goes through an inbox. What has been runnable
 * for longest is polled first; but a join polls a task that never was polled. Blocking calls of its
 * tasks run on the default pool's threads. In a child of fork it goes on, if the thread that forked
 * was its own and no other was waking its tasks just then.
 */
#ifndef PIRN_LOCAL_H
#define PIRN_LOCAL_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in every field means the default. */
struct pirn_local_config {
	/*
	 * Something has become runnable while nothing was: run me. NULL: nobody is told. Called on
	 * the thread that wakes or spawns, inside that call, so it polls nothing: it writes to a
	 * pipe, posts an event. Until pirn_executor_run(ex, NULL) has returned behind it, or
	 * pirn_executor_try_tick 0, do not count on another one.
	 */
	void (*notify)(void *arg);
	void *arg;
	const struct pirn_platform *platform; /* NULL: the built-in; memory is all it takes */
};

/*
 * Makes a local executor of the calling thread. pirn_executor_run and pirn_executor_tick run it;
 * -EDEADLK (of tick): there is no task that could be woken. pirn_executor_free drops
 * the tasks that are left, on this thread, and waits for nothing but wakes that are under way.
 *
 * Takes:    config, or NULL: all defaults.
 * Returns:  0, -ENOMEM.
 * Threads:  any; it belongs to the calling one from then on, which is the executor's thread.
 */
PIRN_API int pirn_local_new(struct pirn_executor **out, const struct pirn_local_config *config);

#ifdef __cplusplus
}
#endif
#endif
