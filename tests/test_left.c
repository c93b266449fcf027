/* SPDX-License-Identifier: MIT */
/* What is left of a pool that did not end in time: the list, and how to abandon it. */
#include "config.h"

#include <pthread.h>
#include <string.h>

#include "naps.h"

/* ---- what is left -------------------------------------------------------------------------- */

TestSuite(left, .init = begin_shutdown, .fini = end);

struct list {
	int waiting, running, calls, here, others;
};

static void note(void *arg, const struct pirn_left *left)
{
	struct list *l = arg;

	if (left->call) {
		l->calls += strcmp(left->call, "nap") == 0;
		l->here += strstr(left->place, "naps.h") != NULL;
	} else {
		*(left->running ? &l->running : &l->waiting) += 1;
		l->others += !strstr(left->place, "pools.h:") && !strstr(left->place, "naps.h:") &&
			     !strstr(left->place, "test_left.c:");
	}
	cr_expect(!left->call || left->running);
}

Test(left, is_nothing_in_a_new_pool)
{
	struct list l = { 0 };

	make_pool(1);
	pirn_pool_left(pool, note, &l);
	cr_expect_eq(l.waiting + l.running + l.calls, 0);
}

Test(left, are_tasks_with_their_places_and_calls_with_their_names)
{
	struct list l = { 0 };
	struct pirn_task *t[3], *n;

	make_pool_of_one_each();
	for (int i = 0; i < 3; i++)
		t[i] = spawn_sleeper(pool, NULL);
	n = spawn_napper();
	await(&waiting, 4);
	await(&begun, 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_DRAIN, A_MOMENT), 5);
	pirn_pool_left(pool, note, &l);
	cr_expect_eq(l.waiting + l.running, 4);
	cr_expect_eq(l.calls, 1);
	cr_expect_eq(l.here, 1);
	cr_expect_eq(l.others, 0);
	sem_post(&door);
	cr_expect_eq(join(n), 0);
	for (int i = 0; i < 3; i++)
		pirn_task_detach(t[i]);
	pirn_task_detach(n);
}

/* Waits once, and then keeps its worker. */
static struct pirn_waker *keeper_waker;

static enum pirn_poll keeper_poll(void *arg, struct pirn_context *cx, int *err)
{
	*err = 0;
	if (!keeper_waker) {
		keeper_waker = pirn_waker_clone(cx->waker);
		atomic_fetch_add(&waiting, 1);
		return PIRN_PENDING;
	}
	atomic_fetch_add(&stopped, 1);
	while (sem_wait(arg))
		;
	return PIRN_READY;
}

Test(left, tells_the_task_that_does_not_come_back_from_its_poll)
{
	struct pirn_poll_fn keeper = pirn_poll_fn(keeper_poll, &door);
	struct list l = { 0 };

	keeper_waker = NULL;
	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, NULL, &keeper.future), 0);
	await(&waiting, 1);
	pirn_waker_wake(keeper_waker);
	await(&stopped, 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, A_MOMENT), 1);
	pirn_pool_left(pool, note, &l);
	cr_expect_eq(l.running, 1);
	cr_expect_eq(l.waiting + l.calls + l.others, 0);
	sem_post(&door);
	free_at_last();
}

/* ---- abandon ------------------------------------------------------------------------------- */

TestSuite(abandoned, .init = begin_shutdown, .fini = end);

/* Memory and threads come back by themselves. */
static void await_the_end(void)
{
	while (faulty_left(&host) != 0)
		sched_yield();
}

Test(abandoned, pool_ends_by_itself_when_its_calls_come_back)
{
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	struct pirn_task *t[3];

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_napper();
	await(&begun, 3);
	await_left(PIRN_CANCEL, 3);
	cr_expect_eq(pirn_pool_abandon(pool), 0);
	pool = NULL;
	cr_expect_eq(atomic_load(&host.running), 3);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(join(t[i]), -ECANCELED);
		pirn_task_detach(t[i]);
		sem_post(&door);
	}
	await_the_end();
	cr_expect_eq(atomic_load(&released), 3);
}

Test(abandoned, pool_with_nothing_left_is_freed_at_once)
{
	make_pool(2);
	pirn_task_detach(spawn_sleeper(pool, NULL));
	await(&waiting, 1);
	cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, NO_LIMIT), 0);
	cr_expect_eq(pirn_pool_abandon(pool), 0);
	pool = NULL;
	cr_expect_eq(faulty_left(&host), 0);
}

Test(abandoned, pool_whose_last_call_has_just_come_back_is_freed_as_well)
{
	for (int i = 0; i < 20; i++) {
		make_pool_of_one_each();
		atomic_store(&begun, 0);
		leave_a_call_running();
		cr_expect_eq(pirn_pool_shutdown(pool, PIRN_CANCEL, 0), 1);
		sem_post(&door);
		for (int k = 0; k < i; k++)
			sched_yield();
		cr_expect_eq(pirn_pool_abandon(pool), 0);
		pool = NULL;
		await_the_end();
	}
	cr_expect_eq(atomic_load(&released), 20);
}

static void *block_on(void *arg)
{
	return (void *)(intptr_t)pirn_block_on(arg);
}

Test(abandoned, default_pool_is_made_anew_and_its_call_gives_its_result_all_the_same)
{
	struct nap_call call = nap_call((struct nap){ .door = &door });
	struct pirn_executor *ex = NULL, *next = NULL;
	pthread_t thread;
	void *err = NULL;

	cr_assert_eq(pirn_pool_default(&ex), 0);
	cr_assert_eq(pthread_create(&thread, NULL, block_on, &call.future), 0);
	await(&begun, 1);
	cr_expect_eq(pirn_pool_shutdown(ex, PIRN_CANCEL, A_MOMENT), 1);
	cr_expect_eq(pirn_pool_abandon(ex), 0);
	cr_expect_eq(pirn_pool_default(&next), 0);
	sem_post(&door);
	pthread_join(thread, &err);
	cr_expect_null(err);
	cr_expect(call.call.ran);
	pirn_drop(&call.future);
	cr_expect_eq(pirn_executor_free(next), 0);
}

/* The call that it leaves behind tries to spawn on the pool. */
static enum pirn_poll spawning_quitter_poll(void *arg, struct pirn_context *cx, int *err)
{
	struct nap_call call = nap_call((struct nap){ .door = arg, .pool = cx->executor });

	*err = 0;
	pirn_poll(&call.future, cx);
	await(&begun, 1);
	pirn_drop(&call.future);
	return PIRN_READY;
}

Test(abandoned, pool_still_refuses_what_its_calls_spawn)
{
	struct pirn_poll_fn quitter = pirn_poll_fn(spawning_quitter_poll, &door);

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, NULL, &quitter.future), 0);
	await(&begun, 1);
	await_left(PIRN_CANCEL, 1);
	cr_expect_eq(pirn_pool_abandon(pool), 0);
	pool = NULL;
	sem_post(&door);
	await_the_end();
	cr_expect_eq(atomic_load(&nap_err), -ESHUTDOWN);
}
