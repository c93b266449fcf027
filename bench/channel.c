/* SPDX-License-Identifier: MIT */
/* What a message costs, from task to task. */
#include "cases.h"

#include <pirn_channel.h>

#define CAPACITY 1024
#define MANY 4 /* producers, and consumers */

PIRN_CHANNEL(number, uint64_t, NULL);

/* ---- one channel, producers, consumers ----------------------------------------------------- */

/* Sends the numbers from `number` up to `end`. */
struct producer {
	struct pirn_future future;
	struct number_sender *tx;
	uint64_t number, end;
	struct pirn_send send;
};

PIRN_ASYNC(producer, f)
{
	PIRN_BEGIN(f);
	for (; f->number < f->end; f->number++) {
		f->send = number_send(f->tx, &f->number);
		PIRN_TRY(f, &f->send.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->send.future);
	number_sender_unref(f->tx);
	PIRN_END(f);
}

struct seen {
	uint64_t count, sum, last;
	bool ordered; /* each one greater than the one before */
};

struct consumer {
	struct pirn_future future;
	struct number_receiver *rx;
	struct seen *seen;
	uint64_t number;
	struct pirn_recv recv;
};

static void see(struct seen *s, uint64_t number)
{
	s->ordered = s->ordered && (s->count == 0 || number > s->last);
	s->last = number;
	s->count++;
	s->sum += number;
}

PIRN_ASYNC(consumer, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = number_recv(f->rx, &f->number);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break; /* closed */
		see(f->seen, f->number);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	number_receiver_unref(f->rx);
	PIRN_END(f);
}

/* The same, with as many as there are, up to a batch of them, at once. */
struct batch_consumer {
	struct pirn_future future;
	struct number_receiver *rx;
	struct seen *seen;
	uint64_t number[PIRN_BATCH];
	struct pirn_recv_many recv;
};

PIRN_ASYNC(batch_consumer, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = number_recv_many(f->rx, f->number, PIRN_BATCH);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break; /* closed */
		for (size_t i = 0; i < f->recv.done; i++)
			see(f->seen, f->number[i]);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	number_receiver_unref(f->rx);
	PIRN_END(f);
}

static int spawn_consumer(struct pirn_executor *pool, struct pirn_task **task, bool batch,
			  struct number_receiver *rx, struct seen *seen)
{
	struct batch_consumer b = { PIRN_INIT(batch_consumer), .rx = rx, .seen = seen };
	struct consumer c = { PIRN_INIT(consumer), .rx = rx, .seen = seen };

	*seen = (struct seen){ .ordered = true };
	return pirn_spawn(pool, task, batch ? &b.future : &c.future);
}

/* n messages through one channel. Returns how many came; wrong sums and orders end the program. */
static uint64_t through_channel(struct run *run, struct pirn_executor *pool, unsigned many,
				bool batch, uint64_t n)
{
	struct pirn_task *task[2 * MANY];
	struct seen seen[MANY];
	struct number_sender *tx = NULL;
	struct number_receiver *rx = NULL;
	uint64_t count = 0, sum = 0;
	bool ordered = true;

	bench_ok(run, number_channel(&tx, &rx, CAPACITY));
	for (unsigned i = 0; i < many; i++) {
		struct producer p = { PIRN_INIT(producer), .tx = number_sender_ref(tx),
				      .number = n * i / many, .end = n * (i + 1) / many };

		bench_ok(run, pirn_spawn(pool, &task[2 * i], &p.future));
		bench_ok(run, spawn_consumer(pool, &task[2 * i + 1], batch, number_receiver_ref(rx),
					     &seen[i]));
	}
	number_sender_unref(tx);
	number_receiver_unref(rx);
	for (unsigned i = 0; i < 2 * many; i++) {
		struct pirn_join join = pirn_join(task[i]);

		bench_ok(run, pirn_block_on(&join.future));
		pirn_task_detach(task[i]);
	}
	for (unsigned i = 0; i < many; i++) {
		count += seen[i].count;
		sum += seen[i].sum;
		ordered = ordered && seen[i].ordered;
	}
	if (sum != n * (n - 1) / 2 || (many == 1 && !ordered))
		run_fail(run, "a message was lost, doubled or overtaken");
	return count;
}

static void channel_case(struct run *run, unsigned many, bool batch)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t count;

	through_channel(run, pool, many, batch, run->n / 10 + 1);
	run_start(run);
	count = through_channel(run, pool, many, batch, run->n);
	run_stop(run);
	run_check(run, count);
	pirn_executor_free(pool);
}

void chan_spsc(struct run *run)
{
	channel_case(run, 1, false);
}

void chan_mpmc(struct run *run)
{
	channel_case(run, MANY, false);
}

void chan_spsc_batch(struct run *run)
{
	channel_case(run, 1, true);
}

void chan_mpmc_batch(struct run *run)
{
	channel_case(run, MANY, true);
}

/* ---- pingpong ------------------------------------------------------------------------------ */

/* Answers each number with the next one, or sends the first if it begins; counts the right ones. */
struct player {
	struct pirn_future future;
	struct number_sender *tx;
	struct number_receiver *rx;
	bool begins;
	uint64_t n, number, expected, *count;
	struct pirn_send send;
	struct pirn_recv recv;
};

PIRN_ASYNC(player, f)
{
	PIRN_BEGIN(f);
	for (; f->n > 0; f->n--) {
		if (f->begins) {
			f->send = number_send(f->tx, &f->number);
			PIRN_TRY(f, &f->send.future);
		}
		f->expected = f->number + 1;
		f->recv = number_recv(f->rx, &f->number);
		PIRN_TRY(f, &f->recv.future);
		*f->count += f->number == f->expected;
		f->number++;
		if (!f->begins) {
			f->send = number_send(f->tx, &f->number);
			PIRN_TRY(f, &f->send.future);
		}
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->send.future);
	pirn_drop(&f->recv.future);
	number_sender_unref(f->tx);
	number_receiver_unref(f->rx);
	PIRN_END(f);
}

static uint64_t play(struct run *run, struct pirn_executor *pool, uint64_t n)
{
	struct pirn_task *task[2];
	uint64_t count[2] = { 0, 0 };
	struct player ping = { PIRN_INIT(player), .begins = true, .n = n, .count = &count[0] };
	struct player pong = { PIRN_INIT(player), .number = UINT64_MAX, .n = n,
			       .count = &count[1] };

	bench_ok(run, number_channel(&ping.tx, &pong.rx, 1));
	bench_ok(run, number_channel(&pong.tx, &ping.rx, 1));
	bench_ok(run, pirn_spawn(pool, &task[0], &ping.future));
	bench_ok(run, pirn_spawn(pool, &task[1], &pong.future));
	for (int i = 0; i < 2; i++) {
		struct pirn_join join = pirn_join(task[i]);

		bench_ok(run, pirn_block_on(&join.future));
		pirn_task_detach(task[i]);
	}
	return count[0] == count[1] ? count[0] : 0;
}

void pingpong(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t count;

	play(run, pool, run->n / 10 + 1);
	run_start(run);
	count = play(run, pool, run->n);
	run_stop(run);
	run_check(run, count);
	pirn_executor_free(pool);
}
