/* SPDX-License-Identifier: MIT */
/*
 * Threads that are lent to a pool come and go, by ticks and by runs, while tasks are spawned and
 * woken from outside and from inside: none is lost in the queue of one that leaves.
 */
#include "config.h"

#include "pirn_channel.h"
#include "pirn_pool.h"
#include "race.h"

#define RUNNERS 3
#define TASKS 20
#define HOPS 5

static struct pirn_executor *pool;
static struct race_gate gate = { .n = RUNNERS + 1 };
static atomic_uint ended, own;
static atomic_bool over;
static unsigned long rounds;

/* Yields, and spawns one that does the same, a few times. */
struct hop {
	struct pirn_future future;
	unsigned left;
	atomic_uint *ended;
	struct pirn_yield nap;
};

PIRN_ASYNC(hop, f)
{
	struct hop next;

	PIRN_BEGIN(f);
	PIRN_YIELD(f);
	if (f->left > 0) {
		next = (struct hop){ PIRN_INIT(hop), .left = f->left - 1, .ended = f->ended };
		RACE_CHECK(pirn_spawn(cx->executor, NULL, &next.future) == 0, "spawn failed");
	}
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	atomic_fetch_add(f->ended, 1);
	PIRN_END(f);
}

/* Runs until one task of its own has ended. */
static void run_one(void)
{
	struct hop hop = { PIRN_INIT(hop), .ended = &own };
	struct pirn_join join;
	struct pirn_task *t;

	RACE_CHECK(pirn_spawn(pool, &t, &hop.future) == 0, "spawn failed");
	join = pirn_join(t);
	RACE_CHECK(pirn_executor_run(pool, &join.future) == 0, "run failed");
	pirn_task_detach(t);
}

static void *runner(void *arg)
{
	struct race_random random = race_stream((unsigned long)(uintptr_t)arg);

	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		while (!atomic_load(&over)) {
			switch (race_below(&random, 4)) {
			case 0:
				run_one();
				break;
			case 1:
				RACE_CHECK(pirn_executor_run(pool, NULL) == 0, "run failed");
				break;
			default:
				RACE_CHECK(pirn_executor_try_tick(pool) >= 0, "tick failed");
			}
			race_linger(&random);
		}
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = PIRN_NO_THREADS, .lent_threads = RUNNERS };
	pthread_t thread[RUNNERS];

	rounds = race_begin(argc, argv, 300);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (uintptr_t i = 0; i < RUNNERS; i++)
		thread[i] = race_thread(runner, (void *)(i + 1));
	for (unsigned long i = 0; i < rounds; i++) {
		atomic_store(&ended, 0);
		atomic_store(&over, false);
		race_meet(&gate);
		for (unsigned n = 0; n < TASKS; n++) {
			struct hop hop = { PIRN_INIT(hop), .left = HOPS - 1, .ended = &ended };

			RACE_CHECK(pirn_spawn(pool, NULL, &hop.future) == 0, "spawn failed");
		}
		race_await(&ended, TASKS * HOPS);
		atomic_store(&over, true);
		race_meet(&gate);
		RACE_CHECK(atomic_load(&ended) == TASKS * HOPS, "%u tasks ended",
			   atomic_load(&ended));
	}
	for (unsigned i = 0; i < RUNNERS; i++)
		pthread_join(thread[i], NULL);
	pirn_executor_free(pool);
	race_say("%lu rounds", rounds);
	return 0;
}
