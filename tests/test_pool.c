/* SPDX-License-Identifier: MIT */
/* The pool: how it is made, what runs on it, and how it ends. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faulty.h"
#include "pirn.h"
#include "pirn_blocking.h"
#include "pirn_channel.h"
#include "pirn_pool.h"

static struct faulty host; /* every pool here is made with it, but the default one */
static struct pirn_executor *pool;

static void make_pool(unsigned threads)
{
	struct pirn_pool_config config = { .threads = threads, .platform = &host.platform };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
}

static void free_pool(void)
{
	cr_expect_eq(pirn_executor_free(pool), 0);
	pool = NULL;
}

/* ---- what runs on it ----------------------------------------------------------------------- */

static atomic_int dropped, waiting, polled;

/* Waits for ever, unless it is told to end; says that it waits, and when it is dropped. */
struct sleeper {
	struct pirn_future future;
	int n;
	struct pirn_waker **waker; /* where to leave one, or NULL */
};

static enum pirn_poll sleeper_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct sleeper *s = (struct sleeper *)(void *)f;

	atomic_fetch_add(&polled, 1);
	if (f->at != 0)
		return PIRN_PENDING;
	f->at = 1;
	if (s->waker)
		*s->waker = pirn_waker_clone(cx->waker);
	atomic_fetch_add(&waiting, 1);
	return PIRN_PENDING;
}

static void sleeper_drop(struct pirn_future *f)
{
	(void)f;
	atomic_fetch_add(&dropped, 1);
}

static const struct pirn_future_ops sleeper_ops = {
	.name = "sleeper",
	.file = __FILE__,
	.size = sizeof(struct sleeper),
	.poll = sleeper_poll,
	.drop = sleeper_drop,
};

static struct pirn_task *spawn_sleeper(struct pirn_executor *ex, struct pirn_waker **waker)
{
	struct sleeper s = { { .ops = &sleeper_ops }, 5, waker };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	return t;
}

/* Keeps a worker inside its poll until it is let go. */
struct stopper {
	struct pirn_future future;
	sem_t *door;
};

static atomic_int stopped;

static enum pirn_poll stopper_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	atomic_fetch_add(&stopped, 1);
	while (sem_wait(((struct stopper *)(void *)f)->door))
		;
	return PIRN_READY;
}

static const struct pirn_future_ops stopper_ops = {
	.name = "stopper",
	.file = __FILE__,
	.size = sizeof(struct stopper),
	.poll = stopper_poll,
};

static sem_t door;

static struct pirn_task *stop_worker(struct pirn_executor *ex)
{
	struct stopper s = { { .ops = &stopper_ops }, &door };
	struct pirn_task *t = NULL;

	atomic_store(&stopped, 0);
	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	while (!atomic_load(&stopped))
		sched_yield();
	return t;
}

static int join(struct pirn_task *t)
{
	struct pirn_join j = pirn_join(t);

	return pirn_block_on(&j.future);
}

static void await(atomic_int *n, int least)
{
	while (atomic_load(n) < least)
		sched_yield();
}

static void begin(void)
{
	faulty_init(&host);
	sem_init(&door, 0, 0);
	atomic_store(&dropped, 0);
	atomic_store(&waiting, 0);
	atomic_store(&polled, 0);
	unsetenv("PIRN_THREADS");
	pool = NULL;
}

/* Every test ends with all its pools freed and nothing left of them. */
static void end(void)
{
	free_pool();
	unsetenv("PIRN_THREADS");
	sem_destroy(&door);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks and threads left", faulty_left(&host));
}

/* ---- life on it ---------------------------------------------------------------------------- */

TestSuite(pool, .init = begin, .fini = end);

struct sum {
	struct pirn_future future;
	int n, result;
	struct pirn_yield nap;
};

PIRN_ASYNC(sum, f)
{
	PIRN_BEGIN(f);
	while (f->n > 0) {
		f->result += f->n--;
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
	}
	PIRN_END(f);
}

static struct pirn_task *spawn_sum(struct pirn_executor *ex, int n)
{
	struct sum s = { PIRN_INIT(sum), .n = n };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(ex, &t, &s.future), 0);
	return t;
}

static int result_of(struct pirn_task *t)
{
	return ((struct sum *)(void *)pirn_task_future(t))->result;
}

Test(pool, with_nothing_to_do_is_made_and_freed)
{
	static const unsigned threads[] = { 1, 2, 7, 64 };

	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		make_pool(threads[i]);
		cr_expect_eq(atomic_load(&host.running), threads[i]);
		free_pool();
	}
	cr_expect_eq(pirn_executor_free(NULL), 0);
}

Test(pool, runs_tasks_and_gives_their_results)
{
	struct pirn_task *t[100];

	make_pool(3);
	for (int i = 0; i < 100; i++)
		t[i] = spawn_sum(pool, i);
	for (int i = 0; i < 100; i++) {
		cr_expect_eq(join(t[i]), 0);
		cr_expect_eq(result_of(t[i]), i * (i + 1) / 2);
		pirn_task_detach(t[i]);
	}
}

Test(pool, runs_more_tasks_than_its_registry_had_places)
{
	static struct pirn_task *t[2000];

	make_pool(2);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2000; i++)
			t[i] = spawn_sleeper(pool, NULL);
		for (int i = 0; i < 2000; i += 2)
			pirn_task_abort(t[i]);
		for (int i = 1; i < 2000; i += 2)
			pirn_task_abort(t[i]);
		await(&dropped, 2000 * (round + 1));
	}
}

Test(pool, lets_tasks_run_at_the_same_time)
{
	struct pirn_task *t[2];

	make_pool(2);
	t[0] = stop_worker(pool);
	t[1] = spawn_sum(pool, 10); /* beside the one that is stopped */
	cr_expect_eq(join(t[1]), 0);
	sem_post(&door);
	cr_expect_eq(join(t[0]), 0);
	pirn_task_detach(t[0]);
	pirn_task_detach(t[1]);
}

Test(pool, of_one_worker_is_fair_to_all_its_tasks)
{
	struct pirn_task *t[10];

	make_pool(1);
	for (int i = 0; i < 10; i++)
		t[i] = spawn_sum(pool, 200); /* each yields two hundred times */
	for (int i = 9; i >= 0; i--) {
		cr_expect_eq(join(t[i]), 0);
		pirn_task_detach(t[i]);
	}
}

Test(pool, task_can_be_detached_aborted_and_cancelled)
{
	struct pirn_task *t[3];
	struct pirn_cancel cancel;

	make_pool(2);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_sleeper(pool, NULL);
	await(&waiting, 3);
	pirn_task_abort(t[0]);
	await(&dropped, 1);
	cancel = pirn_cancel(t[1]);
	cr_expect_eq(pirn_block_on(&cancel.future), 0);
	cr_expect_eq(atomic_load(&dropped), 2);
	cr_expect_null(pirn_task_future(t[1]));
	cr_expect_eq(join(t[1]), -ECANCELED);
	pirn_task_detach(t[1]);
	pirn_task_detach(t[2]); /* ends with the pool */
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 3);
}

Test(pool, task_may_be_aborted_while_it_is_polled)
{
	struct pirn_task *t;

	make_pool(1);
	t = stop_worker(pool);
	pirn_task_abort(t);
	sem_post(&door);
}

Test(pool, is_one_of_several_in_a_process)
{
	struct pirn_pool_config config = { .threads = 1, .platform = &host.platform };
	struct pirn_executor *other = NULL;
	struct pirn_task *here, *there;

	make_pool(1);
	cr_assert_eq(pirn_pool_new(&other, &config), 0);
	cr_assert_neq(other, pool);
	here = spawn_sum(pool, 3);
	there = spawn_sum(other, 4);
	cr_expect_eq(join(here), 0);
	cr_expect_eq(join(there), 0);
	pirn_task_detach(there);
	there = spawn_sleeper(other, NULL);
	pirn_executor_free(other);
	cr_expect_eq(atomic_load(&dropped), 1);
	pirn_task_detach(here);
	here = spawn_sum(pool, 5); /* the other one's end is nothing to this one */
	cr_expect_eq(join(here), 0);
	cr_expect_eq(result_of(here), 15);
	pirn_task_detach(here);
	pirn_task_detach(there);
}

struct inspector {
	struct pirn_future future;
	sigset_t mask;
};

static enum pirn_poll inspector_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	pthread_sigmask(SIG_SETMASK, NULL, &((struct inspector *)(void *)f)->mask);
	return PIRN_READY;
}

static const struct pirn_future_ops inspector_ops = {
	.name = "inspector",
	.file = __FILE__,
	.size = sizeof(struct inspector),
	.poll = inspector_poll,
};

Test(pool, workers_have_all_signals_blocked_but_the_synchronous_ones)
{
	struct inspector i = { .future = { .ops = &inspector_ops } };
	sigset_t open, *mask;
	struct pirn_task *t;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &i.future), 0);
	cr_assert_eq(join(t), 0);
	mask = &((struct inspector *)(void *)pirn_task_future(t))->mask;
	sigemptyset(&open);
	sigaddset(&open, SIGSEGV);
	sigaddset(&open, SIGBUS);
	sigaddset(&open, SIGFPE);
	sigaddset(&open, SIGILL);
	sigaddset(&open, SIGTRAP);
	sigaddset(&open, SIGSYS);
	sigaddset(&open, SIGPROF);
	for (int s = 1; s < 32; s++)
		if (s != SIGKILL && s != SIGSTOP)
			cr_expect_neq(sigismember(mask, s), sigismember(&open, s), "%d", s);
	pirn_task_detach(t);
}

/* ---- its end ------------------------------------------------------------------------------- */

TestSuite(freed, .init = begin, .fini = end);

Test(freed, with_idle_tasks_drops_them_and_their_joins_are_cancelled)
{
	struct pirn_task *t[10];

	make_pool(2);
	for (int i = 0; i < 10; i++)
		t[i] = spawn_sleeper(pool, NULL);
	await(&waiting, 10);
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 10);
	for (int i = 0; i < 10; i++) {
		cr_expect_eq(join(t[i]), -ECANCELED);
		cr_expect_null(pirn_task_future(t[i]));
		pirn_task_detach(t[i]);
	}
}

static void *let_go_later(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	sem_post(arg);
	return NULL;
}

Test(freed, with_queued_tasks_drops_them_unpolled)
{
	struct pirn_task *t[10], *stopper;
	pthread_t thread;

	make_pool(1);
	stopper = stop_worker(pool);
	for (int i = 0; i < 10; i++)
		t[i] = spawn_sleeper(pool, NULL);
	cr_assert_eq(pthread_create(&thread, NULL, let_go_later, &door), 0);
	free_pool(); /* it waits for the poll in progress */
	pthread_join(thread, NULL);
	cr_expect_eq(atomic_load(&dropped), 10);
	for (int i = 0; i < 10; i++) {
		cr_expect_eq(join(t[i]), -ECANCELED);
		pirn_task_detach(t[i]);
	}
	cr_expect_eq(join(stopper), 0); /* it came to its end by itself */
	pirn_task_detach(stopper);
}

struct listener {
	struct pirn_future future;
	struct pirn_receiver *rx;
	struct pirn_recv recv;
	int message;
};

PIRN_ASYNC(listener, f)
{
	PIRN_BEGIN(f);
	atomic_fetch_add(&waiting, 1);
	f->recv = pirn_recv(f->rx, &f->message);
	PIRN_AWAIT(f, &f->recv.future);
	PIRN_FINALLY(f);
	pirn_receiver_unref(f->rx);
	atomic_fetch_add(&dropped, f->future.err == -ECANCELED);
	PIRN_END(f);
}

Test(freed, with_tasks_that_wait_in_channels_takes_them_out)
{
	struct pirn_receiver *rx = NULL;
	struct pirn_sender *tx = NULL;
	int m = 1;

	make_pool(2);
	cr_assert_eq(pirn_channel_new(&tx, &rx, sizeof(m), 1, NULL, &host.platform.memory), 0);
	for (int i = 0; i < 5; i++) {
		struct listener l = { PIRN_INIT(listener), .rx = pirn_receiver_ref(rx) };

		cr_assert_eq(pirn_spawn(pool, NULL, &l.future), 0);
	}
	await(&waiting, 5);
	free_pool();
	cr_expect_eq(atomic_load(&dropped), 5);
	cr_expect_eq(pirn_try_send(tx, &m), 0); /* nobody waits there any more */
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
}

struct nap {
	sem_t *door;
	int *owned;
};

static atomic_int naps_begun, naps_released;

static int nap(struct nap *n)
{
	atomic_fetch_add(&naps_begun, 1);
	while (sem_wait(n->door))
		;
	return 0;
}

static void nap_release(struct nap *n)
{
	atomic_fetch_add(&naps_released, n->owned != NULL);
	free(n->owned);
}

PIRN_UNBLOCK(nap, nap_release);

struct napper {
	struct pirn_future future;
	struct nap_call call;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	f->call = nap_call((struct nap){ &door, malloc(1) });
	atomic_fetch_add(&waiting, 1);
	PIRN_AWAIT(f, &f->call.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

Test(freed, with_calls_running_and_queued_waits_for_the_one_and_drops_the_others)
{
	struct pirn_pool_config config = {
		.threads = 1, .blocking_threads = 1, .platform = &host.platform,
	};
	pthread_t thread;

	atomic_store(&naps_begun, 0);
	atomic_store(&naps_released, 0);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 4; i++) {
		struct napper n = { PIRN_INIT(napper) };

		cr_assert_eq(pirn_spawn(pool, NULL, &n.future), 0);
	}
	await(&waiting, 4);
	await(&naps_begun, 1);
	cr_assert_eq(pthread_create(&thread, NULL, let_go_later, &door), 0);
	free_pool();
	pthread_join(thread, NULL);
	cr_expect_eq(atomic_load(&naps_begun), 1);
	cr_expect_eq(atomic_load(&naps_released), 4);
}

Test(freed, leaves_handles_that_are_good_for_everything)
{
	struct pirn_task *t[4];
	struct pirn_cancel cancel;

	make_pool(2);
	t[0] = spawn_sum(pool, 4);
	for (int i = 1; i < 4; i++)
		t[i] = spawn_sleeper(pool, NULL);
	cr_expect_eq(join(t[0]), 0);
	free_pool();
	cr_expect_eq(result_of(t[0]), 10); /* the result is still there */
	cr_expect_not_null(strstr(pirn_task_place(t[0]), "test_pool.c:"));
	cancel = pirn_cancel(t[1]);
	cr_expect_eq(pirn_block_on(&cancel.future), 0);
	pirn_task_detach(t[0]);
	pirn_task_detach(t[1]);
	pirn_task_abort(t[2]);
	pirn_task_detach(t[3]);
}

Test(freed, leaves_wakers_that_wake_nobody)
{
	struct pirn_waker *waker = NULL, *second;
	struct pirn_task *t;
	int before;

	make_pool(1);
	t = spawn_sleeper(pool, &waker);
	await(&waiting, 1);
	free_pool();
	pirn_task_detach(t);
	before = atomic_load(&polled);
	cr_expect_gt(atomic_load(&host.blocks), 0); /* the waker holds the task's block */
	second = pirn_waker_clone(waker);
	pirn_waker_wake_by_ref(waker);
	pirn_waker_wake(waker);
	pirn_waker_drop(second);
	cr_expect_eq(atomic_load(&polled), before);
}

static void *free_it(void *arg)
{
	pirn_executor_free(arg);
	return NULL;
}

Test(freed, refuses_a_spawn_that_comes_meanwhile_and_leaves_the_source)
{
	struct pirn_task *stopper, *t = NULL;
	pthread_t thread;
	int err;

	make_pool(1);
	stopper = stop_worker(pool); /* so that the end cannot come before we are done */
	cr_assert_eq(pthread_create(&thread, NULL, free_it, pool), 0);
	do {
		struct sleeper s = { { .ops = &sleeper_ops }, 5, NULL };

		err = pirn_spawn(pool, &t, &s.future);
		if (err) {
			cr_expect_eq(s.future.ops, &sleeper_ops);
			cr_expect_eq(s.n, 5);
			pirn_drop(&s.future);
			atomic_fetch_sub(&dropped, 1);
		} else {
			pirn_task_abort(t);
			atomic_fetch_sub(&dropped, 1);
		}
	} while (!err);
	cr_expect_eq(err, -ESHUTDOWN);
	sem_post(&door);
	pthread_join(thread, NULL);
	cr_expect_eq(join(stopper), 0);
	pirn_task_detach(stopper);
	cr_expect_eq(atomic_load(&dropped), 0);
	pool = NULL;
}

struct suicide {
	struct pirn_future future;
};

static enum pirn_poll suicide_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	pirn_executor_free(cx->executor);
	return PIRN_READY;
}

static const struct pirn_future_ops suicide_ops = {
	.name = "suicide",
	.file = __FILE__,
	.size = sizeof(struct suicide),
	.poll = suicide_poll,
};

Test(freed, on_one_of_its_workers_traps, .signal = SIGABRT)
{
	struct suicide s = { { .ops = &suicide_ops } };
	struct pirn_task *t;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &s.future), 0);
	join(t);
}

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
	static const char *const wrong[] = { "abc", "0",  "1025", " 4", "4x", "", "-1", "+4",
					     "4 ",  "1.5", "99999999999999999999", "0x4" };

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
	config.threads = ~0u;
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
