/* SPDX-License-Identifier: MIT */
/* Channels: one attempt to send or receive, messages that own something, typed ends. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

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

#include "channels.h"

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

Test(channel, wants_a_size_and_a_capacity_that_it_can_count)
{
	cr_expect_eq(pirn_channel_new(&tx, &rx, 0, 1, NULL, NULL), -EINVAL);
	cr_expect_eq(pirn_channel_new(&tx, &rx, 1, SIZE_MAX - 1, NULL, NULL), -EINVAL);
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

Test(typed, ends_count_and_become_weak_and_send_many_and_by_force)
{
	struct parcel_sender *ptx = NULL;
	struct parcel_receiver *prx = NULL;
	struct parcel p[2] = { { box(1), 10 }, { box(2), 20 } }, got[2] = { { NULL, 0 } };
	struct parcel_weak_sender *weak_tx;
	struct parcel_weak_receiver *weak_rx;
	struct pirn_channel_counts counts;
	struct pirn_sender_closed closed;

	cr_assert_eq(parcel_channel(&ptx, &prx, 1), 0);
	cr_expect_eq(parcel_force_send(ptx, &p[0], &got[0]), 0);
	cr_expect_eq(parcel_force_send(ptx, &p[1], &got[0]), 1);
	cr_expect_eq(got[0].weight, 10);
	parcel_sender_counts(ptx, &counts);
	cr_expect_eq(counts.messages, 1);
	cr_expect_eq(parcel_recv_many_blocking(prx, &got[1], 1), 1);
	cr_expect_eq(got[1].weight, 20);
	cr_expect_eq(parcel_send_many_blocking(ptx, got, 1), 1);
	weak_tx = parcel_weak_sender_ref(parcel_sender_downgrade(ptx));
	weak_rx = parcel_weak_receiver_ref(parcel_receiver_downgrade(prx));
	cr_expect_eq(parcel_weak_sender_upgrade(weak_tx), ptx);
	cr_expect_eq(parcel_weak_receiver_upgrade(weak_rx), prx);
	parcel_receiver_counts(prx, &counts);
	cr_expect_eq(counts.senders, 2);
	cr_expect_eq(counts.receivers, 2);
	parcel_receiver_close(prx);
	closed = parcel_sender_closed(ptx);
	cr_expect_eq(pirn_block_on(&closed.future), 0);
	for (int i = 0; i < 2; i++) {
		parcel_weak_sender_unref(weak_tx);
		parcel_weak_receiver_unref(weak_rx);
		parcel_sender_unref(ptx);
		parcel_receiver_unref(prx);
	}
	parcel_release(&got[1]);
}

Test(typed, ends_of_a_channel_lie_in_the_memory_that_was_asked_for)
{
	struct parcel_sender *ptx = NULL;
	struct parcel_receiver *prx = NULL;
	struct parcel p = { box(3), 30 };

	begin();
	parcels_released = 0;
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(parcel_channel_in(&ptx, &prx, 2, &host.platform.memory), -ENOMEM);
	cr_assert_eq(parcel_channel_in(&ptx, &prx, 2, &host.platform.memory), 0);
	cr_expect_gt(faulty_left(&host), 0);
	cr_expect_eq(parcel_try_send(ptx, &p), 0);
	parcel_sender_unref(ptx);
	parcel_receiver_unref(prx);
	cr_expect_eq(faulty_left(&host), 0);
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
