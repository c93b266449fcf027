/* SPDX-License-Identifier: MIT */
/* The waker of a task, in every state of the task, on the driver. */
#include "config.h"

#include <pthread.h>

#include "child.h"

TestSuite(wake, .init = begin, .fini = end);

Test(wake, of_an_idle_task_polls_it_again)
{
	life = (struct life){ .keep_waker = true };

	spawn_detached(&life);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	pirn_waker_wake_by_ref(life.waker);
	cr_assert_eq(life.polls, 1, "never inline");
	driver_run(&d);
	cr_assert_eq(life.polls, 2);
	life.end = true;
	pirn_waker_wake(life.waker);
	driver_run(&d);
	cr_assert_eq(life.polls, 3);
}

Test(wake, of_a_queued_task_does_not_queue_it_twice)
{
	life = (struct life){ .keep_waker = true };

	spawn_detached(&life);
	driver_run(&d);
	for (int i = 0; i < 5; i++)
		pirn_waker_wake_by_ref(life.waker);
	cr_assert_eq(d.pushes, 2);
	driver_run(&d);
	cr_assert_eq(life.polls, 2, "five wakes, one poll");
	pirn_waker_drop(life.waker);
}

static void wake_by_ref(struct life *me, struct pirn_context *cx)
{
	if (me->polls < 3)
		pirn_waker_wake_by_ref(cx->waker);
}

static void wake_by_value(struct life *me, struct pirn_context *cx)
{
	if (me->polls < 3)
		pirn_waker_wake(pirn_waker_clone(cx->waker));
}

static void *wake_elsewhere(void *waker)
{
	pirn_waker_wake(waker);
	return NULL;
}

static void wake_from_a_thread(struct life *me, struct pirn_context *cx)
{
	pthread_t thread;

	if (me->polls >= 3)
		return;
	if (pthread_create(&thread, NULL, wake_elsewhere, pirn_waker_clone(cx->waker)) == 0)
		pthread_join(thread, NULL);
}

Test(wake, while_a_task_is_polled_polls_it_again)
{
	static void (*const wake[])(struct life *, struct pirn_context *) = { wake_by_ref,
									      wake_by_value,
									      wake_from_a_thread };

	for (size_t i = 0; i < sizeof(wake) / sizeof(wake[0]); i++) {
		life = (struct life){ .in_poll = wake[i] };
		struct pirn_task *t = spawn(&life);

		cr_assert(driver_step(&d));
		cr_assert_eq(life.polls, 1, "not inside its poll");
		driver_run(&d);
		cr_assert_eq(life.polls, 3);
		pirn_task_abort(t);
		driver_run(&d);
		cr_assert_eq(d.blocks, 0, "no reference is lost or left");
	}
}

static void wake_and_end(struct life *me, struct pirn_context *cx)
{
	pirn_waker_wake_by_ref(cx->waker);
	wake_from_a_thread(me, cx);
	me->end = true;
}

Test(wake, in_the_last_poll_is_harmless)
{
	life = (struct life){ .in_poll = wake_and_end };

	spawn_detached(&life);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(d.pushes, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(wake, after_the_end_is_harmless)
{
	life = (struct life){ .end = true, .keep_waker = true };

	spawn_detached(&life);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 1, "the waker keeps the block");
	pirn_waker_wake_by_ref(life.waker);
	pirn_waker_drop(pirn_waker_clone(life.waker));
	pirn_waker_wake(life.waker);
	cr_assert_eq(d.blocks, 0);
	cr_assert_eq(d.pushes, 1);
	cr_assert_eq(life.polls, 1);
}

Test(wake, that_comes_when_the_task_was_cancelled_does_not_poll_it)
{
	life = (struct life){ .keep_waker = true };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_waker_wake_by_ref(life.waker);
	pirn_task_abort(t);
	pirn_waker_wake(life.waker);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.pushes, 2);
	cr_assert_eq(d.blocks, 0);
}

Test(wake, needs_no_handle_and_no_executor_that_lives)
{
	life = (struct life){ .keep_waker = true };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_task_detach(t);
	d.closing = true;
	pirn__task_cancel(t);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	pirn_waker_wake(life.waker);
	cr_assert_eq(d.blocks, 0);
}

/* The waker of a task is one pointer, whoever asks. */
static void compare(struct life *me, struct pirn_context *cx)
{
	cr_expect_eq(cx->waker, me->waker);
	cr_expect_eq(cx->executor, &d.executor);
	me->end = me->polls == 2;
}

Test(wake, goes_through_the_same_waker_in_every_poll)
{
	life = (struct life){ .keep_waker = true, .in_poll = compare };

	spawn_detached(&life);
	driver_run(&d);
	pirn_waker_wake(life.waker);
	driver_run(&d);
	cr_assert_eq(life.polls, 2);
	cr_assert_eq(d.blocks, 0);
}

/* Two tasks that wake each other: only the own wake takes the short cut. */
static struct life ping, pong;

static void wake_the_other(struct life *me, struct pirn_context *cx)
{
	struct life *other = me == &ping ? &pong : &ping;

	(void)cx;
	me->end = me->polls == 3;
	if (other->waker)
		pirn_waker_wake_by_ref(other->waker);
}

Test(wake, of_another_task_out_of_a_poll_goes_through_the_queue)
{
	ping = pong = (struct life){ .keep_waker = true, .in_poll = wake_the_other };
	spawn_detached(&ping);
	spawn_detached(&pong);
	driver_run(&d);
	cr_assert_eq(ping.polls, 3);
	cr_assert_eq(pong.polls, 3);
	pirn_waker_drop(ping.waker);
	pirn_waker_drop(pong.waker);
	cr_assert_eq(d.blocks, 0);
}
