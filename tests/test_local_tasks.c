/* SPDX-License-Identifier: MIT */
/* The tasks of a local executor, woken from its thread and from others, and their handles. */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "locals.h"
#include "loop.h"
#include "pirn_event.h"

TestSuite(local_wake, .init = set_up, .fini = tear_down);
TestSuite(local_handle, .init = set_up, .fini = tear_down);

/* ---- wakes --------------------------------------------------------------------------------- */

Test(local_wake, of_an_idle_task_polls_it_again)
{
	void *(*const wake[])(void *) = { wake_by_ref_there, NULL };

	for (int i = 0; i < 2; i++) {
		life = (struct life){ .keep_waker = true };
		start_detached(&life);
		run_all();
		for (int k = 0; k < 3; k++) /* three wakes, one poll */
			if (wake[i])
				elsewhere(wake[i], life.waker);
			else
				pirn_waker_wake_by_ref(life.waker);
		cr_assert_eq(life.polls, 1, "never inline");
		run_all();
		cr_assert_eq(life.polls, 2);
		life.end = true;
		pirn_waker_wake(life.waker);
		run_all();
		cr_assert_eq(life.polls, 3);
		cr_assert_eq(tasks_left(), 0);
	}
}

Test(local_wake, of_a_queued_task_leaves_it_where_it_is)
{
	struct life first = { .keep_waker = true }, second = first;

	start_detached(&first);
	start_detached(&second);
	run_all();
	pirn_waker_wake_by_ref(first.waker);
	pirn_waker_wake(second.waker);
	pirn_waker_wake(first.waker);
	first.end = second.end = true;
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	cr_assert_eq(first.polls, 2);
	cr_assert_eq(second.polls, 1);
	run_all();
	cr_assert_eq(tasks_left(), 0);
}

static void wake_from_a_thread(struct life *me, struct pirn_context *cx)
{
	if (me->polls < 3)
		elsewhere(wake_there, pirn_waker_clone(cx->waker));
}

static void wake_here(struct life *me, struct pirn_context *cx)
{
	if (me->polls < 3)
		pirn_waker_wake(pirn_waker_clone(cx->waker));
}

Test(local_wake, while_a_task_is_polled_polls_it_again)
{
	void (*const wake[])(struct life *, struct pirn_context *) = { wake_from_a_thread,
								       wake_here };

	for (int i = 0; i < 2; i++) {
		life = (struct life){ .in_poll = wake[i] };
		struct pirn_task *t = start(&life);

		cr_assert_eq(pirn_executor_try_tick(ex), 1);
		cr_assert_eq(life.polls, 1, "not inside its poll");
		run_all();
		cr_assert_eq(life.polls, 3);
		pirn_task_abort(t);
		run_all();
		cr_assert_eq(tasks_left(), 0);
	}
}

Test(local_wake, of_both_kinds_at_once_is_harmless)
{
	life = (struct life){ .keep_waker = true };
	start_detached(&life);
	run_all();
	elsewhere(wake_by_ref_there, life.waker);
	pirn_waker_wake_by_ref(life.waker);
	run_all();
	cr_assert_eq(life.polls, 2, "it was in the queue when the inbox was taken");
	pirn_waker_wake_by_ref(life.waker);
	elsewhere(wake_by_ref_there, life.waker);
	life.end = true;
	run_all();
	cr_assert_eq(tasks_left(), 1, "the waker keeps the block");
	pirn_waker_drop(life.waker);
	cr_assert_eq(tasks_left(), 0);
}

Test(local_wake, may_be_cloned_here_and_dropped_there_and_the_other_way)
{
	struct pirn_waker *clone;

	for (int behind = 0; behind < 2; behind++) {
		life = (struct life){ .keep_waker = true, .end = true };
		if (!behind)
			life.end = false;
		start_detached(&life);
		run_all();
		for (int i = 0; i < 10; i++) {
			clone = pirn_waker_clone(life.waker);
			elsewhere(drop_there, clone);
			clone = elsewhere(clone_there, life.waker);
			cr_assert_eq(clone, life.waker);
			if (i % 2)
				pirn_waker_drop(clone);
			else
				elsewhere(drop_there, clone);
		}
		cr_assert_eq(tasks_left(), 1);
		life.end = true;
		if (behind)
			elsewhere(drop_there, life.waker);
		else
			elsewhere(wake_there, life.waker);
		run_all();
		cr_assert_eq(tasks_left(), 0);
	}
}

Test(local_wake, after_the_end_is_harmless)
{
	life = (struct life){ .end = true, .keep_waker = true };
	start_detached(&life);
	run_all();
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(tasks_left(), 1);
	pirn_waker_wake_by_ref(life.waker);
	elsewhere(wake_by_ref_there, life.waker);
	pirn_waker_drop(pirn_waker_clone(life.waker));
	elsewhere(wake_there, elsewhere(clone_there, life.waker));
	cr_assert_eq(pirn_executor_try_tick(ex), 0);
	pirn_waker_wake(life.waker);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(tasks_left(), 0);
}

Test(local_wake, that_is_in_the_inbox_when_the_task_ends_keeps_the_block)
{
	struct life other = { .end = true };
	struct pirn_task *t;

	life = (struct life){ .keep_waker = true };
	t = start(&life);
	run_all();
	life.end = true;
	pirn_waker_wake_by_ref(life.waker); /* it is in the queue, and then in the inbox too */
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	start_detached(&other);
	elsewhere(wake_there, life.waker);
	pirn_task_detach(t);
	run_all();
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(tasks_left(), 0);
}

static void wake_and_end(struct life *me, struct pirn_context *cx)
{
	pirn_waker_wake_by_ref(cx->waker);
	elsewhere(wake_there, pirn_waker_clone(cx->waker));
	me->end = true;
}

Test(local_wake, in_the_last_poll_is_harmless)
{
	life = (struct life){ .in_poll = wake_and_end };
	start_detached(&life);
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(tasks_left(), 1, "it is in the inbox");
	cr_assert_eq(pirn_executor_try_tick(ex), 0);
	cr_assert_eq(tasks_left(), 0);
}

static void nap_once(struct life *me, struct pirn_context *cx)
{
	if (me->polls == 1)
		pirn_waker_wake_by_ref(cx->waker);
}

Test(local_wake, touches_no_shared_word_on_its_own_thread)
{
	life = (struct life){ .keep_waker = true, .in_poll = nap_once };
	struct pirn_task *t = start(&life), *waiting;
	struct half *foreign = &((struct loop_task *)(void *)t)->foreign;
	struct pirn_join join = pirn_join(t);

	cr_assert_eq(pirn_spawn(ex, &waiting, &join.future), 0);
	run_all();
	cr_assert_eq(life.polls, 2);
	pirn_waker_wake(pirn_waker_clone(life.waker));
	run_all();
	cr_assert_eq(life.polls, 3);
	cr_assert_eq(half_load_relaxed(foreign), 0);
	life.keep_waker = false;
	life.end = true;
	pirn_waker_wake(life.waker);
	run_all();
	cr_assert(pirn_task_is_finished(waiting));
	cr_assert_eq(half_load_relaxed(foreign), 0, "nor at its end, where no waker is left");
	pirn_task_detach(waiting);
	pirn_task_detach(t);
}

/* ---- signals ------------------------------------------------------------------------------- */

#ifndef PIRN_POSIX_PARK

static struct pirn_event event;

static void handle_signal(int signal)
{
	(void)signal;
	pirn_event_signal(&event);
}

static void raise_in_poll(struct life *me, struct pirn_context *cx)
{
	struct loop_task *t = (struct loop_task *)(void *)me->handle;

	(void)cx;
	raise(SIGUSR1);
	cr_expect(half_load_relaxed(&t->foreign) & LOOP_INBOX, "for what may it have interrupted");
	me->end = true;
}

Test(local_wake, by_a_signal_handler_comes_from_elsewhere)
{
	struct pirn_event_wait wait = pirn_event_wait(&event);
	struct life raiser = { .in_poll = raise_in_poll };
	struct pirn_task *t;

	signal(SIGUSR1, handle_signal);
	cr_assert_eq(pirn_spawn(ex, &t, &wait.future), 0);
	raiser.handle = t;
	run_all();
	start_detached(&raiser);
	run_all();
	cr_assert(pirn_task_is_finished(t));
	pirn_task_detach(t);
}

static void *kill_there(void *thread)
{
	while (!atomic_load(&told))
		sched_yield();
	usleep(2000);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

Test(local_wake, by_a_signal_handler_ends_the_sleep_of_the_executor)
{
	struct pirn_event_wait wait = pirn_event_wait(&event);
	pthread_t me = pthread_self(), thread;

	signal(SIGUSR1, handle_signal);
	cr_assert_eq(pthread_create(&thread, NULL, kill_there, &me), 0);
	cr_assert_eq(pirn_executor_run(ex, &wait.future), 0);
	pthread_join(thread, NULL);
}

#endif

/* ---- the handle ---------------------------------------------------------------------------- */

Test(local_handle, joins_it_and_reads_the_result)
{
	life = (struct life){ .err = -EIO, .value = 42, .keep_waker = true };
	struct pirn_task *t = start(&life), *waiting;
	struct pirn_join join = pirn_join(t);

	cr_assert_eq(pirn_spawn(ex, &waiting, &join.future), 0);
	run_all();
	cr_assert_null(pirn_task_future(t), "no result before the end");
	cr_assert_null(pirn_task_future(waiting));
	life.end = true;
	pirn_waker_wake(life.waker);
	run_all();
	cr_assert_eq(pirn_task_future(waiting)->err, -EIO);
	cr_assert_eq(((struct child *)(void *)pirn_task_future(t))->value, 42);
	cr_assert_eq(life.drops, 0, "the result stays until the handle ends");
	pirn_task_detach(waiting);
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(tasks_left(), 0);
}

Test(local_handle, can_be_waited_for_outside_of_the_executor_once_it_has_ended)
{
	life = (struct life){ .end = true, .err = -EDOM };
	struct pirn_task *t = start(&life);
	struct pirn_join join = pirn_join(t);

	run_all();
	cr_assert_eq(pirn_block_on(&join.future), -EDOM);
	pirn_task_detach(t);
}

Test(local_handle, of_a_cancelled_task_says_ecanceled)
{
	life = (struct life){ 0 };
	struct pirn_task *t = start(&life);
	struct pirn_cancel cancel = pirn_cancel(t);
	struct pirn_join join = pirn_join(t);

	run_all();
	cr_assert_eq(pirn_executor_run(ex, &cancel.future), 0);
	cr_assert_eq(life.drops, 1);
	cr_assert_null(pirn_task_future(t));
	cr_assert_eq(pirn_executor_run(ex, &join.future), -ECANCELED);
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
}

Test(local_handle, that_cancels_an_ended_task_leaves_the_result)
{
	life = (struct life){ .end = true, .err = -EIO };
	struct pirn_task *t = start(&life);
	struct pirn_cancel cancel = pirn_cancel(t);

	run_all();
	cr_assert_eq(pirn_executor_run(ex, &cancel.future), 0);
	cr_assert_eq(pirn_task_future(t)->err, -EIO);
	pirn_task_detach(t);
}

Test(local_handle, is_as_it_was_when_a_join_is_dropped)
{
	life = (struct life){ .keep_waker = true };
	struct pirn_task *t = start(&life);
	struct pirn_join first = pirn_join(t), second = pirn_join(t);

	driver_init(&d);
	run_all();
	cr_assert_eq(driver_poll(&d, &first.future), PIRN_PENDING);
	cr_assert_eq(d.wakers, 1);
	cr_assert_eq(driver_poll(&d, &first.future), PIRN_PENDING);
	cr_assert_eq(d.wakers, 1);
	pirn_drop(&first.future);
	cr_assert_eq(d.wakers, 0);
	cr_assert_eq(driver_poll(&d, &second.future), PIRN_PENDING);
	life.end = true;
	pirn_waker_wake(life.waker);
	run_all();
	cr_assert(d.woken, "the end wakes who joins");
	cr_assert_eq(d.wakers, 0);
	pirn_drop(&second.future);
	pirn_task_detach(t);
	cr_assert_null(driver_end(&d));
}

Test(local_handle, wakes_the_waker_of_the_last_poll_of_its_join)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = start(&life);
	struct pirn_join join = pirn_join(t);
	struct driver other;

	driver_init(&d);
	driver_init(&other);
	cr_assert_eq(driver_poll(&other, &join.future), PIRN_PENDING);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_PENDING);
	cr_assert_eq(other.wakers, 0);
	cr_assert_eq(d.wakers, 1);
	run_all();
	cr_assert_not(other.woken);
	cr_assert(d.woken);
	pirn_drop(&join.future);
	pirn_task_detach(t);
	cr_assert_null(driver_end(&d));
	cr_assert_null(driver_end(&other));
}

Test(local_handle, is_left_alone_by_a_join_that_outlives_it)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = start(&life);
	struct pirn_join ended = pirn_join(t), unpolled = pirn_join(t);

	cr_assert_eq(pirn_executor_run(ex, &ended.future), 0);
	pirn_task_detach(t);
	cr_assert_eq(tasks_left(), 0);
	pirn_drop(&ended.future);
	pirn_drop(&unpolled.future);
}

Test(local_handle, detached_lets_a_task_run_in_every_state)
{
	struct life queued = { .end = true }, idle = { .keep_waker = true }, ended = queued;
	struct pirn_task *t = start(&ended), *i = start(&idle);

	run_all();
	cr_assert_eq(ended.drops, 0);
	pirn_task_detach(t);
	cr_assert_eq(ended.drops, 1);
	pirn_task_detach(start(&queued));
	pirn_task_detach(i);
	run_all();
	cr_assert_eq(queued.drops, 1);
	cr_assert_eq(idle.drops, 0);
	idle.end = true;
	pirn_waker_wake(idle.waker);
	run_all();
	cr_assert_eq(idle.drops, 1);
	cr_assert_eq(tasks_left(), 0);
	pirn_task_detach(NULL);
	pirn_task_abort(NULL);
}

Test(local_handle, aborted_drops_a_task_where_it_would_be_polled)
{
	struct life queued = { 0 }, idle = { 0 }, ended = { .end = true };
	struct pirn_task *e = start(&ended), *i = start(&idle), *q;

	run_all();
	q = start(&queued);
	pirn_task_abort(q);
	pirn_task_abort(i);
	cr_assert_eq(queued.drops + idle.drops, 0, "never inline");
	pirn_task_abort(e);
	cr_assert_eq(ended.drops, 1);
	run_all();
	cr_assert_eq(queued.polls, 0);
	cr_assert_eq(idle.polls, 1);
	cr_assert_eq(queued.drops + idle.drops, 2);
	cr_assert_eq(tasks_left(), 0);
}

static void abort_myself(struct life *me, struct pirn_context *cx)
{
	pirn_waker_wake_by_ref(cx->waker);
	pirn_task_abort(me->handle);
	cr_expect_eq(me->drops, 0, "never inline");
}

static void detach_myself(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	pirn_task_detach(me->handle);
}

Test(local_handle, may_be_ended_by_the_task_itself)
{
	static void (*const by[])(struct life *, struct pirn_context *) = { abort_myself,
									    detach_myself };

	for (int end = 0; end < 2; end++) {
		for (int i = 0; i < 2; i++) {
			life = (struct life){ .in_poll = by[i], .end = end || i == 1 };
			life.handle = start(&life);
			cr_assert_eq(pirn_executor_try_tick(ex), 1);
			cr_assert_eq(life.polls, 1);
			cr_assert_eq(life.drops, 1);
			cr_assert_eq(tasks_left(), 0);
		}
	}
}

Test(local_handle, keeps_the_result_while_wakers_come_and_go)
{
	life = (struct life){ .end = true, .keep_waker = true };
	struct pirn_task *t = start(&life);

	run_all();
	elsewhere(wake_there, life.waker);
	cr_assert_eq(life.drops, 0);
	cr_assert_not_null(pirn_task_future(t));
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(tasks_left(), 0);
}

Test(local_handle, may_go_before_the_last_waker)
{
	struct pirn_task *t;

	for (int there = 0; there < 2; there++) {
		life = (struct life){ .end = true, .keep_waker = true };
		t = start(&life);
		run_all();
		pirn_task_detach(t);
		cr_assert_eq(life.drops, 1);
		cr_assert_eq(tasks_left(), 1);
		if (there)
			elsewhere(wake_there, life.waker);
		else
			pirn_waker_wake(life.waker);
		cr_assert_eq(tasks_left(), 0);
	}
}

/* ---- broken contracts ---------------------------------------------------------------------- */

static void *detach_there(void *t)
{
	pirn_task_detach(t);
	return NULL;
}

Test(local_handle, used_on_another_thread_traps, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	elsewhere(detach_there, start(&life));
}

Test(local_handle, traps_two_joins, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	struct pirn_task *t = start(&life);
	struct pirn_join first = pirn_join(t), second = pirn_join(t);

	driver_init(&d);
	driver_poll(&d, &first.future);
	driver_poll(&d, &second.future);
}

Test(local_handle, traps_its_end_under_a_join, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	struct pirn_task *t = start(&life);
	struct pirn_join join = pirn_join(t);

	driver_init(&d);
	driver_poll(&d, &join.future);
	pirn_task_abort(t);
}
