/* SPDX-License-Identifier: MIT */
/* How a pool ends in steps: drain and cancel. */
#include "config.h"

#include <pthread.h>
#include <signal.h>

#include "naps.h"

/* ---- drain --------------------------------------------------------------------------------- */

TestSuite(drained, .init = begin_shutdown, .fini = end);

Test(drained, pool_has_let_its_tasks_come_to_their_end)
{
	struct pirn_task *t[20];

	make_pool(2);
	for (int i = 0; i < 20; i++)
		t[i] = spawn_sum(pool, 100 + i);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&host.running), 0, "a thread was not joined");
	cr_expect_eq(try_spawn(), -ESHUTDOWN);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(join(t[i]), 0);
		cr_expect_eq(result_of(t[i]), (100 + i) * (101 + i) / 2);
		pirn_task_detach(t[i]);
	}
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 0); /* once more is fine */
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, 0), 0);
}

struct restless {
	struct pirn_future future;
};

PIRN_ASYNC(restless, f)
{
	PIRN_BEGIN(f);
	for (;;)
		PIRN_YIELD(f);
	PIRN_END(f);
}

Test(drained, pool_without_threads_keeps_its_limit)
{
	struct pirn_pool_config config = { .threads = PIRN_NO_THREADS, .platform = &host.platform };
	struct restless r = { PIRN_INIT(restless) };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(pirn_spawn(pool, NULL, &r.future), 0);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 1000000), 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, 0), 0);
}

static atomic_bool weary;

static void *knock(void *arg)
{
	(void)arg;
	while (!atomic_load(&weary)) {
		struct sum sum = { PIRN_INIT(sum), .n = 1 };

		if (pirn_spawn(pool, NULL, &sum.future) == -ESHUTDOWN)
			pirn_drop(&sum.future);
	}
	return NULL;
}

Test(drained, pool_ends_though_others_spawn_without_a_pause_and_are_refused)
{
	pthread_t thread[3];

	atomic_store(&weary, false);
	make_pool(2);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, knock, NULL), 0);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	atomic_store(&weary, true);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}

/* Each spawns the next one in its poll, the first when it is let go. */
struct heir {
	struct pirn_future future;
	int left;
	struct pirn_yield nap;
};

static atomic_int heirs_ended, heir_err;

PIRN_ASYNC(heir, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	if (f->left > 0) {
		struct heir next = { PIRN_INIT(heir), .left = f->left - 1 };
		int err = pirn_spawn(cx->executor, NULL, &next.future);

		if (err)
			atomic_store(&heir_err, err);
	}
	atomic_fetch_add(&heirs_ended, 1);
	PIRN_END(f);
}

Test(drained, pool_lets_its_tasks_spawn_others_and_nobody_else)
{
	struct heir first = { PIRN_INIT(heir), .left = 500 };
	struct pirn_task *stopper;

	atomic_store(&heirs_ended, 0);
	atomic_store(&heir_err, 0);
	make_pool(1);
	stopper = stop_worker(pool); /* so that the heirs begin when the pool drains */
	cr_assert_eq(pirn_spawn(pool, NULL, &first.future), 0);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 2);
	cr_expect_eq(try_spawn(), -ESHUTDOWN);
	cr_expect_eq(atomic_load(&heirs_ended), 0);
	sem_post(&door);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&heirs_ended), 501);
	cr_expect_eq(atomic_load(&heir_err), 0);
	pirn_task_detach(stopper);
}

Test(drained, in_vain_a_pool_has_all_its_tasks_still_and_can_be_drained_again)
{
	struct pirn_waker *waker[3];
	struct pirn_task *t[3];

	make_pool(2);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_sleeper(pool, &waker[i]);
	await(&waiting, 3);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 3);
	cr_expect_eq(atomic_load(&dropped), 0);
	cr_expect_eq(try_spawn(), -ESHUTDOWN);
	pirn_waker_wake(waker[0]); /* it is polled as ever */
	await(&polled, 4);
	pirn_task_abort(t[0]);
	await(&dropped, 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 2);
	for (int i = 1; i < 3; i++) {
		pirn_task_abort(t[i]);
		pirn_waker_drop(waker[i]);
	}
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&dropped), 3);
}

Test(drained, in_vain_a_pool_is_freed_like_any_other)
{
	make_pool(2);
	for (int i = 0; i < 3; i++)
		pirn_task_detach(spawn_sleeper(pool, NULL));
	await(&waiting, 3);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 3);
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 3);
}

Test(drained, pool_has_run_the_calls_of_its_tasks_also_those_that_were_queued)
{
	struct pirn_task *t[4];
	pthread_t thread;
	int n = 4;

	make_pool_of_one_each();
	for (int i = 0; i < 4; i++)
		t[i] = spawn_napper();
	await(&waiting, 4);
	await(&begun, 1);
	await_left(PIRN_DRAIN, 4 + 4);
	cr_assert_eq(pthread_create(&thread, NULL, open_doors_later, &n), 0);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(atomic_load(&ended), 4);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(join(t[i]), 0);
		pirn_task_detach(t[i]);
	}
}

Test(drained, pool_has_run_the_calls_that_were_given_up)
{
	pthread_t thread;
	int n = 1;

	make_pool_of_one_each();
	leave_a_call_running();
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 1);
	cr_assert_eq(pthread_create(&thread, NULL, open_doors_later, &n), 0);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(atomic_load(&ended), 1);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(drained, pool_without_threads_of_its_own_is_run_by_the_one_who_drains_it)
{
	struct pirn_pool_config config = {
		.threads = PIRN_NO_THREADS,
		.platform = &host.platform,
	};
	struct heir first = { PIRN_INIT(heir), .left = 20 };
	struct pirn_task *t;

	atomic_store(&heirs_ended, 0);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(pirn_spawn(pool, NULL, &first.future), 0);
	t = spawn_sleeper(pool, NULL);
	while (atomic_load(&heirs_ended) < 21)
		cr_assert_geq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 1);
	cr_expect_eq(atomic_load(&heirs_ended), 21);
	pirn_task_abort(t);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&dropped), 1);
}

/* A call that makes a call, on the pool whose thread it runs on. */
static int outer(int n)
{
	struct nap_call call = nap_call((struct nap){ .door = NULL });

	atomic_fetch_add(&begun, 1);
	while (sem_wait(&door))
		;
	return pirn_block_on(&call.future) ? -1 : n;
}

PIRN_UNBLOCK_FN(int, outer, int);

static void *call_outer(void *arg)
{
	struct outer_call call = outer_call(7);

	*(int *)arg = pirn_block_on(&call.future) ? -2 : call.result;
	return NULL;
}

Test(drained, pool_lets_calls_make_calls_and_nobody_else)
{
	struct nap_call late = nap_call((struct nap){ .door = NULL });
	struct pirn_executor *ex = NULL;
	pthread_t thread;
	int result = 0;

	cr_assert_eq(pirn_pool_default(&ex), 0);
	cr_assert_eq(pthread_create(&thread, NULL, call_outer, &result), 0);
	await(&begun, 1);
	cr_expect_eq(pirn_pool_shutdown(ex, PIRN_DRAIN, 0), 1);
	cr_expect_eq(pirn_block_on(&late.future), -ESHUTDOWN);
	cr_expect(!late.call.ran);
	sem_post(&door);
	cr_expect_eq(pirn_pool_shutdown(ex, PIRN_DRAIN, NO_LIMIT), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(result, 7);
	cr_expect_eq(atomic_load(&ended), 1);
	pirn_drop(&late.future);
	cr_expect_eq(pirn_executor_free(ex), 0);
}

/* ---- cancel -------------------------------------------------------------------------------- */

TestSuite(cancelled, .init = begin_shutdown, .fini = end);

Test(cancelled, pool_has_dropped_its_tasks_and_joined_its_threads)
{
	struct pirn_task *t[5];

	make_pool(2);
	for (int i = 0; i < 5; i++)
		t[i] = spawn_sleeper(pool, NULL);
	await(&waiting, 5);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&dropped), 5);
	cr_expect_eq(atomic_load(&host.running), 0);
	cr_expect_eq(try_spawn(), -ESHUTDOWN);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(join(t[i]), -ECANCELED);
		pirn_task_detach(t[i]);
	}
}

Test(cancelled, pool_behind_a_drain_in_vain_has_nothing_left)
{
	make_pool(2);
	for (int i = 0; i < 5; i++)
		pirn_task_detach(spawn_sleeper(pool, NULL));
	await(&waiting, 5);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 5);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, NO_LIMIT), 0);
	cr_expect_eq(atomic_load(&dropped), 5);
}

Test(cancelled, in_vain_a_pool_is_busy_until_its_polls_come_back)
{
	struct pirn_task *t[3], *stopper;

	make_pool(1);
	stopper = stop_worker(pool);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_sleeper(pool, NULL); /* queued behind it */
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, A_MOMENT), 4);
	cr_expect_eq(pirn_executor_free(pool), -EBUSY);
	cr_expect_eq(pirn_executor_free(pool), -EBUSY);
	cr_expect_eq(pirn_pool_abandon(pool), -EBUSY);
	cr_expect_eq(try_spawn(), -ESHUTDOWN);
	sem_post(&door);
	free_at_last();
	cr_expect_eq(atomic_load(&dropped), 3);
	cr_expect_eq(atomic_load(&polled), 0);
	for (int i = 0; i < 3; i++)
		pirn_task_detach(t[i]);
	cr_expect_eq(join(stopper), 0);
	pirn_task_detach(stopper);
}

/* Spawns when it is let go, in the poll that began before. */
static enum pirn_poll late_parent_poll(void *arg, struct pirn_context *cx, int *err)
{
	struct heir child = { PIRN_INIT(heir), .left = 0 };

	atomic_fetch_add(&stopped, 1);
	while (sem_wait(arg))
		;
	*err = pirn_spawn(cx->executor, NULL, &child.future);
	return PIRN_READY;
}

Test(cancelled, pool_refuses_also_what_its_tasks_spawn)
{
	struct pirn_poll_fn parent = pirn_poll_fn(late_parent_poll, &door);
	struct pirn_task *t = NULL;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &parent.future), 0);
	await(&stopped, 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, 0), 1);
	sem_post(&door);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, NO_LIMIT), 0);
	cr_expect_eq(join(t), -ESHUTDOWN);
	pirn_task_detach(t);
}

Test(cancelled, in_vain_a_pool_is_busy_until_its_calls_come_back)
{
	struct pirn_task *t[4];

	make_pool_of_one_each();
	for (int i = 0; i < 4; i++)
		t[i] = spawn_napper();
	await(&waiting, 4);
	await(&begun, 1);
	await_left(PIRN_CANCEL, 1);
	cr_expect_eq(atomic_load(&released), 3); /* those that had not begun */
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(join(t[i]), -ECANCELED);
		pirn_task_detach(t[i]);
	}
	cr_expect_eq(pirn_executor_free(pool), -EBUSY);
	sem_post(&door);
	free_at_last();
	cr_expect_eq(atomic_load(&begun), 1);
	cr_expect_eq(atomic_load(&released), 4);
}

Test(cancelled, pool_has_cancelled_queued_calls_also_if_a_poll_does_not_come_back)
{
	struct pirn_task *first, *second, *stopper;

	make_pool_of_one_each();
	first = spawn_napper();
	await(&begun, 1);
	second = spawn_napper();
	await(&waiting, 2);
	stopper = stop_worker(pool);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, 0), 3 + 2);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, 0), 3 + 1);
	sem_post(&door); /* for the call, or for the poll */
	sem_post(&door);
	free_at_last();
	cr_expect_eq(atomic_load(&begun), 1);
	pirn_task_detach(first);
	pirn_task_detach(second);
	pirn_task_detach(stopper);
}

Test(cancelled, default_pool_refuses_all_until_it_is_freed_and_made_anew)
{
	struct nap_call call = nap_call((struct nap){ .door = NULL });
	struct sum s = { PIRN_INIT(sum), .n = 3 };
	struct pirn_executor *ex = NULL;
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_pool_default(&ex), 0);
	cr_expect_eq(pirn_pool_shutdown(ex, PIRN_CANCEL, NO_LIMIT), 0);
	cr_expect_eq(pirn_spawn(NULL, &t, &s.future), -ESHUTDOWN);
	cr_expect_eq(s.n, 3);
	pirn_drop(&s.future);
	cr_expect_eq(pirn_block_on(&call.future), -ESHUTDOWN);
	pirn_drop(&call.future);
	cr_expect_eq(pirn_executor_free(ex), 0);
	cr_assert_eq(pirn_pool_default(&ex), 0);
	t = spawn_sum(ex, 3);
	cr_expect_eq(join(t), 0);
	pirn_task_detach(t);
	cr_expect_eq(pirn_executor_free(ex), 0);
}

/* ---- misuse -------------------------------------------------------------------------------- */

TestSuite(misused, .init = begin_shutdown, .fini = end);

static enum pirn_poll traitor_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	*err = 0;
	pirn_pool_shutdown(cx->executor, PIRN_DRAIN, 0);
	return PIRN_READY;
}

Test(misused, shutdown_in_one_of_its_polls_traps, .signal = SIGABRT)
{
	struct pirn_poll_fn traitor = pirn_poll_fn(traitor_poll, NULL);
	struct pirn_task *t = NULL;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &traitor.future), 0);
	join(t);
}
