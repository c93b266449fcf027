/* SPDX-License-Identifier: MIT */
/*
 * A worker spawns tasks into its own queue and does not come back from its poll until all have
 * run, with the others at rest, just about to sleep, or held by polls like that themselves: what
 * lies in its queue is hidden from nobody.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

#define WORKERS 3
#define CHILDREN 5

static struct pirn_executor *pool;
static atomic_uint ran, over;
static struct race_random random_pause;

static enum pirn_poll child_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	atomic_fetch_add(&ran, 1);
	return PIRN_READY;
}

static const struct pirn_future_ops child_ops = {
	.name = "child",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = child_poll,
};

/* Spawns, and waits in its poll. holders: how many like it are to hold a worker first. */
struct holder {
	struct pirn_future future;
	unsigned holders, goal;
};

static const struct pirn_future_ops holder_ops;

static enum pirn_poll holder_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct holder *me = (struct holder *)(void *)f;

	if (me->holders > 0) {
		struct holder next = { .future.ops = &holder_ops,
				       .holders = me->holders - 1,
				       .goal = me->goal };

		RACE_CHECK(pirn_spawn(cx->executor, NULL, &next.future) == 0, "spawn failed");
	}
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct pirn_future child = { .ops = &child_ops };

		RACE_CHECK(pirn_spawn(cx->executor, NULL, &child) == 0, "spawn failed");
	}
	while (atomic_load(&ran) < me->goal)
		sched_yield();
	atomic_fetch_add(&over, 1);
	return PIRN_READY;
}

static const struct pirn_future_ops holder_ops = {
	.name = "holder",
	.file = __FILE__,
	.size = sizeof(struct holder),
	.poll = holder_poll,
};

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = WORKERS };
	unsigned long rounds = race_begin(argc, argv, 500);

	random_pause = race_stream(0);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		unsigned holders = race_below(&random_pause, WORKERS - 1) + 1;
		struct holder h = { .future.ops = &holder_ops,
				    .holders = holders - 1,
				    .goal = holders * CHILDREN };

		atomic_store(&ran, 0);
		atomic_store(&over, 0);
		RACE_CHECK(pirn_spawn(pool, NULL, &h.future) == 0, "spawn failed");
		race_await(&over, holders);
		/* Now and then long enough for all to sleep. */
		if (race_below(&random_pause, 8) == 0)
			usleep(race_below(&random_pause, 500));
		race_linger(&random_pause);
	}
	pirn_executor_free(pool);
	race_say("%lu rounds", rounds);
	return 0;
}
