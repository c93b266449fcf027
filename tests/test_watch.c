/* SPDX-License-Identifier: MIT */
/* Watches: what a receiver sees of a value that is replaced, who waits, and how it ends. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "bell.h"
#include "faulty.h"
#include "pirn_watch.h"

static struct faulty host; /* every watch here takes its memory from it */
static struct pirn_watch_sender *tx;
static struct pirn_watch_receiver rx;

static void begin(void)
{
	int zero = 0;

	faulty_init(&host);
	cr_assert_eq(pirn_watch_new(&tx, &rx, sizeof(int), &zero, &host.platform.memory), 0);
}

/* Every test ends with both ends gone and all memory back. */
static void end(void)
{
	tx = pirn_watch_sender_unref(tx);
	pirn_watch_receiver_drop(&rx);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static int send(int n)
{
	return pirn_watch_send(tx, &n);
}

/* The value that is new to it, or the error. */
static int recv_of(struct pirn_watch_receiver *r)
{
	int n = -1000, err = pirn_watch_try_recv(r, &n);

	return err ? err : n;
}

static int peek(void)
{
	int n = -1000;

	pirn_watch_peek(&rx, &n);
	return n;
}

/* ---- one look ------------------------------------------------------------------------------ */

TestSuite(watch, .init = begin, .fini = end);

Test(watch, has_a_value_from_the_start_which_is_not_new)
{
	cr_expect_eq(peek(), 0);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
}

Test(watch, gives_the_latest_value_once)
{
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(recv_of(&rx), 2);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
	cr_expect_eq(send(2), 0); /* the same, but new */
	cr_expect_eq(recv_of(&rx), 2);
}

Test(watch, may_be_peeked_at_and_the_value_stays_new)
{
	cr_expect_eq(send(1), 0);
	cr_expect_eq(peek(), 1);
	cr_expect_eq(peek(), 1);
	cr_expect_eq(recv_of(&rx), 1);
	cr_expect_eq(peek(), 1);
}

Test(watch, receivers_have_each_seen_something_else)
{
	struct pirn_watch_receiver other, late;

	cr_expect_eq(send(1), 0);
	other = pirn_watch_receiver_clone(&rx);
	late = pirn_watch_subscribe(tx);
	cr_expect_eq(recv_of(&rx), 1);
	cr_expect_eq(recv_of(&other), 1);
	cr_expect_eq(recv_of(&late), -EAGAIN);
	cr_expect_eq(send(2), 0);
	cr_expect_eq(recv_of(&late), 2);
	pirn_watch_receiver_drop(&other);
	pirn_watch_receiver_drop(&late);
}

Test(watch, without_a_receiver_is_replaced_for_those_who_come_later)
{
	pirn_watch_receiver_drop(&rx);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), 0);
	rx = pirn_watch_subscribe(tx);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
	cr_expect_eq(peek(), 2);
	cr_expect_eq(send(3), 0);
	cr_expect_eq(recv_of(&rx), 3);
}

Test(watch, may_be_caught_up_with_whether_its_value_is_new_or_not)
{
	int n = -1000;

	cr_expect_not(pirn_watch_catch_up(&rx, &n));
	cr_expect_eq(n, 0);
	cr_expect_eq(send(1), 0);
	cr_expect_eq(send(2), 0);
	cr_expect(pirn_watch_catch_up(&rx, &n));
	cr_expect_eq(n, 2);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
	n = -1000;
	cr_expect_not(pirn_watch_catch_up(&rx, &n));
	cr_expect_eq(n, 2);
}

Test(watch, that_is_closed_still_shows_its_last_value)
{
	cr_expect_eq(send(1), 0);
	pirn_watch_sender_close(tx);
	pirn_watch_sender_close(tx);
	cr_expect_eq(send(2), -EPIPE);
	cr_expect_eq(recv_of(&rx), 1);
	cr_expect_eq(recv_of(&rx), -EPIPE);
	cr_expect_eq(peek(), 1);
}

Test(watch, is_closed_when_the_last_sender_goes)
{
	cr_expect_eq(pirn_watch_sender_ref(tx), tx);
	pirn_watch_sender_unref(tx);
	cr_expect_eq(recv_of(&rx), -EAGAIN);
	tx = pirn_watch_sender_unref(tx);
	cr_expect_null(tx);
	cr_expect_eq(recv_of(&rx), -EPIPE);
}

Test(watch, receivers_may_be_dropped_twice)
{
	pirn_watch_receiver_drop(&rx);
	pirn_watch_receiver_drop(&rx);
	cr_expect_null(pirn_watch_sender_unref(NULL));
}

Test(watch, out_of_memory_leaves_nothing_behind)
{
	const struct pirn_memory *memory = &host.platform.memory;
	struct pirn_watch_sender *t = NULL;
	struct pirn_watch_receiver r;
	long left = faulty_left(&host);

	cr_expect_eq(pirn_watch_new(&t, &r, 0, &host, memory), -EINVAL);
	cr_expect_eq(pirn_watch_new(&t, &r, SIZE_MAX, &host, memory), -ENOMEM);
	faulty_fail_alloc(&host, 1);
	cr_expect_eq(pirn_watch_new(&t, &r, 4, &host, memory), -ENOMEM);
	cr_expect_null(t);
	cr_expect_eq(faulty_left(&host), left);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* A recv that is polled by hand. */
struct hand {
	struct pirn_watch_recv recv;
	struct pirn_watch_receiver rx;
	struct bell bell;
	int got;
};

static void make(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->rx = pirn_watch_receiver_clone(&rx);
	h->recv = pirn_watch_recv(&h->rx, &h->got);
}

static enum pirn_poll poll(struct hand *h)
{
	return bell_poll(&h->recv.future, &h->bell);
}

static unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in the watch. */
static void drop(struct hand *h)
{
	pirn_drop(&h->recv.future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
	pirn_watch_receiver_drop(&h->rx);
}

TestSuite(waiting, .init = begin, .fini = end);

Test(waiting, is_not_needed_where_there_is_something_new)
{
	struct hand h;

	make(&h);
	send(4);
	cr_expect_eq(poll(&h), PIRN_READY);
	cr_expect_eq(h.recv.future.err, 0);
	cr_expect_eq(h.got, 4);
	drop(&h);
}

Test(waiting, receivers_are_all_woken_by_a_value)
{
	struct hand h[100]; /* some batches */

	for (int i = 0; i < 100; i++) {
		make(&h[i]);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
		cr_expect_eq(atomic_load(&h[i].bell.refs), 1);
	}
	send(7);
	for (int i = 0; i < 100; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(h[i].got, 0); /* it moves inside the poll */
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].got, 7);
		drop(&h[i]);
	}
}

Test(waiting, receivers_are_all_woken_by_the_end)
{
	struct hand h[20];

	for (int i = 0; i < 20; i++) {
		make(&h[i]);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	pirn_watch_sender_close(tx);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].recv.future.err, -EPIPE);
		drop(&h[i]);
	}
}

Test(waiting, recv_that_is_dropped_is_not_woken_and_has_seen_nothing)
{
	struct hand h;

	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_drop(&h.recv.future);
	cr_expect_eq(atomic_load(&h.bell.refs), 0);
	send(3);
	cr_expect_eq(wakes(&h), 0);
	cr_expect_eq(recv_of(&h.rx), 3);
	drop(&h);
}

Test(waiting, recv_that_is_dropped_when_it_was_woken_has_seen_nothing)
{
	struct hand h;

	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	send(3);
	pirn_drop(&h.recv.future);
	cr_expect_eq(recv_of(&h.rx), 3);
	drop(&h);
}

Test(waiting, wakes_the_waker_of_the_last_poll)
{
	struct bell other;
	struct hand h;

	make(&h);
	bell_init(&other);
	cr_expect_eq(bell_poll(&h.recv.future, &other), PIRN_PENDING);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(atomic_load(&other.refs), 0);
	send(1);
	cr_expect_eq(atomic_load(&other.wakes), 0);
	cr_expect_eq(wakes(&h), 1);
	drop(&h);
}

/* The waker of the front one looks again at once, and waits: for the next value. */
static struct hand eager;

static void poll_again(struct pirn_waker *w)
{
	bell_wake(w);
	cr_expect_eq(poll(&eager), PIRN_READY);
	eager.recv = pirn_watch_recv(&eager.rx, &eager.got);
	cr_expect_eq(poll(&eager), PIRN_PENDING);
}

Test(waiting, again_is_not_for_the_value_that_has_just_come)
{
	struct pirn_waker_ops ops = bell_ops;
	struct hand others[40];

	ops.wake = poll_again;
	make(&eager);
	eager.bell.waker.ops = &ops;
	cr_expect_eq(poll(&eager), PIRN_PENDING);
	for (int i = 0; i < 40; i++) {
		make(&others[i]);
		cr_expect_eq(poll(&others[i]), PIRN_PENDING);
	}
	send(1);
	cr_expect_eq(wakes(&eager), 1);
	for (int i = 0; i < 40; i++) {
		cr_expect_eq(wakes(&others[i]), 1);
		drop(&others[i]);
	}
	drop(&eager);
}

Test(waiting, recv_has_64_bytes)
{
	const size_t p = sizeof(void *);

	cr_expect_eq(sizeof(struct pirn_watch_recv), sizeof(struct pirn_future) + 5 * p);
	cr_expect_leq(sizeof(struct pirn_watch_recv), 64);
}

Test(waiting, receiver_that_is_dropped_with_its_recv_pending_traps, .signal = SIGABRT)
{
	struct hand h;

	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_watch_receiver_drop(&h.rx);
}

Test(waiting, receiver_that_is_dropped_with_a_recv_that_was_woken_traps, .signal = SIGABRT)
{
	struct hand h;

	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	send(1);
	pirn_watch_receiver_drop(&h.rx);
}

Test(waiting, recv_of_a_receiver_that_was_dropped_traps, .signal = SIGABRT)
{
	struct hand h;

	make(&h);
	pirn_watch_receiver_drop(&h.rx);
	poll(&h);
}

Test(waiting, recvs_are_those_of_one_receiver_not_of_its_clone)
{
	struct pirn_watch_receiver clone;
	struct hand h;

	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	clone = pirn_watch_receiver_clone(&h.rx);
	pirn_watch_receiver_drop(&clone);
	drop(&h);
}

/* ---- typed ends, and threads --------------------------------------------------------------- */

struct state {
	int number, twice;
};

PIRN_WATCH(state, struct state);

/* What is a macro elsewhere is pasted here, not expanded. */
#define watch (
#define level (
PIRN_WATCH(level, int);
#undef watch
#undef level

static void *count(void *arg)
{
	struct state_sender *stx = arg;

	for (int i = 1; i <= 1000; i++) {
		struct state s = { i, 2 * i };

		cr_expect_eq(state_send(stx, &s), 0);
	}
	cr_expect_null(state_sender_unref(stx));
	return NULL;
}

Test(typed, ends_do_all_that_plain_ones_do)
{
	struct state_sender *stx = NULL;
	struct state_receiver srx, other;
	struct state s = { 0, 0 };
	struct pirn_watch_recv recv;

	faulty_init(&host);
	cr_assert_eq(state_watch_in(&stx, &srx, &s, &host.platform.memory), 0);
	cr_expect_eq(faulty_left(&host), 1);
	cr_expect_eq(state_sender_ref(stx), stx);
	cr_expect_null(state_sender_unref(stx));
	s = (struct state){ 1, 2 };
	cr_expect_eq(state_send(stx, &s), 0);
	other = state_receiver_clone(&srx);
	s.number = 0;
	cr_expect_eq(state_try_recv(&other, &s), 0);
	cr_expect_eq(s.number, 1);
	state_receiver_drop(&other);
	other = state_subscribe(stx);
	cr_expect_eq(state_try_recv(&other, &s), -EAGAIN);
	state_receiver_drop(&other);
	state_peek(&srx, &s);
	cr_expect_eq(s.twice, 2);
	recv = state_recv(&srx, &s);
	cr_expect_eq(pirn_block_on(&recv.future), 0);
	cr_expect_not(state_catch_up(&srx, &s));
	state_sender_close(stx);
	cr_expect_eq(state_recv_blocking(&srx, &s), -EPIPE);
	state_sender_unref(stx);
	state_receiver_drop(&srx);
	cr_expect_eq(faulty_left(&host), 0);
}

Test(typed, ends_know_of_each_other)
{
	struct state s = { 0, 0 };
	struct state_weak_sender *weak;
	struct pirn_channel_counts of_tx, of_rx;
	struct state_sender *stx = NULL;
	struct pirn_feed_closed closed;
	struct state_receiver srx;

	cr_assert_eq(state_watch(&stx, &srx, &s), 0);
	weak = state_sender_downgrade(stx);
	cr_expect_eq(state_weak_sender_ref(weak), weak);
	cr_expect_null(state_weak_sender_unref(weak));
	cr_expect_eq(state_weak_sender_upgrade(weak), stx);
	state_sender_counts(stx, &of_tx);
	state_receiver_counts(&srx, &of_rx);
	cr_expect_eq(of_tx.senders, 2);
	cr_expect_eq(of_rx.senders, 2);
	cr_expect_null(state_sender_unref(stx));
	state_receiver_close(&srx);
	closed = state_sender_closed(stx);
	cr_expect_eq(pirn_block_on(&closed.future), 0);
	cr_expect_null(state_weak_sender_upgrade(weak));
	state_weak_sender_unref(weak);
	state_sender_unref(stx);
	state_receiver_drop(&srx);
}

Test(threads, see_values_in_their_order_and_the_last_one)
{
	struct state_sender *stx = NULL;
	struct state_receiver srx;
	struct state s = { 0, 0 };
	pthread_t thread;
	int last = 0;

	cr_assert_eq(state_watch(&stx, &srx, &s), 0);
	cr_assert_eq(pthread_create(&thread, NULL, count, stx), 0);
	while (state_recv_blocking(&srx, &s) == 0) {
		cr_expect_gt(s.number, last);
		cr_expect_eq(s.twice, 2 * s.number);
		last = s.number;
	}
	cr_expect_eq(last, 1000);
	pthread_join(thread, NULL);
	state_receiver_drop(&srx);
}
