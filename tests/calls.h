/* SPDX-License-Identifier: MIT */
/* What the suites about blocking calls share: a pool on a counting host, and a call to make. */
#ifndef CALLS_H
#define CALLS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "bell.h"
#include "faulty.h"
#include "pirn.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"

static struct faulty host; /* every pool here is made with it */
static struct pirn_executor *pool;

/* ---- the calls of this suite --------------------------------------------------------------- */

/* Owns its argument and its result; both are ints from malloc. */
struct query {
	int *in;
	int *out;    /* *in + 1 */
	int err;     /* to end with */
	sem_t *door; /* NULL, or it waits here, and says so before */
};

static atomic_int begun, released;
static atomic_int inside, most_inside;

static inline int query(struct query *q)
{
	int n, most = atomic_load(&most_inside);

	n = atomic_fetch_add(&inside, 1) + 1;
	while (n > most && !atomic_compare_exchange_weak(&most_inside, &most, n))
		;
	atomic_fetch_add(&begun, 1);
	if (q->door)
		while (sem_wait(q->door))
			;
	q->out = malloc(sizeof(*q->out));
	if (q->out)
		*q->out = *q->in + 1;
	atomic_fetch_sub(&inside, 1);
	return q->err;
}

static inline void query_release(struct query *q)
{
	atomic_fetch_add(&released, q->in != NULL);
	free(q->in);
	free(q->out);
}

PIRN_UNBLOCK(query, query_release);

static inline struct query_call make(int n, sem_t *door)
{
	struct query q = { malloc(sizeof(int)), NULL, 0, door };

	cr_assert_not_null(q.in);
	*q.in = n;
	return query_call(q);
}

/* ---- by hand ------------------------------------------------------------------------------- */

static struct bell bell;
static sem_t door;

static inline enum pirn_poll poll(struct pirn_future *f)
{
	return bell_poll_on(pool, f, &bell);
}

/* Polls a call that was begun until it is READY. */
static inline void finish(struct pirn_future *f)
{
	while (poll(f) == PIRN_PENDING)
		sched_yield();
}

static inline void await(atomic_int *n, int least)
{
	while (atomic_load(n) < least)
		sched_yield();
}

static inline void make_pool(unsigned blocking_threads)
{
	struct pirn_pool_config config = {
		.threads = 1,
		.blocking_threads = blocking_threads,
		.platform = &host.platform,
	};

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
}

static inline void begin(void)
{
	faulty_init(&host);
	bell_init(&bell);
	sem_init(&door, 0, 0);
	atomic_store(&begun, 0);
	atomic_store(&released, 0);
	atomic_store(&inside, 0);
	atomic_store(&most_inside, 0);
	pool = NULL;
}

/* Every test ends with its pool freed, all memory and threads and wakers back. */
static inline void end(void)
{
	pirn_executor_free(pool);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks and threads left", faulty_left(&host));
	cr_expect_eq(atomic_load(&bell.refs), 0, "a waker was kept");
	sem_destroy(&door);
}

/* Awaits a call of query in a task. */
struct caller {
	struct pirn_future future;
	int n, result;
	struct query_call call;
};

PIRN_ASYNC(caller, f)
{
	PIRN_BEGIN(f);
	f->call = make(f->n, NULL);
	PIRN_TRY(f, &f->call.future);
	f->result = *f->call.data.out;
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

#endif
