/* SPDX-License-Identifier: MIT */
/*
 * The ends of watches and broadcasts: who closes them, what they count, how a sender waits for the
 * end, weak ones, and what a send takes from the budget.
 */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bell.h"
#include "faulty.h"
#include "pirn_broadcast.h"
#include "pirn_watch.h"

static struct faulty host; /* all here take their memory from it */
static struct pirn_watch_sender *watch;
static struct pirn_watch_receiver watching;
static struct pirn_broadcast_sender *broadcast;
static struct pirn_broadcast_receiver listening;

#define CAPACITY 4

static void begin(void)
{
	const struct pirn_memory *memory = &host.platform.memory;
	int zero = 0;

	faulty_init(&host);
	cr_assert_eq(pirn_watch_new(&watch, &watching, sizeof(int), &zero, memory), 0);
	cr_assert_eq(pirn_broadcast_new(&broadcast, &listening, sizeof(int), CAPACITY, memory), 0);
}

/* Every test ends with all ends gone and all memory back. */
static void end(void)
{
	watch = pirn_watch_sender_unref(watch);
	broadcast = pirn_broadcast_sender_unref(broadcast);
	pirn_watch_receiver_drop(&watching);
	pirn_broadcast_receiver_drop(&listening);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

/* To both. What one returns. */
static int send(int n)
{
	int err = pirn_watch_send(watch, &n);

	cr_expect_eq(pirn_broadcast_send(broadcast, &n), err);
	return err;
}

/* From one of them: the message, or the error. */
static int see(void)
{
	int n = -1000, err = pirn_watch_try_recv(&watching, &n);

	return err ? err : n;
}

static int hear(void)
{
	int n = -1000, err = pirn_broadcast_try_recv(&listening, &n);

	return err ? err : n;
}

/* ---- close --------------------------------------------------------------------------------- */

TestSuite(close, .init = begin, .fini = end);

Test(close, by_a_receiver_ends_sends_and_leaves_what_was_sent)
{
	struct pirn_watch_receiver other = pirn_watch_receiver_clone(&watching);

	send(1);
	send(2);
	for (int twice = 0; twice < 2; twice++) {
		pirn_watch_receiver_close(&watching);
		pirn_broadcast_receiver_close(&listening);
	}
	cr_expect_eq(send(3), -EPIPE);
	cr_expect_eq(see(), 2);
	cr_expect_eq(see(), -EPIPE);
	cr_expect_eq(hear(), 1);
	cr_expect_eq(hear(), 2);
	cr_expect_eq(hear(), -EPIPE);
	pirn_watch_receiver_drop(&watching);
	watching = other; /* it is closed for all of them */
	cr_expect_eq(see(), 2);
	cr_expect_eq(see(), -EPIPE);
}

Test(close, by_a_receiver_wakes_those_who_wait)
{
	struct pirn_broadcast_receiver other = pirn_broadcast_receiver_clone(&listening);
	struct pirn_broadcast_recv recv;
	struct bell bell;
	int n;

	bell_init(&bell);
	recv = pirn_broadcast_recv(&other, &n);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_PENDING);
	pirn_broadcast_receiver_close(&listening);
	cr_expect_eq(atomic_load(&bell.wakes), 1);
	cr_expect_eq(bell_poll(&recv.future, &bell), PIRN_READY);
	cr_expect_eq(recv.future.err, -EPIPE);
	pirn_broadcast_receiver_drop(&other);
}

Test(close, leaves_a_receiver_that_comes_later_nothing_but_the_value_of_a_watch)
{
	int n = -1000;

	send(1);
	pirn_watch_sender_close(watch);
	pirn_broadcast_sender_close(broadcast);
	pirn_watch_receiver_drop(&watching);
	pirn_broadcast_receiver_drop(&listening);
	watching = pirn_watch_subscribe(watch);
	listening = pirn_broadcast_subscribe(broadcast);
	cr_expect_eq(see(), -EPIPE);
	cr_expect_eq(hear(), -EPIPE);
	pirn_watch_peek(&watching, &n);
	cr_expect_eq(n, 1);
}

/* ---- counts -------------------------------------------------------------------------------- */

static void expect(const struct pirn_channel_counts *c, size_t messages, size_t senders,
		   size_t receivers, bool closed)
{
	cr_expect_eq(c->messages, messages, "%zu messages, not %zu", c->messages, messages);
	cr_expect_eq(c->senders, senders);
	cr_expect_eq(c->receivers, receivers);
	cr_expect_eq(c->closed, closed);
}

TestSuite(counts, .init = begin, .fini = end);

Test(counts, of_a_watch_know_whether_its_value_is_new)
{
	struct pirn_channel_counts c;

	pirn_watch_receiver_counts(&watching, &c);
	expect(&c, 0, 1, 1, false);
	cr_expect_eq(c.capacity, 1);
	send(1);
	send(2);
	pirn_watch_receiver_counts(&watching, &c);
	expect(&c, 1, 1, 1, false);
	see();
	pirn_watch_receiver_counts(&watching, &c);
	expect(&c, 0, 1, 1, false);
	pirn_watch_sender_counts(watch, &c);
	expect(&c, 1, 1, 1, false);
	cr_expect_eq(c.capacity, 1);
}

Test(counts, of_a_broadcast_know_how_many_are_still_to_come)
{
	struct pirn_channel_counts c;

	for (int i = 0; i < 3; i++)
		send(i);
	hear();
	pirn_broadcast_receiver_counts(&listening, &c);
	expect(&c, 2, 1, 1, false);
	cr_expect_eq(c.capacity, CAPACITY);
	pirn_broadcast_sender_counts(broadcast, &c);
	expect(&c, 3, 1, 1, false);
	cr_expect_eq(c.capacity, CAPACITY);
	for (int i = 0; i < 10; i++)
		send(i);
	pirn_broadcast_receiver_counts(&listening, &c);
	expect(&c, CAPACITY, 1, 1, false); /* without the missed ones */
	pirn_broadcast_sender_counts(broadcast, &c);
	expect(&c, CAPACITY, 1, 1, false);
}

Test(counts, know_all_ends_but_weak_ones)
{
	struct pirn_watch_weak_sender *weak = pirn_watch_sender_downgrade(watch);
	struct pirn_watch_receiver other = pirn_watch_subscribe(watch);
	struct pirn_channel_counts c;

	pirn_watch_sender_ref(watch);
	pirn_watch_sender_ref(watch);
	pirn_watch_sender_counts(watch, &c);
	expect(&c, 1, 3, 2, false);
	pirn_watch_sender_unref(watch);
	pirn_watch_sender_unref(watch);
	pirn_watch_receiver_drop(&other);
	pirn_watch_receiver_close(&watching);
	pirn_watch_receiver_counts(&watching, &c);
	expect(&c, 0, 1, 1, true);
	pirn_watch_weak_sender_unref(weak);
	pirn_broadcast_receiver_drop(&listening);
	pirn_broadcast_sender_counts(broadcast, &c);
	expect(&c, 0, 1, 0, false);
}

/* ---- closed -------------------------------------------------------------------------------- */

TestSuite(closed, .init = begin, .fini = end);

static void end_somehow(int how, bool of_watch)
{
	if (how == 0 && of_watch)
		pirn_watch_sender_close(watch);
	else if (how == 0)
		pirn_broadcast_sender_close(broadcast);
	else if (how == 1 && of_watch)
		pirn_watch_receiver_close(&watching);
	else if (how == 1)
		pirn_broadcast_receiver_close(&listening);
	else if (of_watch)
		pirn_watch_receiver_drop(&watching);
	else
		pirn_broadcast_receiver_drop(&listening);
}

Test(closed, is_ready_when_either_side_closes_or_the_last_receiver_goes)
{
	for (int i = 0; i < 6; i++) {
		struct pirn_feed_closed closed;
		struct bell bell;

		bell_init(&bell);
		closed = i % 2 ? pirn_watch_sender_closed(watch)
			       : pirn_broadcast_sender_closed(broadcast);
		cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_PENDING);
		send(1);
		see();
		hear();
		cr_expect_eq(atomic_load(&bell.wakes), 0);
		end_somehow(i / 2, i % 2);
		cr_expect_eq(atomic_load(&bell.wakes), 1);
		cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_READY);
		cr_expect_eq(closed.future.err, 0);
		cr_expect_eq(atomic_load(&bell.refs), 0);
		end();
		begin();
	}
}

Test(closed, is_not_for_one_of_many_receivers_that_goes)
{
	struct pirn_watch_receiver other = pirn_watch_receiver_clone(&watching);
	struct pirn_feed_closed closed = pirn_watch_sender_closed(watch);
	struct bell bell;

	bell_init(&bell);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_PENDING);
	pirn_watch_receiver_drop(&other);
	cr_expect_eq(atomic_load(&bell.wakes), 0);
	pirn_drop(&closed.future);
}

Test(closed, waits_on_where_another_receiver_has_come)
{
	struct pirn_feed_closed closed = pirn_broadcast_sender_closed(broadcast);
	struct bell bell;

	bell_init(&bell);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_PENDING);
	pirn_broadcast_receiver_drop(&listening);
	listening = pirn_broadcast_subscribe(broadcast);
	cr_expect_eq(atomic_load(&bell.wakes), 1);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_PENDING);
	pirn_broadcast_receiver_drop(&listening);
	cr_expect_eq(atomic_load(&bell.wakes), 2);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_READY);
	listening = pirn_broadcast_subscribe(broadcast);
	cr_expect_eq(send(1), 0, "it was never closed");
}

Test(closed, wakes_all_who_wait_for_it)
{
	struct pirn_feed_closed closed[40]; /* some batches */
	struct bell bell[40];

	for (int i = 0; i < 40; i++) {
		bell_init(&bell[i]);
		closed[i] = pirn_watch_sender_closed(watch);
		cr_expect_eq(bell_poll(&closed[i].future, &bell[i]), PIRN_PENDING);
	}
	pirn_drop(&closed[1].future);
	cr_expect_eq(atomic_load(&bell[1].refs), 0);
	pirn_watch_receiver_close(&watching);
	for (int i = 0; i < 40; i++)
		cr_expect_eq(atomic_load(&bell[i].wakes), i != 1);
	pirn_drop(&closed[0].future); /* woken, and not polled */
	for (int i = 2; i < 40; i++) {
		cr_expect_eq(bell_poll(&closed[i].future, &bell[i]), PIRN_READY);
		cr_expect_eq(atomic_load(&bell[i].refs), 0);
	}
}

Test(closed, polled_by_another_task_wakes_that_one)
{
	struct pirn_feed_closed closed = pirn_watch_sender_closed(watch);
	struct bell bell, other;

	bell_init(&bell);
	bell_init(&other);
	bell_poll(&closed.future, &bell);
	bell_poll(&closed.future, &bell);
	bell_poll(&closed.future, &other);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	pirn_watch_receiver_drop(&watching);
	cr_expect_eq(atomic_load(&bell.wakes), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	pirn_drop(&closed.future);
	cr_expect_eq(atomic_load(&other.refs), 0);
}

Test(closed, at_the_first_look_is_ready_at_once)
{
	struct pirn_feed_closed closed = pirn_watch_sender_closed(watch);
	struct bell bell;

	bell_init(&bell);
	pirn_watch_receiver_drop(&watching);
	cr_expect_eq(bell_poll(&closed.future, &bell), PIRN_READY);
	cr_expect_eq(atomic_load(&bell.refs), 0);
}

static void *leave(void *arg)
{
	pirn_broadcast_receiver_drop(&listening);
	return arg;
}

Test(closed, gets_a_thread_up)
{
	struct pirn_feed_closed closed = pirn_broadcast_sender_closed(broadcast);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, leave, NULL), 0);
	cr_expect_eq(pirn_block_on(&closed.future), 0);
	pthread_join(thread, NULL);
}

Test(closed, has_56_bytes)
{
	cr_expect_eq(sizeof(struct pirn_feed_closed),
		     sizeof(struct pirn_future) + 4 * sizeof(void *));
}

Test(closed, that_is_pending_when_the_last_sender_goes_traps, .signal = SIGABRT)
{
	struct pirn_feed_closed closed = pirn_watch_sender_closed(watch);
	struct bell bell;

	bell_init(&bell);
	bell_poll(&closed.future, &bell);
	pirn_watch_sender_unref(watch);
}

Test(closed, that_was_woken_and_not_polled_when_the_last_sender_goes_traps, .signal = SIGABRT)
{
	struct pirn_feed_closed closed = pirn_watch_sender_closed(watch);
	struct bell bell;

	bell_init(&bell);
	bell_poll(&closed.future, &bell);
	pirn_watch_sender_close(watch);
	pirn_watch_receiver_drop(&watching);
	pirn_watch_sender_unref(watch);
}

Test(closed, that_is_ready_or_dropped_lets_the_last_sender_go)
{
	struct pirn_feed_closed ready = pirn_watch_sender_closed(watch),
				dropped = pirn_watch_sender_closed(watch);
	struct bell bell;

	bell_init(&bell);
	bell_poll(&ready.future, &bell);
	bell_poll(&dropped.future, &bell);
	bell_poll(&dropped.future, &bell);
	pirn_watch_receiver_drop(&watching);
	cr_expect_eq(bell_poll(&ready.future, &bell), PIRN_READY);
	pirn_drop(&dropped.future);
	watch = pirn_watch_sender_unref(watch);
	pirn_drop(&ready.future);
}

/* A waker that polls a closed: what another thread may do in the midst of a close. */
static struct pirn_feed_closed watched;
static struct bell end_bell;

static void poll_closed(struct pirn_waker *w)
{
	bell_drop(w);
	cr_expect_eq(bell_poll(&watched.future, &end_bell), PIRN_READY);
}

static const struct pirn_waker_ops poll_closed_ops = { bell_clone, poll_closed, poll_closed,
						       bell_drop };

Test(closed, that_is_ready_before_it_is_woken_has_left_the_line)
{
	struct pirn_watch_recv recv;
	struct bell in_midst;
	int n;

	bell_init(&in_midst);
	in_midst.waker.ops = &poll_closed_ops;
	recv = pirn_watch_recv(&watching, &n);
	cr_expect_eq(bell_poll(&recv.future, &in_midst), PIRN_PENDING);
	bell_init(&end_bell);
	watched = pirn_watch_sender_closed(watch);
	cr_expect_eq(bell_poll(&watched.future, &end_bell), PIRN_PENDING);
	pirn_watch_sender_close(watch);
	cr_expect_eq(atomic_load(&end_bell.refs), 0);
	cr_expect_eq(atomic_load(&end_bell.wakes), 0);
	pirn_drop(&recv.future);
}

/* ---- ends too many ------------------------------------------------------------------------- */

TestSuite(ends, .init = begin, .fini = end);

Test(ends, of_senders_more_than_there_are_trap, .signal = SIGABRT)
{
	pirn_watch_sender_unref(watch);
	pirn_watch_sender_unref(watch);
}

Test(ends, of_receivers_more_than_there_are_trap, .signal = SIGABRT)
{
	struct pirn_broadcast_receiver copy = listening;

	pirn_broadcast_receiver_drop(&listening);
	pirn_broadcast_receiver_drop(&copy);
}

static bool aborted(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* In a child: a test ends with its first trap. */
#define EXPECT_TRAP(call) \
 do { \
  pid_t pid = fork(); \
  if (pid == 0) { \
   call; \
   _exit(0); \
  } \
  cr_expect(aborted(pid), "no trap: %s", #call); \
 } while (0)

Test(ends, of_no_receiver_trap_in_all_but_the_drop)
{
	struct pirn_watch_receiver w;
	struct pirn_broadcast_receiver b;
	struct pirn_channel_counts c;
	int n;

	memset(&w, 0, sizeof(w));
	memset(&b, 0, sizeof(b));
	EXPECT_TRAP(pirn_watch_try_recv(&w, &n));
	EXPECT_TRAP(pirn_watch_recv_blocking(&w, &n));
	EXPECT_TRAP(pirn_watch_peek(&w, &n));
	EXPECT_TRAP(pirn_watch_catch_up(&w, &n));
	EXPECT_TRAP(pirn_watch_receiver_counts(&w, &c));
	EXPECT_TRAP(pirn_watch_receiver_close(&w));
	EXPECT_TRAP(pirn_watch_receiver_clone(&w));
	EXPECT_TRAP(pirn_broadcast_try_recv(&b, &n));
	EXPECT_TRAP(pirn_broadcast_recv_blocking(&b, &n));
	EXPECT_TRAP(pirn_broadcast_try_recv_many(&b, &n, 1));
	EXPECT_TRAP(pirn_broadcast_receiver_counts(&b, &c));
	EXPECT_TRAP(pirn_broadcast_receiver_close(&b));
	EXPECT_TRAP(pirn_broadcast_receiver_clone(&b));
	pirn_watch_receiver_drop(&w);
	pirn_broadcast_receiver_drop(&b);
}

/* ---- weak ends ----------------------------------------------------------------------------- */

TestSuite(weak, .init = begin, .fini = end);

Test(weak, sender_becomes_one_that_counts)
{
	struct pirn_watch_weak_sender *w = pirn_watch_sender_downgrade(watch);
	struct pirn_broadcast_weak_sender *b = pirn_broadcast_sender_downgrade(broadcast);

	cr_expect_eq(pirn_watch_weak_sender_upgrade(w), watch);
	cr_expect_eq(pirn_broadcast_weak_sender_upgrade(b), broadcast);
	pirn_watch_sender_unref(watch);
	pirn_broadcast_sender_unref(broadcast);
	cr_expect_eq(send(1), 0, "they keep both open");
	cr_expect_eq(see(), 1);
	cr_expect_eq(hear(), 1);
	cr_expect_null(pirn_watch_weak_sender_unref(w));
	cr_expect_null(pirn_broadcast_weak_sender_unref(b));
}

Test(weak, sender_keeps_the_memory_and_nothing_open)
{
	struct pirn_watch_weak_sender *w = pirn_watch_sender_downgrade(watch);
	struct pirn_broadcast_weak_sender *b = pirn_broadcast_sender_downgrade(broadcast);

	cr_expect_eq(pirn_watch_weak_sender_ref(w), w);
	cr_expect_eq(pirn_broadcast_weak_sender_ref(b), b);
	send(1);
	watch = pirn_watch_sender_unref(watch);
	broadcast = pirn_broadcast_sender_unref(broadcast);
	cr_expect_null(pirn_watch_weak_sender_upgrade(w));
	cr_expect_null(pirn_broadcast_weak_sender_upgrade(b));
	cr_expect_eq(see(), 1);
	cr_expect_eq(see(), -EPIPE);
	cr_expect_eq(hear(), 1);
	cr_expect_eq(hear(), -EPIPE);
	pirn_watch_receiver_drop(&watching);
	pirn_broadcast_receiver_drop(&listening);
	pirn_watch_weak_sender_unref(w);
	pirn_broadcast_weak_sender_unref(b);
	cr_expect_eq(faulty_left(&host), 2);
	cr_expect_null(pirn_watch_weak_sender_upgrade(w));
	pirn_watch_weak_sender_unref(w);
	pirn_broadcast_weak_sender_unref(b);
	cr_expect_eq(faulty_left(&host), 0);
}

Test(weak, sender_of_what_was_closed_stays_weak)
{
	struct pirn_watch_weak_sender *w = pirn_watch_sender_downgrade(watch);

	pirn_watch_receiver_drop(&watching);
	cr_expect_eq(pirn_watch_weak_sender_upgrade(w), watch, "nothing is closed by that");
	pirn_watch_sender_unref(watch);
	pirn_watch_sender_close(watch);
	cr_expect_null(pirn_watch_weak_sender_upgrade(w));
	pirn_watch_weak_sender_unref(w);
}

Test(weak, senders_may_be_null_when_they_go)
{
	cr_expect_null(pirn_watch_weak_sender_unref(NULL));
	cr_expect_null(pirn_broadcast_weak_sender_unref(NULL));
}

/* ---- the budget ---------------------------------------------------------------------------- */

TestSuite(budget, .init = begin, .fini = end);

/* Sends to the watch inside a poll. What that takes, in operations. */
static enum pirn_poll spend(void *arg, struct pirn_context *cx, int *err)
{
	unsigned before = cx->budget;
	int n = 1;

	*err = pirn_watch_send(watch, &n);
	*(unsigned *)arg = (before - cx->budget) / 8;
	return PIRN_READY;
}

static unsigned spent(void)
{
	unsigned operations = 0;
	struct pirn_poll_fn f = pirn_poll_fn(spend, &operations);

	cr_expect_eq(pirn_block_on(&f.future), 0);
	return operations;
}

Test(budget, is_spent_by_a_send_and_more_by_one_that_wakes_many)
{
	struct pirn_watch_recv recv[40];
	struct bell bell;
	int n;

	bell_init(&bell);
	cr_expect_eq(spent(), 1);
	see();
	for (int i = 0; i < 40; i++) {
		recv[i] = pirn_watch_recv(&watching, &n);
		cr_expect_eq(bell_poll(&recv[i].future, &bell), PIRN_PENDING);
	}
	cr_expect_eq(spent(), 3);
	for (int i = 0; i < 40; i++)
		pirn_drop(&recv[i].future);
}
