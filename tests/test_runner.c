/* SPDX-License-Identifier: MIT */
/* Threads of the user's that run a pool: beside its own, or alone. */
#include "config.h"

#include <pthread.h>
#include <signal.h>

#include "pirn_blocking.h"
#include "pirn_channel.h"
#include "pools.h"

TestSuite(runner, .init = begin, .fini = end);

/* A pool that has no thread but those that are lent, at most so many. */
static void make_own(unsigned lent)
{
	struct pirn_pool_config config = { .threads = PIRN_NO_THREADS,
					   .lent_threads = lent,
					   .platform = &host.platform };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
}

static int run_join(struct pirn_task *t)
{
	struct pirn_join j = pirn_join(t);

	return pirn_executor_run(pool, &j.future);
}

Test(runner, polls_the_tasks_until_its_future_ends)
{
	struct pirn_task *t[10];

	make_own(1);
	for (int i = 0; i < 10; i++)
		t[i] = spawn_sum(pool, i);
	cr_expect_eq(atomic_load(&host.running), 0, "no thread was made");
	for (int i = 9; i >= 0; i--) {
		cr_expect_eq(run_join(t[i]), 0);
		cr_expect_eq(result_of(t[i]), i * (i + 1) / 2);
		pirn_task_detach(t[i]);
	}
}

Test(runner, polls_a_task_also_where_its_future_is_ready_at_once)
{
	struct pirn_task *t;

	make_own(1);
	t = spawn_sum(pool, 5);
	for (int i = 0; i < 100; i++) {
		struct pirn_ready ready = pirn_ready(0);

		cr_assert_eq(pirn_executor_run(pool, &ready.future), 0);
	}
	cr_expect(pirn_task_is_finished(t));
	pirn_task_detach(t);
}

Test(runner, without_a_future_leaves_when_nothing_is_to_do)
{
	struct pirn_waker *waker = NULL;
	struct pirn_task *t, *s;

	make_own(1);
	cr_expect_eq(pirn_executor_run(pool, NULL), 0);
	t = spawn_sum(pool, 5);
	s = spawn_sleeper(pool, &waker);
	cr_expect_eq(pirn_executor_run(pool, NULL), 0);
	cr_expect(pirn_task_is_finished(t));
	cr_expect_not(pirn_task_is_finished(s));
	pirn_waker_wake(waker);
	cr_expect_eq(atomic_load(&polled), 1);
	cr_expect_eq(pirn_executor_run(pool, NULL), 0);
	cr_expect_eq(atomic_load(&polled), 2);
	pirn_task_detach(t);
	pirn_task_abort(s);
}

Test(runner, polls_one_task_for_each_tick)
{
	struct pirn_task *t[3];

	make_own(1);
	cr_expect_eq(pirn_executor_try_tick(pool), 0);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_sleeper(pool, NULL);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(atomic_load(&waiting), i);
		cr_expect_eq(i % 2 ? pirn_executor_tick(pool) : pirn_executor_try_tick(pool), 1);
	}
	cr_expect_eq(pirn_executor_try_tick(pool), 0);
	for (int i = 0; i < 3; i++)
		pirn_task_abort(t[i]);
}

/* Spawns tasks that wait, then ends: on its worker's queue when that leaves. */
struct parent {
	struct pirn_future future;
	int children;
};

PIRN_ASYNC(parent, f)
{
	struct sleeper s;

	PIRN_BEGIN(f);
	for (; f->children > 0; f->children--) {
		s = (struct sleeper){ .future.ops = &sleeper_ops };
		if (pirn_spawn(cx->executor, NULL, &s.future) < 0)
			PIRN_RETURN(f, -ENOMEM);
	}
	PIRN_END(f);
}

Test(runner, that_leaves_gives_its_queue_back)
{
	struct parent p = { PIRN_INIT(parent), .children = 300 };

	make_own(1);
	cr_assert_eq(pirn_spawn(pool, NULL, &p.future), 0);
	cr_expect_eq(pirn_executor_try_tick(pool), 1);
	cr_expect_eq(atomic_load(&waiting), 0);
	for (int i = 0; i < 300; i++)
		cr_expect_eq(pirn_executor_try_tick(pool), 1);
	cr_expect_eq(atomic_load(&waiting), 300);
	cr_expect_eq(pirn_executor_try_tick(pool), 0);
}

Test(runner, helps_the_threads_of_the_pool)
{
	struct pirn_task *held, *t;

	make_pool(1);
	held = stop_worker(pool);
	t = spawn_sum(pool, 10);
	cr_expect_eq(run_join(t), 0, "the pool's one worker is held");
	pirn_task_detach(t);
	sem_post(&door);
	cr_expect_eq(join(held), 0);
	pirn_task_detach(held);
}

static void *wake_later(void *waker)
{
	while (atomic_load(&waiting) < 1)
		sched_yield();
	pirn_waker_wake(*(struct pirn_waker **)waker);
	return NULL;
}

/* Pending once. */
struct once {
	struct pirn_future future;
	struct pirn_waker **waker;
};

static enum pirn_poll once_poll(struct pirn_future *f, struct pirn_context *cx)
{
	if (f->at == 1) {
		f->err = -EXDEV;
		return PIRN_READY;
	}
	f->at = 1;
	*((struct once *)(void *)f)->waker = pirn_waker_clone(cx->waker);
	atomic_fetch_add(&waiting, 1);
	return PIRN_PENDING;
}

static const struct pirn_future_ops once_ops = { "once", __FILE__, sizeof(struct once), once_poll,
						 NULL };

Test(runner, sleeps_until_its_future_is_woken)
{
	struct pirn_waker *waker;
	struct once once = { { .ops = &once_ops }, &waker };
	pthread_t thread;

	make_own(1);
	cr_assert_eq(pthread_create(&thread, NULL, wake_later, &waker), 0);
	cr_expect_eq(pirn_executor_run(pool, &once.future), -EXDEV);
	pthread_join(thread, NULL);
}

Test(runner, may_be_gone_when_its_future_is_woken)
{
	struct pirn_waker *waker;
	struct sleeper never = { { .ops = &sleeper_ops }, 0, &waker };
	struct pirn_task *t;
	struct pirn_join j;
	struct pirn_select first;

	make_own(1);
	t = spawn_sum(pool, 3);
	j = pirn_join(t);
	first = pirn_select(&never.future, &j.future, NULL, NULL);
	cr_expect_eq(pirn_executor_run(pool, &first.future), 0);
	cr_expect_eq(first.won, &j.future);
	pirn_task_detach(t);
	free_pool();
	pirn_waker_wake_by_ref(waker);
	pirn_waker_drop(waker);
}

PIRN_UNBLOCK_FN(int, sched_get_priority_max, int);

Test(runner, waits_for_blocking_calls_as_well)
{
	struct sched_get_priority_max_call call = sched_get_priority_max_call(SCHED_FIFO);

	make_own(1);
	cr_expect_eq(pirn_executor_run(pool, &call.future), 0);
	cr_expect_eq(call.result, sched_get_priority_max(SCHED_FIFO));
}

static void *run_for_ever(void *result)
{
	struct pirn_future never;

	pirn_future_init(&never, &pirn_pending_ops);
	*(int *)result = pirn_executor_run(pool, &never);
	return NULL;
}

/* Spawns the task that holds its worker, without waiting until one has it. */
static void stop_worker_later(void)
{
	struct stopper s = { { .ops = &stopper_ops }, &door };

	atomic_store(&stopped, 0);
	cr_assert_eq(pirn_spawn(pool, NULL, &s.future), 0);
}

static void *free_it(void *unused)
{
	free_pool();
	return unused;
}

/* The free has begun when a spawn is refused. */
static void await_closed(void)
{
	struct pirn_future never;

	pirn_future_init(&never, &pirn_pending_ops);
	while (pirn_spawn(pool, NULL, &never) == 0) {
		pirn_future_init(&never, &pirn_pending_ops);
		sched_yield();
	}
}

Test(runner, that_is_one_too_many_is_turned_away)
{
	struct pirn_task *held;
	pthread_t thread;
	int result = 0;

	make_own(1);
	cr_assert_eq(pthread_create(&thread, NULL, run_for_ever, &result), 0);
	held = stop_worker(pool);
	cr_expect_eq(pirn_executor_try_tick(pool), -EBUSY);
	cr_expect_eq(pirn_executor_tick(pool), -EBUSY);
	cr_expect_eq(pirn_executor_run(pool, NULL), -EBUSY);
	sem_post(&door);
	cr_expect_eq(join(held), 0);
	pirn_task_detach(held);
	free_pool();
	pthread_join(thread, NULL);
	cr_expect_eq(result, -ESHUTDOWN, "and one that still runs is sent away by the free");
}

static void *tick(void *result)
{
	*(int *)result = pirn_executor_tick(pool);
	return NULL;
}

Test(runner, may_end_the_last_task_while_the_pool_is_freed)
{
	pthread_t ticker, freer;
	int result = 0;

	make_own(1);
	stop_worker_later();
	cr_assert_eq(pthread_create(&ticker, NULL, tick, &result), 0);
	await(&stopped, 1);
	cr_assert_eq(pthread_create(&freer, NULL, free_it, NULL), 0);
	await_closed();
	sem_post(&door);
	pthread_join(freer, NULL);
	pthread_join(ticker, NULL);
	cr_expect_eq(result, 1);
}

static atomic_int in_job;

/* A blocking job that lends its thread to the pool it runs on. */
static int lend(int unused)
{
	struct pirn_future never;

	(void)unused;
	pirn_future_init(&never, &pirn_pending_ops);
	atomic_store(&in_job, 1);
	return pirn_executor_run(pool, &never);
}
PIRN_UNBLOCK_FN(int, lend, int);

Test(runner, may_be_the_thread_of_a_job_when_the_pool_is_freed)
{
	struct lend_call call = lend_call(0);
	struct pirn_task *t;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &call.future), 0);
	await(&in_job, 1);
	free_pool();
	cr_expect_eq(join(t), -ECANCELED);
	pirn_task_detach(t);
}

Test(runner, without_memory_has_not_polled)
{
	struct pirn_waker *waker;
	struct once once = { { .ops = &once_ops }, &waker };

	make_own(1);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(pirn_executor_run(pool, &once.future), -ENOMEM);
	cr_expect_eq(once.future.at, 0);
}

Test(runner, frees_a_pool_with_tasks_that_nobody_has_run)
{
	make_own(1);
	for (int i = 0; i < 100; i++)
		pirn_task_detach(spawn_sleeper(pool, NULL));
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 100);
}

static enum pirn_poll run_inside_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	pirn_executor_run(cx->executor, NULL);
	return PIRN_READY;
}

Test(runner, inside_a_poll_traps, .signal = SIGABRT)
{
	static const struct pirn_future_ops ops = { "inside", __FILE__, sizeof(struct pirn_future),
						    run_inside_poll, NULL };
	struct pirn_future inside = { .ops = &ops };

	make_own(2);
	cr_assert_eq(pirn_spawn(pool, NULL, &inside), 0);
	pirn_executor_run(pool, NULL);
}
