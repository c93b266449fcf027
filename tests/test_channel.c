/* SPDX-License-Identifier: MIT */
/* Channels: one attempt, waiting (polled by hand, so that a test decides who waits), plain threads. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bell.h"
#include "faulty.h"
#include "pirn.h"
#include "pirn_channel.h"

/* Typed ends, of messages that own something and of plain ones. */
struct parcel {
	int *content;
	long weight;
};

static int parcels_released;

static void parcel_release(struct parcel *p)
{
	free(p->content);
	parcels_released++;
}

PIRN_CHANNEL(parcel, struct parcel, parcel_release);
PIRN_CHANNEL(count, long, NULL);

static struct faulty host; /* every channel here takes its memory from it */
static struct pirn_sender *tx;
static struct pirn_receiver *rx;

static void begin(void)
{
	faulty_init(&host);
	tx = NULL;
	rx = NULL;
}

/* Every test ends with both ends gone and all memory back. */
static void end(void)
{
	tx = pirn_sender_unref(tx);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static void channel_of(size_t size, size_t capacity, void (*release)(void *msg))
{
	int err = pirn_channel_new(&tx, &rx, size, capacity, release, &host.platform.memory);

	cr_assert_eq(err, 0);
}

static void channel(size_t capacity)
{
	channel_of(sizeof(int), capacity, NULL);
}

static int send(int n)
{
	return pirn_try_send(tx, &n);
}

/* The next message, or the error. */
static int recv(void)
{
	int n = -1000, err = pirn_try_recv(rx, &n);

	return err ? err : n;
}

/* ---- one attempt --------------------------------------------------------------------------- */

TestSuite(channel, .init = begin, .fini = end);

Test(channel, gives_first_what_was_sent_first)
{
	channel(3);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(send(i), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(recv(), i);
}

Test(channel, keeps_the_order_around_the_end_of_its_ring)
{
	int next = 0;

	channel(3);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(send(i), 0);
		if (i % 2)
			continue;
		cr_assert_eq(recv(), next++);
		if (i > 2)
			cr_assert_eq(recv(), next++);
	}
}

Test(channel, that_is_unbounded_keeps_the_order_through_all_its_segments)
{
	channel(PIRN_UNBOUNDED);
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(send(i), 0);
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(recv(), i);
	cr_expect_eq(recv(), -EAGAIN);
	cr_expect_leq(atomic_load(&host.blocks), 3); /* itself, the last segment, a spare one */
}

Test(channel, that_is_unbounded_needs_no_new_memory_for_a_few_messages_at_a_time)
{
	unsigned allocs;

	channel(PIRN_UNBOUNDED);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(send(i), 0);
		cr_assert_eq(recv(), i);
	}
	allocs = atomic_load(&host.allocs);
	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(send(i), 0);
		cr_assert_eq(recv(), i);
	}
	cr_expect_eq(atomic_load(&host.allocs), allocs);
}

Test(channel, that_is_full_takes_nothing)
{
	int n = 2;

	channel(1);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(pirn_try_send(tx, &n), -EAGAIN);
	cr_expect_eq(n, 2);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(pirn_try_send(tx, &n), 0);
	cr_expect_eq(recv(), 2);
}

Test(channel, that_is_empty_writes_nothing)
{
	int n = 7;

	channel(4);
	cr_expect_eq(pirn_try_recv(rx, &n), -EAGAIN);
	pirn_sender_close(tx);
	cr_expect_eq(pirn_try_recv(rx, &n), -EPIPE);
	cr_expect_eq(n, 7);
}

Test(channel, that_is_closed_takes_nothing_and_gives_what_is_left)
{
	channel(4);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), 0);
	pirn_sender_close(tx);
	cr_expect_eq(send(3), -EPIPE);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), 2);
	cr_expect_eq(recv(), -EPIPE);
}

Test(channel, may_be_closed_by_its_receiver_too_and_twice)
{
	channel(PIRN_UNBOUNDED);
	cr_expect_eq(send(1), 0);
	pirn_receiver_close(rx);
	pirn_sender_close(tx);
	pirn_receiver_close(rx);
	cr_expect_eq(send(2), -EPIPE);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), -EPIPE);
}

Test(channel, is_closed_when_the_last_sender_goes)
{
	channel(4);
	cr_expect_eq(pirn_sender_ref(tx), tx);
	pirn_sender_unref(tx);
	cr_expect_eq(send(1), 0);
	tx = pirn_sender_unref(tx);
	cr_expect_null(tx);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), -EPIPE);
}

Test(channel, is_closed_when_the_last_receiver_goes)
{
	channel(4);
	cr_expect_eq(pirn_receiver_ref(rx), rx);
	pirn_receiver_unref(rx);
	cr_expect_eq(send(1), 0);
	rx = pirn_receiver_unref(rx);
	cr_expect_null(rx);
	cr_expect_eq(send(2), -EPIPE);
}

Test(channel, ends_may_be_null_when_they_go)
{
	cr_expect_null(pirn_sender_unref(NULL));
	cr_expect_null(pirn_receiver_unref(NULL));
}

Test(channel, wants_a_size_and_a_capacity)
{
	cr_expect_eq(pirn_channel_new(&tx, &rx, 0, 1, NULL, NULL), -EINVAL);
	cr_expect_eq(pirn_channel_new(&tx, &rx, 1, 0, NULL, NULL), -EINVAL);
	cr_expect_null(tx);
	cr_expect_null(rx);
}

Test(channel, of_more_bytes_than_there_are_is_out_of_memory)
{
	const struct pirn_memory *memory = &host.platform.memory;

	cr_expect_eq(pirn_channel_new(&tx, &rx, SIZE_MAX / 2, 3, NULL, memory), -ENOMEM);
	cr_assert_eq(pirn_channel_new(&tx, &rx, SIZE_MAX - 8, PIRN_UNBOUNDED, NULL, memory), 0);
	cr_expect_eq(pirn_try_send(tx, &host), -ENOMEM);
}

Test(channel, carries_big_messages)
{
	static unsigned char out[5000], in[5000];
	static const size_t capacity[] = { 1, 3, PIRN_UNBOUNDED };

	for (size_t c = 0; c < sizeof(capacity) / sizeof(capacity[0]); c++) {
		channel_of(sizeof(out), capacity[c], NULL);
		for (int i = 0; i < 10; i++) {
			memset(out, i + 1, sizeof(out));
			cr_assert_eq(pirn_try_send(tx, out), 0);
			cr_assert_eq(pirn_try_recv(rx, in), 0);
			cr_assert_eq(memcmp(in, out, sizeof(out)), 0);
		}
		end();
	}
}

Test(channel, carries_messages_of_one_byte)
{
	channel_of(1, PIRN_UNBOUNDED, NULL);
	for (int i = 0; i < 10000; i++) {
		char c = (char)i;

		cr_assert_eq(pirn_try_send(tx, &c), 0);
	}
	for (int i = 0; i < 10000; i++) {
		char c = 0;

		cr_assert_eq(pirn_try_recv(rx, &c), 0);
		cr_assert_eq(c, (char)i);
	}
}

Test(channel, out_of_memory_leaves_nothing_behind)
{
	const struct pirn_memory *memory = &host.platform.memory;

	for (unsigned n = 1; n <= 2; n++) { /* the block, and the ring */
		faulty_fail_alloc(&host, n);
		cr_expect_eq(pirn_channel_new(&tx, &rx, 4, 4, NULL, memory), -ENOMEM);
		cr_expect_null(tx);
		cr_expect_null(rx);
		cr_expect_eq(faulty_left(&host), 0);
	}
}

Test(channel, a_send_without_memory_takes_nothing_and_may_be_tried_again)
{
	int sent = 0, failed = 0;

	channel(PIRN_UNBOUNDED);
	for (unsigned n = 1; n <= 3; n++) {
		faulty_fail_alloc(&host, n);
		while (failed < (int)n) {
			int msg = sent, err = pirn_try_send(tx, &msg);

			cr_assert(err == 0 || err == -ENOMEM);
			cr_assert_eq(msg, sent);
			sent += err == 0;
			failed += err != 0;
		}
	}
	for (int i = 0; i < sent; i++)
		cr_assert_eq(recv(), i);
	cr_expect_eq(recv(), -EAGAIN);
}

/* ---- messages that own something ----------------------------------------------------------- */

TestSuite(owned, .init = begin, .fini = end);

static int released, released_sum;

static void release(void *msg)
{
	int **m = msg;

	released++;
	released_sum += **m;
	free(*m);
	*m = NULL;
}

static int *box(int n)
{
	int *m = malloc(sizeof(*m));

	cr_assert_not_null(m);
	*m = n;
	return m;
}

static void channel_of_boxes(size_t capacity)
{
	released = released_sum = 0;
	channel_of(sizeof(int *), capacity, release);
}

Test(owned, message_is_zeroed_when_it_was_taken)
{
	int *m = box(1), *got;

	channel_of_boxes(1);
	cr_expect_eq(pirn_try_send(tx, &m), 0);
	cr_expect_null(m);
	cr_expect_eq(pirn_try_recv(rx, &got), 0);
	cr_expect_eq(*got, 1);
	free(got);
	cr_expect_eq(released, 0);
}

Test(owned, message_stays_the_senders_when_it_was_not_taken)
{
	int *m = box(1), *second = box(2);

	channel_of_boxes(1);
	cr_expect_eq(pirn_try_send(tx, &m), 0);
	cr_expect_eq(pirn_try_send(tx, &second), -EAGAIN);
	cr_expect_eq(*second, 2);
	pirn_receiver_close(rx);
	cr_expect_eq(pirn_try_send(tx, &second), -EPIPE);
	cr_expect_eq(*second, 2);
	free(second);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released, 1);
}

Test(owned, messages_nobody_received_are_released_with_the_last_receiver)
{
	static const size_t capacity[] = { 8, PIRN_UNBOUNDED };

	for (size_t c = 0; c < 2; c++) {
		channel_of_boxes(capacity[c]);
		for (int i = 0; i < 5; i++) {
			int *m = box(i), *got;

			cr_assert_eq(pirn_try_send(tx, &m), 0);
			if (i)
				continue;
			cr_assert_eq(pirn_try_recv(rx, &got), 0);
			free(got);
		}
		tx = pirn_sender_unref(tx); /* what is in it is still there to receive */
		cr_expect_eq(released, 0);
		rx = pirn_receiver_unref(rx);
		cr_expect_eq(released, 4);
		cr_expect_eq(released_sum, 1 + 2 + 3 + 4);
		end();
	}
}

Test(owned, messages_are_released_although_senders_stay)
{
	int *m = box(9);

	channel_of_boxes(PIRN_UNBOUNDED);
	cr_expect_eq(pirn_try_send(tx, &m), 0);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released, 1);
	m = box(8);
	cr_expect_eq(pirn_try_send(tx, &m), -EPIPE);
	cr_expect_eq(*m, 8);
	free(m);
}

Test(owned, messages_of_many_segments_are_all_released)
{
	channel_of_boxes(PIRN_UNBOUNDED);
	for (int i = 0; i < 3000; i++) {
		int *m = box(1), *got;

		cr_assert_eq(pirn_try_send(tx, &m), 0);
		if (i % 3)
			continue;
		cr_assert_eq(pirn_try_recv(rx, &got), 0);
		free(got);
	}
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released_sum, 2000);
}

/* ---- waiting ------------------------------------------------------------------------------- */

TestSuite(waiting, .init = begin, .fini = end);

/* A send or recv that is polled by hand. */
struct hand {
	struct pirn_send send;
	struct pirn_recv recv;
	struct pirn_future *future;
	struct bell bell;
	int msg;
};

static void hand_send(struct hand *h, int msg)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->msg = msg;
	h->send = pirn_send(tx, &h->msg);
	h->future = &h->send.future;
}

static void hand_recv(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->recv = pirn_recv(rx, &h->msg);
	h->future = &h->recv.future;
}

static enum pirn_poll poll(struct hand *h)
{
	return bell_poll(h->future, &h->bell);
}

static unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in the channel. */
static void drop(struct hand *h)
{
	pirn_drop(h->future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
}

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

/* ---- typed ends ---------------------------------------------------------------------------- */

Test(typed, ends_do_all_that_plain_ones_do)
{
	struct parcel_sender *ptx = NULL;
	struct parcel_receiver *prx = NULL;
	struct parcel p = { box(3), 30 }, got = { NULL, 0 };
	struct pirn_send s;
	struct pirn_recv r;

	parcels_released = 0;
	cr_assert_eq(parcel_channel(&ptx, &prx, 2), 0);
	cr_expect_eq(parcel_sender_ref(ptx), ptx);
	cr_expect_null(parcel_sender_unref(ptx));
	cr_expect_eq(parcel_try_send(ptx, &p), 0);
	cr_expect_null(p.content);
	cr_expect_eq(p.weight, 0);
	cr_expect_eq(parcel_try_recv(prx, &got), 0);
	cr_expect_eq(got.weight, 30);
	s = parcel_send(ptx, &got);
	cr_expect_eq(pirn_block_on(&s.future), 0);
	cr_expect_null(got.content);
	r = parcel_recv(prx, &p);
	cr_expect_eq(pirn_block_on(&r.future), 0);
	cr_expect_eq(*p.content, 3);
	cr_expect_eq(parcel_send_blocking(ptx, &p), 0);
	parcel_sender_close(ptx);
	cr_expect_eq(parcel_send_blocking(ptx, &p), -EPIPE);
	cr_expect_eq(parcel_recv_blocking(prx, &p), 0);
	cr_expect_eq(parcel_recv_blocking(prx, &got), -EPIPE);
	parcel_receiver_close(prx);
	parcel_release(&p);
	parcel_sender_unref(ptx);
	parcel_receiver_unref(prx);
	cr_expect_eq(parcels_released, 1);
}

Test(typed, release_function_gets_what_nobody_received)
{
	struct parcel_sender *ptx = NULL;
	struct parcel_receiver *prx = NULL;
	struct parcel p = { box(3), 30 };

	parcels_released = 0;
	cr_assert_eq(parcel_channel(&ptx, &prx, PIRN_UNBOUNDED), 0);
	cr_expect_eq(parcel_try_send(ptx, &p), 0);
	parcel_sender_unref(ptx);
	parcel_receiver_unref(prx);
	cr_expect_eq(parcels_released, 1);
}

Test(typed, messages_that_own_nothing_are_left_as_they_are)
{
	struct count_sender *ctx = NULL;
	struct count_receiver *crx = NULL;
	long n = 7, got = 0;

	cr_assert_eq(count_channel(&ctx, &crx, 1), 0);
	cr_expect_eq(count_try_send(ctx, &n), 0);
	cr_expect_eq(n, 7);
	cr_expect_eq(count_recv_blocking(crx, &got), 0);
	cr_expect_eq(got, 7);
	count_sender_unref(ctx);
	count_receiver_unref(crx);
}
