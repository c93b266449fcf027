/* SPDX-License-Identifier: MIT */
/*
 * A join that is polled by one task, then by another, while its task ends: the waker that is
 * woken is the last one that was left PENDING, each clone is given up once, and a join that is
 * dropped leaves nothing behind in the slot.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

struct worker {
	struct pirn_future future;
	struct race_random random;
	unsigned linger;
};

static atomic_uint polled;

static enum pirn_poll worker_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct worker *w = (struct worker *)(void *)f;

	(void)cx;
	atomic_store_explicit(&polled, 1, memory_order_relaxed);
	while (w->linger-- > 0)
		race_linger(&w->random);
	return PIRN_READY;
}

static const struct pirn_future_ops worker_ops = {
	.name = "worker",
	.file = __FILE__,
	.size = sizeof(struct worker),
	.poll = worker_poll,
};

static unsigned long woken, seen_at_once, dropped;

static void play(struct pirn_task *task, struct race_random *random)
{
	struct bell waker[2], *last = NULL;
	struct pirn_join join = pirn_join(task);
	enum pirn_poll poll = PIRN_PENDING;

	bell_init(&waker[0]);
	bell_init(&waker[1]);
	for (unsigned k = 1 + race_below(random, 6); k > 0 && poll == PIRN_PENDING; k--) {
		struct bell *w = &waker[race_below(random, 2)];

		poll = bell_poll(&join.future, w);
		if (poll == PIRN_PENDING)
			last = w;
	}
	if (poll == PIRN_READY) {
		seen_at_once++;
	} else if (race_below(random, 3) == 0) {
		pirn_drop(&join.future);
		dropped++;
		join = pirn_join(task);
		RACE_CHECK(pirn_block_on(&join.future) == 0, "err %d", join.future.err);
	} else {
		woken++;
		bell_await(last, 1);
		RACE_CHECK(bell_poll(&join.future, last) == PIRN_READY, "woken, but not ended");
	}
	pirn_drop(&join.future);
	/* A finisher that took the waker out wakes it, also behind the drop; then it is gone. */
	bell_await_free(&waker[0]);
	bell_await_free(&waker[1]);
	for (int i = 0; i < 2; i++)
		RACE_CHECK(atomic_load(&waker[i].wakes) <= (&waker[i] == last),
			   "a waker that had been replaced was woken");
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 10000);
	struct pirn_pool_config config = { .threads = 2 };
	struct race_random random = race_stream(1);
	struct pirn_executor *pool;

	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		struct worker w = { .future = { .ops = &worker_ops } };
		struct pirn_task *task;

		w.random = race_stream(100 + i);
		w.linger = race_below(&random, 40);
		atomic_store_explicit(&polled, 0, memory_order_relaxed);
		RACE_CHECK(pirn_spawn(pool, &task, &w.future) == 0, "no task");
		while (!atomic_load_explicit(&polled, memory_order_relaxed))
			sched_yield();
		play(task, &random);
		pirn_task_detach(task);
	}
	pirn_executor_free(pool);
	race_say("%lu saw the end at once, %lu were woken, %lu dropped", seen_at_once, woken,
		 dropped);
	return 0;
}
