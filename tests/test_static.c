/* SPDX-License-Identifier: MIT */
/*
 * The static executor, hosted: a signal handler on its own thread stands for the interrupt. It
 * comes where raise() stands, so also in the middle of what the executor does, by way of memory
 * that a body touches. (race_static.c has it come at any instruction.)
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "child.h"
#include "pirn_static.h"

static struct pirn_static ex;
static volatile sig_atomic_t told;

static void count(void *arg)
{
	(void)arg;
	told = told + 1;
}

PIRN_STATIC_TASKS(child, 2);

static void set_up(void)
{
	told = 0;
	memset(child_room, 0, sizeof(child_room));
	pirn_static_init(&ex, count, NULL);
}

static void run(void)
{
	while (pirn_static_poll(&ex))
		;
}

static struct pirn_task *start(struct life *of)
{
	struct child c = child(of);
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_static_spawn(&ex, &t, &child_tasks, &c.future), 0);
	return t;
}

static int start_detached(struct life *of)
{
	struct child c = child(of);

	return pirn_static_spawn(&ex, NULL, &child_tasks, &c.future);
}

TestSuite(static_executor, .init = set_up);

Test(static_executor, polls_a_task_to_its_end_and_drops_the_result)
{
	life = (struct life){ .end = true };
	cr_assert_eq(start_detached(&life), 0);
	cr_assert_eq(life.polls, 0);
	cr_assert_not(pirn_static_idle(&ex));
	cr_assert(pirn_static_poll(&ex));
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_not(pirn_static_poll(&ex));
	cr_assert(pirn_static_idle(&ex));
}

Test(static_executor, has_room_again_when_a_task_has_ended)
{
	struct life a = { .keep_waker = true }, b = { .end = true };
	struct child c = child(&b), before = c;

	cr_assert_eq(start_detached(&a), 0);
	cr_assert_eq(start_detached(&b), 0);
	cr_assert_eq(pirn_static_spawn(&ex, NULL, &child_tasks, &c.future), -ENOMEM);
	cr_assert_eq(memcmp(&c, &before, sizeof(c)), 0, "the future is as it was");
	run();
	cr_assert_eq(pirn_static_spawn(&ex, NULL, &child_tasks, &c.future), 0);
	cr_assert(all_zero(&c, sizeof(c)));
	run();
	cr_assert_eq(b.polls, 2);
	a.end = true;
	pirn_waker_wake(a.waker);
	run();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(start_detached(&b), 0);
	cr_assert_eq(start_detached(&b), -ENOMEM);
}

Test(static_executor, has_no_room_while_a_waker_or_the_handle_is_left)
{
	struct life a = { .end = true, .keep_waker = true }, b = { .end = true }, c = b;
	struct pirn_task *t;

	cr_assert_eq(start_detached(&a), 0);
	t = start(&b);
	run();
	cr_assert_eq(start_detached(&c), -ENOMEM);
	pirn_waker_wake(a.waker);
	cr_assert_eq(start_detached(&c), 0);
	cr_assert_eq(start_detached(&c), -ENOMEM);
	pirn_task_detach(t);
	cr_assert_eq(b.drops, 1);
	cr_assert_eq(start_detached(&c), 0);
	run();
	cr_assert_eq(c.polls, 2);
}

Test(static_executor, has_no_room_while_a_handle_and_a_waker_were_left)
{
	struct life a = { .end = true, .keep_waker = true }, b = { .end = true };
	struct pirn_task *t = start(&a);

	cr_assert_eq(start_detached(&b), 0);
	run();
	cr_assert_eq(start_detached(&b), 0);
	pirn_waker_drop(a.waker);
	cr_assert_eq(start_detached(&b), -ENOMEM);
	cr_assert_not_null(pirn_task_future(t));
	pirn_task_detach(t);
	cr_assert_eq(start_detached(&b), 0);
	run();
}

Test(static_executor, lets_others_run_between_two_polls_of_one_that_yields)
{
	PIRN_STATIC_TASKS(pirn_yield, 1);
	struct pirn_yield nap = pirn_yield();
	struct pirn_task *t;

	life = (struct life){ .end = true };
	cr_assert_eq(pirn_static_spawn(&ex, &t, &pirn_yield_tasks, &nap.future), 0);
	cr_assert_eq(start_detached(&life), 0);
	cr_assert(pirn_static_poll(&ex));
	cr_assert(pirn_static_poll(&ex));
	cr_assert_eq(life.polls, 1);
	cr_assert_not(pirn_task_is_finished(t));
	cr_assert(pirn_static_poll(&ex));
	cr_assert(pirn_task_is_finished(t));
	pirn_task_detach(t);
}

Test(static_executor, joins_aborts_and_cancels)
{
	PIRN_STATIC_TASKS(pirn_join, 1);
	struct life a = { .keep_waker = true, .err = -EIO }, b = { 0 };
	struct pirn_task *t = start(&a), *waiting, *u = start(&b);
	struct pirn_join join = pirn_join(t);
	struct pirn_cancel cancel = pirn_cancel(u);

	cr_assert_eq(pirn_static_spawn(&ex, &waiting, &pirn_join_tasks, &join.future), 0);
	run();
	cr_assert_not(pirn_task_is_finished(waiting));
	a.end = true;
	pirn_waker_wake(a.waker);
	run();
	cr_assert_eq(pirn_task_future(waiting)->err, -EIO);
	pirn_task_detach(waiting);
	pirn_task_abort(t);
	cr_assert_eq(a.drops, 1);

	driver_init(&d);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_PENDING);
	cr_assert_eq(b.drops, 0, "never inline");
	run();
	cr_assert_eq(b.drops, 1);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_READY);
	cr_assert_null(pirn_task_future(u));
	pirn_task_detach(u);
	cr_assert_null(driver_end(&d));
	cr_assert_eq(start_detached(&a), 0);
	cr_assert_eq(start_detached(&a), 0);
}

static struct pirn_task *joined;

static void join_inside(struct life *me, struct pirn_context *cx)
{
	struct pirn_join join = pirn_join(joined);

	cr_expect_eq(pirn_poll(&join.future, cx), PIRN_PENDING);
	pirn_drop(&join.future);
	me->end = true;
}

Test(static_executor, polls_no_task_inside_a_join_since_stacks_are_small)
{
	struct life joiner = { .in_poll = join_inside };

	life = (struct life){ .end = true };
	cr_assert_eq(start_detached(&joiner), 0);
	joined = start(&life);
	cr_assert(pirn_static_poll(&ex));
	cr_assert_eq(life.polls, 0);
	run();
	pirn_task_detach(joined);
}

/* ---- interrupts ---------------------------------------------------------------------------- */

static struct pirn_waker *wired; /* what the interrupt wakes */

static void interrupt(int signal)
{
	(void)signal;
	pirn_waker_wake(pirn_waker_clone(wired));
}

static void wire(struct pirn_waker *w)
{
	wired = w;
	signal(SIGUSR1, interrupt);
}

static void raise_in_poll(struct life *me, struct pirn_context *cx)
{
	if (me->polls >= 3)
		return;
	wire(cx->waker);
	raise(SIGUSR1);
	raise(SIGUSR1);
}

Test(static_executor, polls_again_what_is_woken_by_an_interrupt_of_its_poll)
{
	life = (struct life){ .in_poll = raise_in_poll };
	cr_assert_eq(start_detached(&life), 0);
	run();
	cr_assert_eq(life.polls, 3, "two interrupts, one poll more");
}

Test(static_executor, is_told_of_a_wake_from_an_interrupt)
{
	life = (struct life){ .keep_waker = true };
	cr_assert_eq(start_detached(&life), 0);
	run();
	cr_assert_eq(told, 1);
	wire(life.waker);
	raise(SIGUSR1);
	cr_assert_eq(told, 2);
	cr_assert_not(pirn_static_idle(&ex));
	cr_assert_eq(life.polls, 1, "never inline");
	raise(SIGUSR1);
	cr_assert_eq(told, 2);
	run();
	cr_assert_eq(life.polls, 2);
	pirn_waker_drop(life.waker);
}

static void raise_and_end(struct life *me, struct pirn_context *cx)
{
	wire(cx->waker);
	raise(SIGUSR1);
	me->end = true;
}

Test(static_executor, keeps_a_task_that_ends_until_it_is_out_of_the_inbox)
{
	struct life other = { .end = true };

	life = (struct life){ .in_poll = raise_and_end };
	cr_assert_eq(start_detached(&other), 0);
	cr_assert_eq(start_detached(&life), 0);
	cr_assert(pirn_static_poll(&ex));
	cr_assert(pirn_static_poll(&ex));
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(start_detached(&other), 0);
	cr_assert_eq(start_detached(&other), -ENOMEM, "its room is not free yet");
	run();
	cr_assert_eq(start_detached(&other), 0);
	run();
	cr_assert_eq(life.polls, 1);
}

static void *wake_there(void *waker)
{
	pirn_waker_wake(waker);
	return NULL;
}

Test(static_executor, is_woken_by_other_threads_as_well)
{
	pthread_t thread;

	life = (struct life){ .keep_waker = true };
	cr_assert_eq(start_detached(&life), 0);
	run();
	life.end = true;
	cr_assert_eq(pthread_create(&thread, NULL, wake_there, life.waker), 0);
	while (!pirn_static_poll(&ex))
		;
	cr_assert_eq(life.polls, 2);
	pthread_join(thread, NULL);
}

/* ---- broken contracts ---------------------------------------------------------------------- */

static void poll_inside(struct life *me, struct pirn_context *cx)
{
	(void)me;
	(void)cx;
	pirn_static_poll(&ex);
}

Test(static_executor, traps_a_poll_inside_its_own_poll, .signal = SIGABRT)
{
	life = (struct life){ .in_poll = poll_inside };
	start_detached(&life);
	run();
}

Test(static_executor, traps_a_future_that_has_no_room, .signal = SIGABRT)
{
	PIRN_STATIC_TASKS(pirn_yield, 1);
	struct child c = child(&life);

	pirn_static_spawn(&ex, NULL, &pirn_yield_tasks, &c.future);
}

Test(static_executor, traps_a_spawn_of_a_future_that_was_polled, .signal = SIGABRT)
{
	struct child c = child(&life);

	life = (struct life){ 0 };
	driver_init(&d);
	driver_poll(&d, &c.future);
	pirn_static_spawn(&ex, NULL, &child_tasks, &c.future);
}
