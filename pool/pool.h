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
#include "threads.h"

/* A place to work at: of a thread of the pool, or of one that was lent (runner.c). */
struct worker {
	struct pool *pool;
	pthread_t thread;
	struct bed bed;
	struct local local;
	struct shard *shard; /* of the registry */
	bool taken;          /* one that was lent sits here; guarded by pool.seats */
	/* its own */
	struct pirn_executor *before; /* whose thread it was */
	struct half *called; /* not 0: has something else to do than to sleep; NULL: has not */
	bool searching;      /* it was notified and has found nothing yet */
	unsigned polls;
	uint64_t doze;         /* nanoseconds, for its next sleep as the timed one */
	struct worker *victim; /* it did not keep up, so it is stolen from at once */
	/* in passing: what it saw in the queue of another, and when */
	bool watches;
	unsigned watched;
	struct sight sight;
	uint64_t since;
};

/* What `closing` says. */
enum {
	POOL_OPEN,
	POOL_DRAINING, /* no tasks and calls but those that tasks and calls make */
	POOL_CLOSING   /* none at all, and whatever there is ends */
};

struct pool {
	struct pirn_executor executor; /* first: a handle is a pointer to it */
	/* read by every worker all the time, hardly ever written */
	struct half closing;
	struct half leaving;  /* those that were lent are sent away */
	struct half stopping; /* no tasks any more: workers end */
	unsigned threads;     /* workers that are threads of the pool, the first ones */
	unsigned places;      /* all workers there can be */
	struct half used;     /* as many of the places have been taken */
	char apart[64];
	/*
	 * The handle 1, each submitted call 1: a call may look at its queue's lock when the pool
	 * has been freed. The threads are gone by then.
	 */
	struct word refs;
	struct injector injector;
	struct sleep sleep;
	struct registry registry;
	struct parker ended; /* of who ends the pool: workers that find nothing unpark it */
	struct half ending;  /* somebody does */
	bool expired;        /* a cancel has run out; its own, too */
	struct lock seats;   /* guards who sits where of those that were lent */
	struct thread_setup setup;
	struct blocking blocking;
	struct worker worker[];
};

static inline struct pool *pool_of(struct pirn_executor *ex)
{
	return container_of(ex, struct pool, executor);
}

/* The body of a worker's thread. */
void *pirn__worker(void *arg);

/* Before and behind a time as a worker, on the thread. */
void pirn__worker_begin(struct worker *w);
void pirn__worker_end(struct worker *w);

/*
 * The next task to poll. NULL: the pool stops or w was called; or there is none, and it is not to
 * wait.
 */
struct pirn_task *pirn__worker_next(struct worker *w, bool wait);

/* Polls it. */
void pirn__worker_run(struct worker *w, struct pirn_task *t);

/* In between the pool is not freed. The caller knows that it has not been until now. */
void pirn__pool_hold(struct pool *p);
void pirn__pool_let_go(struct pool *p);

/* As pirn_executor_run and _tick. */
int pirn__pool_run(struct pirn_executor *ex, struct pirn_future *f);
int pirn__pool_tick(struct pirn_executor *ex, bool wait);

/* How many threads are lent. */
unsigned pirn__pool_lent(struct pool *p);

/* The pool closes: sends away whoever was lent, and waits until they have gone. False: late. */
bool pirn__pool_send_away(struct pool *p, uint64_t until);

/* For who ends the pool: polls what there is to poll. */
void pirn__pool_help(struct pool *p, uint64_t until);

/* Takes a task into the worker's own queue, on its thread; behind all others if it was polled. */
void pirn__worker_push(struct worker *w, struct pirn_task *t, bool back);

/* Takes several, new ones, linked by at.next from the newest to the oldest. */
void pirn__worker_push_many(struct worker *w, struct pirn_task *newest, struct pirn_task *oldest);

/* The number of processors this process may use: 1 or more. */
unsigned pirn__cpus(void);

/*
 * Goes over to draining, or to closing, if it is not there yet; behind this nobody is inside who
 * thinks otherwise. False: late.
 */
bool pirn__pool_close(struct pool *p, uint32_t closing, uint64_t until);

/* How many tasks have not ended, of one that was closed. */
size_t pirn__pool_tasks(struct pool *p);

/* Waits for those who push. All tasks have ended, so nobody comes any more. */
void pirn__pool_wait_for_pushes(struct pool *p);

/* Ends the first n workers. No task is left. */
void pirn__pool_stop_workers(struct pool *p, unsigned n);

/* No workers, no tasks: what is left but the block itself, which waits for the last call. */
void pirn__pool_deinit(struct pool *p);

/* pirn_executor_free of a pool. */
int pirn__pool_free(struct pirn_executor *ex);

/* Is it that time? UINT64_MAX: never. */
bool pirn__late(const struct pirn_platform *platform, uint64_t until);

/* Operations of a pool that was given up in a child of fork: they do nothing. */
extern const struct pirn_executor_ops pirn__pool_forked;

/* Parks until unparked, or until that time. False: it is late. */
bool pirn__park_until(struct parker *parker, const struct pirn_platform *platform, uint64_t until);

/* The pool is being freed: if it is the default one, the next use makes a new one. */
void pirn__default_forget(struct pirn_executor *ex);

/* In a child of fork: the same for a pool that is not even freed. Returns it; NULL: the default. */
struct pirn_executor *pirn__default_after_fork(struct pirn_executor *ex);

#endif
