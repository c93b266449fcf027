/* SPDX-License-Identifier: MIT */
/*
 * Tasks and threads meet at a barrier, then do something once, again and again. Some who must do
 * it give up; some who wait for it do. In each round it is done once, and all see what was done;
 * the leader of the meeting behind it makes it anew.
 */
#include "config.h"

#include "pirn_barrier.h"
#include "pirn_once.h"
#include "pirn_pool.h"
#include "race.h"

#define TASKS 2
#define THREADS 2

static struct pirn_barrier barrier = PIRN_BARRIER_INIT(TASKS + THREADS);
static struct pirn_once once;
static unsigned long rounds;
/* Plain, so that ThreadSanitizer sees who is not ordered. */
static unsigned long number[TASKS + THREADS], done;
static atomic_ulong leaders, given_up, waited;

struct player {
	struct pirn_future future;
	struct race_random random;
	unsigned id;
	unsigned long round;
	struct pirn_barrier_wait meet;
	struct pirn_once_begin begin;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(player, f)
{
	PIRN_BEGIN(f);
	for (f->round = 1; f->round <= rounds; f->round++) {
		number[f->id] = f->round;
		f->meet = pirn_barrier_wait(&barrier);
		PIRN_AWAIT(f, &f->meet.future);
		for (unsigned i = 0; i < TASKS + THREADS; i++)
			RACE_CHECK(number[i] == f->round, "%u is not there", i);
		do {
			pirn_drop(&f->begin.future);
			race_linger(&f->random);
			f->begin = pirn_once_begin(&once);
			f->nap = pirn_yield();
			f->select = pirn_select(&f->begin.future, &f->nap.future, NULL, NULL);
			PIRN_AWAIT(f, &f->select.future);
			if (f->select.won == &f->nap.future && race_below(&f->random, 2)) {
				atomic_fetch_add(&waited, 1);
				continue; /* gives up */
			}
			if (f->select.won == &f->nap.future)
				PIRN_AWAIT(f, &f->begin.future);
			if (f->begin.must && race_below(&f->random, 2)) {
				atomic_fetch_add(&given_up, 1);
				continue;
			}
			if (f->begin.must) {
				RACE_CHECK(done == f->round - 1, "it is done already");
				PIRN_YIELD(f);
				done = f->round;
				pirn_once_done(&f->begin);
			}
		} while (f->begin.future.at != PIRN_AT_READY || f->begin.must);
		pirn_drop(&f->begin.future);
		RACE_CHECK(done == f->round, "round %lu, done %lu", f->round, done);
		f->meet = pirn_barrier_wait(&barrier);
		PIRN_AWAIT(f, &f->meet.future);
		if (f->meet.leader) {
			memset(&once, 0, sizeof(once));
			atomic_fetch_add(&leaders, 1);
		}
	}
	PIRN_END(f);
}

static void *play(void *arg)
{
	RACE_CHECK(pirn_block_on(arg) == 0, "no memory");
	return NULL;
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	struct player mine[THREADS];
	struct pirn_task *task[TASKS];
	struct pirn_executor *pool;
	pthread_t thread[THREADS];

	rounds = race_begin(argc, argv, 15000);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned i = 0; i < THREADS; i++) {
		mine[i] = (struct player){ PIRN_INIT(player), .random = race_stream(i), .id = i };
		thread[i] = race_thread(play, &mine[i]);
	}
	for (unsigned i = 0; i < TASKS; i++) {
		struct player p = { PIRN_INIT(player), .random = race_stream(THREADS + i),
				    .id = THREADS + i };

		RACE_CHECK(pirn_spawn(pool, &task[i], &p.future) == 0, "spawn failed");
	}
	for (unsigned i = 0; i < TASKS; i++) {
		struct pirn_join join = pirn_join(task[i]);

		RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
		pirn_task_detach(task[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pirn_executor_free(pool);
	RACE_CHECK(atomic_load(&leaders) == rounds, "%lu leaders", atomic_load(&leaders));
	race_say("%lu rounds; %lu gave up who must do it, %lu who waited", rounds,
		 atomic_load(&given_up), atomic_load(&waited));
	return 0;
}
