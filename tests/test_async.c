/* SPDX-License-Identifier: MIT */
/* Bodies: what the macros of pirn_async.h do. The misuses of them are in tests/compile. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn.h"

/* Polls by hand; nothing here needs a wake but to count it. */
static int wakes;

static struct pirn_waker *same(struct pirn_waker *w)
{
	return w;
}

static void count(struct pirn_waker *w)
{
	(void)w;
	wakes++;
}

static void nothing(struct pirn_waker *w)
{
	(void)w;
}

static const struct pirn_waker_ops waker_ops = {
	.clone = same,
	.wake = count,
	.wake_by_ref = count,
	.drop = nothing,
};

static enum pirn_poll poll(struct pirn_future *f)
{
	static struct pirn_waker waker = { &waker_ops };
	struct pirn_context cx;

	pirn_context_init(&cx, &waker, NULL);
	return pirn_poll(f, &cx);
}

/* Polls until READY; how often it was pending. */
static int run(struct pirn_future *f)
{
	int pending = 0;

	while (poll(f) == PIRN_PENDING)
		pending++;
	return pending;
}

/* Pending `naps` times, then READY with `result`. */
struct slow {
	struct pirn_future future;
	int naps, result, drops;
};

static enum pirn_poll slow_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct slow *s = (struct slow *)(void *)f;

	(void)cx;
	s->future.at = 1;
	if (s->naps-- > 0)
		return PIRN_PENDING;
	s->future.err = s->result;
	return PIRN_READY;
}

static void slow_drop(struct pirn_future *f)
{
	((struct slow *)(void *)f)->drops++;
}

static const struct pirn_future_ops slow_ops = {
	.name = "slow",
	.file = __FILE__,
	.size = sizeof(struct slow),
	.poll = slow_poll,
	.drop = slow_drop,
};

static struct slow slow(int naps, int result)
{
	struct slow s = { .naps = naps, .result = result };

	pirn_future_init(&s.future, &slow_ops);
	return s;
}

/* ---- a body, and where it stands ----------------------------------------------------------- */

struct twice {
	struct pirn_future future;
	int n, *sum;
	struct pirn_yield nap;
};

PIRN_ASYNC(twice, f)
{
	PIRN_BEGIN(f);
	for (f->n = 0; f->n < 2; f->n++) {
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
	}
	PIRN_FINALLY(f);
	*f->sum += f->n;
	PIRN_END(f);
}

Test(async, init_makes_a_frame_that_was_not_polled)
{
	struct twice t = { PIRN_INIT(twice), .n = 7 };

	cr_assert_eq(t.future.ops, &twice_ops);
	cr_assert_eq(t.future.at, 0);
	cr_assert_eq(t.future.err, 0);
	cr_assert_null(t.future.awaits);
	cr_assert_eq(t.n, 7);
	cr_assert_str_eq(twice_ops.name, "twice");
	cr_assert_str_eq(twice_ops.file, __FILE__);
	cr_assert_eq(twice_ops.size, sizeof(struct twice));
}

Test(async, await_in_a_loop_comes_back_to_its_place)
{
	int sum = 0;
	struct twice t = { PIRN_INIT(twice), .sum = &sum };

	cr_assert_eq(run(&t.future), 2);
	cr_assert_eq(t.future.err, 0);
	cr_assert_eq(sum, 2);
}

Test(async, body_may_be_moved_before_its_first_poll)
{
	int sum = 0;
	struct twice *t = malloc(sizeof(*t));

	*t = (struct twice){ PIRN_INIT(twice), .sum = &sum };
	struct twice moved = *t;
	memset((void *)t, 0xff, sizeof(*t));
	free(t);
	run(&moved.future);
	cr_assert_eq(sum, 2);
}

/* One child, then another; what it looks like in between. */
struct two {
	struct pirn_future future;
	struct slow first, second;
	int first_err;
};

PIRN_ASYNC(two, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->first.future);
	f->first_err = f->first.future.err;
	PIRN_AWAIT(f, &f->second.future);
	PIRN_END(f);
}

Test(async, await_of_a_ready_child_does_not_wait)
{
	struct two t = { PIRN_INIT(two), .first = slow(0, 0), .second = slow(0, 0) };

	cr_assert_eq(poll(&t.future), PIRN_READY);
}

Test(async, body_that_waits_shows_its_line_and_its_child)
{
	struct two t = { PIRN_INIT(two), .first = slow(1, 0), .second = slow(1, 0) };
	unsigned line;

	poll(&t.future);
	line = t.future.at;
	cr_assert_eq(t.future.awaits, &t.first.future);
	poll(&t.future);
	cr_assert_eq(t.future.awaits, &t.second.future);
	cr_assert_eq(t.future.at, line + 2);
	cr_assert_eq(poll(&t.future), PIRN_READY);
	cr_assert_null(t.future.awaits);
}

Test(async, await_leaves_the_error_of_the_child_to_the_body)
{
	struct two t = { PIRN_INIT(two), .first = slow(0, -EIO), .second = slow(0, -EBADF) };

	run(&t.future);
	cr_assert_eq(t.first_err, -EIO);
	cr_assert_eq(t.second.future.err, -EBADF);
	cr_assert_eq(t.future.err, 0, "the body has handled both");
}

Test(async, err_of_a_body_is_written_only_at_its_end)
{
	struct two t = { PIRN_INIT(two), .first = slow(0, -EIO), .second = slow(1, 0) };

	cr_assert_eq(poll(&t.future), PIRN_PENDING);
	cr_assert_eq(t.future.err, 0);
	pirn_drop(&t.future);
}

struct picky {
	struct pirn_future future;
	struct slow sub[3];
	int i;
};

PIRN_ASYNC(picky, f)
{
	PIRN_BEGIN(f);
	while (f->i < 3)
		PIRN_AWAIT(f, &f->sub[f->i++].future);
	PIRN_END(f);
}

Test(async, await_evaluates_its_child_once)
{
	struct picky p = { PIRN_INIT(picky), .sub = { slow(3, 0), slow(0, 0), slow(2, 0) } };

	cr_assert_eq(run(&p.future), 5);
	cr_assert_eq(p.i, 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(p.sub[i].future.at, PIRN_AT_READY);
}

struct lazy {
	struct pirn_future future;
	int turns;
};

PIRN_ASYNC(lazy, f)
{
	PIRN_BEGIN(f);
	while (f->turns < 3) {
		f->turns++;
		PIRN_YIELD(f);
	}
	PIRN_END(f);
}

Test(async, yield_is_pending_and_has_woken)
{
	struct lazy l = { PIRN_INIT(lazy) };

	wakes = 0;
	for (int i = 1; i <= 3; i++) {
		cr_assert_eq(poll(&l.future), PIRN_PENDING);
		cr_assert_eq(wakes, i);
		cr_assert_eq(l.turns, i);
	}
	cr_assert_eq(poll(&l.future), PIRN_READY);
	cr_assert_eq(wakes, 3);
}

/* ---- nested bodies ------------------------------------------------------------------------- */

struct inner {
	struct pirn_future future;
	struct slow work;
	char *diary;
};

PIRN_ASYNC(inner, f)
{
	PIRN_BEGIN(f);
	PIRN_TRY(f, &f->work.future);
	strcat(f->diary, "i");
	PIRN_FINALLY(f);
	strcat(f->diary, f->future.err ? "(inner fails)" : "(inner ends)");
	PIRN_END(f);
}

struct outer {
	struct pirn_future future;
	struct inner inner;
	int naps, result;
	char *diary;
};

PIRN_ASYNC(outer, f)
{
	PIRN_BEGIN(f);
	f->inner = (struct inner){ PIRN_INIT(inner), .work = slow(f->naps, f->result),
				   .diary = f->diary };
	PIRN_TRY(f, &f->inner.future);
	strcat(f->diary, "o");
	PIRN_FINALLY(f);
	strcat(f->diary, f->future.err ? "(outer fails)" : "(outer ends)");
	PIRN_END(f);
}

Test(async, bodies_await_bodies)
{
	char diary[64] = "";
	struct outer o = { PIRN_INIT(outer), .naps = 2, .diary = diary };

	cr_assert_eq(run(&o.future), 2);
	cr_assert_str_eq(diary, "i(inner ends)o(outer ends)");
	cr_assert_eq(o.future.err, 0);
}

Test(async, try_passes_an_error_on_through_all_bodies)
{
	char diary[64] = "";
	struct outer o = { PIRN_INIT(outer), .naps = 1, .result = -EIO, .diary = diary };

	run(&o.future);
	cr_assert_str_eq(diary, "(inner fails)(outer fails)");
	cr_assert_eq(o.future.err, -EIO);
}

Test(async, drop_ends_the_child_before_the_finally_part)
{
	char diary[64] = "";
	struct outer o = { PIRN_INIT(outer), .naps = 1, .diary = diary };

	poll(&o.future);
	pirn_drop(&o.future);
	cr_assert_str_eq(diary, "(inner fails)(outer fails)");
	cr_assert_eq(o.inner.work.drops, 1);
	cr_assert_eq(o.future.err, -ECANCELED);
}

/* ---- the finally part ---------------------------------------------------------------------- */

enum way { FALL_OFF_THE_END, RETURN_ZERO, RETURN_ERROR, RETURN_FROM_LOOPS, CHILD_FAILS };

/* Leaves by the way it is told to, with three points where it may be dropped. */
struct leaver {
	struct pirn_future future;
	enum way way;
	struct slow first, second;
	int i, j, last_err, finallies;
};

PIRN_ASYNC(leaver, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->first.future);
	PIRN_YIELD(f);
	PIRN_TRY(f, &f->second.future);
	if (f->way == RETURN_ZERO)
		PIRN_RETURN(f, 0);
	if (f->way == RETURN_ERROR)
		PIRN_RETURN(f, -ERANGE);
	if (f->way == RETURN_FROM_LOOPS)
		for (f->i = 0; f->i < 3; f->i++)
			for (f->j = 0; f->j < 3; f->j++)
				if (f->i * f->j == 2)
					PIRN_RETURN(f, -EDOM);
	PIRN_FINALLY(f);
	f->finallies++;
	f->last_err = f->future.err;
	PIRN_END(f);
}

static struct leaver leaver(enum way way)
{
	return (struct leaver){ PIRN_INIT(leaver), .way = way, .first = slow(1, -EAGAIN),
				.second = slow(1, way == CHILD_FAILS ? -EIO : 0) };
}

#define POINTS 3

Test(async, finally_runs_once_whatever_way_a_body_leaves)
{
	static const int err[] = {
		[FALL_OFF_THE_END] = 0,      [RETURN_ZERO] = 0,    [RETURN_ERROR] = -ERANGE,
		[RETURN_FROM_LOOPS] = -EDOM, [CHILD_FAILS] = -EIO,
	};

	for (enum way way = FALL_OFF_THE_END; way <= CHILD_FAILS; way++) {
		struct leaver f = leaver(way);

		cr_assert_eq(run(&f.future), POINTS);
		cr_assert_eq(f.finallies, 1, "way %d", way);
		cr_assert_eq(f.future.err, err[way], "way %d", way);
		cr_assert_eq(f.last_err, err[way], "finally sees how it ends");
		pirn_drop(&f.future);
		cr_assert_eq(f.finallies, 1, "a drop behind the end does not run it again");
	}
}

Test(async, finally_runs_once_wherever_a_body_is_dropped)
{
	for (int point = 0; point <= POINTS; point++) {
		struct leaver f = leaver(FALL_OFF_THE_END);

		for (int i = 0; i < point; i++)
			cr_assert_eq(poll(&f.future), PIRN_PENDING);
		pirn_drop(&f.future);
		pirn_drop(&f.future);
		cr_assert_eq(f.finallies, 1, "dropped at point %d", point);
		cr_assert_eq(f.last_err, -ECANCELED);
		cr_assert_eq(f.first.drops, point == 1, "the child it waits for, and no other");
		cr_assert_eq(f.second.drops, point == 3);
	}
}

Test(async, finally_runs_for_a_frame_that_was_never_polled)
{
	int sum = 5;
	struct twice t = { PIRN_INIT(twice), .n = 1, .sum = &sum };

	pirn_drop(&t.future);
	cr_assert_eq(sum, 6, "it owns its arguments");
}

Test(async, body_without_a_finally_part_may_be_dropped_anywhere)
{
	for (int point = 0; point <= 3; point++) {
		struct two t = { PIRN_INIT(two), .first = slow(1, 0), .second = slow(1, 0) };

		for (int i = 0; i < point; i++)
			poll(&t.future);
		pirn_drop(&t.future);
		cr_assert_null(t.future.ops);
		cr_assert_eq(t.first.drops, point == 1);
		cr_assert_eq(t.second.drops, point == 2);
	}
}

Test(async, body_without_a_finally_part_may_leave_early)
{
	struct picky none = { PIRN_INIT(picky), .i = 3 };

	cr_assert_eq(run(&none.future), 0);
	cr_assert_eq(none.future.err, 0);
}

/* ---- a result that owns something ---------------------------------------------------------- */

struct letter {
	struct pirn_future future;
	struct slow post;
	char *text; /* the result */
	int *burnt;
};

static void letter_drop(struct pirn_future *f)
{
	struct letter *l = (struct letter *)(void *)f;

	pirn_async_drop(f);
	if (l->text)
		++*l->burnt;
	free(l->text);
	l->text = NULL;
}

PIRN_ASYNC_DROP(letter, f, letter_drop)
{
	PIRN_BEGIN(f);
	f->text = calloc(1, 8);
	PIRN_TRY(f, &f->post.future);
	PIRN_END(f);
}

Test(async, own_drop_releases_a_result_that_nobody_took)
{
	int burnt = 0;
	struct letter l = { PIRN_INIT(letter), .post = slow(1, 0), .burnt = &burnt };

	run(&l.future);
	cr_assert_not_null(l.text);
	pirn_drop(&l.future);
	cr_assert_eq(burnt, 1);
}

Test(async, own_drop_finds_nothing_when_the_result_was_taken)
{
	int burnt = 0;
	struct letter l = { PIRN_INIT(letter), .post = slow(1, 0), .burnt = &burnt };
	char *mine;

	run(&l.future);
	mine = l.text;
	l.text = NULL;
	pirn_drop(&l.future);
	cr_assert_eq(burnt, 0);
	free(mine);
}

Test(async, own_drop_runs_in_every_state)
{
	for (int polls = 0; polls <= 2; polls++) {
		int burnt = 0;
		struct letter l = { PIRN_INIT(letter), .post = slow(1, 0), .burnt = &burnt };

		for (int i = 0; i < polls; i++)
			poll(&l.future);
		pirn_drop(&l.future);
		cr_assert_eq(burnt, polls > 0);
	}
}
