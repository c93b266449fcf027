/* SPDX-License-Identifier: MIT */
/*
 * The threads that a pool makes, of both kinds: their names, stacks, signals and processors, and
 * the user's hooks at their begin and end.
 */
#ifndef PIRN_THREADS_H
#define PIRN_THREADS_H

#include <pthread.h>
#include <sched.h>

#include "pirn_pool.h"

#define NAME_ROOM 16 /* of a thread, the end of the string included */

/* What all threads of a pool are made with; constant. */
struct thread_setup {
	const struct pirn_platform *platform;
	size_t stack_size;
	void (*started)(void *arg, bool blocking, unsigned number);
	void (*stopping)(void *arg, bool blocking, unsigned number);
	void *arg;
	char name[NAME_ROOM];
	bool affinity;
#ifdef __linux__
	cpu_set_t cpus; /* with affinity: those of the thread that made the pool */
#endif
};

/* Returns 0, or what cannot be had: -ENOTSUP. */
int pirn__thread_setup(struct thread_setup *s, const struct pirn_pool_config *config,
		       const struct pirn_platform *platform);

/* Makes a thread: all signals blocked but the synchronous ones and SIGPROF. 0 or -errno. */
int pirn__thread_start(const struct thread_setup *s, pthread_t *thread, void *(*body)(void *),
		       void *arg);

/* For a new thread, the first and the last thing: no lock held, and not in a poll. */
void pirn__thread_begin(const struct thread_setup *s, bool blocking, unsigned number);
void pirn__thread_end(const struct thread_setup *s, bool blocking, unsigned number);

/* Puts a worker onto its processor. The thread does so itself, its maker learns if it fails. */
int pirn__thread_pin(const struct thread_setup *s, pthread_t thread, unsigned number);

#endif
