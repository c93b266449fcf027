/* SPDX-License-Identifier: MIT */
/*
 * Makers and takers with a small room between them, guarded by a mutex, and a condition for each
 * side; each change notifies one. Others wait at the same conditions and are dropped, some of them
 * when they were notified: that must reach one who goes on, or a maker and a taker wait for each
 * other.
 */
#include "config.h"

#include "pirn_mutex.h"
#include "pirn_pool.h"
#include "race.h"

#define SIDE 3 /* tasks on each side; and a thread */
#define ROOM 2

static struct pirn_mutex mutex;
static struct pirn_condition not_full, not_empty;
static unsigned things; /* under the mutex */
static unsigned long each;

static atomic_bool over;
static atomic_ulong dropped, notified, ended;

/* ---- tasks --------------------------------------------------------------------------------- */

struct worker {
	struct pirn_future future;
	bool makes;
	unsigned long n;
	struct pirn_mutex_lock lock;
	struct pirn_condition_wait wait;
};

PIRN_ASYNC(worker, f)
{
	PIRN_BEGIN(f);
	for (f->n = 0; f->n < each; f->n++) {
		f->lock = pirn_mutex_lock(&mutex);
		PIRN_AWAIT(f, &f->lock.future);
		while (things == (f->makes ? ROOM : 0)) {
			f->wait = pirn_condition_wait(f->makes ? &not_full : &not_empty, &f->lock);
			PIRN_AWAIT(f, &f->wait.future);
		}
		things += f->makes ? 1 : -1u;
		if (f->n % 2)
			pirn_condition_notify(f->makes ? &not_empty : &not_full, 1);
		pirn_mutex_unlock(&f->lock);
		if (f->n % 2 == 0)
			pirn_condition_notify(f->makes ? &not_empty : &not_full, 1);
	}
	PIRN_FINALLY(f);
	pirn_mutex_unlock(&f->lock);
	PIRN_END(f);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	RACE_CHECK(pirn_block_on(arg) == 0, "no memory");
	return NULL;
}

/* Waits for a moment, then no longer. */
static void *look_in(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	while (!atomic_load(&over)) {
		struct pirn_condition *c = race_below(&random, 2) ? &not_full : &not_empty;
		struct pirn_mutex_lock lock = pirn_mutex_lock(&mutex);
		struct pirn_condition_wait wait;
		enum pirn_poll poll;
		struct bell bell;

		bell_init(&bell);
		RACE_CHECK(pirn_block_on(&lock.future) == 0, "no memory");
		wait = pirn_condition_wait(c, &lock);
		poll = bell_poll(&wait.future, &bell);
		for (unsigned n = race_below(&random, 8); n > 0; n--)
			race_linger(&random);
		if (poll == PIRN_PENDING && race_below(&random, 2))
			poll = bell_poll(&wait.future, &bell);
		if (poll == PIRN_READY) {
			/* It has taken a notification that was for others. */
			pirn_condition_notify(c, 1);
			atomic_fetch_add(&ended, 1);
		} else {
			atomic_fetch_add(&dropped, 1);
			atomic_fetch_add(&notified, atomic_load(&bell.wakes) > 0);
		}
		pirn_drop(&wait.future);
		pirn_mutex_unlock(&lock);
		bell_await_free(&bell);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	struct worker mine[2] = { { PIRN_INIT(worker), .makes = true }, { PIRN_INIT(worker) } };
	struct pirn_task *task[2 * SIDE];
	struct pirn_executor *pool;
	pthread_t thread[3];

	each = race_begin(argc, argv, 20000);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned i = 0; i < 2 * SIDE; i++) {
		struct worker w = { PIRN_INIT(worker), .makes = i % 2 };

		RACE_CHECK(pirn_spawn(pool, &task[i], &w.future) == 0, "spawn failed");
	}
	thread[0] = race_thread(run, &mine[0]);
	thread[1] = race_thread(run, &mine[1]);
	thread[2] = race_thread(look_in, NULL);
	for (unsigned i = 0; i < 2 * SIDE; i++) {
		struct pirn_join join = pirn_join(task[i]);

		RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
		pirn_task_detach(task[i]);
	}
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	atomic_store(&over, true);
	pthread_join(thread[2], NULL);
	pirn_executor_free(pool);
	RACE_CHECK(things == 0, "%u things are left", things);
	race_say("%lu made and taken; %lu waits dropped, %lu of them notified, %lu ended",
		 (SIDE + 1) * each, atomic_load(&dropped), atomic_load(&notified),
		 atomic_load(&ended));
	return 0;
}
