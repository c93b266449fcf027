/* SPDX-License-Identifier: MIT */
/*
 * A pool is shut down while other threads wake its tasks, spawn into it, or are lent to it for a
 * moment. Drained, each task that came in has come to its end, and so has what it spawned;
 * cancelled, each has ended once, in one way or the other; and when nothing is left no thread is,
 * and no memory but the pool's own.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"
#include "race.h"

#define SLEEPERS 3
#define ENOUGH 300 /* tasks, from when on they come more slowly */

static struct pirn_executor *pool;
static struct pirn_waker *waker[SLEEPERS];
static atomic_uint ready, sent_away, made, ended, cancelled;
static atomic_uint children_refused;
static atomic_bool stop;
static bool draining; /* to the end */
static struct race_gate gate = { .n = 4 };
static unsigned long rounds;

/* ---- tasks --------------------------------------------------------------------------------- */

static int twice(int n)
{
	return 2 * n;
}

PIRN_UNBLOCK_FN(int, twice, int);

/* Yields, calls, spawns another one. */
struct guest {
	struct pirn_future future;
	unsigned depth;
	struct pirn_yield nap;
	struct twice_call call;
};

static void spawn_child(struct pirn_executor *ex, unsigned depth);

PIRN_ASYNC(guest, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	if (f->depth % 2 == 0) {
		f->call = twice_call(3);
		PIRN_AWAIT(f, &f->call.future);
		RACE_CHECK(!draining || f->call.future.err == 0, "call gave %d",
			   f->call.future.err);
	}
	if (f->depth > 0)
		spawn_child(cx->executor, f->depth - 1);
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	atomic_fetch_add(f->future.err == -ECANCELED ? &cancelled : &ended, 1);
	PIRN_END(f);
}

static void spawn_child(struct pirn_executor *ex, unsigned depth)
{
	struct guest child = { PIRN_INIT(guest), .depth = depth };
	int err = pirn_spawn(ex, NULL, &child.future);

	if (err == 0) {
		atomic_fetch_add(&made, 1);
		return;
	}
	RACE_CHECK(err == -ESHUTDOWN && !draining, "spawn in a poll gave %d", err);
	memset((void *)&child, 0, sizeof(child));
	atomic_fetch_add(&children_refused, 1);
}

struct sleeper {
	struct pirn_future future;
	unsigned n;
};

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

static void sleeper_drop(struct pirn_future *f)
{
	(void)f;
	atomic_fetch_add(&cancelled, 1);
}

static const struct pirn_future_ops sleeper_ops = {
	.name = "sleeper",
	.file = __FILE__,
	.size = sizeof(struct sleeper),
	.poll = sleeper_poll,
	.drop = sleeper_drop,
};

/* ---- threads ------------------------------------------------------------------------------- */

static void *wake(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		while (!draining && !atomic_load_explicit(&stop, memory_order_relaxed))
			pirn_waker_wake_by_ref(waker[race_below(&random, SLEEPERS)]);
		race_meet(&gate);
	}
	return NULL;
}

static void *spawn(void *arg)
{
	struct race_random random = race_stream(2);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		/* Goes on when it is refused, so that the shutdown sees it come and go. */
		while (!atomic_load(&stop)) {
			struct guest guest = { PIRN_INIT(guest), .depth = race_below(&random, 6) };
			int err = pirn_spawn(pool, NULL, &guest.future);

			RACE_CHECK(err == 0 || err == -ESHUTDOWN, "spawn gave %d", err);
			if (err == 0 && atomic_fetch_add(&made, 1) > ENOUGH)
				sched_yield();
		}
		race_meet(&gate);
	}
	return NULL;
}

static void *lend(void *arg)
{
	struct race_random random = race_stream(4);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		int err;

		race_meet(&gate);
		do {
			err = race_below(&random, 2) ? pirn_executor_run(pool, NULL)
						     : pirn_executor_try_tick(pool);
			race_linger(&random);
		} while (err >= 0);
		RACE_CHECK(err == -ESHUTDOWN, "a thread was lent and got %d", err);
		atomic_store(&sent_away, 1);
		race_meet(&gate);
	}
	return NULL;
}

static void note(void *arg, const struct pirn_left *left)
{
	*(unsigned long *)arg += left->place != NULL;
}

static uint64_t a_while(struct race_random *random, unsigned most)
{
	return race_below(random, 2) ? UINT64_MAX : race_below(random, most);
}

/* Ends the pool in steps of random length. Returns how often something was left. */
static unsigned long end_in_steps(struct race_random *random, unsigned long *listed)
{
	unsigned long late = 0;

	while ((draining || race_below(random, 3) > 0) &&
	       pirn_pool_shutdown(pool, PIRN_DRAIN,
				  draining ? a_while(random, 200000) : race_below(random, 200000)) >
		       0) {
		late++;
		pirn_pool_left(pool, note, listed);
	}
	while (pirn_pool_shutdown(pool, PIRN_CANCEL, a_while(random, 20000)) > 0) {
		late++;
		pirn_pool_left(pool, note, listed);
	}
	return late;
}

int main(int argc, char **argv)
{
	struct faulty host;
	struct pirn_pool_config config = {
		.threads = 2,
		.blocking_threads = 2,
		.platform = &host.platform,
	};
	unsigned long late = 0, listed = 0, tasks = 0;
	struct race_random random;
	pthread_t thread[3];

	rounds = race_begin(argc, argv, 200);
	random = race_stream(3);
	faulty_init(&host);
	thread[0] = race_thread(wake, NULL);
	thread[1] = race_thread(spawn, NULL);
	thread[2] = race_thread(lend, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		draining = race_below(&random, 2);
		atomic_store(&ready, 0);
		atomic_store(&sent_away, 0);
		atomic_store(&made, 0);
		atomic_store(&ended, 0);
		atomic_store(&cancelled, 0);
		atomic_store(&stop, false);
		RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
		for (unsigned n = 0; n < SLEEPERS && !draining; n++) {
			struct sleeper s = { .future = { .ops = &sleeper_ops }, .n = n };

			RACE_CHECK(pirn_spawn(pool, NULL, &s.future) == 0, "no task");
			atomic_fetch_add(&made, 1);
		}
		race_await(&ready, draining ? 0 : SLEEPERS);
		race_meet(&gate);
		for (unsigned n = race_below(&random, 16); n > 0; n--)
			race_linger(&random);
		late += end_in_steps(&random, &listed);
		RACE_CHECK(atomic_load(&host.running) == 0, "nothing is left, but a thread");
		atomic_store(&stop, true);
		race_await(&sent_away, 1);
		race_meet(&gate);
		RACE_CHECK(pirn_executor_free(pool) == 0, "it is still busy");
		for (int k = 0; k < SLEEPERS && !draining; k++)
			pirn_waker_drop(waker[k]);
		RACE_CHECK(atomic_load(&made) == atomic_load(&ended) + atomic_load(&cancelled),
			   "%u made, %u ended, %u cancelled", atomic_load(&made),
			   atomic_load(&ended), atomic_load(&cancelled));
		RACE_CHECK(!draining || atomic_load(&cancelled) == 0, "%u cancelled by a drain",
			   atomic_load(&cancelled));
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left",
			   faulty_left(&host));
		tasks += atomic_load(&made);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	race_say("%lu tasks; %lu times something was left, %lu of it listed; %u children refused",
		 tasks, late, listed, atomic_load(&children_refused));
	return 0;
}
