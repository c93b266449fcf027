/* SPDX-License-Identifier: MIT */
/* On a local executor, too, a join of a task that was never polled polls it in place. */
#include "config.h"

#include <signal.h>

#include "locals.h"

TestSuite(local_in_place, .init = set_up, .fini = tear_down);

/* Joins a task that joins a task, n deep; counts how many polls it took. */
struct chain {
	struct pirn_future future;
	int n;
	unsigned *polls;
	struct pirn_task *next;
	struct pirn_join join;
};

static uintptr_t lowest; /* frame on the stack */

PIRN_ASYNC(chain, f)
{
	struct chain next = { PIRN_INIT(chain), .n = f->n - 1, .polls = f->polls };

	++*f->polls;
	if ((uintptr_t)__builtin_frame_address(0) < lowest)
		lowest = (uintptr_t)__builtin_frame_address(0);
	PIRN_BEGIN(f);
	if (f->n == 0)
		PIRN_RETURN(f, -EDOM);
	if (pirn_spawn_here(cx, &f->next, &next.future) < 0)
		PIRN_RETURN(f, -ENOMEM);
	f->join = pirn_join(f->next);
	PIRN_TRY(f, &f->join.future);
	PIRN_FINALLY(f);
	pirn_task_detach(f->next);
	PIRN_END(f);
}

static int run_chain(int n, unsigned *polls)
{
	struct chain c = { PIRN_INIT(chain), .n = n, .polls = polls };

	*polls = 0;
	lowest = UINTPTR_MAX;
	return pirn_executor_run(ex, &c.future);
}

Test(local_in_place, a_join_of_a_task_that_was_never_polled_is_a_call)
{
	unsigned polls;

	cr_assert_eq(run_chain(5, &polls), -EDOM);
	cr_assert_eq(polls, 6, "one for each");
}

Test(local_in_place, joins_that_go_too_deep_wait_as_others_do)
{
	unsigned polls;

	cr_assert_eq(run_chain(20000, &polls), -EDOM);
	cr_assert_gt(polls, 20001);
	cr_assert_lt(polls, 40003);
	cr_assert_lt((uintptr_t)__builtin_frame_address(0) - lowest, 49152);
	cr_assert_eq(tasks_left(), 0);
}

static struct pirn_task *victim;

static void join_victim(struct life *me, struct pirn_context *cx)
{
	struct pirn_cancel cancel = pirn_cancel(victim);
	struct pirn_join join = pirn_join(victim);

	if (me->polls > 1)
		return;
	cr_expect_eq(pirn_poll(&cancel.future, cx), PIRN_PENDING);
	pirn_drop(&cancel.future);
	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_PENDING);
	pirn_drop(&join.future);
	me->end = true;
}

Test(local_in_place, a_cancelled_task_is_dropped_where_it_would_be_polled)
{
	struct life joiner = { .in_poll = join_victim };

	life = (struct life){ .end = true };
	start_detached(&joiner);
	victim = start(&life);
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	cr_assert_eq(life.drops, 0);
	run_all();
	cr_assert_eq(life.polls, 0);
	cr_assert_eq(life.drops, 1);
	pirn_task_detach(victim);
}

/* Asks for its own end, in a poll in place. */
static void cancel_victim(struct life *me, struct pirn_context *cx)
{
	struct pirn_cancel cancel = pirn_cancel(victim);

	(void)me;
	cr_expect_eq(pirn_poll(&cancel.future, cx), PIRN_PENDING);
	pirn_drop(&cancel.future);
}

static void join_only(struct life *me, struct pirn_context *cx)
{
	struct pirn_join join = pirn_join(victim);

	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_PENDING);
	cr_expect_eq(life.polls, 1, "polled inside");
	cr_expect_eq(life.drops, 0, "but not dropped there");
	pirn_drop(&join.future);
	me->end = true;
}

Test(local_in_place, a_task_cancelled_meanwhile_is_dropped_later)
{
	struct life joiner = { .in_poll = join_only };

	life = (struct life){ .in_poll = cancel_victim };
	start_detached(&joiner);
	victim = start(&life);
	run_all();
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	pirn_task_detach(victim);
	cr_assert_eq(tasks_left(), 0);
}

static void spend(struct life *me, struct pirn_context *cx)
{
	(void)me;
	cx->budget -= 8;
}

static void join_without_and_with_budget(struct life *me, struct pirn_context *cx)
{
	struct pirn_join join = pirn_join(victim), again = pirn_join(victim);
	unsigned budget = cx->budget;

	cx->budget = 0;
	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_PENDING);
	cr_expect_eq(cx->budget, 0);
	cr_expect_eq(life.polls, 0);
	pirn_drop(&join.future);
	cx->budget = budget;
	cr_expect_eq(pirn_poll(&again.future, cx), PIRN_READY);
	cr_expect_eq(cx->budget, budget - 9);
	me->end = true;
}

Test(local_in_place, a_poll_draws_on_the_budget_of_the_one_around)
{
	struct life joiner = { .in_poll = join_without_and_with_budget };

	life = (struct life){ .end = true, .in_poll = spend };
	start_detached(&joiner);
	victim = start(&life);
	run_all();
	pirn_task_detach(victim);
}

/* Polls a join with a context of its own making. */
static void join_for(struct pirn_executor *executor)
{
	struct pirn_join join = pirn_join(victim);
	struct pirn_context cx;

	pirn_context_init(&cx, &d.waker, executor);
	cr_expect_eq(pirn_poll(&join.future, &cx), PIRN_PENDING);
	pirn_drop(&join.future);
}

static void join_for_another(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	join_for(&d.executor);
	me->end = true;
}

Test(local_in_place, only_a_task_of_the_same_executor_and_while_it_runs)
{
	struct life joiner = { .in_poll = join_for_another };

	driver_init(&d);
	run_all();
	life = (struct life){ .end = true };
	start_detached(&joiner);
	victim = start(&life);
	join_for(ex);
	cr_assert_eq(life.polls, 0);
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	cr_assert_eq(life.polls, 0);
	run_all();
	cr_assert_eq(life.polls, 1);
	pirn_task_detach(victim);
	cr_assert_null(driver_end(&d));
}

static void join_idle(struct life *me, struct pirn_context *cx)
{
	struct pirn_join join = pirn_join(victim);

	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_PENDING);
	pirn_drop(&join.future);
	me->end = true;
}

Test(local_in_place, not_a_task_that_was_polled_before)
{
	struct life joiner = { .in_poll = join_idle };

	life = (struct life){ .keep_waker = true };
	victim = start(&life);
	run_all();
	start_detached(&joiner);
	run_all();
	cr_assert_eq(life.polls, 1);
	pirn_waker_drop(life.waker);
	pirn_task_abort(victim);
}

static void join_twice(struct life *me, struct pirn_context *cx)
{
	struct pirn_join first = pirn_join(victim), second = pirn_join(victim);
	unsigned budget = cx->budget;

	(void)me;
	cx->budget = 0;
	cr_expect_eq(pirn_poll(&first.future, cx), PIRN_PENDING);
	cx->budget = budget;
	pirn_poll(&second.future, cx);
}

Test(local_in_place, not_by_a_second_join_which_traps, .signal = SIGABRT)
{
	struct life joiner = { .in_poll = join_twice };

	life = (struct life){ .end = true };
	start_detached(&joiner);
	victim = start(&life);
	run_all();
}

static void wait_behind_join(struct life *me, struct pirn_context *cx)
{
	struct pirn_join join = pirn_join(victim);
	struct pirn_ready r = pirn_ready(0);

	(void)me;
	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_READY);
	pirn_block_on(&r.future);
}

Test(local_in_place, it_is_still_inside_a_poll_behind_that, .signal = SIGABRT)
{
	struct life joiner = { .in_poll = wait_behind_join };

	life = (struct life){ .end = true };
	start_detached(&joiner);
	victim = start(&life);
	run_all();
}
