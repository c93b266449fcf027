/* SPDX-License-Identifier: MIT */
/* A send that makes room where there is none: the oldest message goes to the caller. */
#include "config.h"

#include "hands.h"

TestSuite(force_send, .init = begin, .fini = end);

/* What it returned; *oldest stays -1 where nothing was handed out. */
static int force(int n, int *oldest)
{
	*oldest = -1;
	return pirn_force_send(tx, &n, oldest);
}

Test(force_send, is_a_send_where_there_is_room)
{
	int oldest;

	channel(2);
	cr_expect_eq(force(1, &oldest), 0);
	cr_expect_eq(force(2, &oldest), 0);
	cr_expect_eq(oldest, -1);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), 2);
}

Test(force_send, hands_out_the_oldest_where_it_is_full)
{
	int oldest;

	channel(2);
	for (int i = 0; i < 10; i++) {
		cr_expect_eq(force(i, &oldest), i < 2 ? 0 : 1);
		cr_expect_eq(oldest, i < 2 ? -1 : i - 2);
	}
	cr_expect_eq(recv(), 8);
	cr_expect_eq(recv(), 9);
	cr_expect_eq(recv(), -EAGAIN);
}

Test(force_send, to_a_closed_channel_fails_and_hands_out_nothing)
{
	int oldest;

	channel(1);
	send(1);
	pirn_receiver_close(rx);
	cr_expect_eq(force(2, &oldest), -EPIPE);
	cr_expect_eq(oldest, -1);
	cr_expect_eq(recv(), 1);
}

Test(force_send, wakes_a_receiver_and_no_second_one_for_the_same_message)
{
	struct hand a, b;
	int oldest;

	channel(1);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(force(1, &oldest), 0);
	cr_expect_eq(wakes(&a), 1);
	cr_expect_eq(force(2, &oldest), 1);
	cr_expect_eq(oldest, 1);
	cr_expect_eq(wakes(&b), 0);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.msg, 2);
	drop(&a);
	drop(&b);
}

Test(force_send, overtakes_senders_that_wait)
{
	struct hand s;
	int oldest;

	channel(1);
	send(1);
	hand_send(&s, 2);
	poll(&s);
	cr_expect_eq(force(3, &oldest), 1);
	cr_expect_eq(wakes(&s), 0);
	cr_expect_eq(recv(), 3);
	cr_expect_eq(wakes(&s), 1);
	drop(&s);
}

Test(force_send, on_an_unbounded_channel_is_a_send)
{
	int oldest;

	channel(PIRN_UNBOUNDED);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(force(i, &oldest), 0);
	cr_expect_eq(recv(), 0);
	end();
	channel(PIRN_UNBOUNDED);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(force(1, &oldest), -ENOMEM);
}

Test(force_send, in_a_rendezvous_needs_one_who_waits_or_a_message_to_replace)
{
	struct hand r;
	int oldest;

	channel(0);
	cr_expect_eq(force(1, &oldest), -EAGAIN);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(force(1, &oldest), 0);
	cr_expect_eq(force(2, &oldest), 1);
	cr_expect_eq(oldest, 1);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 2);
	drop(&r);
}

Test(force_send, gives_away_the_new_message_and_hands_out_the_old_one_as_the_callers_own)
{
	int *first = box(1), *second = box(2), *oldest = NULL;

	channel_of_boxes(1);
	cr_expect_eq(pirn_force_send(tx, &first, &oldest), 0);
	cr_expect_null(first);
	cr_expect_eq(pirn_force_send(tx, &second, &oldest), 1);
	cr_expect_null(second);
	cr_expect_eq(*oldest, 1);
	free(oldest);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released_sum, 2);
}
