/* SPDX-License-Identifier: MIT */
/* What a runtime costs that does nothing: memory of waiting tasks, rest, start and end. */
#include "cases.h"

#include <stdatomic.h>

#include <pirn_event.h>

static atomic_uint_fast64_t waiting;
static struct pirn_event never; /* notified at the end only */

/* Waits for the event. */
struct waiter {
	struct pirn_future future;
	struct pirn_event_wait wait;
};

PIRN_ASYNC(waiter, f)
{
	PIRN_BEGIN(f);
	f->wait = pirn_event_wait(&never);
	atomic_fetch_add(&waiting, 1);
	PIRN_AWAIT(f, &f->wait.future);
	PIRN_FINALLY(f);
	atomic_fetch_sub(&waiting, 1);
	PIRN_END(f);
}

/* n tasks, each polled once. */
static void crowd_gather(struct run *run, struct pirn_executor *pool, uint64_t n)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	atomic_store(&waiting, 0);
	for (uint64_t i = 0; i < n; i++) {
		struct waiter w = { PIRN_INIT(waiter) };

		bench_ok(run, pirn_spawn(pool, NULL, &w.future));
	}
	while (atomic_load(&waiting) < n)
		nanosleep(&moment, NULL);
}

/* All end. */
static void crowd_leave(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	pirn_event_notify(&never, PIRN_EVENT_ALL);
	while (atomic_load(&waiting) > 0)
		nanosleep(&moment, NULL);
}

void mem_task(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t seen;
	long before = rss_kib();

	run_start(run);
	crowd_gather(run, pool, run->n);
	run_stop(run);
	run_extra(run, "bytes_per_task", (double)(rss_kib() - before) * 1024 / (double)run->n);
	seen = atomic_load(&waiting);
	crowd_leave();
	run_check(run, seen - atomic_load(&waiting));
	pirn_executor_free(pool);
}

void idle(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);

	crowd_gather(run, pool, run->n);
	run_check(run, atomic_load(&waiting));
	idle_measure(run);
	crowd_leave();
	pirn_executor_free(pool);
}

/* ---- the first task ------------------------------------------------------------------------ */

static enum pirn_poll count_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	atomic_fetch_add(&waiting, 1);
	return PIRN_READY;
}

static const struct pirn_future_ops count_ops = { "count", __FILE__, sizeof(struct pirn_future),
						  count_poll, NULL };

void startup(struct run *run)
{
	struct pirn_executor *pool;
	struct pirn_future f;
	double ended;

	pool = bench_pool(run);
	pirn_future_init(&f, &count_ops);
	bench_run(run, pool, &f);
	startup_done(run);
	run_check(run, atomic_load(&waiting));
	ended = now();
	pirn_executor_free(pool);
	run_extra(run, "exit_seconds", now() - ended);
}
