/* SPDX-License-Identifier: MIT */
/*
 * The pool, as its files see it.
 */
#ifndef PIRN_POOL_INTERNAL_H
#define PIRN_POOL_INTERNAL_H

#include <pthread.h>

#include "atomic.h"
#include "blocking.h"
#include "executor.h"
#include "injector.h"
#include "local.h"
#include "pirn_pool.h"
#include "registry.h"
#include "sleep.h"

struct worker {
	struct pool *pool;
	pthread_t thread;
	struct bed bed;
	struct local local;
	/* its own */
	bool searching; /* it was notified and has found nothing yet */
	unsigned polls;
	uint64_t doze;         /* nanoseconds, for its next sleep as the timed one */
	struct worker *victim; /* it did not keep up, so it is stolen from at once */
	/* in passing: what it saw in the queue of another, and when */
	bool watches;
	unsigned watched;
	struct sight sight;
	uint64_t since;
};

struct pool {
	struct pirn_executor executor; /* first: a handle is a pointer to it */
	/* read by every worker all the time, written once */
	struct half closing;  /* no spawns, no calls any more */
	struct half stopping; /* no tasks any more: workers end */
	unsigned threads;     /* workers that run */
	char apart[64];
	/*
	 * The handle 1, each submitted call 1: a call may look at its queue's lock when the pool
	 * has been freed. The threads are gone by then.
	 */
	struct word refs;
	struct word
		senders; /* threads inside push, spawn or submit (pool.c): free waits for them */
	struct injector injector;
	struct sleep sleep;
	struct registry registry;
	struct parker ended; /* of who frees the pool: workers that find nothing unpark it */
	struct blocking blocking;
	struct worker worker[];
};

static inline struct pool *pool_of(struct pirn_executor *ex)
{
	return container_of(ex, struct pool, executor);
}

/* A thread of pirn's: all signals blocked but the synchronous ones and SIGPROF. 0 or -errno. */
int pirn__thread_start(const struct pirn_platform *platform, pthread_t *thread,
		       void *(*body)(void *), void *arg);

/* The body of a worker's thread. */
void *pirn__worker(void *arg);

/* Takes a task into the worker's own queue, on its thread; behind all others if it was polled. */
void pirn__worker_push(struct worker *w, struct pirn_task *t, bool back);

/* The number of processors this process may use: 1 or more. */
unsigned pirn__cpus(void);

/* The pool is being freed: if it is the default one, the next use makes a new one. */
void pirn__default_forget(struct pirn_executor *ex);

#endif
