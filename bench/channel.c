/* SPDX-License-Identifier: MIT */
/* What a message costs, from task to task. */
#include "cases.h"

#include <pirn_channel.h>

#define CAPACITY 1024
#define MANY 4  /* producers, and consumers */
#define MOST 32 /* of either */
#define BATCH 64

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

/* The same, so many at once. */
struct batch_producer {
	struct pirn_future future;
	struct number_sender *tx;
	uint64_t number, end;
	uint64_t batch[BATCH];
	struct pirn_send_many send;
};

PIRN_ASYNC(batch_producer, f)
{
	PIRN_BEGIN(f);
	while (f->number < f->end) {
		size_t n;

		for (n = 0; n < BATCH && f->number < f->end; n++)
			f->batch[n] = f->number++;
		f->send = number_send_many(f->tx, f->batch, n);
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
	size_t most;
	uint64_t number[BATCH];
	struct pirn_recv_many recv;
};

PIRN_ASYNC(batch_consumer, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = number_recv_many(f->rx, f->number, f->most);
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

/* What a case is about. */
struct traffic {
	size_t capacity;
	unsigned many;           /* producers, and consumers */
	size_t sent_at_once;     /* BATCH or 1 */
	size_t received_at_once; /* at most, up to BATCH; 1: single receives */
};

static int spawn_producer(struct pirn_executor *pool, struct pirn_task **task,
			  const struct traffic *t, struct number_sender *tx, uint64_t from,
			  uint64_t to)
{
	struct batch_producer b = { PIRN_INIT(batch_producer), .tx = tx, .number = from,
				    .end = to };
	struct producer p = { PIRN_INIT(producer), .tx = tx, .number = from, .end = to };

	return pirn_spawn(pool, task, t->sent_at_once > 1 ? &b.future : &p.future);
}

static int spawn_consumer(struct pirn_executor *pool, struct pirn_task **task,
			  const struct traffic *t, struct number_receiver *rx, struct seen *seen)
{
	struct batch_consumer b = { PIRN_INIT(batch_consumer), .rx = rx, .seen = seen,
				    .most = t->received_at_once };
	struct consumer c = { PIRN_INIT(consumer), .rx = rx, .seen = seen };

	*seen = (struct seen){ .ordered = true };
	return pirn_spawn(pool, task, t->received_at_once > 1 ? &b.future : &c.future);
}

/* n messages through one channel. Returns how many came; wrong sums and orders end the program. */
static uint64_t through_channel(struct run *run, struct pirn_executor *pool,
				const struct traffic *t, uint64_t n)
{
	struct pirn_task *task[2 * MOST];
	struct seen seen[MOST];
	struct number_sender *tx = NULL;
	struct number_receiver *rx = NULL;
	uint64_t count = 0, sum = 0;
	bool ordered = true;

	bench_ok(run, number_channel(&tx, &rx, t->capacity));
	for (unsigned i = 0; i < t->many; i++) {
		bench_ok(run, spawn_producer(pool, &task[2 * i], t, number_sender_ref(tx),
					     n * i / t->many, n * (i + 1) / t->many));
		bench_ok(run, spawn_consumer(pool, &task[2 * i + 1], t, number_receiver_ref(rx),
					     &seen[i]));
	}
	number_sender_unref(tx);
	number_receiver_unref(rx);
	for (unsigned i = 0; i < 2 * t->many; i++) {
		bench_ok(run, pirn_join_blocking(task[i]));
		pirn_task_detach(task[i]);
	}
	for (unsigned i = 0; i < t->many; i++) {
		count += seen[i].count;
		sum += seen[i].sum;
		ordered = ordered && seen[i].ordered;
	}
	if (sum != n * (n - 1) / 2 || (t->many == 1 && !ordered))
		run_fail(run, "a message was lost, doubled or overtaken");
	return count;
}

static void channel_case(struct run *run, struct traffic t)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t count;

	through_channel(run, pool, &t, run->n / 10 + 1);
	run_start(run);
	count = through_channel(run, pool, &t, run->n);
	run_stop(run);
	run_check(run, count);
	pirn_executor_free(pool);
}

void chan_spsc(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 1, 1, 1 });
}

void chan_mpmc(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, MANY, 1, 1 });
}

void chan_spsc_batch(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 1, 1, PIRN_BATCH });
}

void chan_mpmc_batch(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, MANY, 1, PIRN_BATCH });
}

void chan_batch64(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 1, BATCH, BATCH });
}

void chan_ends_2(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 1, 1, 1 });
}

void chan_ends_8(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 4, 1, 1 });
}

void chan_ends_64(struct run *run)
{
	channel_case(run, (struct traffic){ CAPACITY, 32, 1, 1 });
}

void chan_unbounded(struct run *run)
{
	channel_case(run, (struct traffic){ PIRN_UNBOUNDED, 1, 1, 1 });
}

void chan_rendezvous(struct run *run)
{
	channel_case(run, (struct traffic){ 0, 1, 1, 1 });
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
		bench_ok(run, pirn_join_blocking(task[i]));
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
