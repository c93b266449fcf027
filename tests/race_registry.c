/* SPDX-License-Identifier: MIT */
/*
 * Tasks that wait are spawned from outside, and spawn others inside, while two workers run them,
 * each ending what it finds: numbers are given, lent and given back, places are taken in every
 * shard. Then all is cancelled while workers still spawn and link. When the registry says that it
 * is empty, every task has ended; it has not grown beyond what lived at a time.
 *
 * The executor here is a registry and an injector, and nothing else.
 */
#include "config.h"

#include <errno.h>

#include "executor.h"
#include "faulty.h"
#include "injector.h"
#include "race.h"
#include "registry.h"

#define WORKERS 2
#define OUTSIDERS 2
#define TASKS 500   /* of each outsider, in a round */
#define CHILDREN 6  /* of each one of those that worker 0 gets, which so spawns more than it ends */
#define PLACES 8192 /* as many as there may be in a shard: more tasks than a round has */

static struct pirn_executor executor;
static struct registry registry;
static struct injector queue;
static _Thread_local unsigned self; /* which worker; WORKERS: none */
static struct race_gate gate = { .n = WORKERS + OUTSIDERS + 1 };
static atomic_uint outside; /* outsiders that spawn no more */
static atomic_bool over;
static unsigned long rounds;
/* Plain, each its thread's: what has the order of the registry, or none. */
static unsigned long made[WORKERS + OUTSIDERS], dropped[WORKERS];

/* ---- the executor ---------------------------------------------------------------------------- */

static int admit(struct pirn_executor *ex, struct pirn_task *newest, size_t n)
{
	uint64_t numbers;

	(void)ex;
	(void)newest;
	if (self == WORKERS) {
		numbers = word_add_relaxed(&registry.outside, n * REGISTRY_NUMBER);
		return pirn__registry_admit_outside(&registry, numbers + n * REGISTRY_NUMBER);
	}
	return registry_admit(&registry, &registry.shard[self], n);
}

static void start(struct pirn_executor *ex, struct pirn_task *newest, struct pirn_task *oldest)
{
	(void)ex;
	pirn__injector_push(&queue, newest, oldest);
}

static void push(struct pirn_executor *ex, struct pirn_task *t)
{
	start(ex, t, t);
}

static bool link_task(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	return pirn__registry_link(&registry, self, t);
}

static void unlink_task(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	registry_end(&registry, &registry.shard[self], t);
}

static const struct pirn_executor_ops executor_ops = {
	.admit = admit,
	.start = start,
	.push = push,
	.again = push,
	.link = link_task,
	.unlink = unlink_task,
};

static void *worker(void *arg)
{
	self = (unsigned)(uintptr_t)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		while (!atomic_load_explicit(&over, memory_order_relaxed)) {
			struct pirn_task *rest = NULL, *t;
			bool more;

			t = pirn__injector_take(&queue, 0, &rest, &more);
			if (!t)
				sched_yield();
			else if (pirn__task_run(t, &executor, false))
				push(&executor, t);
		}
		race_meet(&gate);
	}
	return NULL;
}

/* ---- its tasks ------------------------------------------------------------------------------- */

struct guest {
	struct pirn_future future;
	struct race_random random;
	unsigned children;
};

static const struct pirn_future_ops guest_ops;

static void spawn_guest(unsigned who, uint64_t seed, unsigned children)
{
	struct guest g = { { .ops = &guest_ops }, { seed }, children };

	RACE_CHECK(pirn_spawn_on(&executor, NULL, &g.future, PIRN_PLACE) == 0, "no task");
	made[who]++;
}

/* Some end at once, some when they are cancelled, some yield before. */
static enum pirn_poll guest_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct guest *g = (struct guest *)(void *)f;

	for (; self == 0 && g->children > 0; g->children--)
		spawn_guest(self, race_next(&g->random), 0);
	f->at = 1;
	race_linger(&g->random);
	switch (race_below(&g->random, 8)) {
	case 0:
		return PIRN_PENDING;
	case 1:
		pirn_waker_wake_by_ref(cx->waker);
		return PIRN_PENDING;
	default:
		return PIRN_READY;
	}
}

static void guest_drop(struct pirn_future *f)
{
	(void)f;
	dropped[self]++;
}

static const struct pirn_future_ops guest_ops = {
	.name = "guest",
	.file = __FILE__,
	.size = sizeof(struct guest),
	.poll = guest_poll,
	.drop = guest_drop,
};

static void *outsider(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(me);

	self = WORKERS;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		for (unsigned n = 0; n < TASKS; n++)
			spawn_guest(me, race_next(&random), CHILDREN);
		atomic_fetch_add(&outside, 1);
		race_meet(&gate);
	}
	return NULL;
}

static unsigned long sum(const unsigned long *n, unsigned count)
{
	unsigned long all = 0;

	while (count > 0)
		all += n[--count];
	return all;
}

int main(int argc, char **argv)
{
	pthread_t thread[WORKERS + OUTSIDERS];
	unsigned long lent = 0, back, most = 0;
	struct race_random random;
	struct faulty host;
	uint32_t lower;

	rounds = race_begin(argc, argv, 150);
	random = race_stream(WORKERS + OUTSIDERS);
	faulty_init(&host);
	executor = (struct pirn_executor){ .ops = &executor_ops, .platform = &host.platform };
	pirn__injector_init(&queue);
	RACE_CHECK(pirn__registry_init(&registry, &host.platform.memory, WORKERS) == 0,
		   "no memory");
	for (unsigned i = 0; i < WORKERS + OUTSIDERS; i++)
		thread[i] = race_thread(i < WORKERS ? worker : outsider, (void *)(uintptr_t)i);
	for (unsigned long i = 0; i < rounds; i++) {
		half_store_relaxed(&registry.closing, 0);
		atomic_store(&outside, 0);
		atomic_store(&over, false);
		race_meet(&gate);
		race_await(&outside, OUTSIDERS);
		for (unsigned k = race_below(&random, 16); k > 0; k--)
			race_linger(&random);
		pirn__registry_cancel_all(&registry);
		while (pirn__registry_left(&registry, &lower) > 0)
			sched_yield();
		RACE_CHECK(sum(made, WORKERS + OUTSIDERS) == sum(dropped, WORKERS),
			   "empty, but %lu were made and %lu dropped",
			   sum(made, WORKERS + OUTSIDERS), sum(dropped, WORKERS));
		atomic_store(&over, true);
		race_meet(&gate);
	}
	for (unsigned i = 0; i < WORKERS + OUTSIDERS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i <= WORKERS; i++) {
		lent += word_load_relaxed(&registry.shard[i].lent);
		if (most < word_load_relaxed(&registry.shard[i].capacity))
			most = word_load_relaxed(&registry.shard[i].capacity);
	}
	back = word_load_relaxed(&registry.back);
	RACE_CHECK(most <= PLACES, "%lu places in a shard", most);
	pirn__registry_deinit(&registry);
	pirn__injector_deinit(&queue);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks left", faulty_left(&host));
	race_say("%lu tasks, %lu numbers lent, %lu given back, %lu places at most",
		 sum(made, WORKERS + OUTSIDERS), lent, back, most);
	return 0;
}
