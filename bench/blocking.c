/* SPDX-License-Identifier: MIT */
/* What a blocking call costs, beside what it does. */
#include "cases.h"

#include <errno.h>
#include <stdatomic.h>

#include <pirn_blocking.h>

static atomic_uint_fast64_t counter;

static int nothing(int n)
{
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
	return n;
}
PIRN_UNBLOCK_FN(int, nothing, int);

/* ---- one after the other ------------------------------------------------------------------- */

struct series {
	struct pirn_future future;
	uint64_t n;
	struct nothing_call call;
};

PIRN_ASYNC(series, f)
{
	PIRN_BEGIN(f);
	for (; f->n > 0; f->n--) {
		f->call = nothing_call(1);
		PIRN_TRY(f, &f->call.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

void blocking_seq(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	struct series warm = { PIRN_INIT(series), .n = run->n / 10 };
	struct series series = { PIRN_INIT(series), .n = run->n };

	bench_run(run, pool, &warm.future);
	atomic_store(&counter, 0);
	run_start(run);
	bench_run(run, pool, &series.future);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	pirn_executor_free(pool);
}

/* ---- each after 2 ms of nothing ------------------------------------------------------------ */

/* Sleeps in its poll, which is bad manners, as the peers' do; then times one call. */
struct cold {
	struct pirn_future future;
	uint64_t n, i;
	double *latency, began;
	struct nothing_call call;
};

PIRN_ASYNC(cold, f)
{
	PIRN_BEGIN(f);
	for (; f->i < f->n; f->i++) {
		gap_wait(GAP_COLD, NULL);
		f->began = now();
		f->call = nothing_call(1);
		PIRN_TRY(f, &f->call.future);
		f->latency[f->i] = now() - f->began;
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

void blocking_cold(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	double *latency = allocate(run, run->n * sizeof(*latency));
	struct cold warm = { PIRN_INIT(cold), .n = run->n / 10, .latency = latency };
	struct cold cold = { PIRN_INIT(cold), .n = run->n, .latency = latency };

	bench_run(run, pool, &warm.future);
	atomic_store(&counter, 0);
	run_start(run);
	bench_run(run, pool, &cold.future);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	latencies_report(run, latency);
	pirn_executor_free(pool);
}

/* ---- all handed over, then all awaited ----------------------------------------------------- */

struct burst {
	struct pirn_future future;
	struct nothing_call *call;
	uint64_t n, i;
};

PIRN_ASYNC(burst, f)
{
	PIRN_BEGIN(f);
	for (f->i = 0; f->i < f->n; f->i++) {
		f->call[f->i] = nothing_call(1);
		pirn_poll(&f->call[f->i].future, cx);
	}
	for (f->i = 0; f->i < f->n; f->i++)
		if (f->call[f->i].future.at != PIRN_AT_READY)
			PIRN_TRY(f, &f->call[f->i].future);
	PIRN_FINALLY(f);
	while (f->n > 0)
		pirn_drop(&f->call[--f->n].future);
	PIRN_END(f);
}

void blocking_burst(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	struct nothing_call *call = allocate(run, run->n * sizeof(*call));
	struct burst warm = { PIRN_INIT(burst), .call = call, .n = run->n / 10 };
	struct burst burst = { PIRN_INIT(burst), .call = call, .n = run->n };

	memset((void *)call, 0, run->n * sizeof(*call));
	bench_run(run, pool, &warm.future);
	atomic_store(&counter, 0);
	run_start(run);
	bench_run(run, pool, &burst.future);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	free(call);
	pirn_executor_free(pool);
}

/* ---- preads -------------------------------------------------------------------------------- */

struct block {
	struct reader *reader;
	int fd;
};

static int block(struct block *b)
{
	reader_pread(b->reader, b->fd);
	return 0;
}
PIRN_UNBLOCK(block, NULL);

/* One of the readers: read after read. */
struct reading {
	struct pirn_future future;
	struct reader *reader;
	int fd;
	struct block_call call;
};

PIRN_ASYNC(reading, f)
{
	PIRN_BEGIN(f);
	while (reader_next(f->reader)) {
		f->call = block_call((struct block){ .reader = f->reader, .fd = f->fd });
		PIRN_TRY(f, &f->call.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

static void read_all(struct run *run, struct pirn_executor *pool, struct reads *reads, uint64_t n)
{
	struct pirn_task *task[READERS];

	reads_deal(reads, n);
	for (unsigned i = 0; i < READERS; i++) {
		struct reading r = { PIRN_INIT(reading), .reader = &reads->reader[i],
				     .fd = reads->fd };

		bench_ok(run, pirn_spawn(pool, &task[i], &r.future));
	}
	for (unsigned i = 0; i < READERS; i++) {
		bench_ok(run, pirn_join_blocking(task[i]));
		pirn_task_detach(task[i]);
	}
}

void blocking_pread_strict(struct run *run)
{
	static struct reads reads;
	struct pirn_executor *pool;

	reads_open(run, &reads);
	pool = bench_pool(run);
	read_all(run, pool, &reads, run->n / 10);
	run_start(run);
	read_all(run, pool, &reads, run->n);
	run_stop(run);
	reads_check(run, &reads);
	pirn_executor_free(pool);
}
