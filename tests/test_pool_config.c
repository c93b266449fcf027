/* SPDX-License-Identifier: MIT */
/* How a pool is made: config, environment, what cannot be had; and the default one. */
#include "config.h"

#include <unistd.h>

#include "pirn_blocking.h"
#include "pools.h"

/* ---- the default pool ---------------------------------------------------------------------- */

TestSuite(default_pool, .init = begin, .fini = end);

static int twice(int n)
{
	return 2 * n;
}

PIRN_UNBLOCK_FN(int, twice, int);

Test(default_pool, is_made_on_first_use_freed_and_made_again)
{
	for (int i = 0; i < 3; i++) {
		struct sum s = { PIRN_INIT(sum), .n = 3 };
		struct pirn_executor *a = NULL, *b = NULL;
		struct pirn_task *t = NULL;

		cr_assert_eq(pirn_spawn(NULL, &t, &s.future), 0);
		cr_expect_eq(join(t), 0);
		pirn_task_detach(t);
		cr_expect_eq(pirn_pool_default(&a), 0);
		cr_expect_eq(pirn_pool_default(&b), 0);
		cr_expect_eq(a, b);
		cr_expect_eq(pirn_executor_free(a), 0);
	}
}

Test(default_pool, is_another_one_than_a_pool_with_all_defaults)
{
	struct pirn_executor *def = NULL;

	cr_assert_eq(pirn_pool_new(&pool, NULL), 0);
	cr_assert_eq(pirn_pool_default(&def), 0);
	cr_expect_neq(def, pool);
	free_pool();
	cr_expect_eq(pirn_executor_free(def), 0);
}

Test(default_pool, is_refused_by_all_who_want_it_when_the_environment_is_wrong)
{
	static const char *const wrong[] = {
		"abc", "0", "1025", " 4", "4x", "", "-1", "+4", "4 ", "1.5", "99999999999999999999",
		"0x4"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sum s = { PIRN_INIT(sum), .n = 3 };
		struct twice_call c = twice_call(4);
		struct pirn_executor *ex = NULL;
		struct pirn_task *t = NULL;

		setenv("PIRN_THREADS", wrong[i], 1);
		cr_expect_eq(pirn_pool_new(&ex, NULL), -EINVAL, "'%s'", wrong[i]);
		cr_expect_eq(pirn_pool_default(&ex), -EINVAL, "'%s'", wrong[i]);
		cr_expect_null(ex);
		cr_expect_eq(pirn_spawn(NULL, &t, &s.future), -EINVAL, "'%s'", wrong[i]);
		cr_expect_null(t);
		cr_expect_eq(s.n, 3);
		cr_expect_eq(pirn_block_on(&c.future), -EINVAL, "'%s'", wrong[i]);
		cr_expect(!c.call.ran);
		cr_expect_eq(c.arg, 4);
		pirn_drop(&s.future);
		pirn_drop(&c.future);
	}
}

/* ---- how it is made ------------------------------------------------------------------------ */

TestSuite(config, .init = begin, .fini = end);

Test(config, environment_says_how_many_workers)
{
	struct pirn_pool_config config = { .platform = &host.platform };

	setenv("PIRN_THREADS", "5", 1);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_expect_eq(atomic_load(&host.threads), 5);
	free_pool();
	setenv("PIRN_THREADS", "007", 1);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_expect_eq(atomic_load(&host.threads), 5 + 7);
}

Test(config, goes_before_the_environment_also_before_a_wrong_one)
{
	setenv("PIRN_THREADS", "abc", 1);
	make_pool(3);
	cr_expect_eq(atomic_load(&host.threads), 3);
}

Test(config, without_any_word_there_are_as_many_workers_as_processors)
{
	struct pirn_pool_config config = { .platform = &host.platform };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_expect_geq(atomic_load(&host.threads), 1);
	cr_expect_leq(atomic_load(&host.threads), sysconf(_SC_NPROCESSORS_CONF));
}

Test(config, of_too_many_threads_is_refused)
{
	struct pirn_pool_config config = { .threads = 1025, .platform = &host.platform };

	cr_expect_eq(pirn_pool_new(&pool, &config), -EINVAL);
	config.threads = 1;
	config.lent_threads = 1025;
	cr_expect_eq(pirn_pool_new(&pool, &config), -EINVAL);
	cr_expect_null(pool);
}

Test(config, pool_without_memory_is_not_made)
{
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };

	faulty_fail_alloc(&host, 1);
	cr_expect_eq(pirn_pool_new(&pool, &config), -ENOMEM);
	cr_expect_null(pool);
}

Test(config, pool_whose_nth_thread_cannot_be_had_is_not_made)
{
	struct pirn_pool_config config = { .threads = 6, .platform = &host.platform };

	for (unsigned n = 1; n <= 6; n++) {
		faulty_fail_thread(&host, n, 1);
		cr_expect_eq(pirn_pool_new(&pool, &config), -EAGAIN);
		cr_expect_null(pool);
		cr_expect_eq(faulty_left(&host), 0);
	}
	faulty_fail_thread(&host, 0, 0);
	cr_expect_eq(pirn_pool_new(&pool, &config), 0);
}

Test(config, spawn_without_memory_leaves_the_source)
{
	struct sum s = { PIRN_INIT(sum), .n = 3 };
	struct pirn_task *t = NULL;

	make_pool(1);
	for (unsigned n = 1; n <= 2; n++) { /* the task, the registry's first places */
		faulty_fail_alloc(&host, n);
		cr_expect_eq(pirn_spawn(pool, &t, &s.future), -ENOMEM);
		cr_expect_null(t);
		cr_expect_eq(s.n, 3);
	}
	cr_expect_eq(pirn_spawn(pool, &t, &s.future), 0);
	cr_expect_eq(join(t), 0);
	cr_expect_eq(result_of(t), 6);
	pirn_task_detach(t);
}
