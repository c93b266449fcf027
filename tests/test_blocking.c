/* SPDX-License-Identifier: MIT */
/* Blocking calls: the two wraps, and who owns the data when. */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "calls.h"

static int square(int n)
{
	return n * n;
}

PIRN_UNBLOCK_FN(int, square, int);

/* What a pointer points to lives longer than the call. */
static size_t length(const char *s)
{
	return strlen(s);
}

PIRN_UNBLOCK_FN(size_t, length, const char *);

/* ---- the wraps ----------------------------------------------------------------------------- */

TestSuite(call, .init = begin, .fini = end);

Test(call, of_a_function_gives_its_result)
{
	struct square_call a = square_call(7);
	struct length_call b = length_call("seven");

	make_pool(0);
	cr_expect_eq(poll(&a.future), PIRN_PENDING);
	cr_expect_eq(poll(&b.future), PIRN_PENDING);
	finish(&a.future);
	finish(&b.future);
	cr_expect_eq(a.future.err, 0);
	cr_expect(a.call.ran);
	cr_expect_eq(a.result, 49);
	cr_expect_eq(a.arg, 7);
	cr_expect_eq(b.result, 5);
	pirn_drop(&a.future);
	pirn_drop(&b.future);
}

Test(call, of_a_struct_gives_it_back_with_the_results)
{
	struct query_call c = make(1, NULL);

	make_pool(0);
	cr_expect_eq(poll(&c.future), PIRN_PENDING);
	finish(&c.future);
	cr_expect_eq(c.future.err, 0);
	cr_expect(c.call.ran);
	cr_expect_eq(*c.data.in, 1);
	cr_expect_eq(*c.data.out, 2);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(call, has_the_err_of_its_function_and_ran_all_the_same)
{
	struct query_call c = make(1, NULL);

	make_pool(0);
	c.data.err = -ENOENT;
	poll(&c.future);
	finish(&c.future);
	cr_expect_eq(c.future.err, -ENOENT);
	cr_expect(c.call.ran);
	cr_expect_eq(*c.data.out, 2);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(call, under_block_on_goes_to_the_default_pool)
{
	struct query_call c = make(4, NULL);
	struct pirn_executor *def = NULL;

	cr_expect_eq(pirn_block_on(&c.future), 0);
	cr_expect_eq(*c.data.out, 5);
	pirn_drop(&c.future);
	cr_assert_eq(pirn_pool_default(&def), 0);
	pirn_executor_free(def);
}

Test(call, is_awaited_by_a_task_on_its_own_pool)
{
	struct pirn_task *t[20];

	make_pool(4);
	for (int i = 0; i < 20; i++) {
		struct caller c = { PIRN_INIT(caller), .n = i };

		cr_assert_eq(pirn_spawn(pool, &t[i], &c.future), 0);
	}
	for (int i = 0; i < 20; i++) {
		struct pirn_join join = pirn_join(t[i]);

		cr_expect_eq(pirn_block_on(&join.future), 0);
		cr_expect_eq(((struct caller *)(void *)pirn_task_future(t[i]))->result, i + 1);
		pirn_task_detach(t[i]);
	}
	cr_expect_eq(atomic_load(&released), 20);
}

/* A job that waits for another call, which goes to the default pool, as its own did. */
static int around(int n)
{
	struct square_call inner = square_call(n);

	return pirn_block_on(&inner.future) ? -1 : inner.result + 1;
}

PIRN_UNBLOCK_FN(int, around, int);

Test(call, may_be_awaited_inside_another_one)
{
	struct around_call c = around_call(5);
	struct pirn_executor *def = NULL;

	cr_expect_eq(pirn_block_on(&c.future), 0);
	cr_expect_eq(c.result, 26);
	cr_assert_eq(pirn_pool_default(&def), 0);
	pirn_executor_free(def);
}

struct positive {
	int n;
};

static int positive(struct positive *p)
{
	(void)p;
	return 1;
}

PIRN_UNBLOCK(positive, NULL);

Test(call, of_a_function_that_returns_a_positive_value_traps, .signal = SIGABRT)
{
	struct positive_call c = positive_call((struct positive){ 0 });

	pirn_block_on(&c.future);
}

/* ---- who owns the data --------------------------------------------------------------------- */

TestSuite(data, .init = begin, .fini = end);

Test(data, of_a_call_that_was_never_polled_is_released_by_the_drop)
{
	struct query_call c = make(1, NULL);

	pirn_drop(&c.future);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
	cr_expect_eq(atomic_load(&begun), 0);
}

Test(data, is_not_in_the_future_while_it_is_in_the_job)
{
	struct query_call c = make(1, &door);

	make_pool(1);
	cr_expect_eq(poll(&c.future), PIRN_PENDING);
	cr_expect_null(c.data.in);
	cr_expect_null(c.data.out);
	cr_expect_null(c.data.door);
	sem_post(&door);
	finish(&c.future);
	cr_expect_not_null(c.data.in);
	pirn_drop(&c.future);
}

Test(data, of_a_queued_job_is_released_by_the_drop_which_takes_it_back)
{
	struct query_call first = make(1, &door), second = make(2, NULL);

	make_pool(1);
	poll(&first.future);
	await(&begun, 1);
	poll(&second.future); /* behind it in the queue */
	pirn_drop(&second.future);
	cr_expect_eq(atomic_load(&released), 1);
	sem_post(&door);
	finish(&first.future);
	pirn_drop(&first.future);
	cr_expect_eq(atomic_load(&begun), 1);
	cr_expect_eq(atomic_load(&released), 2);
}

Test(data, of_a_running_job_is_released_behind_it)
{
	struct query_call c = make(1, &door);

	make_pool(1);
	poll(&c.future);
	await(&begun, 1);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 0);
	cr_expect_eq(atomic_load(&bell.refs), 0);
	sem_post(&door);
	await(&released, 1);
}

Test(data, that_is_ready_and_not_taken_is_released_by_the_drop)
{
	struct query_call c = make(1, NULL);

	make_pool(1);
	poll(&c.future);
	finish(&c.future);
	cr_expect_eq(atomic_load(&released), 0);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(data, that_has_ended_and_was_not_polled_is_released_by_the_drop)
{
	struct query_call c = make(1, NULL);

	make_pool(1);
	poll(&c.future);
	bell_await(&bell, 1);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(data, that_was_taken_is_not_released)
{
	struct query_call c = make(1, NULL);
	int *result;

	make_pool(1);
	poll(&c.future);
	finish(&c.future);
	result = c.data.out;
	c.data.out = NULL;
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
	cr_expect_eq(*result, 2);
	free(result);
}
