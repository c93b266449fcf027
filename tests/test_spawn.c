/* SPDX-License-Identifier: MIT */
/* Tasks made many at once, or in place; what a handle can be asked. */
#include "config.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "pools.h"

TestSuite(many, .init = begin, .fini = end);
TestSuite(place, .init = begin, .fini = end);
TestSuite(handle, .init = begin, .fini = end);

#define MANY 1000

static void fill(struct sum *sum)
{
	for (int i = 0; i < MANY; i++)
		sum[i] = (struct sum){ PIRN_INIT(sum), .n = i };
}

static void check_results(struct pirn_task **t)
{
	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(join(t[i]), 0);
		cr_assert_eq(result_of(t[i]), i * (i + 1) / 2, "handle %d is of another task", i);
		pirn_task_detach(t[i]);
	}
}

static bool is_zero(const void *memory, size_t size)
{
	const char *byte = memory;

	return byte[0] == 0 && memcmp(byte, byte + 1, size - 1) == 0;
}

/* ---- many at once -------------------------------------------------------------------------- */

Test(many, are_spawned_by_one_call_and_leave_empty_sources)
{
	static struct sum sum[MANY];
	static struct pirn_task *t[MANY];

	make_pool(2);
	fill(sum);
	cr_assert_eq(pirn_spawn_many(pool, t, &sum[0].future, MANY), 0);
	cr_expect(is_zero(sum, sizeof(sum)));
	check_results(t);
}

struct crowd {
	struct pirn_future future;
	struct sum sum[MANY];
	struct pirn_task **task;
};

PIRN_ASYNC(crowd, f)
{
	PIRN_BEGIN(f);
	PIRN_RETURN(f, pirn_spawn_many(cx->executor, f->task, &f->sum[0].future, MANY));
	PIRN_END(f);
}

Test(many, are_spawned_from_inside_as_well)
{
	static struct pirn_task *t[MANY];
	struct crowd *crowd;
	struct pirn_task *parent;

	make_pool(2);
	crowd = pirn_task_new(pool, &crowd_ops);
	cr_assert_not_null(crowd);
	fill(crowd->sum);
	crowd->task = t;
	cr_assert_eq(pirn_task_start(&parent, &crowd->future), 0);
	cr_assert_eq(join(parent), 0);
	pirn_task_detach(parent);
	check_results(t);
}

Test(many, can_be_detached_or_none)
{
	struct sleeper s[3] = { { .future.ops = &sleeper_ops },
				{ .future.ops = &sleeper_ops },
				{ .future.ops = &sleeper_ops } };

	make_pool(1);
	cr_expect_eq(pirn_spawn_many(pool, NULL, &s[0].future, 0), 0);
	cr_expect_not_null(s[0].future.ops);
	cr_expect_eq(pirn_spawn_many(pool, NULL, &s[0].future, 3), 0);
	await(&waiting, 3);
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 3);
}

Test(many, are_all_spawned_or_none)
{
	struct sum sum[10];
	struct pirn_task *t[10];

	make_pool(1);
	for (unsigned nth = 1; nth <= 10; nth++) {
		for (int i = 0; i < 10; i++)
			sum[i] = (struct sum){ PIRN_INIT(sum), .n = i };
		faulty_fail_alloc(&host, nth);
		cr_assert_eq(pirn_spawn_many(pool, t, &sum[0].future, 10), -ENOMEM);
		for (int i = 0; i < 10; i++)
			cr_assert_eq(sum[i].n, i, "the source is as it was");
	}
	faulty_fail_alloc(&host, 0);
	cr_assert_eq(pirn_spawn_many(pool, t, &sum[0].future, 10), 0);
	for (int i = 0; i < 10; i++)
		pirn_task_abort(t[i]);
}

Test(many, of_different_types_trap, .signal = SIGABRT)
{
	struct pirn_future two[2] = { { .ops = &pirn_pending_ops }, { .ops = &pirn_yield_ops } };

	make_pool(1);
	pirn_spawn_many(pool, NULL, two, 2);
}

Test(many, empty_ones_trap, .signal = SIGABRT)
{
	struct pirn_future two[2] = { { .ops = NULL }, { .ops = NULL } };

	make_pool(1);
	pirn_spawn_many(pool, NULL, two, 2);
}

/* ---- in place ------------------------------------------------------------------------------ */

Test(place, is_all_zero_until_the_future_is_built_there)
{
	struct pirn_task *t;
	struct sum *sum;

	make_pool(1);
	sum = pirn_task_new(pool, &sum_ops);
	cr_assert_not_null(sum);
	cr_expect(is_zero(&sum->n, sizeof(*sum) - sizeof(sum->future)));
	sum->n = 4;
	cr_assert_eq(pirn_task_start(&t, &sum->future), 0);
	cr_expect_eq(join(t), 0);
	cr_expect_eq(result_of(t), 10);
	cr_expect_eq(pirn_task_future(t), &sum->future, "it was not moved");
	pirn_task_detach(t);
}

Test(place, can_be_given_back)
{
	struct sleeper *s;

	make_pool(1);
	s = pirn_task_new(pool, &sleeper_ops);
	cr_assert_not_null(s);
	pirn_task_discard(&s->future);
	pirn_task_discard(NULL);
	cr_expect_eq(atomic_load(&dropped), 1, "what was built there is dropped");
	faulty_fail_alloc(&host, 1);
	cr_expect_null(pirn_task_new(pool, &sleeper_ops));
}

Test(place, stays_as_it_was_when_the_start_fails)
{
	struct sum *sum;

	make_pool(1);
	sum = pirn_task_new(pool, &sum_ops);
	cr_assert_not_null(sum);
	sum->n = 7;
	faulty_fail_alloc(&host, 1); /* the registry's first places */
	cr_expect_eq(pirn_task_start(NULL, &sum->future), -ENOMEM);
	cr_expect_eq(sum->n, 7);
	cr_expect_eq(pirn_task_start(NULL, &sum->future), 0, "and can be started again");
}

/* ---- what a handle can be asked ------------------------------------------------------------ */

Test(handle, says_what_the_task_is_and_where_it_was_spawned)
{
	struct pirn_task *t;
	char place[PATH_MAX + 16];
	struct sum *sum;

	make_pool(1);
	sum = pirn_task_new(pool, &sum_ops);
	cr_assert_not_null(sum);
	snprintf(place, sizeof(place), "%s:%d", __FILE__, __LINE__ + 1);
	cr_assert_eq(pirn_task_start(&t, &sum->future), 0);
	cr_expect_str_eq(pirn_task_name(t), "sum");
	cr_expect_str_eq(pirn_task_place(t), place);
	cr_expect_eq(join(t), 0);
	cr_expect_str_eq(pirn_task_name(t), "sum", "also when it has ended");
	pirn_task_detach(t);
}

Test(handle, has_the_name_of_a_task_that_was_cancelled)
{
	struct pirn_cancel cancel;
	struct pirn_task *t;

	make_pool(1);
	t = spawn_sleeper(pool, NULL);
	await(&waiting, 1);
	cr_expect_not(pirn_task_is_finished(t));
	cancel = pirn_cancel(t);
	cr_expect_eq(pirn_block_on(&cancel.future), 0);
	cr_expect(pirn_task_is_finished(t));
	cr_expect_null(pirn_task_future(t));
	cr_expect_str_eq(pirn_task_name(t), "sleeper");
	cr_expect_eq(join(t), -ECANCELED);
	pirn_task_detach(t);
	cr_expect_eq(atomic_load(&dropped), 1);
}

Test(handle, knows_the_end_without_a_join)
{
	struct pirn_task *t;

	make_pool(1);
	t = spawn_sum(pool, 3);
	while (!pirn_task_is_finished(t))
		sched_yield();
	cr_expect_eq(result_of(t), 6);
	pirn_task_detach(t);
}
