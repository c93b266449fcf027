/* SPDX-License-Identifier: MIT */
/* Semaphores: who gets permits, in which order, and what a guard that is given up leaves. */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "locks.h"

static void acquire(struct hand *h, struct pirn_semaphore *s, size_t n)
{
	*h = (struct hand){ .permit = pirn_semaphore_acquire(s, n) };
}

/* All that were acquired have come back. */
static void end(struct pirn_semaphore *s, size_t permits)
{
	struct pirn_semaphore_acquire all;

	cr_expect_eq(pirn_semaphore_try_acquire(s, permits + 1, &all), -EAGAIN);
	cr_expect_eq(pirn_semaphore_try_acquire(s, permits, &all), 0);
	pirn_drop(&all.future);
}

Test(semaphore, lets_in_as_many_as_it_has_permits)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(2);
	struct hand h[3];

	for (int i = 0; i < 3; i++) {
		acquire(&h[i], &s, 1);
		cr_expect_eq(poll(&h[i]), i < 2 ? PIRN_READY : PIRN_PENDING);
	}
	drop(&h[0]);
	cr_expect_eq(wakes(&h[2]), 1);
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	cr_expect_eq(h[2].future.err, 0);
	drop(&h[1]);
	drop(&h[2]);
	end(&s, 2);
}

Test(semaphore, has_no_permits_where_it_is_all_zero)
{
	struct pirn_semaphore s = { 0 };
	struct hand h;

	acquire(&h, &s, 1);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_semaphore_release(&s, 1);
	cr_expect_eq(wakes(&h), 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
	end(&s, 1);
}

Test(semaphore, can_be_made_at_run_time)
{
	struct pirn_semaphore s;

	pirn_semaphore_init(&s, 7);
	end(&s, 7);
}

Test(semaphore, gets_more_permits_before_anybody_asks)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);

	pirn_semaphore_release(&s, 2);
	end(&s, 3);
}

Test(semaphore, is_first_come_first_served)
{
	struct pirn_semaphore s = { 0 };
	struct hand h[4];

	for (int i = 0; i < 4; i++) {
		acquire(&h[i], &s, 1);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	for (int i = 0; i < 4; i++) {
		for (int k = i; k < 4; k++)
			cr_expect_eq(wakes(&h[k]), 0);
		pirn_semaphore_release(&s, 1);
		cr_expect_eq(wakes(&h[i]), 1);
	}
	for (int i = 3; i >= 0; i--) {
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		drop(&h[i]);
	}
	end(&s, 4);
}

Test(semaphore, hands_permits_over_so_that_nobody_takes_them_in_between)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);
	struct hand holder, first, late;

	acquire(&holder, &s, 1);
	acquire(&first, &s, 1);
	acquire(&late, &s, 1);
	cr_expect_eq(poll(&holder), PIRN_READY);
	cr_expect_eq(poll(&first), PIRN_PENDING);
	drop(&holder); /* from here on it is the first one's */
	cr_expect_eq(poll(&late), PIRN_PENDING);
	cr_expect_eq(poll(&first), PIRN_READY);
	drop(&first);
	cr_expect_eq(poll(&late), PIRN_READY);
	drop(&late);
	end(&s, 1);
}

Test(semaphore, serves_a_large_request_before_small_ones_behind_it)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(2);
	struct hand large, small;
	struct pirn_semaphore_acquire none;

	acquire(&large, &s, 3);
	acquire(&small, &s, 1);
	cr_expect_eq(poll(&large), PIRN_PENDING);
	cr_expect_eq(poll(&small), PIRN_PENDING);
	cr_expect_eq(pirn_semaphore_try_acquire(&s, 1, &none), -EAGAIN);
	pirn_semaphore_release(&s, 1);
	cr_expect_eq(wakes(&large), 1);
	cr_expect_eq(wakes(&small), 0);
	cr_expect_eq(poll(&large), PIRN_READY);
	drop(&large);
	cr_expect_eq(wakes(&small), 1);
	cr_expect_eq(poll(&small), PIRN_READY);
	drop(&small);
	end(&s, 3);
}

Test(semaphore, serves_those_behind_a_large_request_that_is_dropped)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(2);
	struct hand large, small[3];

	acquire(&large, &s, 3);
	cr_expect_eq(poll(&large), PIRN_PENDING);
	for (int i = 0; i < 3; i++) {
		acquire(&small[i], &s, 1);
		cr_expect_eq(poll(&small[i]), PIRN_PENDING);
	}
	drop(&large);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(wakes(&small[i]), i < 2);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(poll(&small[i]), PIRN_READY);
		drop(&small[i]);
	}
	end(&s, 2);
}

Test(semaphore, gets_permits_on_from_one_that_does_not_come_to_use_them)
{
	struct pirn_semaphore s = { 0 };
	struct hand h[3];

	for (int i = 0; i < 3; i++) {
		acquire(&h[i], &s, 1);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	pirn_semaphore_release(&s, 1);
	drop(&h[0]);
	cr_expect_eq(wakes(&h[1]), 1);
	cr_expect_eq(wakes(&h[2]), 0);
	drop(&h[2]);
	cr_expect_eq(poll(&h[1]), PIRN_READY);
	drop(&h[1]);
	end(&s, 1);
}

Test(semaphore, takes_nothing_for_a_guard_that_was_not_polled)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);
	struct hand h;

	acquire(&h, &s, 1);
	drop(&h);
	end(&s, 1);
}

Test(semaphore, serves_more_requests_than_one_batch)
{
	struct pirn_semaphore s = { 0 };
	struct hand h[100];

	for (int i = 0; i < 100; i++) {
		acquire(&h[i], &s, 1);
		cr_expect_eq(poll(&h[i]), PIRN_PENDING);
	}
	pirn_semaphore_release(&s, 99);
	for (int i = 0; i < 100; i++) {
		cr_expect_eq(wakes(&h[i]), i < 99);
		cr_expect_eq(poll(&h[i]), i < 99 ? PIRN_READY : PIRN_PENDING);
	}
	for (int i = 0; i < 100; i++)
		drop(&h[i]);
	end(&s, 99);
}

Test(semaphore, wakes_the_waker_of_the_last_poll)
{
	struct pirn_semaphore s = { 0 };
	struct bell other;
	struct hand h;

	acquire(&h, &s, 1);
	bell_init(&other);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(bell_poll(&h.future, &other), PIRN_PENDING);
	cr_expect_eq(atomic_load(&h.bell.refs), 0);
	pirn_semaphore_release(&s, 1);
	cr_expect_eq(wakes(&h), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
	cr_expect_eq(atomic_load(&other.refs), 0);
}

Test(semaphore, can_be_tried)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(3);
	struct pirn_semaphore_acquire two, none = { 0 };

	cr_expect_eq(pirn_semaphore_try_acquire(&s, 2, &two), 0);
	cr_expect_eq(two.future.err, 0);
	cr_expect_eq(pirn_semaphore_try_acquire(&s, 2, &none), -EAGAIN);
	pirn_drop(&none.future); /* was not written */
	pirn_drop(&two.future);
	end(&s, 3);
}

Test(semaphore, can_have_permits_forgotten_and_released)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(3);
	struct pirn_semaphore_acquire two;

	cr_expect_eq(pirn_semaphore_try_acquire(&s, 2, &two), 0);
	pirn_semaphore_forget(&two);
	pirn_drop(&two.future); /* is empty */
	end(&s, 1);
	pirn_semaphore_release(&s, 2);
	end(&s, 3);
}

Test(semaphore, guard_knows_whether_it_holds_its_permits)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(2);
	struct pirn_semaphore_acquire guard = { 0 };

	cr_expect_not(pirn_semaphore_holds(&guard));
	cr_expect_eq(pirn_semaphore_try_acquire(&s, 2, &guard), 0);
	cr_expect(pirn_semaphore_holds(&guard));
	pirn_semaphore_forget(&guard);
	cr_expect_not(pirn_semaphore_holds(&guard));
}

Test(semaphore, guard_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_semaphore_acquire), sizeof(void *) == 8 ? 64 : 36);
}

/* ---- the budget ---------------------------------------------------------------------------- */

Test(semaphore, lets_others_run_when_it_is_always_ready)
{
	struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);
	struct pirn_context cx;
	struct bell bell;

	bell_init(&bell);
	pirn_context_init(&cx, &bell.waker, NULL);
	for (int i = 0; i <= PIRN_BUDGET; i++) {
		struct pirn_semaphore_acquire a = pirn_semaphore_acquire(&s, 1);

		cr_expect_eq(pirn_poll(&a.future, &cx),
			     i < PIRN_BUDGET ? PIRN_READY : PIRN_PENDING);
		pirn_drop(&a.future);
	}
	cr_expect_eq(atomic_load(&bell.wakes), 1);
}

Test(semaphore, does_not_hold_up_one_that_was_handed_its_permits)
{
	struct pirn_semaphore s = { 0 };
	struct pirn_context cx;
	struct hand h;

	acquire(&h, &s, 1);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	pirn_semaphore_release(&s, 1);
	pirn_context_init(&cx, &h.bell.waker, NULL);
	cx.budget = 0;
	cr_expect_eq(pirn_poll(&h.future, &cx), PIRN_READY);
	drop(&h);
}

/* ---- plain threads ------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 200

static struct pirn_semaphore two = PIRN_SEMAPHORE_INIT(2);
static atomic_int inside;

static void *come_and_go(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct pirn_semaphore_acquire a = pirn_semaphore_acquire(&two, 1);

		cr_assert_eq(pirn_block_on(&a.future), 0);
		cr_assert_leq(atomic_fetch_add(&inside, 1) + 1, 2);
		sched_yield();
		atomic_fetch_sub(&inside, 1);
		pirn_drop(&a.future);
	}
	return NULL;
}

Test(semaphore, lets_plain_threads_wait)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	end(&two, 2);
}
