/* SPDX-License-Identifier: MIT */
/* What the suites about the pool share: one pool on a counting host, and tasks to run on it. */
#ifndef POOLS_H
#define POOLS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "faulty.h"
#include "pirn.h"
#include "pirn_pool.h"

static struct faulty host; /* every pool here is made with it, but the default one */
static struct pirn_executor *pool;

static inline void make_pool(unsigned threads)
{
	struct pirn_pool_config config = { .threads = threads, .platform = &host.platform };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
}

static inline void free_pool(void)
{
	cr_expect_eq(pirn_executor_free(pool), 0);
	pool = NULL;
}

/* ---- what runs on it ----------------------------------------------------------------------- */

static atomic_int dropped, waiting, polled;

/* Waits for ever, unless it is told to end; says that it waits, and when it is dropped. */
struct sleeper {
	struct pirn_future future;
	int n;
	struct pirn_waker **waker; /* where to leave one, or NULL */
};

static inline enum pirn_poll sleeper_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct sleeper *s = (struct sleeper *)(void *)f;

	atomic_fetch_add(&polled, 1);
	if (f->at != 0)
		return PIRN_PENDING;
	f->at = 1;
	if (s->waker)
		*s->waker = pirn_waker_clone(cx->waker);
	atomic_fetch_add(&waiting, 1);
	return PIRN_PENDING;
}

static inline void sleeper_drop(struct pirn_future *f)
{
	(void)f;
	atomic_fetch_add(&dropped, 1);
}

static const struct pirn_future_ops sleeper_ops = {
	.name = "sleeper",
	.file = __FILE__,
	.size = sizeof(struct sleeper),
	.poll = sleeper_poll,
	.drop = sleeper_drop,
};

static inline struct pirn_task *spawn_sleeper(struct pirn_executor *ex, struct pirn_waker **waker)
{
	struct sleeper s = { { .ops = &sleeper_ops }, 5, waker };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	return t;
}

/* Keeps a worker inside its poll until it is let go. */
struct stopper {
	struct pirn_future future;
	sem_t *door;
};

static atomic_int stopped;

static inline enum pirn_poll stopper_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	atomic_fetch_add(&stopped, 1);
	while (sem_wait(((struct stopper *)(void *)f)->door))
		;
	return PIRN_READY;
}

static const struct pirn_future_ops stopper_ops = {
	.name = "stopper",
	.file = __FILE__,
	.size = sizeof(struct stopper),
	.poll = stopper_poll,
};

static sem_t door;

static inline struct pirn_task *stop_worker(struct pirn_executor *ex)
{
	struct stopper s = { { .ops = &stopper_ops }, &door };
	struct pirn_task *t = NULL;

	atomic_store(&stopped, 0);
	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	while (!atomic_load(&stopped))
		sched_yield();
	return t;
}

static inline int join(struct pirn_task *t)
{
	struct pirn_join j = pirn_join(t);

	return pirn_block_on(&j.future);
}

static inline void await(atomic_int *n, int least)
{
	while (atomic_load(n) < least)
		sched_yield();
}

static inline void begin(void)
{
	faulty_init(&host);
	sem_init(&door, 0, 0);
	atomic_store(&dropped, 0);
	atomic_store(&waiting, 0);
	atomic_store(&polled, 0);
	unsetenv("PIRN_THREADS");
	pool = NULL;
}

/* Every test ends with all its pools freed and nothing left of them. */
static inline void end(void)
{
	free_pool();
	unsetenv("PIRN_THREADS");
	sem_destroy(&door);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks and threads left", faulty_left(&host));
}

/* Adds up to n, with a nap between. */
struct sum {
	struct pirn_future future;
	int n, result;
	struct pirn_yield nap;
};

PIRN_ASYNC(sum, f)
{
	PIRN_BEGIN(f);
	while (f->n > 0) {
		f->result += f->n--;
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
	}
	PIRN_END(f);
}

static inline struct pirn_task *spawn_sum(struct pirn_executor *ex, int n)
{
	struct sum s = { PIRN_INIT(sum), .n = n };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	return t;
}

static inline int result_of(struct pirn_task *t)
{
	return ((struct sum *)(void *)pirn_task_future(t))->result;
}

#endif
