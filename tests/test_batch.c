/* SPDX-License-Identifier: MIT */
/* Many messages at once: their order, how many, and who is woken. */
#include "config.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "bell.h"
#include "channels.h"

TestSuite(batch, .init = begin, .fini = end);

#define MANY 100

static int out[MANY], in[MANY];

static void number(void)
{
	for (int i = 0; i < MANY; i++) {
		out[i] = i;
		in[i] = -1;
	}
}

static void check_in(int from, int n)
{
	for (int i = 0; i < n; i++)
		cr_assert_eq(in[i], from + i, "message %d is %d", i, in[i]);
}

/* How many have been sent: msgs has moved on behind them. */
static long sent_of(const struct pirn_send_many *send, const int *msgs)
{
	return (const int *)send->msgs - msgs;
}

Test(batch, keeps_the_order)
{
	number();
	channel(MANY);
	cr_expect_eq(pirn_try_send_many(tx, out, MANY), MANY);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), MANY);
	check_in(0, MANY);
}

Test(batch, goes_through_the_segments_of_an_unbounded_channel)
{
	number();
	channel(PIRN_UNBOUNDED);
	for (int i = 0; i < 50; i++)
		cr_assert_eq(pirn_try_send_many(tx, out, MANY), MANY);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(pirn_try_recv_many(rx, in, MANY), MANY);
		check_in(0, MANY);
	}
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), -EAGAIN);
}

Test(batch, moves_what_there_is_room_for)
{
	number();
	channel(70);
	cr_expect_eq(pirn_try_send_many(tx, out, MANY), 70);
	cr_expect_eq(pirn_try_send_many(tx, out, MANY), -EAGAIN);
	cr_expect_eq(pirn_try_recv_many(rx, in, 40), 40);
	check_in(0, 40);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), 30);
	check_in(40, 30);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), -EAGAIN);
}

Test(batch, of_none_is_fine)
{
	channel(1);
	cr_expect_eq(pirn_try_send_many(tx, out, 0), 0);
	cr_expect_eq(pirn_try_recv_many(rx, in, 0), 0);
}

Test(batch, to_a_closed_channel_fails_and_from_it_gives_what_is_left)
{
	number();
	channel(10);
	cr_expect_eq(pirn_try_send_many(tx, out, 5), 5);
	pirn_sender_close(tx);
	cr_expect_eq(pirn_try_send_many(tx, out, 5), -EPIPE);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), 5);
	check_in(0, 5);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), -EPIPE);
}

Test(batch, send_waits_until_all_are_sent)
{
	struct pirn_send_many send;
	struct bell bell;

	number();
	channel(40);
	bell_init(&bell);
	send = pirn_send_many(tx, out, MANY);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	cr_expect_eq(sent_of(&send, out), 40);
	cr_expect_eq(pirn_try_recv_many(rx, in, 30), 30);
	cr_expect_eq(atomic_load(&bell.wakes), 1);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	cr_expect_eq(sent_of(&send, out), 70);
	cr_expect_eq(pirn_try_recv_many(rx, in, 40), 40);
	check_in(30, 40);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY);
	cr_expect_eq(send.future.err, 0);
	cr_expect_eq(send.left, 0);
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

Test(batch, recv_waits_for_the_first_and_takes_all)
{
	struct pirn_recv_many recv;
	struct bell bell;

	number();
	channel(MANY);
	bell_init(&bell);
	recv = pirn_recv_many(rx, in, MANY);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
	cr_expect_eq(pirn_try_send_many(tx, out, 60), 60);
	cr_expect_eq(atomic_load(&bell.wakes), 1, "once for the whole batch");
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.future.err, 0);
	cr_expect_eq(recv.done, 60);
	check_in(0, 60);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	pirn_sender_close(tx);
	recv = pirn_recv_many(rx, in, MANY);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.future.err, -EPIPE);
	cr_expect_eq(recv.done, 0);
}

Test(batch, wakes_one_who_waits_for_each_message)
{
	struct pirn_recv recv[3];
	struct bell bell[3];
	int msg[3];

	number();
	channel(MANY);
	for (int i = 0; i < 3; i++) {
		bell_init(&bell[i]);
		recv[i] = pirn_recv(rx, &msg[i]);
		cr_assert_eq(bell_poll(&recv[i].future, &bell[i]), PIRN_PENDING);
	}
	cr_expect_eq(pirn_try_send_many(tx, out, 2), 2);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(atomic_load(&bell[i].wakes), i < 2);
	for (int i = 0; i < 3; i++)
		pirn_drop(&recv[i].future);
	cr_expect_eq(atomic_load(&bell[2].wakes), 1, "handed on by those that were dropped");
}

Test(batch, recv_that_overtakes_another_leaves_the_line)
{
	struct pirn_recv_many recv[2];
	struct bell bell[2];

	number();
	channel(MANY);
	for (int i = 0; i < 2; i++) {
		bell_init(&bell[i]);
		recv[i] = pirn_recv_many(rx, in, MANY);
		cr_assert_eq(bell_poll(&recv[i].future, &bell[i]), PIRN_PENDING);
	}
	cr_expect_eq(pirn_try_send_many(tx, out, 1), 1);
	cr_expect_eq(bell_poll(&recv[1].future, &bell[1]), PIRN_READY, "it was not woken yet");
	cr_expect_eq(atomic_load(&bell[1].refs), 0);
	cr_expect_eq(bell_poll(&recv[0].future, &bell[0]), PIRN_PENDING);
	pirn_drop(&recv[0].future);
}

Test(batch, send_that_is_dropped_has_taken_what_it_says)
{
	struct pirn_send_many send;
	struct bell bell;

	number();
	channel_of(sizeof(int), 10, NULL);
	bell_init(&bell);
	send = pirn_send_many(tx, out, 30);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	pirn_drop(&send.future);
	cr_expect_eq(sent_of(&send, out), 10);
	cr_expect_eq(send.left, 20);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), 10);
	check_in(0, 10);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	send = pirn_send_many(tx, out, 30);
	pirn_drop(&send.future); /* not polled */
	cr_expect_eq(send.left, 30);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), -EAGAIN);
}

Test(batch, send_that_failed_goes_on_where_it_was)
{
	struct pirn_send_many send;
	struct bell bell;

	number();
	channel(10);
	bell_init(&bell);
	send = pirn_send_many(tx, out, 30);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	pirn_drop(&send.future);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), 10);
	send = pirn_send_many(tx, send.msgs, send.left);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	pirn_sender_close(tx);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY);
	cr_expect_eq(send.future.err, -EPIPE);
	cr_expect_eq(send.left, 10);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), 10);
	check_in(10, 10);
	pirn_drop(&send.future);
	cr_expect_eq(send.left, 10);
}

Test(batch, recv_that_is_dropped_hands_on_what_it_was_woken_for)
{
	struct pirn_recv_many recv[2];
	struct bell bell[2];

	channel(MANY);
	for (int i = 0; i < 2; i++) {
		bell_init(&bell[i]);
		recv[i] = pirn_recv_many(rx, in, MANY);
		cr_assert_eq(bell_poll(&recv[i].future, &bell[i]), PIRN_PENDING);
	}
	send(7);
	cr_expect_eq(atomic_load(&bell[0].wakes), 1);
	cr_expect_eq(atomic_load(&bell[1].wakes), 0);
	pirn_drop(&recv[0].future);
	cr_expect_eq(atomic_load(&bell[1].wakes), 1);
	cr_expect_eq(bell_poll(&recv[1].future, &bell[1]), PIRN_READY);
	cr_expect_eq(recv[1].done, 1);
	cr_expect_eq(in[0], 7);
}

Test(batch, recv_that_is_dropped_has_received_none)
{
	struct pirn_recv_many recv;
	struct bell bell;

	number();
	channel(MANY);
	bell_init(&bell);
	for (int notified = 0; notified < 2; notified++) {
		recv = pirn_recv_many(rx, in, MANY);
		cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
		if (notified)
			send(7);
		pirn_drop(&recv.future);
		cr_expect_eq(recv.done, 0);
	}
	recv = pirn_recv_many(rx, in, MANY);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	pirn_drop(&recv.future);
	cr_expect_eq(recv.done, 1);
}

Test(batch, has_no_more_than_INT_MAX_messages)
{
	struct pirn_send_many send;
	struct pirn_recv_many recv;
	struct bell bell;

	number();
	channel(10);
	bell_init(&bell);
	send = pirn_send_many(tx, out, INT_MAX);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
	pirn_drop(&send.future);
	cr_expect_eq(send.left, (size_t)INT_MAX - 10);
	recv = pirn_recv_many(rx, in, SIZE_MAX);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.done, 10);
}

Test(batch, send_of_more_than_INT_MAX_messages_traps, .signal = SIGABRT)
{
	struct pirn_send_many send;
	struct bell bell;

	channel(10);
	bell_init(&bell);
	send = pirn_send_many(tx, out, (size_t)INT_MAX + 1);
	bell_poll(&send.future, &bell);
}

Test(batch, without_memory_says_how_many_went)
{
	static int big[5000];
	struct pirn_send_many send;
	struct bell bell;
	int sent;

	channel(PIRN_UNBOUNDED);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(pirn_try_send_many(tx, big, 5000), -ENOMEM);
	faulty_fail_alloc(&host, 2); /* the second segment */
	sent = pirn_try_send_many(tx, big, 5000);
	cr_expect(sent > 0 && sent < 5000, "%d were sent", sent);
	bell_init(&bell);
	faulty_fail_alloc(&host, 1);
	send = pirn_send_many(tx, big, 5000);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY);
	cr_expect_eq(send.future.err, -ENOMEM);
	cr_expect_eq(send.left, 5000);
	cr_expect_eq(pirn_try_recv_many(rx, big, 5000), sent);
}

Test(batch, send_that_has_no_memory_in_its_middle_says_so)
{
	static int big[5000];
	struct pirn_send_many send;
	struct bell bell;
	int sent;

	channel(PIRN_UNBOUNDED);
	bell_init(&bell);
	faulty_fail_alloc(&host, 2); /* the second segment */
	send = pirn_send_many(tx, big, 5000);
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY, "in one poll");
	cr_expect_eq(send.future.err, -ENOMEM);
	sent = (int)sent_of(&send, big);
	cr_expect(sent > 0 && sent < 5000, "%d were sent", sent);
	cr_expect_eq(send.left, 5000 - (size_t)sent);
	cr_expect_eq(pirn_try_recv_many(rx, big, 5000), sent);
}

Test(batch, lets_others_run_when_its_budget_is_spent)
{
	enum { AT_ONCE = PIRN_BUDGET * PIRN_BATCH, ALL = 2 * AT_ONCE + 1 };
	static int big[ALL];
	struct pirn_send_many send;
	struct pirn_recv_many recv;
	struct bell bell;
	size_t received = 0;

	channel(ALL);
	bell_init(&bell);
	for (int i = 0; i < ALL; i++)
		big[i] = i;
	send = pirn_send_many(tx, big, ALL);
	for (unsigned i = 1; i <= 2; i++) {
		cr_expect_eq(bell_poll(&send.future, &bell), PIRN_PENDING);
		cr_expect_eq(sent_of(&send, big), i * AT_ONCE);
		cr_expect_eq(atomic_load(&bell.wakes), i, "it goes on by itself");
	}
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY);
	cr_expect_eq(send.left, 0);
	for (int i = 0; i < 3; i++) {
		recv = pirn_recv_many(rx, big, ALL);
		cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
		cr_expect_eq(recv.future.err, 0);
		cr_expect_eq(recv.done, i < 2 ? AT_ONCE : 1);
		for (size_t k = 0; k < recv.done; k++)
			cr_assert_eq(big[k], (int)received++);
	}
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

/* Memory that looks, when it is asked for, whether somebody has been woken. */
static struct bell waits;
static unsigned woken;

static void *look_and_alloc(const struct pirn_memory *memory, size_t size)
{
	woken = atomic_load(&waits.wakes);
	return faulty_alloc(memory, size);
}

Test(batch, that_needs_memory_in_its_middle_wakes_before_it_asks)
{
	struct pirn_recv recv;
	int got;

	number();
	channel(PIRN_UNBOUNDED);
	bell_init(&waits);
	for (int i = 0; i < 500; i++) { /* a segment has room for 512 */
		cr_assert_eq(send(i), 0);
		cr_assert_eq(pirn_try_recv(rx, &got), 0);
	}
	recv = pirn_recv(rx, &got);
	cr_assert_eq(bell_poll(&recv.future, &waits), PIRN_PENDING);
	host.platform.memory.alloc = look_and_alloc;
	woken = 0;
	cr_expect_eq(pirn_try_send_many(tx, out, MANY), MANY);
	cr_expect_eq(woken, 1);
	cr_expect_eq(bell_poll(&recv.future, &waits), PIRN_READY);
	cr_expect_eq(pirn_try_recv_many(rx, in, MANY), MANY - 1);
	check_in(1, MANY - 1);
}

/* Memory that is spoiled where it is given back, and a waker that ends the channel. */
static void spoil_and_free(const struct pirn_memory *memory, void *block, size_t size)
{
	memset(block, 0x5a, size);
	faulty_free(memory, block, size);
}

static void take_all_and_go(struct pirn_waker *w)
{
	struct pirn_sender *carried;

	while (pirn_try_recv(rx, &carried) == 0)
		pirn_sender_unref(carried);
	rx = pirn_receiver_unref(rx);
	bell_wake(w);
}

static const struct pirn_waker_ops going_ops = {
	.clone = bell_clone,
	.wake = take_all_and_go,
	.wake_by_ref = bell_wake_by_ref,
	.drop = bell_drop,
};

Test(batch, may_end_with_the_end_through_which_it_is_sent)
{
	struct pirn_sender *msgs[2], *got;
	struct pirn_send_many send;
	struct pirn_recv recv;
	struct bell bell;

	channel_of(sizeof(tx), 2, NULL);
	host.platform.memory.free = spoil_and_free;
	msgs[0] = NULL;
	msgs[1] = tx;
	bell_init(&bell);
	bell_init(&waits);
	waits.waker.ops = &going_ops;
	recv = pirn_recv(rx, &got);
	cr_assert_eq(bell_poll(&recv.future, &waits), PIRN_PENDING);
	send = pirn_send_many(tx, msgs, 2);
	tx = NULL;
	cr_expect_eq(bell_poll(&send.future, &bell), PIRN_READY);
	cr_expect_null(rx);
	cr_expect_eq(faulty_left(&host), 0, "woken, it has ended the channel");
	cr_expect_eq(send.left, 0);
	cr_expect(send.msgs == msgs + 2);
}

/* ---- plain threads ------------------------------------------------------------------------- */

static void *send_all(void *arg)
{
	*(int *)arg = pirn_send_many_blocking(tx, out, MANY);
	tx = pirn_sender_unref(tx);
	return NULL;
}

Test(batch, of_a_thread_sleeps_until_all_are_sent)
{
	static const size_t capacity[] = { 0, 1, 7, PIRN_UNBOUNDED };

	number();
	for (size_t i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++) {
		pthread_t thread;
		int n, got = 0, sent = 0;

		channel(capacity[i]);
		cr_assert_eq(pthread_create(&thread, NULL, send_all, &sent), 0);
		while ((n = pirn_recv_many_blocking(rx, in, 5)) > 0) {
			check_in(got, n);
			got += n;
		}
		cr_expect_eq(n, -EPIPE);
		cr_expect_eq(got, MANY);
		pthread_join(thread, NULL);
		cr_expect_eq(sent, MANY);
		end();
	}
}

static void *take_ten_and_close(void *arg)
{
	for (int got = 0; got < 10;)
		got += pirn_recv_many_blocking(rx, in, 10 - (size_t)got);
	pirn_receiver_close(rx);
	return arg;
}

Test(batch, of_a_thread_says_how_many_went_before_the_channel_was_closed)
{
	pthread_t thread;
	int sent;

	number();
	channel(4);
	cr_assert_eq(pthread_create(&thread, NULL, take_ten_and_close, NULL), 0);
	sent = pirn_send_many_blocking(tx, out, MANY);
	cr_expect(sent >= 10 && sent <= 14, "%d were sent", sent);
	cr_expect_eq(pirn_send_many_blocking(tx, out, MANY), -EPIPE);
	pthread_join(thread, NULL);
}

Test(batch, of_a_thread_does_not_sleep_for_none)
{
	channel(0);
	cr_expect_eq(pirn_send_many_blocking(tx, out, 0), 0);
	cr_expect_eq(pirn_recv_many_blocking(rx, in, 0), 0);
}
