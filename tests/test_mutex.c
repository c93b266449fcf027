/* SPDX-License-Identifier: MIT */
/* Mutexes and conditions: who holds, who waits, and what is left by those that are dropped. */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "locks.h"
#include "pirn_pool.h"

static void lock(struct hand *h, struct pirn_mutex *m)
{
	*h = (struct hand){ .lock = pirn_mutex_lock(m) };
}

/* Nobody holds it. */
static void end(struct pirn_mutex *m)
{
	struct pirn_mutex_lock guard;

	cr_expect_eq(pirn_mutex_try_lock(m, &guard), 0);
	pirn_mutex_unlock(&guard);
}

/* ---- mutexes ------------------------------------------------------------------------------- */

Test(mutex, is_held_by_one_at_a_time)
{
	struct pirn_mutex m = { 0 };
	struct hand h[3];

	for (int i = 0; i < 3; i++) {
		lock(&h[i], &m);
		cr_expect_eq(poll(&h[i]), i == 0 ? PIRN_READY : PIRN_PENDING);
	}
	for (int i = 0; i < 3; i++) {
		if (i > 0) {
			cr_expect_eq(wakes(&h[i]), 1);
			cr_expect_eq(poll(&h[i]), PIRN_READY);
		}
		for (int k = i + 1; k < 3; k++)
			cr_expect_eq(poll(&h[k]), PIRN_PENDING);
		pirn_mutex_unlock(&h[i].lock);
		drop(&h[i]); /* twice is fine */
	}
	end(&m);
}

Test(mutex, is_handed_to_the_first_in_line)
{
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock guard, none;
	struct hand h;

	cr_expect_eq(pirn_mutex_try_lock(&m, &guard), 0);
	lock(&h, &m);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_mutex_unlock(&guard);
	cr_expect_eq(pirn_mutex_try_lock(&m, &none), -EAGAIN, "it is taken");
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
	end(&m);
}

Test(mutex, is_handed_on_by_one_that_does_not_come_to_use_it)
{
	struct pirn_mutex m = { 0 };
	struct hand h[3];

	for (int i = 0; i < 3; i++) {
		lock(&h[i], &m);
		poll(&h[i]);
	}
	drop(&h[0]);
	cr_expect_eq(wakes(&h[1]), 1);
	drop(&h[1]);
	cr_expect_eq(wakes(&h[2]), 1);
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	drop(&h[2]);
	end(&m);
}

Test(mutex, loses_nothing_when_one_in_line_is_dropped)
{
	struct pirn_mutex m = { 0 };
	struct hand h[3];

	for (int i = 0; i < 3; i++) {
		lock(&h[i], &m);
		poll(&h[i]);
	}
	drop(&h[1]);
	cr_expect_eq(wakes(&h[2]), 0);
	drop(&h[0]);
	cr_expect_eq(wakes(&h[2]), 1);
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	drop(&h[2]);
	end(&m);
}

Test(mutex, is_not_touched_by_a_try_that_fails)
{
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock guard, none = { 0 };

	cr_expect_eq(pirn_mutex_try_lock(&m, &guard), 0);
	cr_expect_eq(pirn_mutex_try_lock(&m, &none), -EAGAIN);
	pirn_drop(&none.future); /* was not written */
	cr_expect_eq(pirn_mutex_try_lock(&m, &none), -EAGAIN);
	pirn_mutex_unlock(&guard);
	end(&m);
}

Test(mutex, guard_knows_whether_it_holds_it)
{
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock never = { 0 }, guard;
	struct hand h;

	cr_expect_not(pirn_mutex_holds(&never));
	cr_expect_eq(pirn_mutex_try_lock(&m, &guard), 0);
	cr_expect(pirn_mutex_holds(&guard));
	lock(&h, &m);
	cr_expect_not(pirn_mutex_holds(&h.lock), "not polled");
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_not(pirn_mutex_holds(&h.lock), "in line");
	pirn_mutex_unlock(&guard);
	cr_expect_not(pirn_mutex_holds(&guard), "unlocked");
	cr_expect_not(pirn_mutex_holds(&h.lock), "handed to it, but it does not know");
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect(pirn_mutex_holds(&h.lock));
	drop(&h);
	cr_expect_not(pirn_mutex_holds(&h.lock), "dropped");
	end(&m);
}

Test(mutex, guard_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_mutex_lock), sizeof(void *) == 8 ? 64 : 36);
}

/* ---- tasks and plain threads on one mutex -------------------------------------------------- */

#define TASKS 4
#define THREADS 2
#define ROUNDS 200

static struct pirn_mutex shared;
static long sum; /* under it */

/* Holds it across an await. */
struct adder {
	struct pirn_future future;
	int rounds;
	long before;
	struct pirn_mutex_lock lock;
};

PIRN_ASYNC(adder, f)
{
	PIRN_BEGIN(f);
	for (f->rounds = 0; f->rounds < ROUNDS; f->rounds++) {
		f->lock = pirn_mutex_lock(&shared);
		PIRN_AWAIT(f, &f->lock.future);
		f->before = sum;
		PIRN_YIELD(f);
		sum = f->before + 1;
		pirn_mutex_unlock(&f->lock);
	}
	PIRN_FINALLY(f);
	pirn_mutex_unlock(&f->lock);
	PIRN_END(f);
}

static void *add(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct pirn_mutex_lock guard = pirn_mutex_lock(&shared);
		long before;

		cr_assert_eq(pirn_block_on(&guard.future), 0);
		before = sum;
		sched_yield();
		sum = before + 1;
		pirn_mutex_unlock(&guard);
	}
	return NULL;
}

Test(mutex, is_for_tasks_and_plain_threads)
{
	struct pirn_task *task[TASKS];
	struct pirn_executor *pool;
	pthread_t thread[THREADS];

	cr_assert_eq(pirn_pool_default(&pool), 0);
	for (int i = 0; i < TASKS; i++) {
		struct adder a = { PIRN_INIT(adder), .rounds = 0 };

		cr_assert_eq(pirn_spawn(pool, &task[i], &a.future), 0);
	}
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, add, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < TASKS; i++) {
		struct pirn_join join = pirn_join(task[i]);

		cr_assert_eq(pirn_block_on(&join.future), 0);
		pirn_task_detach(task[i]);
	}
	cr_expect_eq(sum, (TASKS + THREADS) * ROUNDS);
	end(&shared);
	cr_expect_eq(pirn_executor_free(pool), 0);
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* A guard and a wait with it. */
struct waiting {
	struct hand guard, wait;
};

static void start_waiting(struct waiting *w, struct pirn_condition *c, struct pirn_mutex *m)
{
	lock(&w->guard, m);
	cr_assert_eq(poll(&w->guard), PIRN_READY);
	w->wait = (struct hand){ .wait = pirn_condition_wait(c, &w->guard.lock) };
	cr_assert_eq(poll(&w->wait), PIRN_PENDING);
}

/* The guard may be in line with the waker of the wait. */
static void stop_waiting(struct waiting *w)
{
	pirn_drop(&w->wait.future);
	drop(&w->guard);
	drop(&w->wait);
}

Test(condition, unlocks_while_it_waits_and_locks_again)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock none;
	struct waiting w;

	start_waiting(&w, &c, &m);
	end(&m);
	pirn_condition_notify(&c, 1);
	cr_expect_eq(wakes(&w.wait), 1);
	cr_expect_eq(poll(&w.wait), PIRN_READY);
	cr_expect_eq(w.wait.future.err, 0);
	cr_expect_eq(pirn_mutex_try_lock(&m, &none), -EAGAIN);
	stop_waiting(&w);
	end(&m);
}

Test(condition, stands_in_line_for_the_mutex_when_it_was_notified)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock guard;
	struct waiting w;

	start_waiting(&w, &c, &m);
	cr_expect_eq(pirn_mutex_try_lock(&m, &guard), 0);
	pirn_condition_notify(&c, 1);
	cr_expect_eq(poll(&w.wait), PIRN_PENDING);
	pirn_mutex_unlock(&guard);
	cr_expect_eq(wakes(&w.wait), 2);
	cr_expect_eq(poll(&w.wait), PIRN_READY);
	stop_waiting(&w);
	end(&m);
}

Test(condition, notifies_one_or_some_or_all)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct waiting w[6];

	for (int i = 0; i < 6; i++)
		start_waiting(&w[i], &c, &m);
	pirn_condition_notify(&c, 1);
	pirn_condition_notify(&c, 2);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(wakes(&w[i].wait), i < 3);
	pirn_condition_notify(&c, PIRN_EVENT_ALL);
	for (int i = 0; i < 6; i++) {
		cr_expect_eq(poll(&w[i].wait), PIRN_READY);
		stop_waiting(&w[i]);
	}
	end(&m);
}

Test(condition, unlocks_only_when_it_stands_in_line)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock none;
	struct pirn_context cx;
	struct waiting w;

	lock(&w.guard, &m);
	cr_expect_eq(poll(&w.guard), PIRN_READY);
	w.wait = (struct hand){ .wait = pirn_condition_wait(&c, &w.guard.lock) };
	pirn_context_init(&cx, &w.guard.bell.waker, NULL);
	cx.budget = 0; /* so it comes into line only at its second poll */
	cr_expect_eq(pirn_poll(&w.wait.future, &cx), PIRN_PENDING);
	cr_expect_eq(pirn_mutex_try_lock(&m, &none), -EAGAIN);
	cr_expect_eq(poll(&w.wait), PIRN_PENDING);
	end(&m);
	pirn_condition_notify(&c, 1);
	cr_expect_eq(poll(&w.wait), PIRN_READY);
	stop_waiting(&w);
	end(&m);
}

Test(condition, is_not_missed_when_it_comes_before_the_first_poll)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct waiting w;

	lock(&w.guard, &m);
	cr_expect_eq(poll(&w.guard), PIRN_READY);
	w.wait = (struct hand){ .wait = pirn_condition_wait(&c, &w.guard.lock) };
	pirn_condition_notify(&c, 1);
	cr_expect_eq(poll(&w.wait), PIRN_READY);
	stop_waiting(&w);
	end(&m);
}

Test(condition, wait_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_condition_wait), sizeof(void *) == 8 ? 64 : 36);
}

Test(condition, wait_that_was_notified_and_is_dropped_hands_that_on)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct waiting w[3];

	for (int i = 0; i < 3; i++)
		start_waiting(&w[i], &c, &m);
	pirn_condition_notify(&c, 1);
	stop_waiting(&w[0]);
	cr_expect_eq(wakes(&w[1].wait), 1);
	cr_expect_eq(wakes(&w[2].wait), 0);
	stop_waiting(&w[2]); /* was not notified, and has nothing to hand on */
	cr_expect_eq(poll(&w[1].wait), PIRN_READY);
	stop_waiting(&w[1]);
	end(&m);
}

Test(condition, wait_that_is_dropped_while_it_locks_again_hands_that_on)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct pirn_mutex_lock guard;
	struct waiting w[2];

	for (int i = 0; i < 2; i++)
		start_waiting(&w[i], &c, &m);
	cr_expect_eq(pirn_mutex_try_lock(&m, &guard), 0);
	pirn_condition_notify(&c, 1);
	cr_expect_eq(poll(&w[0].wait), PIRN_PENDING);
	pirn_drop(&w[0].wait.future);
	cr_expect_eq(wakes(&w[1].wait), 1);
	pirn_mutex_unlock(&guard); /* to the guard that is still in line */
	stop_waiting(&w[0]);
	cr_expect_eq(poll(&w[1].wait), PIRN_READY);
	stop_waiting(&w[1]);
	end(&m);
}

Test(condition, wait_that_is_dropped_leaves_a_guard_to_drop)
{
	struct pirn_condition c = { 0 };
	struct pirn_mutex m = { 0 };
	struct waiting w;

	lock(&w.guard, &m); /* made, not polled */
	cr_expect_eq(poll(&w.guard), PIRN_READY);
	w.wait = (struct hand){ .wait = pirn_condition_wait(&c, &w.guard.lock) };
	stop_waiting(&w);
	end(&m);
	start_waiting(&w, &c, &m); /* waiting */
	stop_waiting(&w);
	end(&m);
	start_waiting(&w, &c, &m); /* ended */
	pirn_condition_notify(&c, 1);
	cr_expect_eq(poll(&w.wait), PIRN_READY);
	stop_waiting(&w);
	end(&m);
}

static struct pirn_condition changed;
static struct pirn_mutex guarding;
static int thing;

static void *bring(void *arg)
{
	struct pirn_mutex_lock guard = pirn_mutex_lock(&guarding);

	(void)arg;
	cr_assert_eq(pirn_block_on(&guard.future), 0);
	thing = 1;
	pirn_mutex_unlock(&guard);
	pirn_condition_notify(&changed, 1);
	return NULL;
}

Test(condition, lets_a_plain_thread_wait)
{
	for (int i = 0; i < 100; i++) {
		struct pirn_mutex_lock guard = pirn_mutex_lock(&guarding);
		pthread_t thread;

		thing = 0;
		cr_assert_eq(pthread_create(&thread, NULL, bring, NULL), 0);
		cr_assert_eq(pirn_block_on(&guard.future), 0);
		while (!thing) {
			struct pirn_condition_wait wait = pirn_condition_wait(&changed, &guard);

			cr_assert_eq(pirn_block_on(&wait.future), 0);
		}
		pirn_mutex_unlock(&guard);
		pthread_join(thread, NULL);
	}
}
