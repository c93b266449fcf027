/* SPDX-License-Identifier: MIT */
/*
 * A million tasks through one pool (fewer under a sanitizer or PIRN_TASKS). They come from two
 * threads and from tasks, at most some ten thousand at a time: each ends once, the pool's count
 * of live tasks and the allocator's count of blocks are back where they were.
 */
#include "config.h"

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SLOW 1
# endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SLOW 1
#endif
#ifndef SLOW
# define SLOW 0
#endif

#define SPAWNERS 2
#define AT_A_TIME 10000u

static struct pirn_executor *pool;
static atomic_ulong ended;
static unsigned long share; /* of each spawner */

/* A task that naps once, every fourth one; every second one has a child of its own. */
struct grain {
	struct pirn_future future;
	unsigned long n;
	struct pirn_yield nap;
};

static void spawn(unsigned long n);

PIRN_ASYNC(grain, f)
{
	PIRN_BEGIN(f);
	if (f->n % 4 == 0) {
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
	}
	if (f->n % 2 == 0)
		spawn(f->n + 1);
	PIRN_FINALLY(f);
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
	PIRN_END(f);
}

static void spawn(unsigned long n)
{
	struct grain g = { PIRN_INIT(grain), .n = n };

	RACE_CHECK(pirn_spawn(pool, NULL, &g.future) == 0, "no task");
}

static void *spawner(void *arg)
{
	unsigned long made = 0;

	(void)arg;
	for (; made < share; made += 2) {
		spawn(made);
		if (made % 1024)
			continue;
		while (SPAWNERS * made >
		       atomic_load_explicit(&ended, memory_order_relaxed) + AT_A_TIME)
			sched_yield();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *tasks = getenv("PIRN_TASKS");
	unsigned long all = tasks ? strtoul(tasks, NULL, 10) : SLOW ? 100000 : 1000000;
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	pthread_t thread[SPAWNERS];
	long empty, full;

	faulty_init(&host);
	race_begin(argc, argv, 1);
	share = all / SPAWNERS / 2 * 2;
	all = share * SPAWNERS * race_scale;
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	empty = atomic_load(&host.blocks);
	for (unsigned long r = 0; r < race_scale; r++) {
		atomic_store(&ended, 0);
		for (int i = 0; i < SPAWNERS; i++)
			thread[i] = race_thread(spawner, NULL);
		for (int i = 0; i < SPAWNERS; i++)
			pthread_join(thread[i], NULL);
		while (atomic_load(&ended) < SPAWNERS * share)
			sched_yield();
	}
	RACE_CHECK(atomic_load(&ended) == SPAWNERS * share, "%lu ended of %lu", atomic_load(&ended),
		   SPAWNERS * share);
	full = atomic_load(&host.blocks);
	pirn_executor_free(pool);
	RACE_CHECK(full - empty < 64, "%ld blocks more than before the tasks", full - empty);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	race_say("%lu tasks", all);
	return 0;
}
