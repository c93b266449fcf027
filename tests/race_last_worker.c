/* SPDX-License-Identifier: MIT */
/*
 * All workers but one are in polls that do not come back until the last task of the round has
 * run: so that task must reach the last worker, whatever that was doing. Pushes come from the
 * foreign threads at once, so that workers lie down, search and get up while they do.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

#define WORKERS 3

static struct pirn_executor *pool;
static struct race_gate gate = { .n = WORKERS + 1 };
static atomic_uint started, ended;
static unsigned long rounds;

/* Ends when all tasks of the round have started. */
struct meeting {
	struct pirn_future future;
	unsigned round;
};

static enum pirn_poll meeting_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct meeting *me = (struct meeting *)(void *)f;

	(void)cx;
	atomic_fetch_add_explicit(&started, 1, memory_order_relaxed);
	while (atomic_load_explicit(&started, memory_order_relaxed) < (me->round + 1) * WORKERS)
		sched_yield();
	atomic_fetch_add_explicit(&ended, 1, memory_order_release);
	return PIRN_READY;
}

static const struct pirn_future_ops meeting_ops = {
	.name = "meeting",
	.file = __FILE__,
	.size = sizeof(struct meeting),
	.poll = meeting_poll,
};

static void *spawner(void *arg)
{
	struct race_random random = race_stream(1 + (unsigned long)(uintptr_t)arg);

	for (unsigned long i = 0; i < rounds; i++) {
		struct meeting m = { .future.ops = &meeting_ops, .round = (unsigned)i };

		race_meet(&gate);
		race_linger(&random);
		RACE_CHECK(pirn_spawn(pool, NULL, &m.future) == 0, "spawn failed");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = WORKERS };
	pthread_t thread[WORKERS];

	rounds = race_begin(argc, argv, 3000);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned i = 0; i < WORKERS; i++)
		thread[i] = race_thread(spawner, (void *)(uintptr_t)i);
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		race_await(&ended, (unsigned)(i + 1) * WORKERS);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	pirn_executor_free(pool);
	race_say("%lu meetings of %d", rounds, WORKERS);
	return 0;
}
