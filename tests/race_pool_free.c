/* SPDX-License-Identifier: MIT */
/*
 * A pool is freed while other threads wake its tasks and spawn into it. A wake needs no leave:
 * the pool must stand until the last push is over. A spawn either gets its task in, and then that
 * task is dropped once, or finds the pool closing and keeps its source. (Who spawns must know
 * that the pool is there at all: a task that is being polled holds it until the spawner has been
 * refused.)
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

#define SLEEPERS 4

struct sleeper {
	struct pirn_future future;
	unsigned n;
};

struct holder {
	struct pirn_future future;
};

static struct pirn_executor *pool;
static struct pirn_waker *waker[SLEEPERS];
static atomic_uint ready, holding, refused;
static atomic_uint dropped; /* sleepers and guests */
static atomic_bool stop;
static struct race_gate gate = { .n = 3 };
static unsigned long rounds;
static unsigned long spawned, turned_away; /* by the spawner */
static unsigned long wakes;                /* by the waking thread */

static enum pirn_poll sleeper_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct sleeper *s = (struct sleeper *)(void *)f;

	if (f->at == 0) {
		f->at = 1;
		waker[s->n] = pirn_waker_clone(cx->waker);
		atomic_fetch_add(&ready, 1);
	}
	return PIRN_PENDING;
}

static void count_drop(struct pirn_future *f)
{
	(void)f;
	atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

static const struct pirn_future_ops sleeper_ops = {
	.name = "sleeper",
	.file = __FILE__,
	.size = sizeof(struct sleeper),
	.poll = sleeper_poll,
	.drop = count_drop,
};

static enum pirn_poll holder_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	atomic_store(&holding, 1);
	race_await(&refused, 1);
	return PIRN_READY;
}

static const struct pirn_future_ops holder_ops = {
	.name = "holder",
	.file = __FILE__,
	.size = sizeof(struct holder),
	.poll = holder_poll,
};

static enum pirn_poll guest_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	return PIRN_PENDING;
}

static const struct pirn_future_ops guest_ops = {
	.name = "guest",
	.file = __FILE__,
	.size = sizeof(struct sleeper),
	.poll = guest_poll,
	.drop = count_drop,
};

static void *wake(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
			pirn_waker_wake_by_ref(waker[race_below(&random, SLEEPERS)]);
			wakes++;
		}
		for (int k = 0; k < SLEEPERS; k++)
			pirn_waker_drop(waker[k]);
		race_meet(&gate);
	}
	return NULL;
}

static void *spawn(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		for (int err = 0; !err;) {
			struct sleeper guest = { .future = { .ops = &guest_ops }, .n = 77 };

			err = pirn_spawn(pool, NULL, &guest.future);
			if (err == 0) {
				RACE_CHECK(!guest.future.ops && guest.n == 0, "source not empty");
				spawned++;
				sched_yield();
				continue;
			}
			RACE_CHECK(err == -ESHUTDOWN, "spawn gave %d", err);
			RACE_CHECK(guest.future.ops == &guest_ops && guest.n == 77, "source gone");
			turned_away++;
		}
		atomic_store(&refused, 1);
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	struct race_random random;
	pthread_t thread[2];
	unsigned sleepers;

	rounds = race_begin(argc, argv, 200);
	random = race_stream(3);
	faulty_init(&host);
	thread[0] = race_thread(wake, NULL);
	thread[1] = race_thread(spawn, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		struct holder holder = { { .ops = &holder_ops } };

		atomic_store(&ready, 0);
		atomic_store(&holding, 0);
		atomic_store(&refused, 0);
		atomic_store(&stop, false);
		RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
		for (unsigned n = 0; n < SLEEPERS; n++) {
			struct sleeper s = { .future = { .ops = &sleeper_ops }, .n = n };

			RACE_CHECK(pirn_spawn(pool, NULL, &s.future) == 0, "no task");
		}
		race_await(&ready, SLEEPERS);
		RACE_CHECK(pirn_spawn(pool, NULL, &holder.future) == 0, "no task");
		race_await(&holding, 1);
		race_meet(&gate);
		for (unsigned n = race_below(&random, 16); n > 0; n--)
			race_linger(&random);
		pirn_executor_free(pool);
		atomic_store(&stop, true);
		race_meet(&gate);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left",
			   faulty_left(&host));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	sleepers = (unsigned)(rounds * SLEEPERS);
	RACE_CHECK(atomic_load(&dropped) == sleepers + spawned, "%u dropped, %u + %lu made",
		   atomic_load(&dropped), sleepers, spawned);
	race_say("%lu wakes, %lu spawns came in, %lu were refused", wakes, spawned, turned_away);
	return 0;
}
