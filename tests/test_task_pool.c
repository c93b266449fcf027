/* SPDX-License-Identifier: MIT */
/* Tasks on the pool, where other threads run them. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "child.h"

static struct pirn_executor *pool;

static void make_pool(void)
{
	struct pirn_pool_config two = { .threads = 2 };

	cr_assert_eq(pirn_pool_new(&pool, &two), 0);
}

static void free_pool(void)
{
	cr_expect_eq(pirn_executor_free(pool), 0);
}

TestSuite(on_the_pool, .init = make_pool, .fini = free_pool);

struct square {
	struct pirn_future future;
	int n, result;
	struct pirn_yield nap;
};

PIRN_ASYNC(square, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	if (f->n < 0)
		PIRN_RETURN(f, -EDOM);
	f->result = f->n * f->n;
	PIRN_END(f);
}

Test(on_the_pool, a_join_waits_and_the_result_is_there)
{
	struct pirn_task *t[50];

	for (int i = 0; i < 50; i++) {
		struct square s = { PIRN_INIT(square), .n = i };

		cr_assert_eq(pirn_spawn(pool, &t[i], &s.future), 0);
		cr_assert(all_zero(&s, sizeof(s)));
	}
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(pirn_join_blocking(t[i]), 0);
		cr_assert_eq(((struct square *)(void *)pirn_task_future(t[i]))->result, i * i);
		pirn_task_detach(t[i]);
	}
}

Test(on_the_pool, a_join_has_the_err_of_the_task)
{
	struct square s = { PIRN_INIT(square), .n = -1 };
	struct pirn_task *t;

	cr_assert_eq(pirn_spawn(pool, &t, &s.future), 0);
	struct pirn_join join = pirn_join(t);
	cr_assert_eq(pirn_block_on(&join.future), -EDOM);
	cr_assert_eq(pirn_join_blocking(t), -EDOM, "once more, of one that has ended");
	pirn_task_detach(t);
}

struct rash {
	struct pirn_future future;
	struct pirn_task *task;
};

PIRN_ASYNC(rash, f)
{
	PIRN_BEGIN(f);
	pirn_join_blocking(f->task);
	PIRN_END(f);
}

Test(on_the_pool, a_blocking_join_on_a_worker_traps, .signal = SIGABRT)
{
	struct square s = { PIRN_INIT(square), .n = 1 };
	struct rash rash = { PIRN_INIT(rash) };
	struct pirn_task *t;

	cr_assert_eq(pirn_spawn(pool, &rash.task, &s.future), 0);
	cr_assert_eq(pirn_join_blocking(rash.task), 0);
	cr_assert_eq(pirn_spawn(pool, &t, &rash.future), 0);
	pirn_join_blocking(t);
}

/* Ends when its own handle is where the spawn was told to put it. */
struct finder {
	struct pirn_future future;
	struct pirn_task **out;
	const char **place;
};

PIRN_ASYNC(finder, f)
{
	PIRN_BEGIN(f);
	*f->place = pirn_task_place(*f->out);
	PIRN_END(f);
}

Test(on_the_pool, a_task_finds_its_handle_where_the_spawn_puts_it)
{
	for (int i = 0; i < 200; i++) {
		const char *place = NULL;
		struct pirn_task *t = NULL;
		struct finder f = { PIRN_INIT(finder), .out = &t, .place = &place };

		cr_assert_eq(pirn_spawn(pool, &t, &f.future), 0);
		struct pirn_join join = pirn_join(t);
		cr_assert_eq(pirn_block_on(&join.future), 0);
		cr_assert_eq(place, pirn_task_place(t));
		pirn_task_detach(t);
	}
}

Test(on_the_pool, a_cancel_is_ready_when_the_future_was_dropped)
{
	life = (struct life){ 0 };
	struct child c = child(&life);
	struct pirn_task *t;

	cr_assert_eq(pirn_spawn(pool, &t, &c.future), 0);
	struct pirn_cancel cancel = pirn_cancel(t);
	cr_assert_eq(pirn_block_on(&cancel.future), 0);
	cr_assert_eq(life.drops, 1);
	cr_assert_null(pirn_task_future(t));
	cr_assert_eq(pirn_join_blocking(t), -ECANCELED);
	pirn_task_detach(t);
}

Test(on_the_pool, handles_and_wakers_outlive_it)
{
	struct pirn_executor *brief;
	struct pirn_pool_config one = { .threads = 1 };
	life = (struct life){ 0 };
	struct child c = child(&life);
	struct pirn_task *t;

	cr_assert_eq(pirn_pool_new(&brief, &one), 0);
	cr_assert_eq(pirn_spawn(brief, &t, &c.future), 0);
	struct pirn_waker *waker = pirn_waker_clone(&t->waker);
	cr_assert_eq(pirn_executor_free(brief), 0);
	cr_assert_eq(life.drops, 1, "the pool cancels what is left");
	struct pirn_join join = pirn_join(t);
	cr_assert_eq(pirn_block_on(&join.future), -ECANCELED);
	cr_assert_not_null(strstr(pirn_task_place(t), "test_task_pool.c:"));
	pirn_task_detach(t);
	pirn_waker_wake_by_ref(waker);
	pirn_waker_wake(waker);
}

Test(on_the_pool, the_end_cancels_and_drops_every_task)
{
	struct pirn_executor *brief;
	struct pirn_pool_config two = { .threads = 2 };
	struct life lives[20] = { 0 };

	cr_assert_eq(pirn_pool_new(&brief, &two), 0);
	for (int i = 0; i < 20; i++) {
		struct child c = child(&lives[i]);

		cr_assert_eq(pirn_spawn(brief, NULL, &c.future), 0);
	}
	cr_assert_eq(pirn_executor_free(brief), 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(lives[i].drops, 1);
}
