/* SPDX-License-Identifier: MIT */
/*
 * What pirn knows of a thread: its one thread-local. Zero on threads it did not make.
 */
#ifndef PIRN_THREAD_H
#define PIRN_THREAD_H

#include "pirn.h"

struct worker;

struct pirn_thread {
	struct pirn_context *poll;   /* the innermost poll on this stack, where the record lies */
	struct pirn_executor *owner; /* the executor that made this thread */
	unsigned linger;             /* nanoseconds to stay awake before a sleep (park.c) */
	struct worker *worker;       /* of a pool: it polls tasks, so it may not wait for them */
	char *floor;                 /* a worker's: above it there is stack for joins in place */
	char *middle;                /* of its stack, once it was asked for */
	bool in_handler;             /* it may take no lock (event.c) */
	uint32_t turn;               /* of fair selects (combinator.c) */
};

#if __STDC_HOSTED__
# define PIRN_THREAD_LOCAL _Thread_local
#else /* no threads; what an interrupt handler does to it, it has undone when it returns */
# define PIRN_THREAD_LOCAL
#endif

extern PIRN_THREAD_LOCAL struct pirn_thread pirn__thread;

/* For what sleeps: a poll, and a worker, must not. */
static inline void must_be_outside(const char *file, const char *what)
{
	if (pirn__thread.poll || pirn__thread.worker)
		pirn_trap(file, 0, what);
}

#endif
