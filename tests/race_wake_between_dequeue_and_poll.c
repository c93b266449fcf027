/* SPDX-License-Identifier: MIT */
/*
 * Wakes that fall between the dequeue and the first instruction of the poll. Two threads add to a
 * counter and wake, without a pause, so that wakes fall everywhere; whatever is added before a
 * wake must be seen by a poll. In the end the task has counted everything, or it sleeps for ever.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

#define WAKERS 2
#define BURST 8 /* wakes of each thread for one task */

struct round {
	atomic_uint added; /* relaxed: pirn makes it visible, or a task waits in vain */
	struct pirn_waker *waker[WAKERS];
	atomic_uint ready;
	unsigned polls, in_vain;
};

struct counter {
	struct pirn_future future;
	struct round *round;
	struct race_random random;
	unsigned seen;
};

static struct round now;
static struct race_gate gate = { .n = WAKERS + 1 };
static unsigned long rounds;

static enum pirn_poll counter_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct counter *c = (struct counter *)(void *)f;
	struct round *r = c->round;
	unsigned added;

	race_linger(&c->random); /* a wake that falls here gives another poll, which is in vain */
	added = atomic_load_explicit(&r->added, memory_order_relaxed);
	r->polls++;
	if (f->at == 0) {
		f->at = 1;
		for (int i = 0; i < WAKERS; i++)
			r->waker[i] = pirn_waker_clone(cx->waker);
		atomic_store_explicit(&r->ready, 1, memory_order_release);
	} else if (added == c->seen) {
		r->in_vain++; /* the poll before had seen it: the wake fell behind the dequeue */
	}
	c->seen = added;
	return added == WAKERS * BURST ? PIRN_READY : PIRN_PENDING;
}

static const struct pirn_future_ops counter_ops = {
	.name = "counter",
	.file = __FILE__,
	.size = sizeof(struct counter),
	.poll = counter_poll,
};

static void *wake(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(me);

	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		for (unsigned k = 0; k < BURST; k++) {
			atomic_fetch_add_explicit(&now.added, 1, memory_order_relaxed);
			pirn_waker_wake_by_ref(now.waker[me]);
			if (race_below(&random, 4) == 0)
				race_linger(&random);
		}
		pirn_waker_drop(now.waker[me]);
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	struct pirn_executor *pool;
	pthread_t thread[WAKERS];
	unsigned long polls = 0, in_vain = 0;

	rounds = race_begin(argc, argv, 1500);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (int i = 0; i < WAKERS; i++)
		thread[i] = race_thread(wake, (void *)(uintptr_t)i);
	for (unsigned long i = 0; i < rounds; i++) {
		struct counter counter = { .future = { .ops = &counter_ops }, .round = &now };
		struct pirn_join join;
		struct pirn_task *task;

		counter.random = race_stream(100 + i);
		atomic_store(&now.added, 0);
		atomic_store(&now.ready, 0);
		RACE_CHECK(pirn_spawn(pool, &task, &counter.future) == 0, "no task");
		race_await(&now.ready, 1);
		race_meet(&gate);
		join = pirn_join(task);
		RACE_CHECK(pirn_block_on(&join.future) == 0, "ended with %d", join.future.err);
		polls += now.polls;
		in_vain += now.in_vain;
		now.polls = now.in_vain = 0;
		race_meet(&gate);
		pirn_task_detach(task);
	}
	for (int i = 0; i < WAKERS; i++)
		pthread_join(thread[i], NULL);
	pirn_executor_free(pool);
	race_say("%lu wakes gave %lu polls, %lu of them found nothing new", rounds * WAKERS * BURST,
		 polls, in_vain);
	return 0;
}
