/* SPDX-License-Identifier: MIT */
/* A child of fork, in which a pool of the parent's has no threads. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bell.h"
#include "pirn_blocking.h"
#include "pirn_local.h"
#include "pools.h"

#if defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define NO_THREADS_IN_A_CHILD 1
# elif __has_feature(address_sanitizer)
#  define NO_MEMORY_IN_A_CHILD 1
# endif
#elif defined(__SANITIZE_THREAD__)
# define NO_THREADS_IN_A_CHILD 1
#elif defined(__SANITIZE_ADDRESS__)
# define NO_MEMORY_IN_A_CHILD 1
#endif

/*
 * Runs body in a child, which a hang ends as well. Returns its status; ThreadSanitizer lets no
 * child of a process with threads make threads: then 0.
 */
static int in_child(int (*body)(void))
{
#ifdef NO_THREADS_IN_A_CHILD
	(void)body;
	return 0;
#else
	int status = -1;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(100);
		_exit(body());
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
#endif
}

static int twice(int n)
{
	return 2 * n;
}

PIRN_UNBLOCK_FN(int, twice, int);

/* Uses the default pool, and frees it. 0: all is well. */
static int use_default_pool(void)
{
	struct sum s = { PIRN_INIT(sum), .n = 3 };
	struct twice_call call = twice_call(21);
	struct pirn_executor *ex = NULL;
	struct pirn_task *t = NULL;

	if (pirn_spawn(NULL, &t, &s.future) || join(t) || result_of(t) != 6)
		return 1;
	pirn_task_detach(t);
	if (pirn_block_on(&call.future) || call.result != 42)
		return 2;
	if (pirn_pool_default(&ex) || pirn_executor_free(ex))
		return 3;
	return 0;
}

TestSuite(fork, .init = begin, .fini = end);

static int give_up_default_pool_and_use_it(void)
{
	pirn_pool_after_fork_child(NULL);
	return use_default_pool();
}

Test(fork, child_has_a_new_default_pool_when_it_has_given_up_the_old_one)
{
	struct pirn_executor *ex = NULL;

	cr_assert_eq(pirn_pool_default(&ex), 0);
	cr_expect_eq(in_child(give_up_default_pool_and_use_it), 0);
	cr_expect_eq(use_default_pool(), 0); /* the parent's is as it was */
}

Test(fork, child_without_a_default_pool_gives_up_none)
{
	cr_expect_eq(in_child(give_up_default_pool_and_use_it), 0);
}

static struct pirn_executor *other;

static int give_up_a_pool_by_name(void)
{
	struct pirn_executor *ex = NULL;

	pirn_pool_after_fork_child(other);
	if (pirn_pool_default(&ex) || ex == other)
		return 10;
	return use_default_pool();
}

Test(fork, child_may_name_the_default_pool)
{
	cr_assert_eq(pirn_pool_default(&other), 0);
	cr_expect_eq(in_child(give_up_a_pool_by_name), 0);
	cr_expect_eq(pirn_executor_free(other), 0);
}

static struct pirn_waker *waker;
static struct pirn_task *sleeper, *second;
static struct twice_call pending;

static int use_what_was_given_up(void)
{
	struct sleeper s = { { .ops = &sleeper_ops }, 5, NULL };
	struct twice_call call = twice_call(21);
	struct bell bell;

	pirn_pool_after_fork_child(pool);
	pirn_pool_after_fork_child(pool); /* once more is fine */
	if (pirn_spawn(pool, NULL, &s.future) != -ESHUTDOWN || s.n != 5)
		return 1;
	if (pirn_executor_run(pool, NULL) != -ESHUTDOWN ||
	    pirn_executor_try_tick(pool) != -ESHUTDOWN)
		return 4;
	bell_init(&bell);
	if (bell_poll_on(pool, &call.future, &bell) != PIRN_READY ||
	    call.future.err != -ESHUTDOWN || call.call.ran || call.arg != 21)
		return 2;
	pirn_waker_wake(waker);
	pirn_task_abort(sleeper);
	pirn_task_detach(second);
	pirn_drop(&pending.future);
	if (pirn_pool_shutdown(pool, PIRN_CANCEL, 0) || pirn_pool_abandon(pool))
		return 5;
	pirn_pool_left(pool, NULL, NULL); /* none */
	if (pirn_executor_free(pool))
		return 3;
	return give_up_default_pool_and_use_it();
}

Test(fork, child_may_let_go_of_all_that_it_has_of_a_pool_that_it_has_given_up)
{
	struct bell bell;

	make_pool(2);
	sleeper = spawn_sleeper(pool, &waker);
	await(&waiting, 1);
	second = spawn_sleeper(pool, NULL);
	await(&waiting, 2);
	bell_init(&bell);
	pending = twice_call(1);
	bell_poll_on(pool, &pending.future, &bell);
	cr_expect_eq(in_child(use_what_was_given_up), 0);
	/* All this is in the parent as it was. */
	while (bell_poll_on(pool, &pending.future, &bell) == PIRN_PENDING)
		sched_yield();
	cr_expect_eq(pending.result, 2);
	pirn_waker_wake(waker);
	pirn_task_abort(sleeper);
	await(&dropped, 1);
	pirn_task_detach(second);
}

Test(fork, local_executor_is_not_to_be_given_up, .signal = SIGABRT)
{
	struct pirn_executor *local = NULL;

	cr_assert_eq(pirn_local_new(&local, NULL), 0);
	pirn_pool_after_fork_child(local);
}

/* ---- at any moment ------------------------------------------------------------------------- */

static atomic_bool enough;

/* AddressSanitizer's malloc does not stand a fork at such a moment; the C library's does. */
static int in_child_meanwhile(int (*body)(void))
{
#ifdef NO_MEMORY_IN_A_CHILD
	(void)body;
	return 0;
#else
	return in_child(body);
#endif
}

/* Holds the locks of both pools, now and then. */
static void *be_busy(void *arg)
{
	struct pirn_executor *ex = arg;

	while (!atomic_load(&enough)) {
		struct sum s = { PIRN_INIT(sum), .n = 3 };
		struct twice_call call = twice_call(4);
		struct pirn_executor *def;
		struct pirn_task *t = NULL;

		if (pirn_spawn(ex, &t, &s.future) == 0) {
			join(t);
			pirn_task_detach(t);
		}
		pirn_block_on(&call.future);
		pirn_pool_default(&def);
	}
	return NULL;
}

static int give_up_both_and_use_default_pool(void)
{
	pirn_pool_after_fork_child(pool);
	return give_up_default_pool_and_use_it();
}

Test(fork, may_come_while_other_threads_are_inside)
{
	struct pirn_executor *ex = NULL;
	pthread_t thread[2];

	atomic_store(&enough, false);
	make_pool(2);
	cr_assert_eq(pirn_pool_default(&ex), 0);
	cr_assert_eq(pthread_create(&thread[0], NULL, be_busy, pool), 0);
	cr_assert_eq(pthread_create(&thread[1], NULL, be_busy, ex), 0);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(in_child_meanwhile(give_up_both_and_use_default_pool), 0);
	atomic_store(&enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	cr_expect_eq(pirn_executor_free(ex), 0);
}

/* Holds the lock of the default pool, nearly all the time. */
static void *make_and_free_default_pool(void *arg)
{
	while (!atomic_load(&enough)) {
		struct pirn_executor *ex = NULL;

		cr_expect_eq(pirn_pool_default(&ex), 0);
		cr_expect_eq(pirn_executor_free(ex), 0);
	}
	return arg;
}

Test(fork, may_come_while_the_default_pool_is_made)
{
	pthread_t thread;

	atomic_store(&enough, false);
	cr_assert_eq(pthread_create(&thread, NULL, make_and_free_default_pool, NULL), 0);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(in_child_meanwhile(give_up_default_pool_and_use_it), 0);
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
}

static enum pirn_poll forker_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	*err = 0;
	pirn_pool_after_fork_child(cx->executor);
	return PIRN_READY;
}

Test(fork, on_one_of_the_pools_own_threads_leaves_nothing_to_give_up_and_traps, .signal = SIGABRT)
{
	struct pirn_poll_fn forker = pirn_poll_fn(forker_poll, NULL);
	struct pirn_task *t = NULL;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &forker.future), 0);
	join(t);
}
