/* SPDX-License-Identifier: MIT */
/* What a wake costs: of oneself, and of a task by a thread that is not the pool's. */
#include "cases.h"

#include <pirn_channel.h>

PIRN_CHANNEL(number, uint64_t, NULL);

/* ---- yield --------------------------------------------------------------------------------- */

struct yielder {
	struct pirn_future future;
	uint64_t n, i, *sum; /* sum: its own, read when it has ended */
};

PIRN_ASYNC(yielder, f)
{
	PIRN_BEGIN(f);
	for (; f->i < f->n; f->i++) {
		PIRN_YIELD(f);
		++*f->sum;
	}
	PIRN_END(f);
}

static uint64_t yield_all(struct run *run, struct pirn_executor *pool, uint64_t each)
{
	static struct pirn_task *task[YIELDERS];
	static uint64_t sum[YIELDERS];
	uint64_t total = 0;

	for (unsigned i = 0; i < YIELDERS; i++) {
		struct yielder y = { PIRN_INIT(yielder), .n = each, .sum = &sum[i] };

		sum[i] = 0;
		bench_ok(run, pirn_spawn(pool, &task[i], &y.future));
	}
	for (unsigned i = 0; i < YIELDERS; i++) {
		struct pirn_join join = pirn_join(task[i]);

		bench_ok(run, pirn_block_on(&join.future));
		pirn_task_detach(task[i]);
		total += sum[i];
	}
	return total;
}

void yield(struct run *run)
{
	uint64_t each = (run->n + YIELDERS - 1) / YIELDERS, total;
	struct pirn_executor *pool = bench_pool(run);

	run->expect += each * YIELDERS - run->n; /* the same for all */
	run->n = each * YIELDERS;
	yield_all(run, pool, each > 10 ? each / 10 : 1);
	run_start(run);
	total = yield_all(run, pool, each);
	run_stop(run);
	run_check(run, total);
	pirn_executor_free(pool);
}

/* ---- wake_ext ------------------------------------------------------------------------------ */

/* Answers each number with the next one, until there are none. */
struct answerer {
	struct pirn_future future;
	struct number_receiver *rx;
	struct number_sender *tx;
	uint64_t number;
	struct pirn_recv recv;
	struct pirn_send send;
};

PIRN_ASYNC(answerer, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = number_recv(f->rx, &f->number);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break;
		f->number++;
		f->send = number_send(f->tx, &f->number);
		PIRN_TRY(f, &f->send.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	pirn_drop(&f->send.future);
	number_receiver_unref(f->rx);
	number_sender_unref(f->tx);
	PIRN_END(f);
}

struct line {
	struct number_sender *tx;
	struct number_receiver *rx;
	struct pirn_task *task;
	uint64_t next;
};

static void line_open(struct run *run, struct pirn_executor *pool, struct line *line)
{
	struct answerer a = { PIRN_INIT(answerer), .number = 0 };

	line->next = 0;
	bench_ok(run, number_channel(&line->tx, &a.rx, 1));
	bench_ok(run, number_channel(&a.tx, &line->rx, 1));
	bench_ok(run, pirn_spawn(pool, &line->task, &a.future));
}

static void line_close(struct run *run, struct line *line)
{
	struct pirn_join join = pirn_join(line->task);

	number_sender_unref(line->tx);
	bench_ok(run, pirn_block_on(&join.future));
	number_receiver_unref(line->rx);
	pirn_task_detach(line->task);
}

/* One round trip. False: a wrong answer. */
static bool ask(void *arg)
{
	struct line *line = arg;
	uint64_t number = line->next++, answer = number;

	return number_send_blocking(line->tx, &answer) == 0 &&
	       number_recv_blocking(line->rx, &answer) == 0 && answer == number + 1;
}

static void round_trips(struct run *run, enum gap gap)
{
	struct pirn_executor *pool = bench_pool(run);
	struct line line;

	line_open(run, pool, &line);
	latencies_measure(run, gap, ask, &line);
	line_close(run, &line);
	pirn_executor_free(pool);
}

void wake_ext(struct run *run)
{
	round_trips(run, GAP_NONE);
}

void wake_ext_200(struct run *run)
{
	round_trips(run, GAP_TICK);
}

void wake_ext_cold(struct run *run)
{
	round_trips(run, GAP_COLD);
}
