/* SPDX-License-Identifier: MIT */
/*
 * A million tasks through one pool (fewer under a sanitizer or PIRN_TASKS; ten in `./dev stress`).
 * They come from two threads and from tasks, at most some ten thousand at a time: each ends once,
 * and whenever all have, the pool's count of live tasks and the allocator's count of blocks are
 * back where they were, the registry has room for what lived at a time and no more, and the
 * process has no more memory than after the first tenth.
 */
#include "config.h"

#include "faulty.h"
#include "pool.h"
#include "race.h"
#include "resident.h"

#define SPAWNERS 2
#define AT_A_TIME 10000u
#define LAPS 10u /* for each factor of PIRN_STRESS; all tasks have ended behind each */

/*
 * Places in a shard of the registry: twice the power of two above what lives at a time, since one
 * shard may have all, and half of them besides. A leak of places passes it soon.
 */
#define PLACES 32768u

/*
 * Kilobytes that the process may grow: what allocators keep for threads and sizes. 200 bytes lost
 * for each hundred tasks are as many in ten laps, for each thousand in a hundred laps.
 */
#define GROWTH 2048L

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

static void run_lap(void)
{
	pthread_t thread[SPAWNERS];
	uint32_t lower;

	atomic_store(&ended, 0);
	for (int i = 0; i < SPAWNERS; i++)
		thread[i] = race_thread(spawner, NULL);
	for (int i = 0; i < SPAWNERS; i++)
		pthread_join(thread[i], NULL);
	while (pirn__registry_left(&pool_of(pool)->registry, &lower) > 0)
		sched_yield();
	RACE_CHECK(atomic_load(&ended) == SPAWNERS * share, "%lu ended of %lu", atomic_load(&ended),
		   SPAWNERS * share);
}

static unsigned long most_places(void)
{
	struct registry *r = &pool_of(pool)->registry;
	unsigned long most = 0;

	for (unsigned i = 0; i < r->shards; i++)
		if (most < word_load_relaxed(&r->shard[i].capacity))
			most = word_load_relaxed(&r->shard[i].capacity);
	return most;
}

int main(int argc, char **argv)
{
	const char *tasks = getenv("PIRN_TASKS");
	unsigned long all = tasks ? strtoul(tasks, NULL, 10) : SLOW ? 100000 : 1000000;
	unsigned long laps = race_begin(argc, argv, LAPS);
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	long empty, first = 0, growth = 0;

	faulty_init(&host);
	share = all / LAPS / SPAWNERS / 2 * 2;
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	empty = atomic_load(&host.blocks);
	for (unsigned long i = 0; i < laps; i++) {
		run_lap();
		RACE_CHECK(atomic_load(&host.blocks) - empty < 64,
			   "%ld blocks more than before the tasks",
			   atomic_load(&host.blocks) - empty);
		RACE_CHECK(most_places() <= PLACES, "%lu places in a shard", most_places());
		if (i == 0)
			first = resident();
		else
			growth = resident() - first;
		/* A sanitizer keeps what was freed for a while. */
		RACE_CHECK(SLOW || growth <= GROWTH, "%ld KiB more than after the first lap",
			   growth);
	}
	race_say("%lu tasks; %ld KiB, %ld more behind the last lap; %lu places at most",
		 laps * share * SPAWNERS, first, growth, most_places());
	pirn_executor_free(pool);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	return 0;
}
