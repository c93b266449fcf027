/* SPDX-License-Identifier: MIT */
/* A channel without room: a message goes from hand to hand, and lies nowhere without a taker. */
#include "config.h"

#include <pthread.h>

#include "hands.h"

TestSuite(rendezvous, .init = begin, .fini = end);

/* ---- one attempt --------------------------------------------------------------------------- */

Test(rendezvous, takes_nothing_while_nobody_waits)
{
	int n = 5;

	channel(0);
	cr_expect_eq(pirn_try_send(tx, &n), -EAGAIN);
	cr_expect_eq(n, 5);
	cr_expect_eq(recv(), -EAGAIN);
}

Test(rendezvous, takes_one_message_for_one_who_waits)
{
	struct hand a;

	channel(0);
	hand_recv(&a);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), -EAGAIN);
	cr_expect_eq(wakes(&a), 1);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.msg, 1);
	cr_expect_eq(send(2), -EAGAIN);
	drop(&a);
}

Test(rendezvous, gives_the_next_message_when_the_slot_is_empty_again)
{
	struct hand a, b;

	channel(0);
	hand_recv(&a);
	hand_recv(&b);
	poll(&a);
	poll(&b);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), -EAGAIN, "b waits, but 1 lies in the slot");
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(poll(&b), PIRN_READY);
	cr_expect_eq(a.msg, 1);
	cr_expect_eq(b.msg, 2);
	drop(&a);
	drop(&b);
}

/* ---- who waits for whom -------------------------------------------------------------------- */

Test(rendezvous, receiver_that_comes_wakes_a_sender)
{
	struct hand s, r;

	channel(0);
	hand_send(&s, 7);
	hand_recv(&r);
	cr_expect_eq(poll(&s), PIRN_PENDING);
	cr_expect_eq(wakes(&s), 0);
	cr_expect_eq(poll(&r), PIRN_PENDING);
	cr_expect_eq(wakes(&s), 1);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(wakes(&r), 1);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 7);
	drop(&s);
	drop(&r);
}

Test(rendezvous, sender_that_comes_finds_who_waits)
{
	struct hand s, r;

	channel(0);
	hand_recv(&r);
	hand_send(&s, 7);
	cr_expect_eq(poll(&r), PIRN_PENDING);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 7);
	drop(&s);
	drop(&r);
}

Test(rendezvous, senders_are_woken_one_by_one_as_the_slot_empties)
{
	struct hand s[3], r[3];

	channel(0);
	for (int i = 0; i < 3; i++) {
		hand_send(&s[i], i);
		poll(&s[i]);
	}
	for (int i = 0; i < 3; i++) {
		hand_recv(&r[i]);
		poll(&r[i]);
	}
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++)
			cr_expect_eq(wakes(&s[k]), k <= i, "sender %d in round %d", k, i);
		cr_expect_eq(poll(&s[i]), PIRN_READY);
		cr_expect_eq(wakes(&r[i]), 1);
		cr_expect_eq(poll(&r[i]), PIRN_READY);
		cr_expect_eq(r[i].msg, i);
		drop(&s[i]);
		drop(&r[i]);
	}
}

Test(rendezvous, recv_many_that_has_overtaken_another_is_nobody_to_send_to)
{
	struct pirn_recv_many many;
	struct hand r, s;
	struct bell bell;
	int msg;

	channel(0);
	hand_recv(&r);
	hand_send(&s, 2);
	bell_init(&bell);
	many = pirn_recv_many(rx, &msg, 1);
	cr_expect_eq(poll(&r), PIRN_PENDING);
	cr_expect_eq(bell_poll(&many.future, &bell), PIRN_PENDING);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(poll(&s), PIRN_PENDING);
	cr_expect_eq(bell_poll(&many.future, &bell), PIRN_READY, "r was woken, and comes too late");
	cr_expect_eq(msg, 1);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	cr_expect_eq(wakes(&s), 0, "nobody is in line");
	cr_expect_eq(poll(&r), PIRN_PENDING);
	cr_expect_eq(wakes(&s), 1);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 2);
	drop(&s);
	drop(&r);
}

Test(rendezvous, sender_that_was_overtaken_waits_in_front_and_is_woken_again)
{
	struct hand s, late, r;

	channel(0);
	hand_send(&s, 1);
	hand_send(&late, 2);
	hand_recv(&r);
	poll(&s);
	poll(&late);
	poll(&r);
	cr_expect_eq(send(3), 0, "it was quicker");
	cr_expect_eq(poll(&s), PIRN_PENDING);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 3);
	cr_expect_eq(wakes(&s), 1);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(wakes(&s), 2);
	cr_expect_eq(wakes(&late), 0);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 1);
	drop(&s);
	drop(&late);
	drop(&r);
}

Test(rendezvous, receiver_that_was_overtaken_waits_again_and_wakes_a_sender)
{
	struct hand s, r;

	channel(0);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(send(1), 0);
	hand_send(&s, 2);
	cr_expect_eq(poll(&s), PIRN_PENDING);
	cr_expect_eq(recv(), 1, "it was quicker");
	cr_expect_eq(wakes(&s), 0);
	cr_expect_eq(poll(&r), PIRN_PENDING);
	cr_expect_eq(wakes(&s), 1);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 2);
	drop(&s);
	drop(&r);
}

/* ---- drops --------------------------------------------------------------------------------- */

Test(rendezvous, receiver_that_is_dropped_in_line_is_no_room)
{
	struct hand r;

	channel(0);
	hand_recv(&r);
	poll(&r);
	drop(&r);
	cr_expect_eq(send(1), -EAGAIN);
}

Test(rendezvous, notified_receiver_that_is_dropped_leaves_the_message_to_the_next)
{
	struct hand a, b;

	channel(0);
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

Test(rendezvous, message_of_a_dropped_receiver_stays_for_whoever_comes)
{
	struct hand r, s;

	channel(0);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(send(1), 0);
	drop(&r);
	hand_send(&s, 2);
	cr_expect_eq(poll(&s), PIRN_PENDING);
	cr_expect_eq(recv(), 1);
	cr_expect_eq(recv(), -EAGAIN);
	cr_expect_eq(wakes(&s), 0, "there is no room: nobody waits");
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(wakes(&s), 1);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 2);
	drop(&s);
	drop(&r);
}

Test(rendezvous, notified_sender_that_is_dropped_hands_the_receiver_on)
{
	struct hand a, b, r;

	channel(0);
	hand_send(&a, 1);
	hand_send(&b, 2);
	hand_recv(&r);
	poll(&a);
	poll(&b);
	poll(&r);
	cr_expect_eq(wakes(&a), 1);
	drop(&a);
	cr_expect_eq(wakes(&b), 1);
	cr_expect_eq(poll(&b), PIRN_READY);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.msg, 2);
	drop(&b);
	drop(&r);
}

Test(rendezvous, notified_sender_that_is_dropped_with_its_receiver_wakes_nobody_for_nothing)
{
	struct hand a, b, r;

	channel(0);
	hand_send(&a, 1);
	hand_send(&b, 2);
	hand_recv(&r);
	poll(&a);
	poll(&b);
	poll(&r);
	drop(&r);
	drop(&a);
	cr_expect_eq(wakes(&b), 0);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(wakes(&b), 1);
	drop(&b);
	drop(&r);
}

/* ---- the end ------------------------------------------------------------------------------- */

Test(rendezvous, that_is_closed_gives_what_lies_in_the_slot_and_gets_all_up)
{
	struct hand r, s, late;

	channel(0);
	hand_recv(&r);
	poll(&r);
	cr_expect_eq(send(1), 0);
	hand_send(&s, 2);
	poll(&s);
	pirn_sender_close(tx);
	cr_expect_eq(wakes(&s), 1);
	cr_expect_eq(poll(&s), PIRN_READY);
	cr_expect_eq(s.future->err, -EPIPE);
	cr_expect_eq(s.msg, 2);
	cr_expect_eq(poll(&r), PIRN_READY);
	cr_expect_eq(r.future->err, 0);
	cr_expect_eq(r.msg, 1);
	hand_recv(&late);
	cr_expect_eq(poll(&late), PIRN_READY);
	cr_expect_eq(late.future->err, -EPIPE);
	drop(&r);
	drop(&s);
	drop(&late);
}

Test(rendezvous, message_that_nobody_took_is_released)
{
	struct pirn_recv r;
	struct bell bell;
	int *m = box(4), *got;

	bell_init(&bell);
	channel_of_boxes(0);
	r = pirn_recv(rx, &got);
	cr_expect_eq(bell_poll(&r.future, &bell), PIRN_PENDING);
	cr_expect_eq(pirn_try_send(tx, &m), 0);
	cr_expect_null(m);
	pirn_drop(&r.future);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(released_sum, 4);
}

/* ---- batches, threads ---------------------------------------------------------------------- */

Test(rendezvous, batch_goes_through_one_by_one)
{
	struct pirn_send_many send_all;
	struct pirn_recv_many recv_some;
	struct bell sender, receiver;
	int out[3] = { 1, 2, 3 }, in[3];

	bell_init(&sender);
	bell_init(&receiver);
	channel(0);
	cr_expect_eq(pirn_try_send_many(tx, out, 3), -EAGAIN);
	send_all = pirn_send_many(tx, out, 3);
	cr_expect_eq(bell_poll(&send_all.future, &sender), PIRN_PENDING);
	for (int i = 0; i < 3; i++) {
		recv_some = pirn_recv_many(rx, in, 3);
		cr_expect_eq(bell_poll(&recv_some.future, &receiver), PIRN_PENDING);
		cr_expect_eq(atomic_load(&sender.wakes), (unsigned)i + 1);
		cr_expect_eq(bell_poll(&send_all.future, &sender),
			     i < 2 ? PIRN_PENDING : PIRN_READY);
		cr_expect_eq(bell_poll(&recv_some.future, &receiver), PIRN_READY);
		cr_expect_eq(recv_some.done, 1);
		cr_expect_eq(in[0], i + 1);
	}
	cr_expect_eq(send_all.left, 0);
	cr_expect_eq(atomic_load(&sender.refs), 0);
	cr_expect_eq(atomic_load(&receiver.refs), 0);
}

static void *send_hundred(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		cr_expect_eq(pirn_send_blocking(tx, &i), 0);
	tx = pirn_sender_unref(tx);
	return NULL;
}

Test(rendezvous, passes_messages_between_threads)
{
	pthread_t thread;
	int n, next = 0;

	channel(0);
	cr_assert_eq(pthread_create(&thread, NULL, send_hundred, NULL), 0);
	while (pirn_recv_blocking(rx, &n) == 0)
		cr_expect_eq(n, next++);
	cr_expect_eq(next, 100);
	pthread_join(thread, NULL);
}
