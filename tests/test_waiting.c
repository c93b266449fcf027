/* SPDX-License-Identifier: MIT */
/*
 * Channels: who waits. Futures are polled by hand, so that a test decides who waits with which
 * waker; at the end plain threads.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>

#include "hands.h"

/* ---- waiting ------------------------------------------------------------------------------- */

TestSuite(waiting, .init = begin, .fini = end);

Test(waiting, recv_is_woken_by_a_message)
{
	struct hand h;

	channel(1);
	hand_recv(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(wakes(&h), 0);
	cr_expect_eq(send(5), 0);
	cr_expect_eq(wakes(&h), 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(h.future->err, 0);
	cr_expect_eq(h.msg, 5);
	drop(&h);
}

Test(waiting, send_is_woken_by_room_and_takes_its_message_only_then)
{
	struct hand h;

	channel(1);
	cr_expect_eq(send(1), 0);
	hand_send(&h, 2);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(wakes(&h), 1);
	cr_expect_eq(recv(), -EAGAIN);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(recv(), 2);
	drop(&h);
}

Test(waiting, is_not_needed_where_there_is_a_message_or_room)
{
	struct hand h;

	channel(1);
	hand_send(&h, 4);
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
	hand_recv(&h);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(h.msg, 4);
	drop(&h);
}

Test(waiting, is_first_come_first_served)
{
	struct hand h[4];

	channel(1);
	for (int i = 0; i < 4; i++) {
		hand_recv(&h[i]);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	for (int i = 0; i < 4; i++) {
		for (int k = i; k < 4; k++)
			cr_expect_eq(wakes(&h[k]), 0);
		cr_expect_eq(send(i), 0);
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].msg, i);
		drop(&h[i]);
	}
}

Test(waiting, senders_are_first_come_first_served)
{
	struct hand h[4];

	channel(1);
	cr_expect_eq(send(100), 0);
	for (int i = 0; i < 4; i++) {
		hand_send(&h[i], i);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	cr_expect_eq(recv(), 100);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(recv(), i);
		drop(&h[i]);
	}
}

Test(waiting, one_message_wakes_one)
{
	struct hand a, b;

	channel(8);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(wakes(&a), 1);
	cr_expect_eq(wakes(&b), 0);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(wakes(&b), 1);
	drop(&a);
	drop(&b);
}

Test(waiting, who_was_notified_and_came_too_late_waits_in_front)
{
	struct hand a, b;

	channel(8);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(recv(), 1); /* somebody else was quicker */
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(wakes(&a), 2);
	cr_expect_eq(wakes(&b), 0);
	drop(&a);
	cr_expect_eq(wakes(&b), 1);
	drop(&b);
}

Test(waiting, polled_again_with_the_same_waker_keeps_its_place)
{
	struct hand a, b;

	channel(8);
	hand_recv(&a);
	hand_recv(&b);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(poll(&a), PIRN_PENDING);
		cr_expect_eq(poll(&b), PIRN_PENDING);
	}
	cr_expect_eq(atomic_load(&a.bell.refs), 1);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(wakes(&a), 1);
	drop(&a);
	drop(&b);
}

Test(waiting, polled_by_another_task_wakes_that_one)
{
	struct hand a;
	struct bell other;

	channel(8);
	bell_init(&other);
	hand_recv(&a);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(bell_poll(a.future, &other), PIRN_PENDING);
	cr_expect_eq(atomic_load(&a.bell.refs), 0);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(wakes(&a), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	drop(&a);
	cr_expect_eq(atomic_load(&other.refs), 0);
}

Test(waiting, recv_that_is_dropped_loses_no_message)
{
	struct hand a;

	channel(8);
	hand_recv(&a);
	poll(&a);
	cr_expect_eq(send(1), 0);
	drop(&a);
	cr_expect_eq(recv(), 1);
}

Test(waiting, notified_recv_that_is_dropped_wakes_the_next)
{
	struct hand a, b;

	channel(8);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	drop(&a);
	cr_expect_eq(wakes(&b), 1);
	cr_expect_eq(poll(&b), PIRN_READY);
	cr_expect_eq(b.msg, 1);
	drop(&b);
}

Test(waiting, notified_recv_that_is_dropped_wakes_nobody_for_nothing)
{
	struct hand a, b;

	channel(8);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(recv(), 1);
	drop(&a);
	cr_expect_eq(wakes(&b), 0);
	drop(&b);
}

Test(waiting, notified_send_that_is_dropped_wakes_the_next)
{
	struct hand a, b;

	channel(1);
	cr_expect_eq(send(0), 0);
	hand_send(&a, 1);
	hand_send(&b, 2);
	poll(&a);
	poll(&b);
	cr_expect_eq(recv(), 0);
	cr_expect_eq(wakes(&a), 1);
	drop(&a);
	cr_expect_eq(wakes(&b), 1);
	cr_expect_eq(poll(&b), PIRN_READY);
	cr_expect_eq(recv(), 2);
	drop(&b);
}

Test(waiting, who_leaves_the_middle_of_the_line_is_passed_over)
{
	struct hand h[3];

	channel(1);
	for (int i = 0; i < 3; i++) {
		hand_recv(&h[i]);
		poll(&h[i]);
	}
	drop(&h[1]);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(poll(&h[0]), PIRN_READY);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(wakes(&h[2]), 1);
	drop(&h[0]);
	drop(&h[2]);
}

Test(waiting, close_wakes_all_receivers)
{
	struct hand h[3];

	channel(1);
	for (int i = 0; i < 3; i++) {
		hand_recv(&h[i]);
		poll(&h[i]);
	}
	tx = pirn_sender_unref(tx);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].future->err, -EPIPE);
		drop(&h[i]);
	}
}

Test(waiting, close_wakes_all_senders_and_takes_nothing_of_theirs)
{
	struct hand h[3];

	channel(1);
	cr_expect_eq(send(0), 0);
	for (int i = 0; i < 3; i++) {
		hand_send(&h[i], i + 1);
		poll(&h[i]);
	}
	pirn_receiver_close(rx);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].future->err, -EPIPE);
		cr_expect_eq(h[i].msg, i + 1);
		drop(&h[i]);
	}
	cr_expect_eq(recv(), 0);
	cr_expect_eq(recv(), -EPIPE);
}

Test(waiting, receivers_are_woken_when_the_last_sender_goes_and_get_what_is_left)
{
	struct hand a, b;

	channel(4);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	pirn_sender_close(tx);
	cr_expect_eq(poll(&b), PIRN_READY); /* though a was notified of it first */
	cr_expect_eq(b.future->err, 0);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.future->err, -EPIPE);
	drop(&a);
	drop(&b);
}

Test(waiting, send_zeroes_an_owned_message_when_it_is_taken)
{
	struct bell bell;
	struct pirn_send send_box;
	int *first = box(1), *second = box(2), *got;

	bell_init(&bell);
	channel_of_boxes(1);
	cr_expect_eq(pirn_try_send(tx, &first), 0);
	send_box = pirn_send(tx, &second);
	cr_expect_eq(bell_poll(&send_box.future, &bell), PIRN_PENDING);
	cr_expect_not_null(second);
	cr_expect_eq(pirn_try_recv(rx, &got), 0);
	free(got);
	cr_expect_eq(bell_poll(&send_box.future, &bell), PIRN_READY);
	cr_expect_null(second);
	pirn_drop(&send_box.future);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released_sum, 2);
}

Test(waiting, send_without_memory_is_ready_and_has_taken_nothing)
{
	struct hand a;

	channel(PIRN_UNBOUNDED);
	hand_send(&a, 3);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.future->err, -ENOMEM);
	drop(&a);
	cr_expect_eq(recv(), -EAGAIN);
}

Test(waiting, future_may_be_dropped_unpolled_and_twice)
{
	struct hand a;

	channel(1);
	hand_send(&a, 1);
	drop(&a);
	drop(&a);
	hand_recv(&a);
	drop(&a);
	cr_expect_eq(recv(), -EAGAIN);
}

Test(waiting, poll_that_finds_its_channel_always_ready_lets_others_run_now_and_then)
{
	struct pirn_context cx;
	struct bell bell;
	unsigned got = 0;

	channel(PIRN_UNBOUNDED);
	bell_init(&bell);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(send(i), 0);
	pirn_context_init(&cx, &bell.waker, NULL);
	for (;; got++) {
		int n;
		struct pirn_recv r = pirn_recv(rx, &n);
		enum pirn_poll p = pirn_poll(&r.future, &cx);

		pirn_drop(&r.future);
		if (p == PIRN_PENDING)
			break;
	}
	cr_expect_eq(got, PIRN_BUDGET);
	cr_expect_eq(atomic_load(&bell.wakes), 1);
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

/* ---- plain threads ------------------------------------------------------------------------- */

TestSuite(blocking, .init = begin, .fini = end);

static void *send_hundred(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		cr_expect_eq(pirn_send_blocking(tx, &i), 0);
	tx = pirn_sender_unref(tx);
	return NULL;
}

Test(blocking, threads_pass_messages_through_one_place)
{
	pthread_t thread;
	int n;

	channel(1);
	cr_assert_eq(pthread_create(&thread, NULL, send_hundred, NULL), 0);
	for (int i = 0; i < 100; i++) {
		cr_expect_eq(pirn_recv_blocking(rx, &n), 0);
		cr_expect_eq(n, i);
	}
	cr_expect_eq(pirn_recv_blocking(rx, &n), -EPIPE);
	pthread_join(thread, NULL);
}

static void *recv_one(void *arg)
{
	int n = 0;

	*(int *)arg = pirn_recv_blocking(rx, &n);
	return NULL;
}

static void *send_one(void *arg)
{
	int n = 2;

	*(int *)arg = pirn_send_blocking(tx, &n);
	return NULL;
}

Test(blocking, close_gets_everybody_up)
{
	pthread_t thread[2];
	int err[2] = { 0 };
	void *(*body[2])(void *) = { recv_one, send_one };

	for (int k = 0; k < 2; k++) { /* receivers on an empty one, senders on a full one */
		channel(1);
		if (k == 1)
			cr_assert_eq(send(1), 0);
		for (int i = 0; i < 2; i++)
			cr_assert_eq(pthread_create(&thread[i], NULL, body[k], &err[i]), 0);
		for (int i = 0; i < 100; i++)
			sched_yield(); /* most likely they wait by now; either way is right */
		pirn_sender_close(tx);
		for (int i = 0; i < 2; i++) {
			pthread_join(thread[i], NULL);
			cr_expect_eq(err[i], -EPIPE);
		}
		end();
	}
}
