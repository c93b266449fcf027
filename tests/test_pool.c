/* SPDX-License-Identifier: MIT */
/* The pool: what runs on it, and how it ends. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "pirn_blocking.h"
#include "pirn_channel.h"
#include "pools.h"

/* ---- life on it ---------------------------------------------------------------------------- */

TestSuite(pool, .init = begin, .fini = end);

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

Test(pool, of_one_worker_brings_all_its_tasks_to_their_end)
{
	struct pirn_task *t[10];

	make_pool(1);
	for (int i = 0; i < 10; i++)
		t[i] = spawn_sum(pool, 200); /* each yields 200 times */
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

/* ---- wakes of a task that is woken already ---- */

/* Everything here is relaxed or plain: what orders it is the wakes, and nothing else. */
static struct pirn_waker *woken_waker;
static int letter[2];           /* of two threads, each written before its wake */
static atomic_int delivered;    /* how many of them have woken */
static atomic_int door_is_open; /* for the task that keeps the worker busy meanwhile */
static atomic_int letters_read;

static enum pirn_poll busy_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	(void)cx;
	*err = 0;
	atomic_fetch_add(&stopped, 1);
	while (!atomic_load_explicit(&door_is_open, memory_order_relaxed))
		sched_yield();
	return PIRN_READY;
}

static enum pirn_poll read_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	*err = 0;
	if (!woken_waker) {
		woken_waker = pirn_waker_clone(cx->waker);
		atomic_fetch_add(&waiting, 1);
		return PIRN_PENDING;
	}
	atomic_store(&letters_read, letter[0] + letter[1]);
	return PIRN_READY;
}

static void *write_and_wake(void *arg)
{
	int me = *(int *)arg;

	while (atomic_load_explicit(&delivered, memory_order_relaxed) != me)
		sched_yield();
	letter[me] = 10 + me;
	pirn_waker_wake_by_ref(woken_waker);
	atomic_store_explicit(&delivered, me + 1, memory_order_relaxed);
	return NULL;
}

Test(pool, task_sees_what_was_written_before_each_wake_also_if_it_was_woken_already)
{
	struct pirn_poll_fn reader = pirn_poll_fn(read_poll, NULL);
	struct pirn_poll_fn busy = pirn_poll_fn(busy_poll, NULL);
	int number[2] = { 0, 1 };
	pthread_t thread[2];
	struct pirn_task *t = NULL;

	woken_waker = NULL;
	atomic_store(&delivered, 0);
	atomic_store(&door_is_open, 0);
	atomic_store(&stopped, 0);
	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &t, &reader.future), 0);
	await(&waiting, 1);
	cr_assert_eq(pirn_spawn(pool, NULL, &busy.future), 0);
	await(&stopped, 1);
	pirn_waker_wake_by_ref(woken_waker); /* from here on it is queued */
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, write_and_wake, &number[i]), 0);
	while (atomic_load_explicit(&delivered, memory_order_relaxed) < 2)
		sched_yield();
	atomic_store_explicit(&door_is_open, 1, memory_order_relaxed);
	cr_expect_eq(join(t), 0);
	cr_expect_eq(atomic_load(&letters_read), 10 + 11);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pirn_waker_drop(woken_waker);
	pirn_task_detach(t);
}

/* ---- */

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

Test(freed, with_queued_tasks_drops_them)
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

static void *let_go_when_three_are_released(void *arg)
{
	await(&naps_released, 3);
	sem_post(arg);
	return NULL;
}

Test(freed, with_calls_running_and_queued_waits_for_the_one_and_drops_the_others)
{
	struct pirn_pool_config config = {
		.threads = 1,
		.blocking_threads = 1,
		.platform = &host.platform,
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
	cr_assert_eq(pthread_create(&thread, NULL, let_go_when_three_are_released, &door), 0);
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
	cr_expect_not_null(strstr(pirn_task_place(t[0]), "pools.h:"));
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

/* The n-th allocation waits inside until the pool is closing, and a little longer. */
static unsigned slow_alloc;
static atomic_int slow, closing;

static void *alloc_slowly(const struct pirn_memory *memory, size_t size)
{
	if (atomic_load(&host.allocs) + 1 == slow_alloc && !atomic_exchange(&slow, 1)) {
		await(&closing, 1);
		for (int i = 0; i < 200; i++)
			sched_yield();
	}
	return faulty_alloc(memory, size);
}

static void *spawn_slowly(void *arg)
{
	*(struct pirn_task **)arg = spawn_sleeper(pool, NULL);
	return NULL;
}

Test(freed, waits_for_a_spawn_that_came_in_before)
{
	struct pirn_task *t = NULL;
	pthread_t spawner, freer;
	int err;

	host.platform.memory.alloc = alloc_slowly;
	atomic_store(&slow, 0);
	atomic_store(&closing, 0);
	make_pool(1);
	slow_alloc = atomic_load(&host.allocs) + 2; /* behind the task: the registry's places */
	cr_assert_eq(pthread_create(&spawner, NULL, spawn_slowly, &t), 0);
	await(&slow, 1); /* it has been admitted */
	cr_assert_eq(pthread_create(&freer, NULL, free_it, pool), 0);
	do {
		struct sleeper s = { { .ops = &sleeper_ops }, 5, NULL };

		err = pirn_spawn(pool, NULL, &s.future);
	} while (!err);
	cr_expect_eq(err, -ESHUTDOWN);
	atomic_store(&closing, 1);
	pthread_join(spawner, NULL);
	pthread_join(freer, NULL);
	cr_expect_eq(join(t), -ECANCELED);
	pirn_task_detach(t);
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
