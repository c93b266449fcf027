/* SPDX-License-Identifier: MIT */
/*
 * A waker is good at any time: while the task ends, when it has ended, when its handle and its
 * pool are gone. Threads wake, clone and drop wakers of a task that is about to end; the block
 * must stay until the last of them, and be freed by it.
 */
#include "config.h"

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

#define WAKERS 2

struct fleeting {
	struct pirn_future future;
	struct race_random random;
};

static struct pirn_waker *waker[WAKERS];
static atomic_uint ready;
static atomic_bool ended;
static struct race_gate gate = { .n = WAKERS + 1 };
static unsigned long rounds;
static atomic_ulong before, behind;

static enum pirn_poll fleeting_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct fleeting *me = (struct fleeting *)(void *)f;

	if (f->at == 0) {
		f->at = 1;
		for (int i = 0; i < WAKERS; i++)
			waker[i] = pirn_waker_clone(cx->waker);
		atomic_store_explicit(&ready, 1, memory_order_release);
		race_linger(&me->random);
		return race_below(&me->random, 2) ? PIRN_PENDING : PIRN_READY;
	}
	race_linger(&me->random);
	return PIRN_READY;
}

static void fleeting_drop(struct pirn_future *f)
{
	(void)f;
	atomic_store_explicit(&ended, true, memory_order_relaxed);
}

static const struct pirn_future_ops fleeting_ops = {
	.name = "fleeting",
	.file = __FILE__,
	.size = sizeof(struct fleeting),
	.poll = fleeting_poll,
	.drop = fleeting_drop,
};

static void *wake(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(10 + me);

	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		for (unsigned k = 0; k < 4; k++) {
			struct pirn_waker *clone = pirn_waker_clone(waker[me]);

			if (atomic_load_explicit(&ended, memory_order_relaxed))
				atomic_fetch_add_explicit(&behind, 1, memory_order_relaxed);
			else
				atomic_fetch_add_explicit(&before, 1, memory_order_relaxed);
			pirn_waker_wake(clone);
			race_linger(&random);
		}
		/* Every other one outlives the pool. */
		if (race_below(&random, 2)) {
			pirn_waker_wake(waker[me]);
			waker[me] = NULL;
		}
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	pthread_t thread[WAKERS];
	unsigned long outlived = 0;

	rounds = race_begin(argc, argv, 400);
	faulty_init(&host);
	for (int i = 0; i < WAKERS; i++)
		thread[i] = race_thread(wake, (void *)(uintptr_t)i);
	for (unsigned long i = 0; i < rounds; i++) {
		struct fleeting f = { .future = { .ops = &fleeting_ops } };
		struct pirn_executor *pool;

		f.random = race_stream(100 + i);
		atomic_store(&ready, 0);
		atomic_store(&ended, false);
		RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
		RACE_CHECK(pirn_spawn(pool, NULL, &f.future) == 0, "no task");
		race_await(&ready, 1);
		race_meet(&gate);
		if (i % 2)
			pirn_executor_free(pool);
		race_meet(&gate);
		if (i % 2 == 0)
			pirn_executor_free(pool);
		for (int k = 0; k < WAKERS; k++) {
			if (!waker[k])
				continue;
			outlived++;
			pirn_waker_wake_by_ref(waker[k]);
			pirn_waker_wake(waker[k]);
		}
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left",
			   faulty_left(&host));
	}
	for (int i = 0; i < WAKERS; i++)
		pthread_join(thread[i], NULL);
	race_say("%lu wakes before the end, %lu behind it, %lu wakers outlived the pool",
		 atomic_load(&before), atomic_load(&behind), outlived);
	return 0;
}
