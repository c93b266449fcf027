/* SPDX-License-Identifier: MIT */
/*
 * A handle ends, by detach and by abort in turn, while its task ends. The result belongs to exactly
 * one of the two: it is released once, by the one who comes last, or (abort only) the future is
 * dropped unfinished, once.
 */
#include "config.h"

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

struct worker {
	struct pirn_future future;
	struct race_random random;
	unsigned linger;
	unsigned long *result; /* owned once it is there */
};

static atomic_uint polled, released, unfinished;

static enum pirn_poll worker_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct worker *w = (struct worker *)(void *)f;

	atomic_store_explicit(&polled, 1, memory_order_relaxed);
	race_linger(&w->random);
	if (w->linger-- > 0) {
		f->at = 1;
		pirn_waker_wake_by_ref(cx->waker);
		return PIRN_PENDING;
	}
	w->result = malloc(sizeof(*w->result));
	RACE_CHECK(w->result, "no memory");
	*w->result = 1;
	return PIRN_READY;
}

static void worker_drop(struct pirn_future *f)
{
	struct worker *w = (struct worker *)(void *)f;

	if (f->at == PIRN_AT_READY) {
		RACE_CHECK(w->result && *w->result == 1, "a result released twice");
		atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&unfinished, 1, memory_order_relaxed);
	}
	free(w->result);
	w->result = NULL;
}

static const struct pirn_future_ops worker_ops = {
	.name = "worker",
	.file = __FILE__,
	.size = sizeof(struct worker),
	.poll = worker_poll,
	.drop = worker_drop,
};

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 20000), ended = 0;
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	struct race_random random = race_stream(1);
	struct pirn_executor *pool;

	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		struct worker w = { .future = { .ops = &worker_ops } };
		struct pirn_task *task;

		w.random = race_stream(100 + i);
		w.linger = race_below(&random, 16);
		atomic_store_explicit(&polled, 0, memory_order_relaxed);
		RACE_CHECK(pirn_spawn(pool, &task, &w.future) == 0, "no task");
		if (race_below(&random, 4))
			while (!atomic_load_explicit(&polled, memory_order_relaxed))
				sched_yield();
		for (unsigned k = race_below(&random, 8); k > 0; k--)
			race_linger(&random);
		ended += pirn_task_future(task) != NULL;
		(i % 2 ? pirn_task_abort : pirn_task_detach)(task);
	}
	pirn_executor_free(pool);
	RACE_CHECK(atomic_load(&released) + atomic_load(&unfinished) == rounds,
		   "%u results and %u unfinished futures released", atomic_load(&released),
		   atomic_load(&unfinished));
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	race_say("%lu of %lu handles came behind the end; %u results released, %u unfinished",
		 ended, rounds, atomic_load(&released), atomic_load(&unfinished));
	return 0;
}
