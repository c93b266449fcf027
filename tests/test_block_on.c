/* SPDX-License-Identifier: MIT */
/* Waiting for a future on a plain thread, and being woken from another. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "pirn_pool.h"

Test(block_on, of_a_ready_future_returns_its_err)
{
	struct pirn_ready good = pirn_ready(0), bad = pirn_ready(-EIO);

	cr_assert_eq(pirn_block_on(&good.future), 0);
	cr_assert_eq(pirn_block_on(&bad.future), -EIO);
}

static enum pirn_poll naps(void *arg, struct pirn_context *cx, int *err)
{
	int *n = arg;

	(void)err;
	if (--*n < 0)
		return PIRN_READY;
	pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

Test(block_on, polls_again_when_a_future_wakes_itself)
{
	int n = 1000;
	struct pirn_poll_fn f = pirn_poll_fn(naps, &n);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_assert_eq(n, -1);
}

struct sum {
	struct pirn_future future;
	int i, result;
	struct pirn_yield nap;
};

PIRN_ASYNC(sum, f)
{
	PIRN_BEGIN(f);
	for (f->i = 1; f->i <= 10; f->i++) {
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
		f->result += f->i;
	}
	PIRN_END(f);
}

Test(block_on, leaves_the_result_in_the_future)
{
	struct sum s = { PIRN_INIT(sum) };

	cr_assert_eq(pirn_block_on(&s.future), 0);
	cr_assert_eq(s.result, 55);
	cr_assert_eq(s.future.at, PIRN_AT_READY);
	pirn_drop(&s.future);
}

static enum pirn_poll look(void *arg, struct pirn_context *cx, int *err)
{
	(void)err;
	*(bool *)arg = cx->executor != NULL;
	return PIRN_READY;
}

Test(block_on, names_no_executor)
{
	bool named = true;
	struct pirn_poll_fn f = pirn_poll_fn(look, &named);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_assert_not(named);
}

/* Spawns, and joins what it has spawned. */
struct parent {
	struct pirn_future future;
	struct pirn_task *child;
	struct pirn_join join;
};

PIRN_ASYNC(parent, f)
{
	struct sum sum = { PIRN_INIT(sum) };

	PIRN_BEGIN(f);
	cr_assert_eq(pirn_spawn_here(cx, &f->child, &sum.future), 0);
	f->join = pirn_join(f->child);
	PIRN_TRY(f, &f->join.future);
	PIRN_FINALLY(f);
	pirn_task_detach(f->child);
	PIRN_END(f);
}

Test(block_on, of_a_body_that_spawns_here_takes_the_default_pool)
{
	struct parent p = { PIRN_INIT(parent) };
	struct pirn_executor *pool;

	cr_assert_eq(pirn_block_on(&p.future), 0);
	cr_assert_eq(pirn_pool_default(&pool), 0);
	cr_assert_eq(pirn_executor_free(pool), 0);
}

/* ---- woken from another thread ------------------------------------------------------------- */

/* READY when a thread of its own says so; the thread is started by the first poll. */
struct answer {
	pthread_mutex_t mutex;
	pthread_t thread;
	struct pirn_waker *waker;
	bool started, join_at_once, there;
	int useless_wakes, polls;
};

static void *give_answer(void *arg)
{
	struct answer *a = arg;
	struct pirn_waker *waker;

	pthread_mutex_lock(&a->mutex);
	waker = a->waker;
	pthread_mutex_unlock(&a->mutex);
	for (int i = 0; i < a->useless_wakes; i++)
		pirn_waker_wake_by_ref(waker);
	pthread_mutex_lock(&a->mutex);
	a->there = true;
	pthread_mutex_unlock(&a->mutex);
	pirn_waker_wake(waker);
	return NULL;
}

static enum pirn_poll wait_for_answer(void *arg, struct pirn_context *cx, int *err)
{
	struct answer *a = arg;
	bool there;

	if (!a->started) {
		a->started = true;
		a->waker = pirn_waker_clone(cx->waker);
		*err = -pthread_create(&a->thread, NULL, give_answer, a);
		if (*err) {
			pirn_waker_drop(a->waker);
			return PIRN_READY;
		}
		if (a->join_at_once)
			pthread_join(a->thread, NULL);
		a->polls++;
		return PIRN_PENDING;
	}
	a->polls++;
	pthread_mutex_lock(&a->mutex);
	there = a->there;
	pthread_mutex_unlock(&a->mutex);
	return there ? PIRN_READY : PIRN_PENDING;
}

Test(block_on, sleeps_until_another_thread_wakes_it)
{
	for (int round = 0; round < 200; round++) {
		struct answer a = { .mutex = PTHREAD_MUTEX_INITIALIZER };
		struct pirn_poll_fn f = pirn_poll_fn(wait_for_answer, &a);

		cr_assert_eq(pirn_block_on(&f.future), 0);
		cr_assert(a.there);
		pthread_join(a.thread, NULL);
	}
}

Test(block_on, misses_no_wake_that_comes_before_it_sleeps)
{
	struct answer a = { .mutex = PTHREAD_MUTEX_INITIALIZER, .join_at_once = true };
	struct pirn_poll_fn f = pirn_poll_fn(wait_for_answer, &a);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_assert_eq(a.polls, 2);
}

Test(block_on, takes_many_wakes_before_it_sleeps_for_one)
{
	struct answer a = { .mutex = PTHREAD_MUTEX_INITIALIZER,
			    .join_at_once = true,
			    .useless_wakes = 1000 };
	struct pirn_poll_fn f = pirn_poll_fn(wait_for_answer, &a);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_assert_eq(a.polls, 2);
}

Test(block_on, bears_wakes_for_nothing)
{
	struct answer a = { .mutex = PTHREAD_MUTEX_INITIALIZER, .useless_wakes = 10000 };
	struct pirn_poll_fn f = pirn_poll_fn(wait_for_answer, &a);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	pthread_join(a.thread, NULL);
}

/* ---- afterwards ---------------------------------------------------------------------------- */

static enum pirn_poll keep_waker(void *arg, struct pirn_context *cx, int *err)
{
	(void)err;
	*(struct pirn_waker **)arg = pirn_waker_clone(cx->waker);
	return PIRN_READY;
}

static void *wake_late(void *waker)
{
	pirn_waker_wake_by_ref(waker);
	pirn_waker_drop(pirn_waker_clone(waker));
	pirn_waker_wake(waker);
	return NULL;
}

Test(block_on, that_has_returned_does_not_mind_its_waker)
{
	struct pirn_waker *waker;
	struct pirn_poll_fn f = pirn_poll_fn(keep_waker, &waker);
	pthread_t thread;

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_assert_eq(pthread_create(&thread, NULL, wake_late, waker), 0);
	pthread_join(thread, NULL);
}

Test(block_on, may_be_called_again_with_an_old_waker_about)
{
	struct pirn_waker *old;
	struct pirn_poll_fn f = pirn_poll_fn(keep_waker, &old);
	int n = 3;
	struct pirn_poll_fn again = pirn_poll_fn(naps, &n);

	pirn_block_on(&f.future);
	pirn_waker_wake_by_ref(old);
	cr_assert_eq(pirn_block_on(&again.future), 0);
	cr_assert_eq(n, -1);
	pirn_waker_drop(old);
}

static void *block_on_sums(void *result)
{
	for (int i = 0; i < 100; i++) {
		struct sum s = { PIRN_INIT(sum) };

		pirn_block_on(&s.future);
		*(int *)result += s.result;
	}
	return NULL;
}

Test(block_on, works_on_many_threads_at_once)
{
	pthread_t thread[4];
	int result[4] = { 0 };

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, block_on_sums, &result[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(result[i], 100 * 55);
}

/* ---- where it is forbidden ----------------------------------------------------------------- */

static enum pirn_poll block_inside(void *arg, struct pirn_context *cx, int *err)
{
	struct pirn_yield y = pirn_yield();

	(void)arg;
	(void)cx;
	*err = pirn_block_on(&y.future);
	return PIRN_READY;
}

Test(block_on, inside_a_poll_traps, .signal = SIGABRT)
{
	struct pirn_poll_fn f = pirn_poll_fn(block_inside, NULL);

	pirn_block_on(&f.future);
}
