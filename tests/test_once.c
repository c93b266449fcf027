/* SPDX-License-Identifier: MIT */
/* What must be done once: who must, who waits, and who takes over. */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "locks.h"

static enum pirn_poll begin(struct hand *h, struct pirn_once *once)
{
	*h = (struct hand){ .begin = pirn_once_begin(once) };
	return poll(h);
}

Test(once, is_for_the_first_one_to_do)
{
	struct pirn_once once = { 0 };
	struct hand h[4];

	cr_expect_eq(begin(&h[0], &once), PIRN_READY);
	cr_expect_eq(h[0].future.err, 0);
	cr_expect(h[0].begin.must);
	for (int i = 1; i < 3; i++)
		cr_expect_eq(begin(&h[i], &once), PIRN_PENDING);
	pirn_once_done(&h[0].begin);
	cr_expect_not(h[0].begin.must);
	for (int i = 1; i < 3; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_eq(h[i].future.err, 0);
		cr_expect_not(h[i].begin.must);
	}
	cr_expect_eq(begin(&h[3], &once), PIRN_READY);
	cr_expect_not(h[3].begin.must);
	for (int i = 0; i < 4; i++)
		drop(&h[i]);
}

Test(once, is_for_the_next_one_to_do_where_the_first_has_given_up)
{
	struct pirn_once once = { 0 };
	struct hand h[4];

	for (int i = 0; i < 4; i++)
		begin(&h[i], &once);
	drop(&h[0]);
	cr_expect_eq(wakes(&h[1]), 1);
	drop(&h[1]); /* was told, and was not polled */
	cr_expect_eq(poll(&h[2]), PIRN_READY);
	cr_expect(h[2].begin.must);
	cr_expect_eq(poll(&h[3]), PIRN_PENDING);
	pirn_once_done(&h[2].begin);
	cr_expect_eq(poll(&h[3]), PIRN_READY);
	cr_expect_not(h[3].begin.must);
	drop(&h[2]);
	drop(&h[3]);
}

Test(once, is_for_a_later_one_to_do_where_all_have_given_up)
{
	struct pirn_once once = { 0 };
	struct hand h[2];

	for (int i = 0; i < 2; i++)
		begin(&h[i], &once);
	drop(&h[1]);
	drop(&h[0]);
	cr_expect_eq(begin(&h[0], &once), PIRN_READY);
	cr_expect(h[0].begin.must);
	drop(&h[0]);
}

Test(once, stays_done_whoever_is_dropped)
{
	struct pirn_once once = { 0 };
	struct hand h[3];

	for (int i = 0; i < 2; i++)
		begin(&h[i], &once);
	pirn_once_done(&h[0].begin);
	drop(&h[1]); /* let through, and not polled */
	drop(&h[0]);
	cr_expect_eq(begin(&h[2], &once), PIRN_READY);
	cr_expect_not(h[2].begin.must);
	drop(&h[2]);
}

Test(once, ends_more_waits_than_one_batch)
{
	struct pirn_once once = { 0 };
	struct hand h[100];

	for (int i = 0; i < 100; i++)
		cr_expect_eq(begin(&h[i], &once), i == 0 ? PIRN_READY : PIRN_PENDING);
	pirn_once_done(&h[0].begin);
	for (int i = 1; i < 100; i++) {
		cr_expect_eq(wakes(&h[i]), 1);
		cr_expect_eq(poll(&h[i]), PIRN_READY);
		cr_expect_not(h[i].begin.must);
	}
	for (int i = 0; i < 100; i++)
		drop(&h[i]);
}

Test(once, can_be_tried)
{
	struct pirn_once once = { 0 };
	struct pirn_once_begin first, other = { 0 };

	cr_expect_eq(pirn_once_try_begin(&once, &first), 0);
	cr_expect(first.must);
	cr_expect_eq(pirn_once_try_begin(&once, &other), -EAGAIN);
	pirn_drop(&other.future); /* was not written */
	pirn_drop(&first.future);
	cr_expect_eq(pirn_once_try_begin(&once, &first), 0);
	cr_expect(first.must);
	pirn_once_done(&first);
	cr_expect_eq(pirn_once_try_begin(&once, &other), 0);
	cr_expect_not(other.must);
	pirn_drop(&other.future);
	pirn_drop(&first.future);
}

Test(once, begin_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_once_begin), sizeof(void *) == 8 ? 64 : 36);
}

static struct pirn_once made;
static int *thing, room;

static void *make_or_use(void *arg)
{
	struct pirn_once_begin begin = pirn_once_begin(&made);

	(void)arg;
	cr_assert_eq(pirn_block_on(&begin.future), 0);
	if (begin.must) {
		cr_assert_null(thing);
		sched_yield();
		room = 5;
		thing = &room;
		pirn_once_done(&begin);
	}
	cr_assert_eq(*thing, 5);
	pirn_drop(&begin.future);
	return NULL;
}

Test(once, is_for_plain_threads)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, make_or_use, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}
