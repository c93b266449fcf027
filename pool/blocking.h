/* SPDX-License-Identifier: MIT */
/*
 * The blocking pool: a queue of jobs, and threads that are made when a job finds none free and
 * end after a second of nothing to do.
 */
#ifndef PIRN_BLOCKING_INTERNAL_H
#define PIRN_BLOCKING_INTERNAL_H

#include <pthread.h>

#include "job.h"
#include "lock.h"
#include "park.h"
#include "threads.h"

struct blocking {
	struct pirn_executor *executor;
	const struct pirn_platform *platform;
	const struct thread_setup *setup;
	unsigned max;
	/* guarded by the lock */
	struct lock lock;
	struct list queue;   /* jobs, oldest first */
	struct list busy;    /* threads that run a job */
	struct list idle;    /* threads that sleep, the last to lie down first */
	struct list records; /* of threads that have ended, to be used again */
	unsigned numbers;    /* given to records */
	unsigned threads;    /* running, idle and being made */
	unsigned rising;     /* notified or made, and not yet at the queue: one at a time */
	bool stopping;       /* threads that find nothing end */
	bool abandoned;      /* nobody waits: the last thread lets go of the executor */
	uint64_t retry_at;   /* a thread could not be made: do not try before */
	struct blocking_thread *ended; /* the last to end, which the next one joins */
	struct parker *empty;          /* told when the last thread has ended */
};

/* max 0: the default. */
void pirn__blocking_init(struct blocking *b, struct pirn_executor *ex,
			 const struct thread_setup *setup, unsigned max);
void pirn__blocking_deinit(struct blocking *b);

/* Queues a job. Returns 0, -EAGAIN (no thread runs and none can be made), -ENOMEM. */
int pirn__blocking_submit(struct blocking *b, struct pirn_job *job);

/* Takes a job out of the queue. False: it is not there any more. */
bool pirn__blocking_withdraw(struct blocking *b, struct pirn_job *job);

/* Ends the queued jobs with -ECANCELED. */
void pirn__blocking_cancel(struct blocking *b);

/*
 * Waits until every job has run, and joins every thread. False: jobs were left at that time of the
 * platform's clock (UINT64_MAX: never).
 */
bool pirn__blocking_stop(struct blocking *b, uint64_t until);

/*
 * For one that could not be stopped: the threads end by themselves, and the last one gives up a
 * hold on the executor that the caller has taken for it. False: there are none, the hold is the
 * caller's.
 */
bool pirn__blocking_abandon(struct blocking *b);

/* How many jobs are queued or run. */
size_t pirn__blocking_left(struct blocking *b);

/* The nth of those that run; NULL: there are not so many. */
const struct pirn_future_ops *pirn__blocking_running(struct blocking *b, unsigned n);

#endif
