/* SPDX-License-Identifier: MIT */
/* Futures over others: what they wait for, how they end, and what becomes of the branches. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

#include "gates.h"

/* ---- all ----------------------------------------------------------------------------------- */

Test(all, of_nothing_is_ready)
{
	struct pirn_future *branch[] = { NULL, NULL };
	struct pirn_all none = pirn_all(NULL, 0), nulls = pirn_all(branch, 2);

	cr_assert_eq(poll(&none.future), PIRN_READY);
	cr_assert_eq(none.future.err, 0);
	cr_assert_eq(poll(&nulls.future), PIRN_READY);
	cr_assert_eq(nulls.future.err, 0);
}

Test(all, is_ready_when_the_last_branch_is)
{
	struct gate a = gate(false, 0), b = gate(true, 0), c = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, &b.future, NULL, &c.future };
	struct pirn_all all = pirn_all(branch, 4);

	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	c.open = true;
	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	a.open = true;
	cr_assert_eq(poll(&all.future), PIRN_READY);
	cr_assert_eq(all.future.err, 0);
	cr_assert_eq(a.polls, 3);
	cr_assert_eq(b.polls, 1, "a branch that has ended is not polled");
	cr_assert_eq(c.polls, 2);
	cr_assert_eq(a.drops + b.drops + c.drops, 0);
}

Test(all, waits_for_the_others_where_one_fails)
{
	struct gate a = gate(false, 0), b = gate(false, -EBADF), c = gate(true, -EIO);
	struct pirn_future *branch[] = { &a.future, &b.future, &c.future };
	struct pirn_all all = pirn_all(branch, 3);

	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	b.open = true;
	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	cr_assert_eq(all.future.err, 0);
	a.open = true;
	cr_assert_eq(poll(&all.future), PIRN_READY);
	cr_assert_eq(all.future.err, -EBADF, "the first of the array, though not of all");
	cr_assert_eq(c.future.err, -EIO);
	cr_assert_eq(a.drops + b.drops + c.drops, 0);
}

Test(all, counts_a_branch_that_has_ended_before)
{
	struct gate a = gate(true, -EIO), b = gate(true, 0);
	struct pirn_future *branch[] = { &a.future, &b.future };
	struct pirn_all all = pirn_all(branch, 2);

	cr_assert_eq(poll(&a.future), PIRN_READY);
	cr_assert_eq(poll(&all.future), PIRN_READY);
	cr_assert_eq(all.future.err, -EIO);
	cr_assert_eq(a.polls, 1);
}

Test(all, that_is_dropped_drops_what_is_pending)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, NULL, &b.future };
	struct pirn_all all = pirn_all(branch, 3);

	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	pirn_drop(&all.future);
	cr_assert_eq(b.drops, 1);
	cr_assert_null(b.future.ops);
	cr_assert_eq(a.drops, 0);
	cr_assert_not_null(a.future.ops);
}

Test(all, that_was_never_polled_drops_every_branch)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, &b.future };
	struct pirn_all all = pirn_all(branch, 2);

	pirn_drop(&all.future);
	cr_assert_eq(a.drops, 1);
	cr_assert_eq(b.drops, 1);
}

Test(all, that_is_ready_has_given_its_branches_back)
{
	struct gate a = gate(true, 0), other = gate(false, 0);
	struct pirn_future *branch[] = { &a.future };
	struct pirn_all all = pirn_all(branch, 1);

	cr_assert_eq(poll(&all.future), PIRN_READY);
	branch[0] = &other.future; /* the array is the caller's again */
	pirn_drop(&all.future);
	cr_assert_eq(a.drops + other.drops, 0);
}

/* ---- try_all ------------------------------------------------------------------------------- */

Test(try_all, of_nothing_is_ready)
{
	struct pirn_future *branch[] = { NULL };
	struct pirn_try_all none = pirn_try_all(NULL, 0), null = pirn_try_all(branch, 1);

	cr_assert_eq(poll(&none.future), PIRN_READY);
	cr_assert_eq(none.future.err, 0);
	cr_assert_eq(poll(&null.future), PIRN_READY);
	cr_assert_eq(null.future.err, 0);
}

Test(try_all, is_ready_when_the_last_branch_is)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, NULL, &b.future };
	struct pirn_try_all all = pirn_try_all(branch, 3);

	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	b.open = true;
	cr_assert_eq(poll(&all.future), PIRN_READY);
	cr_assert_eq(all.future.err, 0);
	cr_assert_eq(a.polls, 1);
	cr_assert_eq(a.drops + b.drops, 0);
	pirn_drop(&all.future);
	cr_assert_eq(a.drops + b.drops, 0);
}

Test(try_all, ends_with_the_first_error_and_drops_the_rest)
{
	struct gate a = gate(true, 0), b = gate(false, 0), c = gate(true, -EIO),
		    d = gate(true, -EBADF);
	struct pirn_future *branch[] = { &a.future, NULL, &b.future, &c.future, &d.future };
	struct pirn_try_all all = pirn_try_all(branch, 5);

	cr_assert_eq(poll(&all.future), PIRN_READY);
	cr_assert_eq(all.future.err, -EIO);
	cr_assert_eq(a.drops, 0, "what has ended keeps its result");
	cr_assert_eq(b.drops, 1);
	cr_assert_eq(c.drops, 0);
	cr_assert_eq(c.future.err, -EIO);
	cr_assert_eq(d.polls, 0);
	cr_assert_eq(d.drops, 1, "also a branch that was never polled");
	pirn_drop(&all.future);
	cr_assert_eq(a.drops + c.drops, 0, "results are the caller's to drop");
}

Test(try_all, that_is_dropped_drops_what_is_pending)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, &b.future };
	struct pirn_try_all all = pirn_try_all(branch, 2);

	cr_assert_eq(poll(&all.future), PIRN_PENDING);
	pirn_drop(&all.future);
	cr_assert_eq(a.drops, 0);
	cr_assert_eq(b.drops, 1);
}

/* ---- race ---------------------------------------------------------------------------------- */

Test(race, points_to_the_branch_that_won_and_drops_the_others)
{
	struct gate a = gate(false, 0), b = gate(false, -EIO), c = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, NULL, &b.future, &c.future };
	struct pirn_race race = pirn_race(branch, 4);

	cr_assert_eq(poll(&race.future), PIRN_PENDING);
	cr_assert_null(race.won);
	b.open = c.open = true;
	cr_assert_eq(poll(&race.future), PIRN_READY);
	cr_assert_eq(race.won, &b.future);
	cr_assert_eq(race.future.err, -EIO);
	cr_assert_eq(a.drops, 1);
	cr_assert_eq(b.drops, 0, "the result is the caller's");
	cr_assert_eq(c.drops, 1);
	pirn_drop(&race.future);
	cr_assert_eq(b.drops, 0);
}

Test(race, that_is_dropped_drops_every_branch)
{
	struct gate a = gate(false, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, NULL, &b.future };
	struct pirn_race race = pirn_race(branch, 3);

	cr_assert_eq(poll(&race.future), PIRN_PENDING);
	pirn_drop(&race.future);
	cr_assert_eq(a.drops, 1);
	cr_assert_eq(b.drops, 1);
}

Test(race, of_nothing_traps, .signal = SIGABRT)
{
	struct pirn_race none = pirn_race(NULL, 0);

	poll(&none.future);
}

/* ---- select -------------------------------------------------------------------------------- */

Test(select, points_to_the_branch_that_won_and_has_its_err)
{
	struct gate a = gate(false, 0), b = gate(false, -EIO);
	struct pirn_select either = pirn_select(&a.future, &b.future, NULL, NULL);

	cr_assert_eq(poll(&either.future), PIRN_PENDING);
	cr_assert_null(either.won);
	b.open = true;
	cr_assert_eq(poll(&either.future), PIRN_READY);
	cr_assert_eq(either.won, &b.future);
	cr_assert_eq(either.future.err, -EIO);
	cr_assert_eq(a.drops, 0);
	pirn_drop(&a.future);
}

Test(select, polls_in_order_so_the_first_of_two_wins)
{
	struct gate a = gate(false, 0), b = gate(true, 0), c = gate(true, 0), d = gate(true, 0);
	struct pirn_select any = pirn_select(&a.future, &b.future, &c.future, &d.future);

	cr_assert_eq(poll(&any.future), PIRN_READY);
	cr_assert_eq(any.won, &b.future);
	cr_assert_eq(a.polls, 1);
	cr_assert_eq(c.polls, 0);
	cr_assert_eq(d.polls, 0);
	pirn_drop(&a.future);
}

Test(select, passes_over_branches_that_are_null)
{
	struct gate last = gate(true, 0);
	struct pirn_select only = pirn_select(NULL, NULL, NULL, &last.future);

	cr_assert_eq(poll(&only.future), PIRN_READY);
	cr_assert_eq(only.won, &last.future);
}

Test(select, leaves_the_losers_pending_for_the_next_select)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_select either = pirn_select(&a.future, &b.future, NULL, NULL);

	cr_assert_eq(poll(&either.future), PIRN_READY);
	cr_assert_eq(b.polls, 0);

	either = pirn_select(&b.future, NULL, NULL, NULL);
	cr_assert_eq(poll(&either.future), PIRN_PENDING);
	b.open = true;
	cr_assert_eq(poll(&either.future), PIRN_READY);
	cr_assert_eq(either.won, &b.future);
	cr_assert_eq(b.drops, 0);
}

Test(select, over_a_winner_of_the_last_round_traps, .signal = SIGABRT)
{
	struct gate a = gate(true, 0), b = gate(false, 0);
	struct pirn_select either = pirn_select(&a.future, &b.future, NULL, NULL);

	poll(&either.future);
	either = pirn_select(&a.future, &b.future, NULL, NULL);
	poll(&either.future);
}

Test(select, that_is_dropped_drops_no_branch)
{
	struct gate a = gate(false, 0), b = gate(false, 0);
	struct pirn_future *branch[] = { &a.future, &b.future };
	struct pirn_select either = pirn_select(&a.future, &b.future, NULL, NULL);
	struct pirn_select_of of = pirn_select_of(branch, 2);

	cr_assert_eq(poll(&either.future), PIRN_PENDING);
	cr_assert_eq(poll(&of.future), PIRN_PENDING);
	pirn_drop(&either.future);
	pirn_drop(&of.future);
	cr_assert_eq(a.drops + b.drops, 0);
	a.open = true;
	cr_assert_eq(poll(&a.future), PIRN_READY);
	pirn_drop(&b.future);
}

Test(select, without_a_branch_traps, .signal = SIGABRT)
{
	struct pirn_select none = pirn_select(NULL, NULL, NULL, NULL);

	poll(&none.future);
}

Test(select, over_an_array_of_none_traps, .signal = SIGABRT)
{
	struct pirn_select_of none = pirn_select_of(NULL, 0);

	poll(&none.future);
}

#define MANY 100

Test(select, takes_any_number_of_branches_in_an_array)
{
	struct gate g[MANY];
	struct pirn_future *branch[MANY];
	struct pirn_select_of any = pirn_select_of(branch, MANY);

	for (int i = 0; i < MANY; i++) {
		g[i] = gate(false, 0);
		branch[i] = &g[i].future;
	}
	cr_assert_eq(poll(&any.future), PIRN_PENDING);
	g[70].open = g[80].open = true;
	cr_assert_eq(poll(&any.future), PIRN_READY);
	cr_assert_eq(any.won, &g[70].future);
	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(g[i].drops, 0);
		pirn_drop(branch[i]);
	}
}

/* ---- fair ---------------------------------------------------------------------------------- */

/* A select, made anew each time, over n branches that are all READY. Returns who won. */
static int round_of(int n, bool fair)
{
	struct gate g[MANY];
	struct pirn_future *branch[MANY];
	struct pirn_select_of any = pirn_select_of(branch, (size_t)n);

	for (int i = 0; i < n; i++) {
		g[i] = gate(true, 0);
		branch[i] = &g[i].future;
	}
	any.fair = fair;
	cr_assert_eq(poll(&any.future), PIRN_READY);
	for (int i = 0; i < n; i++)
		if (any.won == branch[i])
			return i;
	cr_assert_fail("none of the branches has won");
	return -1;
}

Test(fair, gives_every_branch_its_turn)
{
	for (int n = 1; n <= MANY; n += 11) {
		int wins[MANY] = { 0 };

		for (int i = 0; i < 40 * n; i++)
			wins[round_of(n, true)]++;
		for (int i = 0; i < n; i++)
			cr_assert_gt(wins[i], 0, "%d of %d never came first", i, n);
	}
}

Test(fair, is_not_what_a_select_is_unless_asked)
{
	for (int i = 0; i < 100; i++)
		cr_assert_eq(round_of(2, false), 0);
}

Test(fair, does_not_keep_step_with_other_selects)
{
	static const int others[] = { 1, 2, 3, 4, 16, 89, 233, 256 };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int wins[2] = { 0, 0 };

		for (int round = 0; round < 80; round++) {
			wins[round_of(2, true)]++;
			for (int k = 1; k < others[i]; k++)
				round_of(2, true);
		}
		cr_assert(wins[0] > 0 && wins[1] > 0, "%d to %d, every %d times", wins[0], wins[1],
			  others[i]);
	}
}

Test(fair, is_even_wherever_places_are_empty)
{
	for (unsigned there = 3; there < 16; there++) {
		int n = 0, wins[4] = { 0 };

		for (int i = 0; i < 2000; i++) {
			struct gate g[4];
			struct pirn_select any = pirn_select(NULL, NULL, NULL, NULL);

			for (int k = 0; k < 4; k++) {
				g[k] = gate(true, 0);
				any.branch[k] = there >> k & 1 ? &g[k].future : NULL;
			}
			any.fair = true;
			cr_assert_eq(poll(&any.future), PIRN_READY);
			for (int k = 0; k < 4; k++)
				wins[k] += any.won == &g[k].future;
		}
		for (int k = 0; k < 4; k++)
			n += there >> k & 1;
		for (int k = 0; k < 4; k++)
			if (there >> k & 1)
				cr_assert(wins[k] > 1600 / n && wins[k] < 2400 / n,
					  "place %d of %#x: %d of 2000", k, there, wins[k]);
	}
}

Test(fair, polls_all_that_are_pending_once_in_a_poll)
{
	struct gate a = gate(false, 0), b = gate(false, 0), c = gate(false, 0);
	struct pirn_select any = pirn_select(&a.future, NULL, &b.future, &c.future);

	any.fair = true;
	for (int i = 1; i <= 50; i++) {
		cr_assert_eq(poll(&any.future), PIRN_PENDING);
		cr_assert(a.polls == i && b.polls == i && c.polls == i);
	}
	pirn_drop(&a.future);
	pirn_drop(&b.future);
	pirn_drop(&c.future);
}
