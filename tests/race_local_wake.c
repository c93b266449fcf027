/* SPDX-License-Identifier: MIT */
/*
 * The tasks of a local executor are woken by other threads while the owner wakes, polls, ends and
 * cancels them, and frees the executor: no wake is lost, and the last reference frees the block,
 * whoever has it.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_local.h"
#include "race.h"

#define WAKERS 2
#define TASKS 4

/* Ends when every thread has said, before its last wake, that it is done. */
struct target {
	struct pirn_future future;
	struct race_random random;
	int n;
	bool endless; /* for the executor's end */
};

struct slot {
	struct pirn_waker *waker[WAKERS];
	atomic_bool done[WAKERS]; /* relaxed: the wake publishes it */
};

static struct slot slot[TASKS];
static struct race_gate gate = { .n = WAKERS + 1 };
static unsigned long rounds;
static atomic_uint dropped;

static enum pirn_poll target_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct target *t = (struct target *)(void *)f;
	struct slot *s = &slot[t->n];

	if (f->at == 0) {
		f->at = 1;
		for (int i = 0; i < WAKERS; i++)
			s->waker[i] = pirn_waker_clone(cx->waker);
		return PIRN_PENDING;
	}
	race_linger(&t->random);
	if (race_below(&t->random, 4) == 0)
		pirn_waker_wake_by_ref(cx->waker);
	for (int i = 0; i < WAKERS; i++)
		if (!atomic_load_explicit(&s->done[i], memory_order_relaxed))
			return PIRN_PENDING;
	if (t->endless)
		return PIRN_PENDING;
	return PIRN_READY;
}

static void target_drop(struct pirn_future *f)
{
	(void)f;
	atomic_fetch_add(&dropped, 1);
}

static const struct pirn_future_ops target_ops = {
	.name = "target",
	.file = __FILE__,
	.size = sizeof(struct target),
	.poll = target_poll,
	.drop = target_drop,
};

static void *wake(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(10 + me);

	for (unsigned long r = 0; r < rounds; r++) {
		race_meet(&gate); /* the wakers are there */
		for (unsigned k = 0; k < 12; k++) {
			struct slot *s = &slot[race_below(&random, TASKS)];
			struct pirn_waker *clone = pirn_waker_clone(s->waker[me]);

			race_linger(&random);
			if (race_below(&random, 2))
				pirn_waker_wake(clone);
			else
				pirn_waker_drop(clone);
		}
		for (unsigned k = 0; k < TASKS; k++) {
			atomic_store_explicit(&slot[k].done[me], true, memory_order_relaxed);
			pirn_waker_wake(slot[k].waker[me]);
			race_linger(&random);
		}
		race_meet(&gate); /* all is over */
	}
	return NULL;
}

static void spawn(struct pirn_executor *ex, struct pirn_task **task, int n, unsigned long r,
		  bool endless)
{
	struct target t = { .future = { .ops = &target_ops }, .n = n, .endless = endless };

	t.random = race_stream(1000 + r * TASKS + (unsigned long)n);
	for (int i = 0; i < WAKERS; i++)
		atomic_store(&slot[n].done[i], false);
	RACE_CHECK(pirn_spawn_on(ex, task, &t.future, "race") == 0, "no task");
}

int main(int argc, char **argv)
{
	struct faulty host;
	struct pirn_local_config config = { .platform = &host.platform };
	struct race_random random;
	pthread_t thread[WAKERS];
	unsigned long freed = 0, joined = 0, aborted = 0;

	rounds = race_begin(argc, argv, 5000);
	random = race_stream(1);
	faulty_init(&host);
	for (int i = 0; i < WAKERS; i++)
		thread[i] = race_thread(wake, (void *)(uintptr_t)i);
	for (unsigned long r = 0; r < rounds; r++) {
		unsigned how = race_below(&random, 3);
		struct pirn_task *task[TASKS];
		struct pirn_executor *ex;

		atomic_store(&dropped, 0);
		RACE_CHECK(pirn_local_new(&ex, &config) == 0, "no executor");
		for (int n = 0; n < TASKS; n++)
			spawn(ex, &task[n], n, r, how != 0);
		RACE_CHECK(pirn_executor_run(ex, NULL) == 0, "run");
		race_meet(&gate);
		if (how == 0) { /* they end by themselves: a lost wake hangs here */
			for (int n = 0; n < TASKS; n++) {
				struct pirn_join join = pirn_join(task[n]);

				RACE_CHECK(pirn_executor_run(ex, &join.future) == 0, "join");
				pirn_task_detach(task[n]);
				joined++;
			}
		} else if (how == 1) { /* they are aborted under the wakes */
			for (int n = 0; n < TASKS; n++) {
				pirn_executor_try_tick(ex);
				race_linger(&random);
				pirn_task_abort(task[n]);
				aborted++;
			}
			pirn_executor_run(ex, NULL);
		} else { /* the executor goes away under them */
			for (int n = 0; n < TASKS; n++)
				pirn_task_detach(task[n]);
			for (unsigned k = race_below(&random, 4); k > 0; k--)
				pirn_executor_try_tick(ex);
			freed++;
		}
		if (race_below(&random, 2)) {
			pirn_executor_free(ex);
			race_meet(&gate);
		} else {
			race_meet(&gate);
			pirn_executor_free(ex);
		}
		RACE_CHECK(atomic_load(&dropped) == TASKS, "%u dropped", atomic_load(&dropped));
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks left", faulty_left(&host));
	}
	for (int i = 0; i < WAKERS; i++)
		pthread_join(thread[i], NULL);
	race_say("%lu tasks joined, %lu aborted, %lu executors freed under wakes", joined, aborted,
		 freed);
	return 0;
}
