/* SPDX-License-Identifier: MIT */
/* Oneshots: one message, who ends which end, who waits, and who has the memory last. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bell.h"
#include "pirn_oneshot.h"
#include "pirn_pool.h"

PIRN_ONESHOT(number, int, NULL);

/* ---- one attempt --------------------------------------------------------------------------- */

/* Here one thread has both ends. */
static struct number_oneshot shot;
static int lasts;

static void count_last(struct pirn_oneshot *o)
{
	cr_expect_eq(o, &shot.oneshot);
	lasts++;
}

static void begin(void)
{
	lasts = 0;
	number_oneshot_init(&shot, count_last);
}

/* Every test ends both ends, and last is called once. */
static void end(void)
{
	cr_expect_eq(lasts, 1);
}

static int send(int n)
{
	return number_send(&shot, &n);
}

/* The message, or the error. */
static int recv(void)
{
	int n = -1000, err = number_try_recv(&shot, &n);

	return err ? err : n;
}

TestSuite(oneshot, .init = begin, .fini = end);

Test(oneshot, gives_what_was_sent)
{
	cr_expect_eq(recv(), -EAGAIN);
	cr_expect_eq(send(5), 0);
	cr_expect_eq(recv(), 5);
	cr_expect_eq(lasts, 0);
	cr_expect_null(number_receiver_close(&shot));
}

Test(oneshot, gives_its_message_once)
{
	cr_expect_eq(send(5), 0);
	cr_expect_eq(recv(), 5);
	cr_expect_eq(recv(), -EPIPE);
	number_receiver_close(&shot);
}

Test(oneshot, may_end_without_a_message)
{
	cr_expect_null(number_sender_close(&shot));
	cr_expect_eq(recv(), -EPIPE);
	number_receiver_close(&shot);
}

Test(oneshot, whose_receiver_has_left_takes_nothing)
{
	cr_expect_eq(number_try_closed(&shot), -EAGAIN);
	number_receiver_close(&shot);
	cr_expect_eq(number_try_closed(&shot), 0);
	cr_expect_eq(lasts, 0);
	cr_expect_eq(send(5), -EPIPE);
}

Test(oneshot, may_be_left_by_both_without_a_message)
{
	number_receiver_close(&shot);
	cr_expect_eq(lasts, 0);
	number_sender_close(&shot);
}

Test(oneshot, ends_may_be_null_when_they_are_closed)
{
	cr_expect_null(number_sender_close(NULL));
	cr_expect_null(number_receiver_close(NULL));
	number_sender_close(&shot);
	number_receiver_close(&shot);
}

Test(oneshot, of_zeroes_has_no_last)
{
	struct number_oneshot o;
	int n = 5;

	memset(&o, 0, sizeof(o));
	cr_expect_eq(number_send(&o, &n), 0);
	cr_expect_eq(number_try_recv(&o, &n), 0);
	number_receiver_close(&o);
	number_sender_close(&shot);
	number_receiver_close(&shot);
}

Test(oneshot, has_24_bytes_and_its_message)
{
	const size_t p = sizeof(void *);

	cr_expect_eq(sizeof(struct pirn_oneshot), 3 * p);
	cr_expect_eq(sizeof(struct pirn_oneshot_recv), sizeof(struct pirn_future) + 3 * p);
	cr_expect_eq(sizeof(struct pirn_oneshot_closed), sizeof(struct pirn_future) + p);
	number_sender_close(&shot);
	number_receiver_close(&shot);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Futures that are polled by hand. */
static struct bell bell;
static struct pirn_oneshot_recv waiting;
static struct pirn_oneshot_closed leaving;
static int got;

static void begin_waiting(void)
{
	begin();
	bell_init(&bell);
	got = 0;
	waiting = number_recv(&shot, &got);
	leaving = number_closed(&shot);
}

/* No waker was kept. */
static void end_waiting(void)
{
	end();
	cr_expect_eq(atomic_load(&bell.refs), 0, "a waker was kept");
}

static enum pirn_poll poll(void)
{
	return bell_poll(&waiting.future, &bell);
}

static enum pirn_poll poll_leaving(void)
{
	return bell_poll(&leaving.future, &bell);
}

static unsigned wakes(void)
{
	return atomic_load(&bell.wakes);
}

TestSuite(waiting, .init = begin_waiting, .fini = end_waiting);

Test(waiting, is_not_needed_where_the_message_is_there)
{
	send(5);
	cr_expect_eq(poll(), PIRN_READY);
	cr_expect_eq(waiting.future.err, 0);
	cr_expect_eq(got, 5);
	number_receiver_close(&shot);
}

Test(waiting, recv_is_woken_by_the_message)
{
	cr_expect_eq(poll(), PIRN_PENDING);
	cr_expect_eq(wakes(), 0);
	send(5);
	cr_expect_eq(wakes(), 1);
	cr_expect_eq(got, 0); /* it moves inside the poll */
	cr_expect_eq(poll(), PIRN_READY);
	cr_expect_eq(got, 5);
	number_receiver_close(&shot);
}

Test(waiting, recv_is_woken_by_a_sender_that_leaves)
{
	cr_expect_eq(poll(), PIRN_PENDING);
	number_sender_close(&shot);
	cr_expect_eq(wakes(), 1);
	cr_expect_eq(poll(), PIRN_READY);
	cr_expect_eq(waiting.future.err, -EPIPE);
	number_receiver_close(&shot);
}

Test(waiting, recv_that_is_dropped_can_be_made_again)
{
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(poll(), PIRN_PENDING);
		cr_expect_eq(poll(), PIRN_PENDING);
		pirn_drop(&waiting.future);
		cr_expect_eq(atomic_load(&bell.refs), 0);
		waiting = number_recv(&shot, &got);
	}
	send(5);
	cr_expect_eq(wakes(), 0);
	cr_expect_eq(poll(), PIRN_READY);
	cr_expect_eq(got, 5);
	number_receiver_close(&shot);
}

Test(waiting, recv_that_is_dropped_when_the_message_is_there_leaves_it)
{
	cr_expect_eq(poll(), PIRN_PENDING);
	send(5);
	pirn_drop(&waiting.future);
	cr_expect_eq(recv(), 5);
	number_receiver_close(&shot);
}

Test(waiting, wakes_the_waker_of_the_last_poll)
{
	struct bell other;

	bell_init(&other);
	cr_expect_eq(bell_poll(&waiting.future, &other), PIRN_PENDING);
	cr_expect_eq(poll(), PIRN_PENDING);
	cr_expect_eq(poll(), PIRN_PENDING);
	cr_expect_eq(atomic_load(&other.refs), 0);
	cr_expect_eq(atomic_load(&bell.refs), 1);
	send(5);
	cr_expect_eq(atomic_load(&other.wakes), 0);
	cr_expect_eq(wakes(), 1);
	cr_expect_eq(poll(), PIRN_READY);
	number_receiver_close(&shot);
}

Test(waiting, closed_is_woken_by_a_receiver_that_leaves)
{
	cr_expect_eq(poll_leaving(), PIRN_PENDING);
	number_receiver_close(&shot);
	cr_expect_eq(wakes(), 1);
	cr_expect_eq(poll_leaving(), PIRN_READY);
	cr_expect_eq(leaving.future.err, 0);
	number_sender_close(&shot);
}

Test(waiting, closed_that_is_dropped_leaves_the_sender_as_it_was)
{
	cr_expect_eq(poll_leaving(), PIRN_PENDING);
	pirn_drop(&leaving.future);
	cr_expect_eq(send(5), 0);
	cr_expect_eq(recv(), 5);
	number_receiver_close(&shot);
}

Test(waiting, is_for_both_ends_at_once)
{
	struct bell other;

	bell_init(&other);
	cr_expect_eq(poll(), PIRN_PENDING);
	cr_expect_eq(bell_poll(&leaving.future, &other), PIRN_PENDING);
	pirn_drop(&waiting.future);
	number_receiver_close(&shot);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	pirn_drop(&leaving.future);
	cr_expect_eq(atomic_load(&other.refs), 0);
	cr_expect_eq(send(5), -EPIPE);
}

Test(waiting, takes_part_in_the_budget)
{
	struct pirn_context cx;

	send(5);
	pirn_context_init(&cx, &bell.waker, NULL);
	cx.budget = 0;
	cr_expect_eq(pirn_poll(&waiting.future, &cx), PIRN_PENDING);
	cr_expect_eq(wakes(), 1); /* by itself: it lets others run */
	cr_expect_eq(poll(), PIRN_READY);
	number_receiver_close(&shot);
}

/* ---- what a side must not do --------------------------------------------------------------- */

TestSuite(misuse, .init = begin_waiting);

Test(misuse, send_with_closed_pending_traps, .signal = SIGABRT)
{
	poll_leaving();
	send(5);
}

Test(misuse, send_with_closed_pending_traps_also_when_the_receiver_has_left, .signal = SIGABRT)
{
	poll_leaving();
	number_receiver_close(&shot);
	send(5);
}

Test(misuse, receiver_that_leaves_with_recv_pending_traps, .signal = SIGABRT)
{
	poll();
	number_receiver_close(&shot);
}

Test(misuse, receiver_that_leaves_with_recv_pending_traps_also_when_the_message_is_there,
     .signal = SIGABRT)
{
	poll();
	send(5);
	number_receiver_close(&shot);
}

Test(misuse, sender_that_ends_twice_behind_the_receiver_traps, .signal = SIGABRT)
{
	send(5);
	number_receiver_close(&shot);
	send(6);
}

Test(misuse, receiver_that_ends_twice_behind_the_sender_traps, .signal = SIGABRT)
{
	number_receiver_close(&shot);
	send(5);
	number_receiver_close(&shot);
}

Test(misuse, closed_behind_a_send_traps, .signal = SIGABRT)
{
	send(5);
	number_try_closed(&shot);
}

/* ---- messages that own something ----------------------------------------------------------- */

struct parcel {
	int *content;
};

static int released;

static void parcel_release(struct parcel *p)
{
	released += *p->content;
	free(p->content);
}

PIRN_ONESHOT(parcel, struct parcel, parcel_release);

static struct parcel parcel(int n)
{
	struct parcel p = { malloc(sizeof(int)) };

	cr_assert_not_null(p.content);
	*p.content = n;
	return p;
}

static void free_last(struct pirn_oneshot *o)
{
	free(o);
}

static struct parcel_oneshot *parcel_oneshot(void)
{
	struct parcel_oneshot *o = malloc(sizeof(*o));

	cr_assert_not_null(o);
	parcel_oneshot_init(o, free_last);
	released = 0;
	return o;
}

Test(owned, message_is_the_receivers_when_it_was_received)
{
	struct parcel_oneshot *o = parcel_oneshot();
	struct parcel p = parcel(3), in;

	cr_expect_eq(parcel_send(o, &p), 0);
	cr_expect_null(p.content);
	cr_expect_eq(parcel_try_recv(o, &in), 0);
	o = parcel_receiver_close(o);
	cr_expect_null(o);
	cr_expect_eq(released, 0);
	cr_expect_eq(*in.content, 3);
	free(in.content);
}

Test(owned, message_is_released_when_it_was_not)
{
	struct parcel_oneshot *o = parcel_oneshot();
	struct parcel p = parcel(3);

	cr_expect_eq(parcel_send(o, &p), 0);
	parcel_receiver_close(o);
	cr_expect_eq(released, 3);
}

Test(owned, message_stays_the_senders_when_it_was_not_taken)
{
	struct parcel_oneshot *o = parcel_oneshot();
	struct parcel p = parcel(3);

	parcel_receiver_close(o);
	cr_expect_eq(parcel_send(o, &p), -EPIPE);
	cr_expect_eq(*p.content, 3);
	cr_expect_eq(released, 0);
	free(p.content);
}

/* ---- threads and tasks --------------------------------------------------------------------- */

static void *send_later(void *arg)
{
	int n = 7;

	number_send(arg, &n);
	return NULL;
}

/* In this frame, whose end waits for the sender's: without a last. */
Test(threads, receive_by_sleeping)
{
	for (int i = 0; i < 100; i++) {
		struct number_oneshot o;
		pthread_t thread;
		int n = 0;

		number_oneshot_init(&o, NULL);
		cr_assert_eq(pthread_create(&thread, NULL, send_later, &o), 0);
		cr_expect_eq(number_recv_blocking(&o, &n), 0);
		cr_expect_eq(n, 7);
		number_receiver_close(&o);
		pthread_join(thread, NULL);
	}
}

/* Would send a parcel some day; gives that up when nobody wants it any more. */
struct worker {
	struct pirn_future future;
	struct parcel_oneshot *o;
	struct pirn_pending work;
	struct pirn_oneshot_closed closed;
	struct pirn_select select;
	bool *gave_up;
};

PIRN_ASYNC(worker, f)
{
	PIRN_BEGIN(f);
	f->work = pirn_pending();
	f->closed = parcel_closed(f->o);
	f->select = pirn_select(&f->work.future, &f->closed.future, NULL, NULL);
	PIRN_AWAIT(f, &f->select.future);
	*f->gave_up = f->select.won == &f->closed.future;
	PIRN_FINALLY(f);
	pirn_drop(&f->closed.future);
	parcel_sender_close(f->o);
	PIRN_END(f);
}

Test(tasks, give_their_work_up_when_nobody_wants_it)
{
	struct parcel_oneshot *o = parcel_oneshot();
	bool gave_up = false;
	struct worker w = { PIRN_INIT(worker), .o = o, .gave_up = &gave_up };
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct pirn_join join;

	cr_assert_eq(pirn_pool_new(&pool, &(struct pirn_pool_config){ .threads = 1 }), 0);
	cr_assert_eq(pirn_spawn(pool, &task, &w.future), 0);
	parcel_receiver_close(o);
	join = pirn_join(task);
	cr_expect_eq(pirn_block_on(&join.future), 0);
	cr_expect(gave_up);
	pirn_task_detach(task);
	pirn_executor_free(pool);
}
