/* SPDX-License-Identifier: MIT */
/* A worker's own queue, as its owner and a thief see it. */
#include "config.h"

#include <criterion/criterion.h>

#include "local.h"

static struct local q, own;
static struct pirn_task task[LOCAL_STACK + LOCAL_RING + 1];

Test(local, gives_the_newest_first_and_what_was_polled_last)
{
	local_init(&q);
	cr_assert(local_push_back(&q, &task[0]));
	cr_assert(local_push(&q, &task[1]));
	cr_assert(local_push(&q, &task[2]));
	cr_assert(local_push_back(&q, &task[3]));
	cr_assert_eq(local_pop(&q), &task[2]);
	cr_assert_eq(local_pop(&q), &task[1]);
	cr_assert_eq(local_pop(&q), &task[0]);
	cr_assert_eq(local_pop(&q), &task[3]);
	cr_assert_null(local_pop(&q));
}

Test(local, is_full_when_the_stack_and_the_ring_are)
{
	unsigned n = LOCAL_STACK + LOCAL_RING;

	local_init(&q);
	for (unsigned i = 0; i < n; i++)
		cr_assert(local_push(&q, &task[i]));
	cr_assert_eq(local_room(&q), 0);
	cr_assert_not(local_push(&q, &task[n]));
	cr_assert_not(local_push_back(&q, &task[n]));
	cr_assert_eq(local_pop(&q), &task[LOCAL_STACK - 1]);
	cr_assert(local_push(&q, &task[n]));
}

Test(local, never_starves_the_ring)
{
	unsigned pops = 0;

	local_init(&q);
	local_push_back(&q, &task[0]);
	local_push(&q, &task[1]);
	while (local_pop(&q) == &task[1]) {
		local_push(&q, &task[1]);
		cr_assert_lt(++pops, 1000, "the ring never had its turn");
	}
}

Test(local, never_starves_the_bottom_of_the_stack)
{
	unsigned pops = 0;

	local_init(&q);
	local_push(&q, &task[0]);
	local_push(&q, &task[1]);
	local_push_back(&q, &task[2]);
	for (struct pirn_task *t; (t = local_pop(&q)) != &task[0]; pops++) {
		cr_assert_lt(pops, 1000, "the bottom never had its turn");
		if (t == &task[2])
			local_push_back(&q, t);
		else
			local_push(&q, t);
	}
}

Test(local, takes_back_only_what_was_pushed_last)
{
	local_init(&q);
	local_push(&q, &task[0]);
	local_push(&q, &task[1]);
	cr_assert_not(local_take(&q, &task[0]));
	cr_assert(local_take(&q, &task[1]));
	cr_assert(local_take(&q, &task[0]));
	cr_assert_not(local_take(&q, &task[0]));
}

Test(local, lets_a_thief_have_the_oldest)
{
	local_init(&q);
	local_init(&own);
	local_push(&q, &task[0]);
	local_push(&q, &task[1]);
	local_push_back(&q, &task[2]);
	cr_assert_eq(local_steal(&q, &own), &task[2], "the ring first");
	cr_assert_eq(local_steal(&q, &own), &task[0]);
	cr_assert_eq(local_pop(&q), &task[1]);
	cr_assert_null(local_steal(&q, &own));
	cr_assert_null(local_pop(&q));
}

Test(local, gives_a_thief_half_of_the_ring_as_far_as_there_is_room)
{
	local_init(&q);
	local_init(&own);
	for (unsigned i = 0; i < 8; i++)
		local_push_back(&q, &task[i]);
	cr_assert_eq(local_steal(&q, &own), &task[0]);
	for (unsigned i = 1; i < 4; i++)
		cr_assert_eq(local_pop(&own), &task[i]);
	cr_assert_null(local_pop(&own));
	while (local_push_back(&own, &task[8])) {
	}
	cr_assert_eq(local_steal(&q, &own), &task[4], "one at least, if there is no room");
	cr_assert_eq(local_steal(&q, NULL), &task[5], "one, if that is enough");
	for (unsigned i = 6; i < 8; i++)
		cr_assert_eq(local_pop(&q), &task[i]);
	cr_assert_null(local_pop(&q));
}

Test(local, gives_up_the_newer_half_of_a_full_ring)
{
	struct pirn_task *half[LOCAL_HALF], *none[LOCAL_HALF];

	local_init(&q);
	local_push_back(&q, &task[LOCAL_RING]);
	for (unsigned i = 0; i < LOCAL_RING; i++) {
		local_push_back(&q, &task[i]);
		if (i == 0)
			cr_assert_eq(local_pop(&q), &task[LOCAL_RING]);
	}
	cr_assert_eq(local_take_newer(&q, half), LOCAL_HALF);
	for (unsigned i = 0; i < LOCAL_HALF; i++)
		cr_assert_eq(half[i], &task[LOCAL_HALF + i]);
	cr_assert_eq(local_take_newer(&q, none), 0, "it is not full");
	cr_assert_eq(local_room(&q), LOCAL_HALF);
	for (unsigned i = 0; i < LOCAL_HALF; i++)
		cr_assert(local_push_back(&q, half[i]));
	cr_assert_not(local_push_back(&q, &task[LOCAL_RING]));
	for (unsigned i = 0; i < LOCAL_RING; i++)
		cr_assert_eq(local_pop(&q), &task[i]);
}

Test(local, gives_up_nothing_that_is_kept)
{
	struct pirn_task *newer[LOCAL_HALF];
	unsigned keep = LOCAL_RING - 10;

	local_init(&q);
	for (unsigned i = 0; i < LOCAL_RING; i++) {
		if (i == keep)
			local_keep(&q);
		local_push_back(&q, &task[i]);
	}
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(local_take_newer(&q, newer), 10);
		for (unsigned i = 0; i < 10; i++) {
			cr_assert_eq(newer[i], &task[keep + i]);
			local_push_back(&q, newer[i]);
		}
	}
	local_keep(&q);
	cr_assert_eq(local_take_newer(&q, newer), 0);
	for (unsigned i = 0; i < LOCAL_RING; i++)
		cr_assert_eq(local_pop(&q), &task[i]);
}

Test(local, shows_what_waits)
{
	struct sight seen;

	local_init(&q);
	local_init(&own);
	cr_assert_not(local_look(&q, &seen));
	local_push(&q, &task[0]);
	cr_assert(local_look(&q, &seen));
	cr_assert(local_waits(&q, &seen));
	cr_assert_eq(local_pop(&q), &task[0]);
	cr_assert_not(local_waits(&q, &seen));
	local_push(&q, &task[0]);
	cr_assert_not(local_waits(&q, &seen), "it left, and came again");
	local_push_back(&q, &task[1]);
	local_push_back(&q, &task[2]);
	cr_assert(local_look(&q, &seen));
	cr_assert_eq(local_steal(&q, &own), &task[1]);
	cr_assert(local_waits(&q, &seen), "the second one still does");
	cr_assert_eq(local_steal(&q, &own), &task[2]);
	local_pop(&q);
	cr_assert_not(local_waits(&q, &seen));
}
