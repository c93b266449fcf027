/* SPDX-License-Identifier: MIT */
/* The ends of a channel: what they count, how they wait for its end, weak ones. */
#include "config.h"

#include <pthread.h>
#include <signal.h>

#include "channel.h" /* for a count that no test could reach */
#include "hands.h"

/* ---- counts -------------------------------------------------------------------------------- */

TestSuite(counts, .init = begin, .fini = end);

static void expect(size_t messages, size_t capacity, size_t senders, size_t receivers, bool closed)
{
	struct pirn_channel_counts of_tx, of_rx;

	pirn_sender_counts(tx, &of_tx);
	cr_expect_eq(of_tx.messages, messages);
	cr_expect_eq(of_tx.capacity, capacity);
	cr_expect_eq(of_tx.senders, senders);
	cr_expect_eq(of_tx.receivers, receivers);
	cr_expect_eq(of_tx.closed, closed);
	if (!rx)
		return;
	pirn_receiver_counts(rx, &of_rx);
	cr_expect_eq(of_rx.messages, messages);
	cr_expect_eq(of_rx.capacity, capacity);
	cr_expect_eq(of_rx.senders, senders);
	cr_expect_eq(of_rx.receivers, receivers);
	cr_expect_eq(of_rx.closed, closed);
}

Test(counts, are_those_of_the_channel_at_either_end)
{
	channel(3);
	expect(0, 3, 1, 1, false);
	send(1);
	send(2);
	pirn_sender_ref(tx);
	pirn_receiver_ref(rx);
	pirn_receiver_ref(rx);
	expect(2, 3, 2, 3, false);
	recv();
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	pirn_receiver_unref(rx);
	expect(1, 3, 1, 1, false);
	pirn_receiver_close(rx);
	expect(1, 3, 1, 1, true);
	recv();
	expect(0, 3, 1, 1, true);
}

Test(counts, know_the_other_kinds)
{
	struct hand r;

	channel(PIRN_UNBOUNDED);
	for (int i = 0; i < 1000; i++)
		send(i);
	expect(1000, PIRN_UNBOUNDED, 1, 1, false);
	end();
	channel(0);
	hand_recv(&r);
	poll(&r);
	expect(0, 0, 1, 1, false);
	send(1);
	expect(1, 0, 1, 1, false);
	drop(&r);
}

Test(counts, no_messages_when_the_last_receiver_has_gone)
{
	channel(3);
	send(1);
	rx = pirn_receiver_unref(rx);
	expect(0, 3, 1, 0, true);
}

Test(counts, do_not_see_weak_ends)
{
	struct pirn_weak_sender *weak;

	channel(3);
	weak = pirn_sender_downgrade(tx);
	expect(0, 3, 1, 1, false);
	pirn_weak_sender_unref(weak);
}

Test(counts, of_a_holder_too_many_traps, .signal = SIGABRT)
{
	channel(3);
	of_receiver(rx)->receivers = UINT32_MAX - 1;
	pirn_receiver_ref(rx);
	pirn_receiver_ref(rx);
}

Test(counts, of_a_holder_too_many_who_was_weak_traps, .signal = SIGABRT)
{
	channel(3);
	of_sender(tx)->senders = UINT32_MAX;
	pirn_weak_sender_upgrade(pirn_sender_downgrade(tx));
}

/* ---- closed -------------------------------------------------------------------------------- */

TestSuite(closed, .init = begin, .fini = end);

Test(closed, is_ready_when_either_side_closes_or_the_last_receiver_goes)
{
	for (int how = 0; how < 3; how++) {
		struct pirn_sender_closed closed;
		struct bell bell;

		bell_init(&bell);
		channel(2);
		closed = pirn_sender_closed(tx);
		cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_PENDING);
		send(1);
		recv();
		cr_expect_eq(atomic_load(&bell.wakes), 0);
		if (how == 0)
			pirn_sender_close(tx);
		else if (how == 1)
			pirn_receiver_close(rx);
		else
			rx = pirn_receiver_unref(rx);
		cr_expect_eq(atomic_load(&bell.wakes), 1);
		cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_READY);
		cr_expect_eq(closed.future.err, 0);
		cr_expect_eq(atomic_load(&bell.refs), 0);
		end();
	}
}

Test(closed, wakes_all_who_wait_for_it)
{
	struct pirn_sender_closed closed[3];
	struct bell bell[3];

	channel(2);
	for (int i = 0; i < 3; i++) {
		bell_init(&bell[i]);
		closed[i] = pirn_sender_closed(tx);
		cr_expect_eq(bell_poll(&closed[i].future, &bell[i]), PIRN_PENDING);
	}
	pirn_drop(&closed[1].future);
	cr_expect_eq(atomic_load(&bell[1].refs), 0);
	pirn_receiver_close(rx);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(atomic_load(&bell[i].wakes), i != 1);
	pirn_drop(&closed[0].future); /* woken, and not polled */
	cr_expect_eq(bell_poll(&closed[2].future, &bell[2]), PIRN_READY);
	cr_expect_eq(atomic_load(&bell[2].refs), 0);
}

Test(closed, polled_by_another_task_wakes_that_one)
{
	struct pirn_sender_closed closed;
	struct bell bell, other;

	bell_init(&bell);
	bell_init(&other);
	channel(2);
	closed = pirn_sender_closed(tx);
	bell_poll(&closed.future, &bell);
	bell_poll(&closed.future, &bell);
	bell_poll(&closed.future, &other);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	pirn_receiver_close(rx);
	cr_expect_eq(atomic_load(&bell.wakes), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	pirn_drop(&closed.future);
	cr_expect_eq(atomic_load(&other.refs), 0);
}

Test(closed, at_the_first_look_is_ready_at_once)
{
	struct pirn_sender_closed closed;
	struct bell bell;

	bell_init(&bell);
	channel(2);
	pirn_sender_close(tx);
	closed = pirn_sender_closed(tx);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_READY);
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

static void *leave(void *arg)
{
	rx = pirn_receiver_unref(rx);
	return arg;
}

Test(closed, gets_a_thread_up)
{
	struct pirn_sender_closed closed;
	pthread_t thread;

	channel(2);
	closed = pirn_sender_closed(tx);
	cr_assert_eq(pthread_create(&thread, NULL, leave, NULL), 0);
	cr_expect_eq(pirn_block_on(&closed.future), 0);
	pthread_join(thread, NULL);
}

/* ---- weak ends ----------------------------------------------------------------------------- */

TestSuite(weak, .init = begin, .fini = end);

Test(weak, sender_becomes_one_that_counts)
{
	struct pirn_weak_sender *weak;
	struct pirn_sender *strong;

	channel(2);
	weak = pirn_sender_downgrade(tx);
	strong = pirn_weak_sender_upgrade(weak);
	cr_expect_eq(strong, tx);
	tx = pirn_sender_unref(tx);
	tx = strong;
	cr_expect_eq(send(1), 0, "it keeps the channel open");
	cr_expect_eq(recv(), 1);
	cr_expect_null(pirn_weak_sender_unref(weak));
}

Test(weak, receiver_becomes_one_that_counts)
{
	struct pirn_weak_receiver *weak;
	struct pirn_receiver *strong;

	channel(2);
	weak = pirn_receiver_downgrade(rx);
	strong = pirn_weak_receiver_upgrade(weak);
	cr_expect_eq(strong, rx);
	rx = pirn_receiver_unref(rx);
	rx = strong;
	cr_expect_eq(send(1), 0, "it keeps the channel open");
	cr_expect_eq(recv(), 1);
	cr_expect_null(pirn_weak_receiver_unref(weak));
}

Test(weak, ends_do_not_keep_the_channel_open)
{
	struct pirn_weak_sender *weak_tx;
	struct pirn_weak_receiver *weak_rx;

	channel(2);
	send(1);
	weak_tx = pirn_sender_downgrade(tx);
	weak_rx = pirn_receiver_downgrade(rx);
	tx = pirn_sender_unref(tx);
	cr_expect_null(pirn_weak_sender_upgrade(weak_tx));
	cr_expect_null(pirn_weak_receiver_upgrade(weak_rx));
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), -EPIPE);
	pirn_weak_sender_unref(weak_tx);
	pirn_weak_receiver_unref(weak_rx);
}

Test(weak, ends_of_a_channel_that_was_closed_stay_weak)
{
	struct pirn_weak_sender *weak;

	channel(2);
	weak = pirn_sender_downgrade(tx);
	pirn_receiver_close(rx);
	cr_expect_null(pirn_weak_sender_upgrade(weak));
	pirn_weak_sender_unref(weak);
}

Test(weak, end_keeps_the_memory_and_messages_go_with_the_last_receiver)
{
	struct pirn_weak_sender *weak;
	struct pirn_weak_receiver *weak_rx;
	int *m = box(6);

	channel_of_boxes(PIRN_UNBOUNDED);
	cr_expect_eq(pirn_try_send(tx, &m), 0);
	weak = pirn_sender_downgrade(tx);
	weak_rx = pirn_receiver_downgrade(rx);
	cr_expect_eq(pirn_weak_sender_ref(weak), weak);
	cr_expect_eq(pirn_weak_receiver_ref(weak_rx), weak_rx);
	tx = pirn_sender_unref(tx);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released_sum, 6);
	cr_expect_gt(faulty_left(&host), 0);
	pirn_weak_sender_unref(weak);
	pirn_weak_sender_unref(weak);
	pirn_weak_receiver_unref(weak_rx);
	cr_expect_null(pirn_weak_receiver_upgrade(weak_rx));
	pirn_weak_receiver_unref(weak_rx);
	cr_expect_eq(faulty_left(&host), 0);
}

Test(weak, ends_may_be_null_when_they_go)
{
	cr_expect_null(pirn_weak_sender_unref(NULL));
	cr_expect_null(pirn_weak_receiver_unref(NULL));
}
