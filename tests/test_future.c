/* SPDX-License-Identifier: MIT */
/* Futures, wakers and contexts by themselves: no executor, no macros; each test polls by hand. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "gates.h"

/* ---- what every future is ------------------------------------------------------------------ */

Test(future, of_zeroes_is_empty_and_may_be_dropped)
{
	struct gate g;

	memset(&g, 0, sizeof(g));
	pirn_drop(&g.future);
	cr_assert_null(g.future.ops);
	cr_assert_eq(g.drops, 0);
}

Test(future, may_be_dropped_before_its_first_poll)
{
	struct gate g = gate(false, 0);

	pirn_drop(&g.future);
	cr_assert_eq(g.drops, 1);
	cr_assert_eq(g.polls, 0);
	cr_assert_null(g.future.ops, "a dropped future is empty");
}

Test(future, may_be_dropped_while_it_is_pending)
{
	struct tally t = TALLY;
	struct gate g = gate(false, 0);

	cr_assert_eq(poll_with(&g.future, &t), PIRN_PENDING);
	pirn_drop(&g.future);
	cr_assert_eq(g.drops, 1);
	cr_assert_eq(t.clones, 1);
	cr_assert_eq(t.drops, 1);
}

Test(future, may_be_dropped_when_it_is_ready)
{
	struct gate g = gate(true, 0);

	cr_assert_eq(poll(&g.future), PIRN_READY);
	pirn_drop(&g.future);
	cr_assert_eq(g.drops, 1, "an untaken result is released");
}

Test(future, dropped_twice_is_dropped_once)
{
	struct gate g = gate(false, 0);

	pirn_drop(&g.future);
	pirn_drop(&g.future);
	cr_assert_eq(g.drops, 1);
}

Test(future, without_a_drop_needs_none)
{
	struct pirn_ready r = pirn_ready(0);

	pirn_drop(&r.future);
	cr_assert_null(r.future.ops);
}

Test(future, may_be_moved_before_its_first_poll)
{
	struct tally t = TALLY;
	struct gate here = gate(false, -EIO), there = here;

	memset(&here, 0, sizeof(here));
	cr_assert_eq(poll_with(&there.future, &t), PIRN_PENDING);
	there.open = true;
	cr_assert_eq(poll_with(&there.future, &t), PIRN_READY);
	cr_assert_eq(there.future.err, -EIO);
	pirn_drop(&here.future);
	cr_assert_eq(here.drops, 0);
}

Test(future, has_a_name_and_a_file_for_people)
{
	struct pirn_yield y = pirn_yield();

	cr_assert_str_eq(y.future.ops->name, "yield");
	cr_assert_not_null(strstr(gate_ops.file, "gates.h"));
}

Test(future, polled_when_it_is_ready_traps, .signal = SIGABRT)
{
	struct gate g = gate(true, 0);

	poll(&g.future);
	poll(&g.future);
}

Test(future, polled_when_it_is_empty_traps, .signal = SIGABRT)
{
	struct gate g = gate(true, 0);

	pirn_drop(&g.future);
	poll(&g.future);
}

/* What the macros of pirn_async.h write: a switch over where the future stands. */
struct two_naps {
	struct pirn_future future;
	struct pirn_yield nap;
	char *diary;
};

enum { START, FIRST_NAP, SECOND_NAP };

static enum pirn_poll two_naps_poll(struct pirn_future *future, struct pirn_context *cx)
{
	struct two_naps *f = (struct two_naps *)(void *)future;

resume:
	switch (f->future.at) {
	case START:
		strcat(f->diary, "a");
		f->nap = pirn_yield();
		f->future.at = FIRST_NAP;
		goto resume;
	case FIRST_NAP:
		if (pirn_poll(&f->nap.future, cx) == PIRN_PENDING)
			return PIRN_PENDING;
		strcat(f->diary, "b");
		f->nap = pirn_yield();
		f->future.at = SECOND_NAP;
		goto resume;
	case SECOND_NAP:
		if (pirn_poll(&f->nap.future, cx) == PIRN_PENDING)
			return PIRN_PENDING;
		strcat(f->diary, "c");
	}
	return PIRN_READY;
}

static const struct pirn_future_ops two_naps_ops = {
	.name = "two_naps",
	.file = __FILE__,
	.size = sizeof(struct two_naps),
	.poll = two_naps_poll,
};

Test(future, can_be_written_by_hand_as_a_switch)
{
	char diary[8] = "";
	struct two_naps f = { .diary = diary };

	pirn_future_init(&f.future, &two_naps_ops);
	cr_assert_eq(poll(&f.future), PIRN_PENDING);
	cr_assert_str_eq(diary, "a");
	cr_assert_eq(poll(&f.future), PIRN_PENDING);
	cr_assert_str_eq(diary, "ab");
	cr_assert_eq(poll(&f.future), PIRN_READY);
	cr_assert_str_eq(diary, "abc");
}

/* ---- wakers and contexts ------------------------------------------------------------------- */

Test(context, hands_out_the_waker_of_who_polls)
{
	struct tally t = TALLY;
	struct pirn_yield y = pirn_yield();

	cr_assert_eq(poll_with(&y.future, &t), PIRN_PENDING);
	cr_assert_eq(t.wakes, 1);
	cr_assert_eq(t.clones, 0, "a waker that is not kept is not cloned");
}

Test(context, has_a_budget_and_perhaps_an_executor)
{
	struct tally t = TALLY;
	struct pirn_context cx;

	memset(&cx, 0xff, sizeof(cx));
	pirn_context_init(&cx, &t.waker, NULL);
	cr_assert_eq(cx.waker, &t.waker);
	cr_assert_null(cx.executor);
	cr_assert_null(cx.outer);
	cr_assert_eq(cx.budget, 8 * PIRN_BUDGET);
	cr_assert_not(cx.self_woken);
}

Test(waker, that_is_woken_by_value_is_used_up)
{
	struct tally t = TALLY;

	pirn_waker_wake(pirn_waker_clone(&t.waker));
	cr_assert_eq(t.clones, 1);
	cr_assert_eq(t.wakes, 1);
	cr_assert_eq(t.drops, 1);
}

Test(waker, that_is_woken_by_reference_stays)
{
	struct tally t = TALLY;

	pirn_waker_wake_by_ref(&t.waker);
	pirn_waker_wake_by_ref(&t.waker);
	cr_assert_eq(t.wakes, 2);
	cr_assert_eq(t.drops, 0);
}

Test(waker, is_kept_once_however_often_one_polls)
{
	struct tally t = TALLY;
	struct gate g = gate(false, 0);

	for (int i = 0; i < 3; i++)
		cr_assert_eq(poll_with(&g.future, &t), PIRN_PENDING);
	cr_assert_eq(t.clones, 1);
	cr_assert_eq(t.drops, 0);
	pirn_drop(&g.future);
	cr_assert_eq(t.drops, 1);
}

Test(waker, that_was_kept_gives_way_to_the_one_of_the_last_poll)
{
	struct tally first = TALLY, last = TALLY;
	struct gate g = gate(false, 0);

	poll_with(&g.future, &first);
	poll_with(&g.future, &last);
	cr_assert_eq(first.drops, 1);
	cr_assert_eq(g.waker, &last.waker);
	cr_assert_eq(last.clones, 1);
	cr_assert_eq(last.drops, 0);
	pirn_drop(&g.future);
}

/* ---- the small ones ------------------------------------------------------------------------ */

Test(ready, is_ready_at_once_with_its_err)
{
	struct pirn_ready good = pirn_ready(0), bad = pirn_ready(-EIO);

	cr_assert_eq(poll(&good.future), PIRN_READY);
	cr_assert_eq(good.future.err, 0);
	cr_assert_eq(poll(&bad.future), PIRN_READY);
	cr_assert_eq(bad.future.err, -EIO);
}

Test(pending, is_never_ready_and_wakes_nobody)
{
	struct tally t = TALLY;
	struct pirn_pending p = pirn_pending();

	for (int i = 0; i < 3; i++)
		cr_assert_eq(poll_with(&p.future, &t), PIRN_PENDING);
	cr_assert_eq(t.wakes, 0);
	cr_assert_eq(t.clones, 0);
	pirn_drop(&p.future);
}

Test(yield, is_pending_once_and_has_woken_by_then)
{
	struct tally t = TALLY;
	struct pirn_yield y = pirn_yield();

	cr_assert_eq(poll_with(&y.future, &t), PIRN_PENDING);
	cr_assert_eq(t.wakes, 1);
	cr_assert_eq(poll_with(&y.future, &t), PIRN_READY);
	cr_assert_eq(t.wakes, 1);
	cr_assert_eq(y.future.err, 0);
}

static enum pirn_poll count_down(void *arg, struct pirn_context *cx, int *err)
{
	int *n = arg;

	if (--*n > 0) {
		pirn_waker_wake_by_ref(cx->waker);
		return PIRN_PENDING;
	}
	*err = -ERANGE;
	return PIRN_READY;
}

Test(poll_fn, makes_a_future_of_a_plain_function)
{
	int n = 3;
	struct tally t = TALLY;
	struct pirn_poll_fn f = pirn_poll_fn(count_down, &n);

	cr_assert_eq(poll_with(&f.future, &t), PIRN_PENDING);
	cr_assert_eq(poll_with(&f.future, &t), PIRN_PENDING);
	cr_assert_eq(poll_with(&f.future, &t), PIRN_READY);
	cr_assert_eq(n, 0);
	cr_assert_eq(t.wakes, 2);
	cr_assert_eq(f.future.err, -ERANGE);
}
