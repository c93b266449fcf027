/* SPDX-License-Identifier: MIT */
/*
 * A join registers while the task ends: either it sees the end at once, or its waker is woken.
 * The waker and the result are plain memory, new in each round: they have no order but pirn's.
 * Now and then nobody joins, and whoever holds the handle asks for the result until it is there.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

struct worker {
	struct pirn_future future;
	struct race_random random;
	unsigned linger;
	unsigned long result;
};

static atomic_uint polled; /* relaxed: only to meet at the same moment */

static enum pirn_poll worker_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct worker *w = (struct worker *)(void *)f;

	(void)cx;
	atomic_store_explicit(&polled, 1, memory_order_relaxed);
	while (w->linger-- > 0)
		race_linger(&w->random);
	w->result += 1000;
	return PIRN_READY;
}

static const struct pirn_future_ops worker_ops = {
	.name = "worker",
	.file = __FILE__,
	.size = sizeof(struct worker),
	.poll = worker_poll,
};

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 10000), waited = 0;
	struct pirn_pool_config config = { .threads = 2 };
	struct race_random random = race_stream(1);
	struct pirn_executor *pool;

	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		struct worker w = { .future = { .ops = &worker_ops }, .result = i };
		struct bell *waker = malloc(sizeof(*waker));
		struct pirn_task *task;
		struct pirn_join join;
		struct worker *end;

		RACE_CHECK(waker, "no memory");
		bell_init(waker);
		w.random = race_stream(100 + i);
		w.linger = race_below(&random, 24);
		atomic_store_explicit(&polled, 0, memory_order_relaxed);
		RACE_CHECK(pirn_spawn(pool, &task, &w.future) == 0, "no task");
		while (!atomic_load_explicit(&polled, memory_order_relaxed))
			sched_yield();
		for (unsigned k = race_below(&random, 4); k > 0; k--)
			race_linger(&random);
		while (i % 8 == 7 && !pirn_task_future(task))
			;
		end = (struct worker *)(void *)(i % 8 == 7 ? pirn_task_future(task) : NULL);
		RACE_CHECK(!end || end->result == i + 1000, "the result is not there yet");
		join = pirn_join(task);
		if (bell_poll(&join.future, waker) == PIRN_PENDING) {
			waited++;
			bell_await(waker, 1);
			RACE_CHECK(bell_poll(&join.future, waker) == PIRN_READY,
				   "woken, but not ended");
		}
		RACE_CHECK(join.future.err == 0, "err %d", join.future.err);
		end = (struct worker *)(void *)pirn_task_future(task);
		RACE_CHECK(end && end->result == i + 1000, "no result");
		pirn_task_detach(task);
		/* The finisher's wake counts first and gives its reference up then. */
		bell_await_free(waker);
		RACE_CHECK(atomic_load(&waker->wakes) <= 1, "woken twice");
		free(waker);
	}
	pirn_executor_free(pool);
	race_say("%lu of %lu joins had to wait", waited, rounds);
	return 0;
}
