/* SPDX-License-Identifier: MIT */
/* PIRN_EACH: a body that awaits one future after another until one ends with an error. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "bell.h"
#include "pirn_channel.h"
#include "pirn_mutex.h"

PIRN_CHANNEL(number, int, NULL);

static struct number_sender *tx;
static struct number_receiver *rx;
static struct bell bell;

static void begin(void)
{
	bell_init(&bell);
	cr_assert_eq(number_channel(&tx, &rx, 8), 0);
}

static void end(void)
{
	number_sender_unref(tx);
	number_receiver_unref(rx);
	cr_expect_eq(atomic_load(&bell.refs), 0, "a waker was kept");
}

static void send(int n)
{
	cr_assert_eq(number_try_send(tx, &n), 0);
}

TestSuite(each, .init = begin, .fini = end);

/* Adds up what comes: naps behind a 1, passes a 2 over, stops at a 3. */
struct adder {
	struct pirn_future future;
	int number, sum, naps, why;
	struct pirn_recv recv;
	struct pirn_yield nap;
};

PIRN_ASYNC(adder, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->recv, number_recv(rx, &f->number)) {
		if (f->number == 1) {
			f->nap = pirn_yield();
			PIRN_AWAIT(f, &f->nap.future);
			f->naps++;
		}
		if (f->number == 2)
			continue;
		if (f->number == 3)
			break;
		f->sum += f->number;
	}
	f->why = f->recv.future.err;
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	PIRN_END(f);
}

static enum pirn_poll poll(struct adder *a)
{
	return bell_poll(&a->future, &bell);
}

Test(each, runs_its_block_for_each_message_until_the_channel_is_closed)
{
	struct adder a = { PIRN_INIT(adder), .why = 1 };

	send(10);
	send(20);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(a.sum, 30);
	send(5);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(a.sum, 35);
	number_sender_close(tx);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.why, -EPIPE);
	cr_expect_eq(a.future.err, 0);
}

Test(each, is_a_loop_that_knows_break_and_continue)
{
	struct adder a = { PIRN_INIT(adder), .why = 1 };

	send(10);
	send(2);
	send(20);
	send(3);
	send(40);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.sum, 30);
	cr_expect_eq(a.why, 0);
}

Test(each, may_await_inside)
{
	struct adder a = { PIRN_INIT(adder), .why = 1 };

	send(1);
	send(1);
	send(3);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(poll(&a), PIRN_PENDING);
	cr_expect_eq(poll(&a), PIRN_READY);
	cr_expect_eq(a.naps, 2);
	cr_expect_eq(a.sum, 2);
}

Test(each, that_is_dropped_leaves_the_line)
{
	struct adder a = { PIRN_INIT(adder), .why = 1 };

	cr_expect_eq(poll(&a), PIRN_PENDING);
	pirn_drop(&a.future);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	cr_expect_eq(a.why, 1);
}

/* One in the other, the inner one without braces, the outer one over no channel at all. */
struct nested {
	struct pirn_future future;
	int outer, inner, number;
	struct pirn_ready ready;
	struct pirn_recv recv;
};

PIRN_ASYNC(nested, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->ready, pirn_ready(f->outer < 3 ? 0 : -ERANGE)) {
		f->outer++;
		PIRN_EACH(f, f->recv, number_recv(rx, &f->number))
			if (++f->inner % 2 == 0)
				break;
	}
	PIRN_RETURN(f, f->ready.future.err);
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	PIRN_END(f);
}

Test(each, may_stand_in_another)
{
	struct nested n = { PIRN_INIT(nested), .outer = 0 };

	for (int i = 0; i < 6; i++)
		send(i);
	cr_expect_eq(bell_poll(&n.future, &bell), PIRN_READY);
	cr_expect_eq(n.future.err, -ERANGE);
	cr_expect_eq(n.outer, 3);
	cr_expect_eq(n.inner, 6);
}

/* Takes the mutex again and again; what it did with it is in the block. */
struct taker {
	struct pirn_future future;
	struct pirn_mutex *mutex;
	int n;
	struct pirn_mutex_lock guard;
};

PIRN_ASYNC(taker, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->guard, pirn_mutex_lock(f->mutex))
		if (++f->n == 3)
			break;
	PIRN_FINALLY(f);
	pirn_drop(&f->guard.future);
	PIRN_END(f);
}

Test(each, drops_what_its_child_owns_before_it_is_made_again)
{
	struct pirn_mutex mutex = { 0 };
	struct taker t = { PIRN_INIT(taker), .mutex = &mutex };
	struct pirn_mutex_lock guard;

	cr_expect_eq(bell_poll(&t.future, &bell), PIRN_READY);
	cr_expect_eq(t.n, 3);
	pirn_drop(&t.future);
	cr_expect_eq(pirn_mutex_try_lock(&mutex, &guard), 0);
	pirn_drop(&guard.future);
}

/* Each message has a child of its own. */
struct walker {
	struct pirn_future future;
	int number, sum, next;
	struct pirn_recv recv[4];
};

PIRN_ASYNC(walker, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->recv[f->next++], number_recv(rx, &f->number))
		f->sum += f->number;
	PIRN_END(f);
}

Test(each, looks_once_for_each_child_where_it_lives)
{
	struct walker w = { PIRN_INIT(walker), .sum = 0 };

	send(10);
	send(20);
	cr_expect_eq(bell_poll(&w.future, &bell), PIRN_PENDING);
	send(30);
	number_sender_close(tx);
	cr_expect_eq(bell_poll(&w.future, &bell), PIRN_READY);
	cr_expect_eq(w.sum, 60);
	cr_expect_eq(w.next, 4);
}
