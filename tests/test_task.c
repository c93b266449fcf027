/* SPDX-License-Identifier: MIT */
/* Spawn, join, cancel and the two ends of a handle, on the driver: nothing runs by itself. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "child.h"

/* ---- spawn --------------------------------------------------------------------------------- */

TestSuite(spawn, .init = begin, .fini = end);

Test(spawn, moves_the_future_and_leaves_zeroes)
{
	life = (struct life){ .end = true };
	struct child c = child(&life);

	cr_assert_eq(pirn_spawn(&d.executor, NULL, &c.future), 0);
	cr_assert(all_zero(&c, sizeof(c)));
	pirn_drop(&c.future);
	cr_assert_eq(life.drops, 0, "a drop behind a spawn is harmless");
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
}

Test(spawn, polls_nothing_itself)
{
	life = (struct life){ .end = true };

	spawn_detached(&life);
	cr_assert_eq(life.polls, 0);
}

Test(spawn, that_fails_leaves_the_future_as_it_was)
{
	life = (struct life){ .end = true };
	struct child c = child(&life), before = c;
	struct pirn_task *t = NULL;

	d.fail_at = 1; /* the block of the task */
	cr_assert_eq(pirn_spawn(&d.executor, &t, &c.future), -ENOMEM);
	d.asked = 0;
	d.fail_at = 2; /* its place in the executor */
	cr_assert_eq(pirn_spawn(&d.executor, &t, &c.future), -ENOMEM);
	cr_assert_eq(memcmp(&c, &before, sizeof(c)), 0);
	cr_assert_null(t);
	cr_assert_eq(d.blocks, 0);
	cr_assert_eq(life.polls + life.drops, 0);

	d.fail_at = 0;
	cr_assert_eq(pirn_spawn(&d.executor, &t, &c.future), 0, "and one may try again");
	driver_run(&d);
	pirn_task_detach(t);
}

Test(spawn, on_an_executor_that_ends_is_eshutdown)
{
	life = (struct life){ .end = true };
	struct child c = child(&life), before = c;

	d.closing = true;
	cr_assert_eq(pirn_spawn(&d.executor, NULL, &c.future), -ESHUTDOWN);
	cr_assert_eq(memcmp(&c, &before, sizeof(c)), 0);
	pirn_drop(&c.future);
	cr_assert_eq(life.drops, 1);
}

Test(spawn, without_a_handle_drops_the_result_at_the_end)
{
	life = (struct life){ .end = true };

	spawn_detached(&life);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(spawn, notes_the_place)
{
	life = (struct life){ .end = true };
	struct child c = child(&life);
	struct pirn_task *t;
	char place[256];

	snprintf(place, sizeof(place), "%s:%d", __FILE__, __LINE__ + 1);
	cr_assert_eq(pirn_spawn(&d.executor, &t, &c.future), 0);
	cr_assert_str_eq(pirn_task_place(t), place);
	pirn_task_detach(t);
}

/*
 * What another thread could do at the worst moment: these operations of the driver, and then the
 * test's own.
 */
static struct pirn_executor_ops racing;
static struct pirn_task *handle;

static void run_at_once(struct pirn_executor *ex, struct pirn_task *t, struct pirn_task *oldest)
{
	(void)oldest;
	while (pirn__task_run(t, ex, false))
		;
	d.spawning--;
}

static void look_for_handle(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	me->value = handle != NULL;
}

Test(spawn, touches_nothing_when_the_task_is_in_the_queue)
{
	struct child with = child(&life), without = child(&life);

	life = (struct life){ .end = true, .in_poll = look_for_handle };
	racing = *d.executor.ops;
	racing.start = run_at_once;
	d.executor.ops = &racing;
	handle = NULL;
	cr_assert_eq(pirn_spawn(&d.executor, &handle, &with.future), 0);
	cr_assert_eq(life.value, 1, "the handle is there before the task runs");
	pirn_task_detach(handle);
	cr_assert_eq(pirn_spawn(&d.executor, NULL, &without.future), 0);
	cr_assert_eq(life.drops, 2);
	cr_assert_eq(d.blocks, 0, "it was gone inside the push");
}

Test(spawn, of_an_empty_future_traps, .signal = SIGABRT)
{
	struct pirn_future empty = { 0 };

	pirn_spawn(&d.executor, NULL, &empty);
}

Test(spawn, on_no_executor_traps, .signal = SIGABRT)
{
	struct pirn_ready r = pirn_ready(0);

	pirn_spawn_on(NULL, NULL, &r.future, PIRN_PLACE);
}

Test(spawn, of_a_future_that_was_polled_traps, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	struct child c = child(&life);

	driver_poll(&d, &c.future);
	pirn_spawn(&d.executor, NULL, &c.future);
}

/* ---- join ---------------------------------------------------------------------------------- */

TestSuite(join, .init = begin, .fini = end);

Test(join, is_ready_when_the_task_ends_and_has_its_err)
{
	life = (struct life){ .err = -EIO, .value = 42 };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t);

	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_PENDING);
	cr_assert_null(pirn_task_future(t), "no result before the end");
	life.end = true;
	pirn_waker_wake_by_ref(&t->waker);
	cr_assert_not(d.woken);
	driver_run(&d);
	cr_assert(d.woken, "the end wakes who joins");
	cr_assert_eq(d.wakers, 0);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_READY);
	cr_assert_eq(join.future.err, -EIO);
	cr_assert_eq(((struct child *)(void *)pirn_task_future(t))->value, 42);
	cr_assert_eq(life.drops, 0, "the result stays until the handle ends");
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
}

Test(join, of_a_task_that_has_ended_is_ready_at_once)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t), again = pirn_join(t);

	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_READY);
	cr_assert_eq(join.future.err, 0);
	cr_assert_eq(driver_poll(&d, &again.future), PIRN_READY, "as often as one likes");
	pirn_task_detach(t);
}

Test(join, of_a_cancelled_task_is_ecanceled)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t);

	driver_run(&d);
	pirn__task_cancel(t);
	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_READY);
	cr_assert_eq(join.future.err, -ECANCELED);
	cr_assert_null(pirn_task_future(t), "there is no result");
	cr_assert_eq(life.drops, 1);
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
}

Test(join, that_is_dropped_leaves_the_handle_as_it_was)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_join first = pirn_join(t), second = pirn_join(t);

	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &first.future), PIRN_PENDING);
	cr_assert_eq(d.wakers, 1);
	pirn_drop(&first.future);
	cr_assert_eq(d.wakers, 0);
	life.end = true;
	pirn_waker_wake_by_ref(&t->waker);
	driver_run(&d);
	cr_assert_not(d.woken);
	cr_assert_eq(driver_poll(&d, &second.future), PIRN_READY);
	pirn_task_detach(t);
}

Test(join, that_is_dropped_behind_the_end_has_nothing_to_give_back)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t);

	cr_assert_eq(driver_poll(&d, &join.future), PIRN_PENDING);
	driver_run(&d);
	cr_assert(d.woken);
	pirn_drop(&join.future);
	cr_assert_eq(d.wakers, 0);
	pirn_task_detach(t);
}

Test(join, wakes_the_waker_of_its_last_poll)
{
	struct driver other;
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t);

	driver_init(&other);
	cr_assert_eq(driver_poll(&other, &join.future), PIRN_PENDING);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_PENDING);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_PENDING);
	cr_assert_eq(other.wakers, 0);
	cr_assert_eq(d.wakers, 1);
	driver_run(&d);
	cr_assert_not(other.woken);
	cr_assert(d.woken);
	pirn_drop(&join.future);
	pirn_task_detach(t);
	cr_assert_null(driver_end(&other));
}

Test(join, of_two_at_once_traps, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_join first = pirn_join(t), second = pirn_join(t);

	driver_poll(&d, &first.future);
	driver_poll(&d, &second.future);
}

Test(join, is_what_a_task_awaits_of_another)
{
	life = (struct life){ .err = -ENOENT };
	struct pirn_task *t = spawn(&life), *waiting;
	struct pirn_join join = pirn_join(t);

	cr_assert_eq(pirn_spawn(&d.executor, &waiting, &join.future), 0);
	driver_run(&d);
	life.end = true;
	pirn_waker_wake_by_ref(&t->waker);
	driver_run(&d);
	cr_assert_not_null(pirn_task_future(waiting));
	cr_assert_eq(pirn_task_future(waiting)->err, -ENOENT);
	pirn_task_detach(waiting);
	pirn_task_detach(t);
}

/* ---- the ends of a handle ------------------------------------------------------------------ */

TestSuite(detach, .init = begin, .fini = end);
TestSuite(abort, .init = begin, .fini = end);

Test(detach, of_a_queued_task_lets_it_run)
{
	life = (struct life){ .end = true };

	pirn_task_detach(spawn(&life));
	cr_assert_eq(life.drops, 0);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1, "nobody can take the result any more");
	cr_assert_eq(d.blocks, 0);
}

Test(detach, of_an_idle_task_lets_it_run_on)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 0);
	life.end = true;
	pirn_waker_wake_by_ref(&t->waker);
	driver_run(&d);
	cr_assert_eq(life.polls, 2);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(detach, of_an_ended_task_drops_the_result_now)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	cr_assert_eq(life.drops, 0);
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(detach, finds_nothing_where_the_result_was_taken)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_drop(pirn_task_future(t));
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
}

static void detach_myself(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	pirn_task_detach(me->handle);
	me->handle = NULL;
}

Test(detach, by_the_task_itself_is_fine)
{
	life = (struct life){ .end = true, .in_poll = detach_myself };

	life.handle = spawn(&life);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(detach, of_no_task_is_fine)
{
	pirn_task_detach(NULL);
	pirn_task_abort(NULL);
}

Test(abort, of_a_queued_task_drops_it_unpolled_where_it_would_run)
{
	life = (struct life){ 0 };

	pirn_task_abort(spawn(&life));
	cr_assert_eq(life.drops, 0, "never inline");
	driver_run(&d);
	cr_assert_eq(life.polls, 0);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.pushes, 1, "it was in the queue already");
	cr_assert_eq(d.blocks, 0);
}

Test(abort, of_an_idle_task_drops_it_where_it_would_run)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_task_abort(t);
	cr_assert_eq(life.drops, 0, "never inline");
	cr_assert_eq(d.pushes, 2);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

static void abort_myself(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	pirn_task_abort(me->handle);
	cr_expect_eq(me->drops, 0, "never inline");
}

Test(abort, by_the_task_itself_drops_it_behind_its_poll)
{
	life = (struct life){ .in_poll = abort_myself };

	life.handle = spawn(&life);
	cr_assert(driver_step(&d));
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

static void abort_and_wake_myself(struct life *me, struct pirn_context *cx)
{
	pirn_waker_wake_by_ref(cx->waker);
	abort_myself(me, cx);
}

Test(abort, is_seen_also_by_a_task_that_wakes_itself)
{
	life = (struct life){ .in_poll = abort_and_wake_myself };

	life.handle = spawn(&life);
	driver_run(&d);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
}

Test(abort, by_the_task_itself_in_its_last_poll_drops_the_result)
{
	life = (struct life){ .end = true, .in_poll = abort_myself };

	life.handle = spawn(&life);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

Test(abort, of_an_ended_task_drops_the_result)
{
	life = (struct life){ .end = true };
	struct pirn_task *t = spawn(&life);

	driver_run(&d);
	pirn_task_abort(t);
	cr_assert_eq(life.polls, 1);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

static const struct pirn_executor_ops *plain;

static void unlink_and_look(struct pirn_executor *ex, struct pirn_task *t)
{
	life.value = life.drops;
	plain->unlink(ex, t);
}

Test(detach, drops_the_result_while_the_executor_still_knows_the_task)
{
	life = (struct life){ .end = true };
	plain = d.executor.ops;
	racing = *plain;
	racing.unlink = unlink_and_look;
	d.executor.ops = &racing;
	spawn_detached(&life);
	driver_run(&d);
	cr_assert_eq(life.value, 1, "else it could be dropped when the executor is gone");
}

static void unlink_and_detach(struct pirn_executor *ex, struct pirn_task *t)
{
	plain->unlink(ex, t);
	pirn_task_detach(t);
}

Test(detach, at_the_very_end_of_the_task_drops_the_result_too)
{
	life = (struct life){ .end = true };
	plain = d.executor.ops;
	racing = *plain;
	racing.unlink = unlink_and_detach;
	d.executor.ops = &racing;
	spawn(&life);
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(d.blocks, 0);
}

/* ---- cancel -------------------------------------------------------------------------------- */

TestSuite(cancel, .init = begin, .fini = end);

Test(cancel, is_ready_when_the_future_has_been_dropped)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_cancel cancel = pirn_cancel(t);

	driver_run(&d);
	cr_assert_eq(life.drops, 0, "a cancel that is not polled asks for nothing");
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_PENDING);
	cr_assert_eq(life.drops, 0, "never inline");
	driver_run(&d);
	cr_assert_eq(life.drops, 1);
	cr_assert(d.woken);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_READY);
	cr_assert_eq(cancel.future.err, 0);
	cr_assert_null(pirn_task_future(t));
	pirn_task_detach(t);
	cr_assert_eq(d.blocks, 0);
}

Test(cancel, of_a_queued_task_drops_it_unpolled)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_cancel cancel = pirn_cancel(t);

	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_PENDING);
	driver_run(&d);
	cr_assert_eq(life.polls, 0);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_READY);
	pirn_task_detach(t);
}

Test(cancel, of_an_ended_task_is_ready_and_leaves_the_result)
{
	life = (struct life){ .end = true, .err = -EIO };
	struct pirn_task *t = spawn(&life);
	struct pirn_cancel cancel = pirn_cancel(t);

	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_READY);
	cr_assert_eq(cancel.future.err, 0);
	cr_assert_not_null(pirn_task_future(t));
	cr_assert_eq(pirn_task_future(t)->err, -EIO);
	pirn_task_detach(t);
}

static void cancel_myself(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	pirn__task_cancel(me->handle);
}

Test(cancel, that_comes_in_the_last_poll_leaves_the_result)
{
	life = (struct life){ .end = true, .in_poll = cancel_myself };
	struct pirn_join join;

	life.handle = spawn(&life);
	join = pirn_join(life.handle);
	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_READY);
	cr_assert_eq(join.future.err, 0);
	cr_assert_not_null(pirn_task_future(life.handle));
	pirn_task_detach(life.handle);
}

Test(cancel, that_is_dropped_has_asked_all_the_same)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_cancel cancel = pirn_cancel(t);
	struct pirn_join join = pirn_join(t);

	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &cancel.future), PIRN_PENDING);
	pirn_drop(&cancel.future);
	cr_assert_eq(d.wakers, 0);
	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &join.future), PIRN_READY);
	cr_assert_eq(join.future.err, -ECANCELED);
	pirn_task_detach(t);
}

Test(cancel, beside_a_pending_join_traps, .signal = SIGABRT)
{
	life = (struct life){ 0 };
	struct pirn_task *t = spawn(&life);
	struct pirn_join join = pirn_join(t);
	struct pirn_cancel cancel = pirn_cancel(t);

	driver_run(&d);
	driver_poll(&d, &join.future);
	driver_poll(&d, &cancel.future);
}
