/* SPDX-License-Identifier: MIT */
/* Barriers: who is there, who leads, and who was not there after all. */
#include "config.h"

#include <pthread.h>

#include "locks.h"

static void come(struct hand *h, struct pirn_barrier *b)
{
	*h = (struct hand){ .meet = pirn_barrier_wait(b) };
}

static enum pirn_poll come_and_poll(struct hand *h, struct pirn_barrier *b)
{
	come(h, b);
	return poll(h);
}

Test(barrier, lets_all_go_on_when_the_last_one_comes)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(3);
	struct hand h[3];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			cr_expect_eq(come_and_poll(&h[i], &b), i < 2 ? PIRN_PENDING : PIRN_READY);
		for (int i = 0; i < 2; i++) {
			cr_expect_eq(wakes(&h[i]), 1);
			cr_expect_eq(poll(&h[i]), PIRN_READY);
			cr_expect_eq(h[i].future.err, 0);
		}
		for (int i = 0; i < 3; i++) {
			cr_expect_eq(h[i].meet.leader, i == 2);
			drop(&h[i]);
		}
	}
}

Test(barrier, goes_on_to_wait_for_one_that_was_dropped)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(3);
	struct hand h[4];

	for (int i = 0; i < 2; i++)
		cr_expect_eq(come_and_poll(&h[i], &b), PIRN_PENDING);
	drop(&h[0]);
	cr_expect_eq(come_and_poll(&h[2], &b), PIRN_PENDING);
	cr_expect_eq(come_and_poll(&h[3], &b), PIRN_READY);
	for (int i = 1; i < 3; i++)
		cr_expect_eq(poll(&h[i]), PIRN_READY);
	for (int i = 1; i < 4; i++)
		drop(&h[i]);
}

Test(barrier, has_counted_one_that_is_dropped_when_all_were_there)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(2);
	struct hand h[4];

	cr_expect_eq(come_and_poll(&h[0], &b), PIRN_PENDING);
	cr_expect_eq(come_and_poll(&h[1], &b), PIRN_READY);
	drop(&h[0]);
	cr_expect_eq(come_and_poll(&h[2], &b), PIRN_PENDING);
	cr_expect_eq(come_and_poll(&h[3], &b), PIRN_READY);
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	for (int i = 1; i < 4; i++)
		drop(&h[i]);
}

Test(barrier, does_not_take_one_for_the_next_round_that_is_late_to_see_the_last)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(2);
	struct hand h[4];

	cr_expect_eq(come_and_poll(&h[0], &b), PIRN_PENDING);
	cr_expect_eq(come_and_poll(&h[1], &b), PIRN_READY);
	cr_expect_eq(come_and_poll(&h[2], &b), PIRN_PENDING);
	cr_expect_eq(poll(&h[0]), PIRN_READY);
	cr_expect_eq(poll(&h[2]), PIRN_PENDING);
	cr_expect_eq(come_and_poll(&h[3], &b), PIRN_READY);
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	for (int i = 0; i < 4; i++)
		drop(&h[i]);
}

Test(barrier, lets_more_through_than_one_batch)
{
	struct pirn_barrier b;
	struct hand h[100];

	pirn_barrier_init(&b, 100);
	for (int i = 0; i < 100; i++)
		cr_expect_eq(come_and_poll(&h[i], &b), i < 99 ? PIRN_PENDING : PIRN_READY);
	for (int i = 0; i < 99; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
	}
	for (int i = 0; i < 100; i++)
		drop(&h[i]);
}

/* Between two batches others are dropped, and polled. */
static struct hand many[52];

static void meddle(struct pirn_waker *w)
{
	bell_wake(w);
	drop(&many[49]);
	cr_expect_eq(poll(&many[50]), PIRN_READY); /* was not woken yet */
	drop(&many[50]);
}

Test(barrier, bears_polls_and_drops_while_it_lets_others_through)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(52);
	struct pirn_waker_ops meddling = bell_ops;
	struct hand next;

	meddling.wake = meddle;
	for (int i = 0; i < 52; i++) {
		come(&many[i], &b);
		bell_init(&many[i].bell);
		if (i == 3)
			many[i].bell.waker.ops = &meddling;
		cr_expect_eq(poll(&many[i]), i < 51 ? PIRN_PENDING : PIRN_READY);
	}
	for (int i = 0; i < 49; i++) {
		cr_expect_eq(wakes(&many[i]), 1);
		cr_expect_eq(poll(&many[i]), PIRN_READY);
		drop(&many[i]);
	}
	drop(&many[51]);
	cr_expect_eq(come_and_poll(&next, &b), PIRN_PENDING);
	drop(&next);
}

Test(barrier, wakes_the_waker_of_the_last_poll)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(2);
	struct bell other;
	struct hand h[2];

	bell_init(&other);
	cr_expect_eq(come_and_poll(&h[0], &b), PIRN_PENDING);
	cr_expect_eq(bell_poll(&h[0].future, &other), PIRN_PENDING);
	cr_expect_eq(atomic_load(&h[0].bell.refs), 0);
	cr_expect_eq(come_and_poll(&h[1], &b), PIRN_READY);
	cr_expect_eq(wakes(&h[0]), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	cr_expect_eq(poll(&h[0]), PIRN_READY);
	drop(&h[0]);
	drop(&h[1]);
}

Test(barrier, lets_one_through_that_comes_to_see_it_very_late)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(2), before;
	struct hand h[2];

	cr_expect_eq(come_and_poll(&h[0], &b), PIRN_PENDING);
	drop(&h[0]);
	before = b; /* as it is again when all rounds that it can count have passed */
	for (int i = 0; i < 2; i++)
		cr_expect_eq(come_and_poll(&h[i], &b), i < 1 ? PIRN_PENDING : PIRN_READY);
	b = before;
	cr_expect_eq(poll(&h[0]), PIRN_READY);
	for (int i = 0; i < 2; i++)
		drop(&h[i]);
}

Test(barrier, of_one_lets_everybody_through)
{
	struct pirn_barrier b = PIRN_BARRIER_INIT(1), zero = { 0 };
	struct hand h;

	cr_expect_eq(come_and_poll(&h, &b), PIRN_READY);
	cr_expect(h.meet.leader);
	drop(&h);
	cr_expect_eq(come_and_poll(&h, &zero), PIRN_READY);
	drop(&h);
}

Test(barrier, wait_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_barrier_wait), sizeof(void *) == 8 ? 64 : 40);
}

/* ---- plain threads ------------------------------------------------------------------------- */

#define THREADS 3
#define ROUNDS 100

static struct pirn_barrier meeting = PIRN_BARRIER_INIT(THREADS);
static int number[THREADS]; /* written before a meeting, read behind it */
static atomic_int leaders;

static void meet(void)
{
	struct pirn_barrier_wait wait = pirn_barrier_wait(&meeting);

	cr_assert_eq(pirn_block_on(&wait.future), 0);
	atomic_fetch_add(&leaders, wait.leader);
}

static void *walk(void *arg)
{
	int *mine = arg;

	for (int i = 1; i <= ROUNDS; i++) {
		*mine = i;
		meet();
		for (int k = 0; k < THREADS; k++)
			cr_assert_eq(number[k], i);
		meet();
	}
	return NULL;
}

Test(barrier, is_for_plain_threads)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, walk, &number[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	cr_expect_eq(atomic_load(&leaders), 2 * ROUNDS);
}
