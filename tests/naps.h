/* SPDX-License-Identifier: MIT */
/* What the suites about the end of a pool share, on top of pools.h: calls that wait at a door. */
#ifndef NAPS_H
#define NAPS_H

#include <pthread.h>

#include "pirn_blocking.h"
#include "pools.h"

#define NO_LIMIT UINT64_MAX
#define A_MOMENT 2000000u /* nanoseconds; no test relies on what can be done in them */

/* ---- calls --------------------------------------------------------------------------------- */

struct nap {
	sem_t *door;                /* NULL: returns at once */
	struct pirn_executor *pool; /* NULL, or where it tries to spawn */
};

static atomic_int begun, ended, released, nap_err;

static inline int nap(struct nap *n)
{
	struct sleeper s = { { .ops = &sleeper_ops }, 5, NULL };

	atomic_fetch_add(&begun, 1);
	while (n->door && sem_wait(n->door))
		;
	if (n->pool)
		atomic_store(&nap_err, pirn_spawn(n->pool, NULL, &s.future));
	atomic_fetch_add(&ended, 1);
	return 0;
}

static inline void nap_release(struct nap *n)
{
	atomic_fetch_add(&released, n->door != NULL);
	n->door = NULL;
}

PIRN_UNBLOCK(nap, nap_release);

struct napper {
	struct pirn_future future;
	sem_t *door;
	struct nap_call call;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	f->call = nap_call((struct nap){ .door = f->door });
	atomic_fetch_add(&waiting, 1);
	PIRN_AWAIT(f, &f->call.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

static inline struct pirn_task *spawn_napper(void)
{
	struct napper n = { PIRN_INIT(napper), .door = &door };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(pool, &t, &n.future), 0);
	return t;
}

/* Begins a call and gives up on it: it runs, and nobody waits. */
static inline enum pirn_poll quitter_poll(void *arg, struct pirn_context *cx, int *err)
{
	struct nap_call call = nap_call((struct nap){ .door = arg });

	*err = 0;
	pirn_poll(&call.future, cx);
	await(&begun, 1);
	pirn_drop(&call.future);
	return PIRN_READY;
}

static inline void leave_a_call_running(void)
{
	struct pirn_poll_fn quitter = pirn_poll_fn(quitter_poll, &door);
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(pool, &t, &quitter.future), 0);
	cr_assert_eq(join(t), 0);
	pirn_task_detach(t);
}

static inline void begin_shutdown(void)
{
	begin();
	atomic_store(&begun, 0);
	atomic_store(&ended, 0);
	atomic_store(&released, 0);
	atomic_store(&stopped, 0);
}

static inline void make_pool_of_one_each(void)
{
	struct pirn_pool_config config = {
		.threads = 1,
		.blocking_threads = 1,
		.platform = &host.platform,
	};

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
}

static inline int try_spawn(void)
{
	struct sleeper s = { { .ops = &sleeper_ops }, 5, NULL };
	int err = pirn_spawn(pool, NULL, &s.future);

	if (err) {
		cr_expect_eq(s.n, 5);
		pirn_drop(&s.future);
		atomic_fetch_sub(&dropped, 1);
	}
	return err;
}

/* What is left comes down, or up, to n. */
static inline void await_left(enum pirn_shutdown how, size_t n)
{
	while (pirn_pool_shutdown(pool, how, A_MOMENT) != n)
		sched_yield();
}

/* Until the pool can be freed. */
static inline void free_at_last(void)
{
	while (pirn_executor_free(pool) == -EBUSY)
		sched_yield();
	pool = NULL;
}

static inline void *open_doors_later(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	for (int i = 0; i < *(int *)arg; i++)
		sem_post(&door);
	return NULL;
}

#endif
