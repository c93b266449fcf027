/* SPDX-License-Identifier: MIT */
/*
 * Tasks wait for a number to change, with an event. It is changed, and the event signalled, in
 * signal handlers that interrupt the workers wherever they are, and by plain notifications; each
 * task sees each change. Between changes the tasks keep the workers' queues busy.
 */
#include "config.h"

#include <errno.h>

#include "pirn_event.h"
#include "pirn_pool.h"
#include "race.h"

#define WORKERS 2
#define TASKS 6

static struct pirn_event event;
static atomic_uint number, seen;
static atomic_bool over;
static atomic_uint named, arrived;
static pthread_t worker[WORKERS];

/* ---- who are the workers ------------------------------------------------------------------- */

static enum pirn_poll arrive_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	worker[atomic_fetch_add(&named, 1)] = pthread_self();
	atomic_fetch_add(&arrived, 1);
	race_await(&arrived, WORKERS);
	return PIRN_READY;
}

static const struct pirn_future_ops arrive_ops = { "arrive", __FILE__, sizeof(struct pirn_future),
						   arrive_poll, NULL };

/* ---- the tasks ----------------------------------------------------------------------------- */

struct watch {
	struct pirn_future future;
	unsigned last, naps;
	struct pirn_event_wait wait;
	struct pirn_yield nap;
};

PIRN_ASYNC(watch, f)
{
	PIRN_BEGIN(f);
	while (!atomic_load(&over)) {
		f->wait = pirn_event_wait(&event);
		if (atomic_load(&number) == f->last) {
			PIRN_AWAIT(f, &f->wait.future);
			continue;
		}
		f->last = atomic_load(&number);
		atomic_fetch_add(&seen, 1);
		for (f->naps = f->last % 8; f->naps > 0; f->naps--)
			PIRN_YIELD(f);
	}
	PIRN_END(f);
}

static void change(int signal)
{
	(void)signal;
	atomic_fetch_add(&number, 1);
	if (pirn_event_signal(&event) != 0)
		pirn_event_notify(&event, PIRN_EVENT_ALL);
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = WORKERS };
	struct pirn_task *task[TASKS], *first[WORKERS];
	struct race_random random;
	struct pirn_executor *pool;
	unsigned long rounds = race_begin(argc, argv, 3000);
	bool signals = pirn_event_signal(&event) == 0;

	random = race_stream(0);
	signal(SIGPROF, change); /* the one that workers have open */
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned i = 0; i < WORKERS; i++) {
		struct pirn_future f = { .ops = &arrive_ops };

		RACE_CHECK(pirn_spawn(pool, &first[i], &f) == 0, "spawn failed");
	}
	race_await(&arrived, WORKERS);
	for (unsigned i = 0; i < TASKS; i++) {
		struct watch w = { PIRN_INIT(watch) };

		RACE_CHECK(pirn_spawn(pool, &task[i], &w.future) == 0, "spawn failed");
	}
	for (unsigned long i = 0; i < rounds; i++) {
		unsigned who = race_below(&random, WORKERS + 1);

		atomic_store(&seen, 0);
		if (who < WORKERS && signals) {
			RACE_CHECK(pthread_kill(worker[who], SIGPROF) == 0, "no signal");
		} else {
			atomic_fetch_add(&number, 1);
			pirn_event_notify(&event, PIRN_EVENT_ALL);
		}
		race_await(&seen, TASKS);
		race_linger(&random);
	}
	atomic_store(&over, true);
	atomic_fetch_add(&number, 1);
	pirn_event_notify(&event, PIRN_EVENT_ALL);
	for (unsigned i = 0; i < TASKS; i++) {
		struct pirn_join join = pirn_join(task[i]);

		RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
		pirn_task_detach(task[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pirn_task_detach(first[i]);
	pirn_executor_free(pool);
	race_say("%lu rounds, %s", rounds, signals ? "with signals" : "without signals");
	return 0;
}
