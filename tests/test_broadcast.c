/* SPDX-License-Identifier: MIT */
/* Broadcasts: every message to every receiver, who was too slow, who waits, and how it ends. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "bell.h"
#include "faulty.h"
#include "pirn_broadcast.h"

static struct faulty host; /* every broadcast here takes its memory from it */
static struct pirn_broadcast_sender *tx;
static struct pirn_broadcast_receiver rx;

static void begin(void)
{
	faulty_init(&host);
	tx = NULL;
	memset(&rx, 0, sizeof(rx));
}

/* Every test ends with both ends gone and all memory back. */
static void end(void)
{
	tx = pirn_broadcast_sender_unref(tx);
	pirn_broadcast_receiver_drop(&rx);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static void broadcast(size_t capacity)
{
	cr_assert_eq(pirn_broadcast_new(&tx, &rx, sizeof(int), capacity, &host.platform.memory), 0);
}

static int send(int n)
{
	return pirn_broadcast_send(tx, &n);
}

/* The next message, or the error. */
static int recv_of(struct pirn_broadcast_receiver *r)
{
	int n = -1000, err = pirn_broadcast_try_recv(r, &n);

	return err ? err : n;
}

/* ---- one attempt --------------------------------------------------------------------------- */

TestSuite(broadcast, .init = begin, .fini = end);

Test(broadcast, gives_each_message_to_each_receiver)
{
	struct pirn_broadcast_receiver other;

	broadcast(4);
	other = pirn_broadcast_subscribe(tx);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(send(i), 0);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(recv_of(&rx), i);
		cr_expect_eq(recv_of(&other), i);
	}
	cr_expect_eq(recv_of(&rx), -EAGAIN);
	cr_expect_eq(recv_of(&other), -EAGAIN);
	pirn_broadcast_receiver_drop(&other);
}

Test(broadcast, keeps_the_order_around_the_end_of_its_ring)
{
	int next = 0;

	broadcast(3);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(send(i), 0);
		if (i % 2)
			continue;
		cr_assert_eq(recv_of(&rx), next++);
		if (i > 2)
			cr_assert_eq(recv_of(&rx), next++);
	}
}

Test(broadcast, receivers_have_missed_nothing_at_the_start)
{
	struct pirn_broadcast_receiver late;

	rx.missed = late.missed = 7; /* what lay there before */
	broadcast(1);
	late = pirn_broadcast_subscribe(tx);
	cr_expect_eq(rx.missed, 0);
	cr_expect_eq(late.missed, 0);
	pirn_broadcast_receiver_drop(&late);
}

Test(broadcast, tells_a_slow_receiver_how_many_it_has_missed_and_goes_on)
{
	broadcast(4);
	for (int i = 0; i < 10; i++)
		cr_expect_eq(send(i), 0);
	cr_expect_eq(recv_of(&rx), -EOVERFLOW);
	cr_expect_eq(rx.missed, 6);
	for (int i = 6; i < 10; i++)
		cr_expect_eq(recv_of(&rx), i);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
}

Test(broadcast, keeps_as_many_as_it_has_room_for)
{
	static const size_t capacity[] = { 1, 2, 7 };

	for (size_t c = 0; c < 3; c++) {
		int n = (int)capacity[c];

		broadcast(capacity[c]);
		for (int i = 0; i < n; i++)
			cr_expect_eq(send(i), 0);
		for (int i = 0; i < n; i++)
			cr_expect_eq(recv_of(&rx), i);
		for (int i = 0; i <= n; i++)
			cr_expect_eq(send(i), 0);
		cr_expect_eq(recv_of(&rx), -EOVERFLOW);
		cr_expect_eq(rx.missed, 1);
		cr_expect_eq(recv_of(&rx), 1);
		end();
	}
}

Test(broadcast, receiver_that_comes_later_gets_what_is_sent_later)
{
	struct pirn_broadcast_receiver late;

	broadcast(4);
	cr_expect_eq(send(1), 0);
	late = pirn_broadcast_subscribe(tx);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(recv_of(&late), 2);
	cr_expect_eq(recv_of(&rx), 1);
	pirn_broadcast_receiver_drop(&late);
}

Test(broadcast, clone_of_a_receiver_has_its_place)
{
	struct pirn_broadcast_receiver clone;

	broadcast(4);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(send(i), 0);
	cr_expect_eq(recv_of(&rx), 0);
	clone = pirn_broadcast_receiver_clone(&rx);
	for (int i = 1; i < 3; i++) {
		cr_expect_eq(recv_of(&clone), i);
		cr_expect_eq(recv_of(&rx), i);
	}
	pirn_broadcast_receiver_drop(&clone);
}

Test(broadcast, without_a_receiver_takes_nothing_and_may_have_one_again)
{
	broadcast(4);
	pirn_broadcast_receiver_drop(&rx);
	cr_expect_eq(send(1), -EPIPE);
	rx = pirn_broadcast_subscribe(tx);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(recv_of(&rx), 2);
}

Test(broadcast, that_is_closed_gives_what_is_left)
{
	broadcast(4);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), 0);
	pirn_broadcast_sender_close(tx);
	pirn_broadcast_sender_close(tx);
	cr_expect_eq(send(3), -EPIPE);
	cr_expect_eq(recv_of(&rx), 1);
	cr_expect_eq(recv_of(&rx), 2);
	cr_expect_eq(recv_of(&rx), -EPIPE);
}

Test(broadcast, is_closed_when_the_last_sender_goes)
{
	broadcast(4);
	cr_expect_eq(pirn_broadcast_sender_ref(tx), tx);
	pirn_broadcast_sender_unref(tx);
	cr_expect_eq(send(1), 0);
	tx = pirn_broadcast_sender_unref(tx);
	cr_expect_null(tx);
	cr_expect_eq(recv_of(&rx), 1);
	cr_expect_eq(recv_of(&rx), -EPIPE);
}

Test(broadcast, wants_a_size_and_a_capacity_and_memory)
{
	const struct pirn_memory *memory = &host.platform.memory;

	cr_expect_eq(pirn_broadcast_new(&tx, &rx, 0, 1, memory), -EINVAL);
	cr_expect_eq(pirn_broadcast_new(&tx, &rx, 1, 0, memory), -EINVAL);
	cr_expect_eq(pirn_broadcast_new(&tx, &rx, SIZE_MAX / 2, 3, memory), -ENOMEM);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(pirn_broadcast_new(&tx, &rx, 4, 4, memory), -ENOMEM);
	cr_expect_null(tx);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* A recv that is polled by hand. */
struct hand {
	struct pirn_broadcast_recv recv;
	struct pirn_broadcast_receiver rx;
	struct bell bell;
	int got;
};

static void make(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->rx = pirn_broadcast_receiver_clone(&rx);
	h->recv = pirn_broadcast_recv(&h->rx, &h->got);
}

static enum pirn_poll poll(struct hand *h)
{
	return bell_poll(&h->recv.future, &h->bell);
}

static unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in the broadcast. */
static void drop(struct hand *h)
{
	pirn_drop(&h->recv.future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
	pirn_broadcast_receiver_drop(&h->rx);
}

TestSuite(waiting, .init = begin, .fini = end);

Test(waiting, receivers_are_all_woken_by_a_message)
{
	struct hand h[50]; /* some batches */

	broadcast(2);
	for (int i = 0; i < 50; i++) {
		make(&h[i]);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	send(7);
	for (int i = 0; i < 50; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(h[i].got, 0); /* it moves inside the poll */
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].got, 7);
		drop(&h[i]);
	}
}

Test(waiting, receivers_are_all_woken_by_the_end)
{
	struct hand h[3];

	broadcast(2);
	for (int i = 0; i < 3; i++) {
		make(&h[i]);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	tx = pirn_broadcast_sender_unref(tx);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].recv.future.err, -EPIPE);
		drop(&h[i]);
	}
}

Test(waiting, recv_that_was_woken_and_came_too_late_overflows)
{
	struct hand h;

	broadcast(2);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	for (int i = 0; i < 5; i++)
		send(i);
	cr_expect_eq(wakes(&h), 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(h.recv.future.err, -EOVERFLOW);
	cr_expect_eq(h.rx.missed, 3);
	cr_expect_eq(h.got, 0);
	cr_expect_eq(recv_of(&h.rx), 3);
	drop(&h);
}

Test(waiting, recv_that_is_dropped_loses_nothing)
{
	struct hand h;

	broadcast(2);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	send(3);
	pirn_drop(&h.recv.future);
	h.recv = pirn_broadcast_recv(&h.rx, &h.got);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(h.got, 3);
	h.recv = pirn_broadcast_recv(&h.rx, &h.got);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	drop(&h);
}

Test(waiting, recv_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_broadcast_recv),
		     sizeof(struct pirn_future) + 5 * sizeof(void *));
	cr_expect_leq(sizeof(struct pirn_broadcast_recv_many), 64);
}

Test(waiting, receiver_that_is_dropped_with_its_recv_pending_traps, .signal = SIGABRT)
{
	struct hand h;

	broadcast(2);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_broadcast_receiver_drop(&h.rx);
}

Test(waiting, receiver_that_is_dropped_with_a_recv_that_was_woken_traps, .signal = SIGABRT)
{
	struct hand h;

	broadcast(2);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	send(1);
	pirn_broadcast_receiver_drop(&h.rx);
}

Test(waiting, recvs_are_those_of_one_receiver_not_of_its_clone)
{
	struct pirn_broadcast_receiver clone;
	struct hand h;

	broadcast(2);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	clone = pirn_broadcast_receiver_clone(&h.rx);
	pirn_broadcast_receiver_drop(&clone);
	drop(&h);
}

/* ---- many ---------------------------------------------------------------------------------- */

TestSuite(many, .init = begin, .fini = end);

static int recv_many(int *n, size_t most)
{
	memset(n, 0xff, most * sizeof(*n));
	return pirn_broadcast_try_recv_many(&rx, n, most);
}

Test(many, are_what_is_there_and_what_is_asked_for)
{
	int n[8];

	broadcast(5);
	cr_expect_eq(recv_many(n, 8), -EAGAIN);
	for (int i = 0; i < 5; i++)
		send(i);
	cr_expect_eq(recv_many(n, 0), 0);
	cr_expect_eq(recv_many(n, 2), 2);
	cr_expect_eq(n[0], 0);
	cr_expect_eq(n[1], 1);
	send(5); /* around the end of the ring */
	cr_expect_eq(recv_many(n, 8), 4);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(n[i], 2 + i);
	cr_expect_eq(n[4], -1);
	send(6);
	pirn_broadcast_sender_close(tx);
	cr_expect_eq(recv_many(n, 8), 1);
	cr_expect_eq(recv_many(n, 8), -EPIPE);
}

Test(many, are_one_batch_at_most)
{
	int n[100];

	broadcast(100);
	for (int i = 0; i < 100; i++)
		send(i);
	for (int got = 0; got < 96; got += PIRN_BATCH) {
		cr_expect_eq(recv_many(n, 100), PIRN_BATCH);
		cr_expect_eq(n[0], got);
	}
	cr_expect_eq(recv_many(n, 100), 4);
	cr_expect_eq(n[3], 99);
}

Test(many, begin_behind_those_that_were_missed)
{
	int n[8];

	broadcast(3);
	for (int i = 0; i < 8; i++)
		send(i);
	cr_expect_eq(recv_many(n, 8), -EOVERFLOW);
	cr_expect_eq(rx.missed, 5);
	cr_expect_eq(n[0], -1);
	cr_expect_eq(recv_many(n, 8), 3);
	cr_expect_eq(n[0], 5);
}

Test(many, are_waited_for_as_one_is)
{
	struct pirn_broadcast_recv_many recv;
	struct bell bell;
	int n[4];

	broadcast(4);
	bell_init(&bell);
	recv = pirn_broadcast_recv_many(&rx, n, 4);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
	send(1);
	send(2);
	cr_expect_eq(atomic_load(&bell.wakes), 1);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.future.err, 0);
	cr_expect_eq(recv.done, 2);
	cr_expect_eq(n[1], 2);
	recv = pirn_broadcast_recv_many(&rx, n, 4);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
	send(3);
	pirn_drop(&recv.future); /* loses nothing */
	for (int i = 4; i < 8; i++)
		send(i);
	recv = pirn_broadcast_recv_many(&rx, n, 4);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.future.err, -EOVERFLOW);
	cr_expect_eq(recv.done, 0);
	cr_expect_eq(rx.missed, 1);
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

Test(many, of_a_receiver_that_is_dropped_meanwhile_trap, .signal = SIGABRT)
{
	struct pirn_broadcast_recv_many recv;
	struct bell bell;
	int n;

	broadcast(4);
	bell_init(&bell);
	recv = pirn_broadcast_recv_many(&rx, &n, 1);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
	pirn_broadcast_receiver_drop(&rx);
}

/* ---- typed ends, and threads --------------------------------------------------------------- */

struct pair {
	int number, twice;
};

#define broadcast ( /* what is a macro elsewhere is pasted there, not expanded */
PIRN_BROADCAST(pair, struct pair);
#undef broadcast

#define SENT 10000

static void *count(void *arg)
{
	struct pair_sender *ptx = arg;

	for (int i = 0; i < SENT; i++) {
		struct pair p = { i, 2 * i };

		cr_expect_eq(pair_send(ptx, &p), 0);
	}
	cr_expect_null(pair_sender_unref(ptx));
	return NULL;
}

Test(typed, ends_do_all_that_plain_ones_do)
{
	struct pair_sender *ptx = NULL;
	struct pair_receiver prx, other;
	struct pair p = { 1, 2 };
	struct pirn_broadcast_recv recv;

	faulty_init(&host);
	cr_assert_eq(pair_broadcast_in(&ptx, &prx, 2, &host.platform.memory), 0);
	cr_expect_eq(faulty_left(&host), 1);
	cr_expect_eq(pair_sender_ref(ptx), ptx);
	cr_expect_null(pair_sender_unref(ptx));
	cr_expect_eq(pair_send(ptx, &p), 0);
	other = pair_receiver_clone(&prx);
	p.number = 0;
	cr_expect_eq(pair_try_recv(&other, &p), 0);
	cr_expect_eq(p.number, 1);
	pair_receiver_drop(&other);
	other = pair_subscribe(ptx);
	cr_expect_eq(pair_try_recv(&other, &p), -EAGAIN);
	pair_receiver_drop(&other);
	recv = pair_recv(&prx, &p);
	cr_expect_eq(pirn_block_on(&recv.future), 0);
	pair_sender_close(ptx);
	cr_expect_eq(pair_recv_blocking(&prx, &p), -EPIPE);
	pair_sender_unref(ptx);
	pair_receiver_drop(&prx);
	cr_expect_eq(faulty_left(&host), 0);
}

Test(typed, ends_receive_many)
{
	struct pair_sender *ptx = NULL;
	struct pair_receiver prx;
	struct pirn_broadcast_recv_many recv;
	struct pair p[4];

	cr_assert_eq(pair_broadcast(&ptx, &prx, 2), 0);
	for (int i = 0; i < 5; i++) {
		struct pair sent = { i, 2 * i };

		cr_expect_eq(pair_send(ptx, &sent), 0);
	}
	cr_expect_eq(pair_try_recv_many(&prx, p, 4), -EOVERFLOW);
	cr_expect_eq(pair_missed(&prx), 3);
	cr_expect_eq(pair_recv_many_blocking(&prx, p, 1), 1);
	cr_expect_eq(p[0].number, 3);
	recv = pair_recv_many(&prx, p, 4);
	cr_expect_eq(pirn_block_on(&recv.future), 0);
	cr_expect_eq(recv.done, 1);
	cr_expect_eq(p[0].twice, 8);
	pair_receiver_close(&prx);
	cr_expect_eq(pair_recv_many_blocking(&prx, p, 4), -EPIPE);
	pair_sender_unref(ptx);
	pair_receiver_drop(&prx);
}

Test(typed, ends_know_of_each_other)
{
	struct pair_weak_sender *weak;
	struct pirn_channel_counts of_tx, of_rx;
	struct pair_sender *ptx = NULL;
	struct pirn_feed_closed closed;
	struct pair_receiver prx;

	cr_assert_eq(pair_broadcast(&ptx, &prx, 2), 0);
	weak = pair_sender_downgrade(ptx);
	cr_expect_eq(pair_weak_sender_ref(weak), weak);
	cr_expect_null(pair_weak_sender_unref(weak));
	cr_expect_eq(pair_weak_sender_upgrade(weak), ptx);
	pair_sender_counts(ptx, &of_tx);
	pair_receiver_counts(&prx, &of_rx);
	cr_expect_eq(of_tx.senders, 2);
	cr_expect_eq(of_rx.capacity, 2);
	cr_expect_null(pair_sender_unref(ptx));
	pair_receiver_drop(&prx);
	closed = pair_sender_closed(ptx);
	cr_expect_eq(pirn_block_on(&closed.future), 0);
	pair_weak_sender_unref(weak);
	pair_sender_unref(ptx);
}

Test(threads, count_all_messages_those_that_they_missed_included)
{
	struct pair_sender *ptx = NULL;
	struct pair_receiver prx;
	uint64_t received = 0, missed = 0;
	struct pair p;
	pthread_t thread;
	int err;

	cr_assert_eq(pair_broadcast(&ptx, &prx, 8), 0);
	cr_assert_eq(pthread_create(&thread, NULL, count, ptx), 0);
	while ((err = pair_recv_blocking(&prx, &p)) != -EPIPE) {
		if (err == -EOVERFLOW) {
			missed += prx.end.missed;
			continue;
		}
		cr_assert_eq(err, 0);
		cr_expect_eq((uint64_t)p.number, received + missed);
		cr_expect_eq(p.twice, 2 * p.number);
		received++;
	}
	cr_expect_eq(received + missed, SENT);
	pthread_join(thread, NULL);
	pair_receiver_drop(&prx);
}
