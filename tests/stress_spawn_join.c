/* SPDX-License-Identifier: MIT */
/*
 * Tasks that spawn tasks and join them, on several pools at once, each level on the next pool.
 * Some children are aborted, some detached, some cancelled, the others joined; what was made was
 * dropped, and nothing is left.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

#define POOLS 3
#define CHILDREN 3

static struct pirn_executor *pool[POOLS];
static atomic_ulong made, ended, sum; /* ended: finally parts */
static atomic_ulong aborted, cancelled, detached, joined;

struct node {
	struct pirn_future future;
	struct race_random random;
	unsigned depth;
	unsigned long leaves; /* the result */
	unsigned i;
	struct pirn_task *child[CHILDREN];
	struct pirn_join join;
	struct pirn_cancel cancel;
};

static struct node node(unsigned depth, uint64_t seed);

static void spawn_child(struct node *f)
{
	struct node child = node(f->depth - 1, race_next(&f->random));

	RACE_CHECK(pirn_spawn(pool[f->depth % POOLS], &f->child[f->i], &child.future) == 0,
		   "no task");
}

/* Ends the handle in one way or another. False: the caller waits for it. */
static bool left_alone(struct node *f)
{
	struct pirn_task **t = &f->child[f->i];

	switch (race_below(&f->random, 16)) {
	case 0:
		pirn_task_abort(*t);
		atomic_fetch_add_explicit(&aborted, 1, memory_order_relaxed);
		break;
	case 1:
		pirn_task_detach(*t);
		atomic_fetch_add_explicit(&detached, 1, memory_order_relaxed);
		break;
	default:
		return false;
	}
	*t = NULL;
	return true;
}

static struct node *result(struct pirn_task *t)
{
	return (struct node *)(void *)pirn_task_future(t);
}

PIRN_ASYNC(node, f)
{
	PIRN_BEGIN(f);
	if (f->depth == 0) {
		f->leaves = 1;
		PIRN_RETURN(f, 0);
	}
	for (f->i = 0; f->i < CHILDREN; f->i++) {
		spawn_child(f);
		if (race_below(&f->random, 4) == 0)
			PIRN_YIELD(f);
	}
	for (f->i = 0; f->i < CHILDREN; f->i++) {
		if (left_alone(f))
			continue;
		if (race_below(&f->random, 8) == 0) {
			f->cancel = pirn_cancel(f->child[f->i]);
			PIRN_TRY(f, &f->cancel.future);
			atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
		} else {
			f->join = pirn_join(f->child[f->i]);
			PIRN_TRY(f, &f->join.future);
			atomic_fetch_add_explicit(&joined, 1, memory_order_relaxed);
		}
		if (result(f->child[f->i]))
			f->leaves += result(f->child[f->i])->leaves;
		pirn_task_detach(f->child[f->i]);
		f->child[f->i] = NULL;
	}
	PIRN_FINALLY(f);
	for (f->i = 0; f->i < CHILDREN; f->i++) {
		pirn_task_abort(f->child[f->i]);
		f->child[f->i] = NULL;
	}
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
	PIRN_END(f);
}

static struct node node(unsigned depth, uint64_t seed)
{
	atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	return (struct node){ PIRN_INIT(node), .depth = depth, .random = { seed } };
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 60);
	struct race_random random = race_stream(1);
	struct faulty host;

	faulty_init(&host);
	for (unsigned long r = 0; r < rounds; r++) {
		struct pirn_pool_config config = { .platform = &host.platform };
		struct node root = node(5, race_next(&random));
		struct pirn_task *task;
		struct pirn_join join;

		for (int i = 0; i < POOLS; i++) {
			config.threads = 1 + race_below(&random, 3);
			RACE_CHECK(pirn_pool_new(&pool[i], &config) == 0, "no pool");
		}
		RACE_CHECK(pirn_spawn(pool[0], &task, &root.future) == 0, "no task");
		join = pirn_join(task);
		RACE_CHECK(pirn_block_on(&join.future) == 0, "err %d", join.future.err);
		atomic_fetch_add(&sum, result(task)->leaves);
		pirn_task_detach(task);
		/* What was detached or aborted may still run, and spawn: it is told to end. */
		while (atomic_load(&ended) < atomic_load(&made))
			sched_yield();
		for (int i = 0; i < POOLS; i++)
			pirn_executor_free(pool[i]);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left",
			   faulty_left(&host));
	}
	race_say("%lu tasks: %lu joined, %lu cancelled, %lu aborted, %lu detached; %lu leaves",
		 atomic_load(&made), atomic_load(&joined), atomic_load(&cancelled),
		 atomic_load(&aborted), atomic_load(&detached), atomic_load(&sum));
	return 0;
}
