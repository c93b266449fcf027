/* SPDX-License-Identifier: MIT */
/* Events: who is notified, in which order, and what a wait that is given up leaves behind. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "bell.h"
#include "pirn_event.h"
#include "pirn_pool.h"

static struct pirn_event event;

/* A wait that is polled by hand. */
struct hand {
	struct pirn_event_wait wait;
	struct bell bell;
};

static void make(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->wait = pirn_event_wait(&event);
}

static enum pirn_poll poll(struct hand *h)
{
	return bell_poll(&h->wait.future, &h->bell);
}

static unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in the event. */
static void drop(struct hand *h)
{
	pirn_drop(&h->wait.future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
}

static void line_up(struct hand *h, int n)
{
	memset(&event, 0, sizeof(event));
	for (int i = 0; i < n; i++) {
		make(&h[i]);
		cr_assert_eq(poll(&h[i]), PIRN_PENDING);
	}
}

Test(event, ends_the_waits_that_are_oldest)
{
	struct hand h[4];

	line_up(h, 4);
	pirn_event_notify(&event, 2);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(wakes(&h[i]), i < 2);
		cr_expect_eq(poll(&h[i]), i < 2 ? PIRN_READY : PIRN_PENDING);
	}
	pirn_event_notify(&event, PIRN_EVENT_ALL);
	for (int i = 2; i < 4; i++)
		cr_expect_eq(poll(&h[i]), PIRN_READY);
	for (int i = 0; i < 4; i++)
		drop(&h[i]);
}

Test(event, ends_more_waits_than_one_batch)
{
	struct hand h[100];

	line_up(h, 100);
	pirn_event_notify(&event, 99);
	for (int i = 0; i < 100; i++) {
		cr_expect_eq(wakes(&h[i]), i < 99);
		cr_expect_eq(poll(&h[i]), i < 99 ? PIRN_READY : PIRN_PENDING);
		drop(&h[i]);
	}
}

Test(event, is_not_missed_between_a_look_and_the_first_poll)
{
	struct hand h;

	line_up(&h, 0);
	make(&h);
	pirn_event_notify(&event, 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
}

Test(event, is_not_kept_for_waits_made_later)
{
	struct hand h;

	line_up(&h, 0);
	pirn_event_notify(&event, PIRN_EVENT_ALL);
	make(&h);
	cr_expect_eq(poll(&h), PIRN_PENDING);
	cr_expect_eq(wakes(&h), 0);
	drop(&h);
}

Test(event, is_handed_on_by_a_wait_that_is_dropped)
{
	struct hand h[3];

	line_up(h, 3);
	pirn_event_notify(&event, 1);
	drop(&h[0]);
	cr_expect_eq(wakes(&h[1]), 1);
	cr_expect_eq(wakes(&h[2]), 0);
	drop(&h[2]); /* was not notified, and has nothing to hand on */
	cr_expect_eq(poll(&h[1]), PIRN_READY);
	drop(&h[1]);
}

Test(event, wakes_the_waker_of_the_last_poll)
{
	struct bell other;
	struct hand h;

	line_up(&h, 1);
	bell_init(&other);
	cr_expect_eq(bell_poll(&h.wait.future, &other), PIRN_PENDING);
	cr_expect_eq(atomic_load(&h.bell.refs), 0);
	pirn_event_notify(&event, 1);
	cr_expect_eq(wakes(&h), 0);
	cr_expect_eq(atomic_load(&other.wakes), 1);
	cr_expect_eq(poll(&h), PIRN_READY);
	drop(&h);
}

Test(event, counts_its_notifications)
{
	memset(&event, 0, sizeof(event));
	pirn_event_notify(&event, 0); /* none */
	pirn_event_notify(&event, 1);
	pirn_event_notify(&event, PIRN_EVENT_ALL);
	cr_expect_eq(pirn_event_count(&event), 2);
}

Test(event, wait_has_56_bytes)
{
	cr_expect_eq(sizeof(struct pirn_event_wait), sizeof(void *) == 8 ? 56 : 28);
}

static void *notify(void *thing)
{
	atomic_store((atomic_int *)thing, 1);
	pirn_event_notify(&event, 1);
	return NULL;
}

Test(event, lets_a_plain_thread_wait)
{
	memset(&event, 0, sizeof(event));
	for (int i = 0; i < 100; i++) {
		struct pirn_event_wait wait = pirn_event_wait(&event);
		atomic_int thing = 0;
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, notify, &thing), 0);
		while (!atomic_load(&thing)) {
			cr_assert_eq(pirn_block_on(&wait.future), 0);
			wait = pirn_event_wait(&event);
		}
		pthread_join(thread, NULL);
	}
}

static void in_handler(int number)
{
	(void)number;
	errno = EXDEV;
	pirn_event_signal(&event);
	cr_expect_eq(errno, EXDEV);
}

Test(event, can_be_signalled_in_a_handler)
{
	struct hand h[3];

	line_up(h, 3);
	if (pirn_event_signal(&event) == -ENOTSUP)
		cr_skip_test("threads sleep on condition variables");
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		drop(&h[i]);
	}
	line_up(h, 3);
	signal(SIGUSR1, in_handler);
	raise(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		if (i > 0)
			cr_expect_eq(poll(&h[i]), PIRN_READY);
		drop(&h[i]); /* the first one as it is: the waker was left for it to drop */
	}
}
