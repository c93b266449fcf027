/* SPDX-License-Identifier: MIT */
/*
 * A blocking thread gives up waiting for work, after its second, just when a job comes in: the
 * job is served by that thread or by a new one. Many pools, each with one thread that has lain
 * down at a known moment; each gets its job a little before or behind the end of the second.
 */
#include "config.h"

#include "faulty.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"
#include "race.h"

#define POOLS 40
#define SPREAD_NS 400000 /* around the second */
#define SECOND_NS 1000000000ll

struct touch {
	long long *at;
};

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static int touch(struct touch *t)
{
	*t->at = now_ns();
	return 0;
}

PIRN_UNBLOCK(touch, NULL);

struct place {
	struct pirn_executor *pool;
	struct faulty host;
	struct bell waker;
	long long lay_down, due;
};

static struct place place[POOLS];

static void serve(struct place *p)
{
	struct touch_call call = touch_call((struct touch){ &p->lay_down });
	struct pirn_context cx;
	unsigned before = atomic_load(&p->waker.wakes);

	pirn_context_init(&cx, &p->waker.waker, p->pool);
	RACE_CHECK(pirn_poll(&call.future, &cx) == PIRN_PENDING, "err %d", call.future.err);
	bell_await(&p->waker, before + 1);
	RACE_CHECK(pirn_poll(&call.future, &cx) == PIRN_READY, "woken, but not ended");
	RACE_CHECK(call.future.err == 0 && call.call.ran, "err %d", call.future.err);
}

static int by_due(const void *a, const void *b)
{
	const struct place *x = *(struct place *const *)a, *y = *(struct place *const *)b;

	return x->due < y->due ? -1 : x->due > y->due;
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 2), threads = 0, jobs;
	struct race_random random = race_stream(1);
	struct place *order[POOLS];

	for (int i = 0; i < POOLS; i++) {
		struct place *p = order[i] = &place[i];
		struct pirn_pool_config config = { .threads = 1, .platform = &p->host.platform };

		faulty_init(&p->host);
		bell_init(&p->waker);
		RACE_CHECK(pirn_pool_new(&p->pool, &config) == 0, "no pool");
		serve(p);
	}
	for (unsigned long r = 0; r < rounds; r++) {
		for (int i = 0; i < POOLS; i++)
			place[i].due = place[i].lay_down + SECOND_NS - SPREAD_NS / 2 +
				       race_below(&random, SPREAD_NS);
		qsort(order, POOLS, sizeof(order[0]), by_due);
		for (int i = 0; i < POOLS; i++) {
			long long left = order[i]->due - now_ns();
			struct timespec nap = { .tv_nsec = left - 100000 };

			if (nap.tv_nsec > 0 && nap.tv_nsec < SECOND_NS)
				nanosleep(&nap, NULL);
			while (now_ns() < order[i]->due)
				;
			serve(order[i]);
		}
	}
	for (int i = 0; i < POOLS; i++) {
		pirn_executor_free(place[i].pool);
		threads += atomic_load(&place[i].host.threads) - 1; /* but the worker */
		RACE_CHECK(faulty_left(&place[i].host) == 0, "%ld blocks and threads left",
			   faulty_left(&place[i].host));
	}
	jobs = (rounds + 1) * POOLS;
	race_say("%lu jobs, %lu served by the thread that waited, %lu by a new one", jobs,
		 jobs - threads, threads);
	return 0;
}
