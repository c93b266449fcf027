/* SPDX-License-Identifier: MIT */
/* Blocking calls: the threads they run on, what cannot be had, and the end of the pool. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

/* ---- threads ------------------------------------------------------------------------------- */

TestSuite(threads, .init = begin, .fini = end);

Test(threads, are_as_many_as_jobs_that_block_up_to_the_maximum_and_no_more)
{
	struct query_call c[8];

	make_pool(3);
	for (int i = 0; i < 8; i++) {
		c[i] = make(i, &door);
		cr_expect_eq(poll(&c[i].future), PIRN_PENDING);
	}
	await(&begun, 3);
	for (int i = 0; i < 8; i++)
		sem_post(&door);
	for (int i = 0; i < 8; i++) {
		finish(&c[i].future);
		cr_expect_eq(*c[i].data.out, i + 1);
		pirn_drop(&c[i].future);
	}
	cr_expect_eq(atomic_load(&most_inside), 3);
	cr_expect_leq(atomic_load(&host.threads), 1 + 3);
}

Test(threads, serve_one_job_after_the_other)
{
	make_pool(0);
	for (int i = 0; i < 50; i++) {
		struct query_call c = make(i, NULL);

		poll(&c.future);
		finish(&c.future);
		pirn_drop(&c.future);
	}
	cr_expect_eq(atomic_load(&most_inside), 1);
}

Test(threads, end_when_there_is_nothing_to_do_and_come_again)
{
	make_pool(2);
	for (int round = 0; round < 2; round++) {
		struct query_call c[2];

		for (int i = 0; i < 2; i++) {
			c[i] = make(i, &door);
			poll(&c[i].future);
		}
		await(&begun, 2 * round + 2);
		sem_post(&door);
		sem_post(&door);
		for (int i = 0; i < 2; i++) {
			finish(&c[i].future);
			pirn_drop(&c[i].future);
		}
		while (atomic_load(&host.running) > 1) /* the worker stays */
			usleep(10000);
	}
	cr_expect_eq(atomic_load(&host.threads), 1 + 2 + 2);
}

Test(threads, that_cannot_be_had_are_an_error_where_there_are_none)
{
	struct query_call c = make(1, NULL);

	make_pool(2);
	faulty_fail_thread(&host, FAULTY_ALWAYS, 0);
	cr_expect_eq(poll(&c.future), PIRN_READY);
	cr_expect_eq(c.future.err, -EAGAIN);
	cr_expect(!c.call.ran);
	cr_expect_eq(*c.data.in, 1); /* back in place: the caller may try again */
	cr_expect_eq(atomic_load(&host.threads), 1);
	pirn_drop(&c.future);
	cr_expect_eq(atomic_load(&released), 1);
}

Test(threads, that_could_not_be_had_are_tried_again)
{
	struct query_call c = make(1, NULL), again;

	make_pool(2);
	faulty_fail_thread(&host, 1, 1);
	cr_expect_eq(poll(&c.future), PIRN_READY);
	cr_expect_eq(c.future.err, -EAGAIN);
	again = query_call(c.data);
	memset(&c, 0, sizeof(c));
	cr_expect_eq(poll(&again.future), PIRN_PENDING);
	finish(&again.future);
	cr_expect_eq(again.future.err, 0);
	cr_expect_eq(*again.data.out, 2);
	pirn_drop(&again.future);
}

Test(threads, that_are_there_serve_all_jobs_when_no_more_can_be_had)
{
	struct query_call first = make(0, &door), c[50];
	unsigned asked;

	make_pool(8);
	poll(&first.future);
	await(&begun, 1);
	faulty_fail_thread(&host, FAULTY_ALWAYS, 0);
	for (int i = 0; i < 50; i++) {
		c[i] = make(i, NULL);
		cr_expect_eq(poll(&c[i].future), PIRN_PENDING);
	}
	asked = atomic_load(&host.threads);
	cr_expect_leq(asked, 50);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	cr_expect_eq(atomic_load(&host.threads), asked, "it tries in a loop");
	sem_post(&door);
	finish(&first.future);
	pirn_drop(&first.future);
	for (int i = 0; i < 50; i++) {
		finish(&c[i].future);
		cr_expect_eq(c[i].future.err, 0);
		cr_expect_eq(*c[i].data.out, i + 1);
		pirn_drop(&c[i].future);
	}
	cr_expect_leq(atomic_load(&host.threads), 100);
}

static uint64_t stopped_clock(const struct pirn_platform *platform)
{
	(void)platform;
	return 1;
}

Test(threads, that_could_not_be_had_are_not_asked_for_again_before_some_time_has_gone_by)
{
	struct query_call first = make(0, &door), c[20];

	host.platform.now = stopped_clock;
	make_pool(8);
	poll(&first.future);
	await(&begun, 1);
	faulty_fail_thread(&host, FAULTY_ALWAYS, 0);
	for (int i = 0; i < 20; i++) {
		c[i] = make(i, NULL);
		poll(&c[i].future);
	}
	sem_post(&door);
	for (int i = 0; i < 20; i++) {
		finish(&c[i].future);
		pirn_drop(&c[i].future);
	}
	finish(&first.future);
	pirn_drop(&first.future);
	cr_expect_eq(atomic_load(&host.threads), 1);
}

static sem_t asked; /* for a thread, which will not be had before the door opens */

static int create_late(const struct pirn_platform *platform, pthread_t *thread, size_t stack_size,
		       void *(*body)(void *), void *arg)
{
	(void)platform;
	(void)thread;
	(void)stack_size;
	(void)body;
	(void)arg;
	sem_post(&asked);
	while (sem_wait(&door))
		;
	return -EAGAIN;
}

static void *poll_on_another_thread(void *arg)
{
	poll(arg);
	return NULL;
}

Test(threads, that_cannot_be_had_end_also_the_jobs_that_relied_on_them)
{
	struct query_call a = make(1, NULL), b = make(2, NULL);
	pthread_t thread;

	sem_init(&asked, 0, 0);
	make_pool(8);
	host.platform.thread_create = create_late;
	cr_assert_eq(pthread_create(&thread, NULL, poll_on_another_thread, &a.future), 0);
	while (sem_wait(&asked))
		;
	cr_expect_eq(poll(&b.future), PIRN_PENDING); /* a thread is on its way */
	sem_post(&door);
	pthread_join(thread, NULL);
	cr_expect_eq(a.future.err, -EAGAIN);
	finish(&b.future);
	cr_expect_eq(b.future.err, -EAGAIN);
	cr_expect(!b.call.ran);
	cr_expect_eq(*b.data.in, 2);
	pirn_drop(&a.future);
	pirn_drop(&b.future);
	sem_destroy(&asked);
}

static bool is_open(int signal)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPROF };

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (open[i] == signal)
			return true;
	return false;
}

/* The number of signals that are not as the header says; 0: none. */
static int wrong_signals(int unused)
{
	sigset_t mask;
	int wrong = 0;

	(void)unused;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int s = 1; s < 32; s++)
		if (s != SIGKILL && s != SIGSTOP)
			wrong += sigismember(&mask, s) == is_open(s);
	return wrong;
}

PIRN_UNBLOCK_FN(int, wrong_signals, int);

Test(threads, have_all_signals_blocked_but_the_synchronous_ones)
{
	struct wrong_signals_call c = wrong_signals_call(0);
	sigset_t before, behind;

	sigemptyset(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	make_pool(1);
	poll(&c.future);
	finish(&c.future);
	cr_expect_eq(c.result, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &behind);
	for (int s = 1; s < 32; s++) /* the caller's own mask is as it was */
		cr_expect_not(sigismember(&behind, s));
}

/* ---- out of memory ------------------------------------------------------------------------- */

TestSuite(no_memory, .init = begin, .fini = end);

Test(no_memory, for_a_job_or_its_thread_is_an_error_and_the_data_is_back)
{
	make_pool(1);
	for (unsigned n = 1; n <= 2; n++) { /* the job, the thread's record */
		struct query_call c = make(3, NULL);

		faulty_fail_alloc(&host, n);
		cr_expect_eq(poll(&c.future), PIRN_READY);
		cr_expect_eq(c.future.err, -ENOMEM);
		cr_expect(!c.call.ran);
		cr_expect_eq(*c.data.in, 3);
		pirn_drop(&c.future);
		cr_expect_eq(atomic_load(&released), (int)n);
	}
	cr_expect_eq(atomic_load(&begun), 0);
}

Test(no_memory, for_another_thread_leaves_the_job_to_the_one_there_is)
{
	struct query_call first = make(0, &door), second = make(1, NULL);

	make_pool(4);
	poll(&first.future);
	await(&begun, 1);
	faulty_fail_alloc(&host, 2);
	cr_expect_eq(poll(&second.future), PIRN_PENDING);
	sem_post(&door);
	finish(&first.future);
	finish(&second.future);
	cr_expect_eq(second.future.err, 0);
	pirn_drop(&first.future);
	pirn_drop(&second.future);
}

/* ---- the end of the pool ------------------------------------------------------------------- */

TestSuite(end_of_pool, .init = begin, .fini = end);

/* Waits for a call on this pool; block_on alone would take the default one. */
struct on_pool {
	struct pirn_future future;
	struct pirn_executor *pool;
	struct pirn_future *call;
};

static enum pirn_poll on_pool_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct on_pool *me = (struct on_pool *)(void *)f;
	struct pirn_context inner;

	f->at = 1;
	pirn_context_init(&inner, cx->waker, me->pool);
	if (pirn_poll(me->call, &inner) == PIRN_PENDING)
		return PIRN_PENDING;
	f->err = me->call->err;
	return PIRN_READY;
}

static const struct pirn_future_ops on_pool_ops = {
	.name = "on_pool",
	.file = __FILE__,
	.size = sizeof(struct on_pool),
	.poll = on_pool_poll,
};

static atomic_int polled_once;

static void *wait_for_call(void *arg)
{
	struct query_call *c = arg;
	struct on_pool f = { { .ops = &on_pool_ops }, pool, &c->future };

	if (poll(&c->future) == PIRN_PENDING) { /* queued from here on */
		atomic_fetch_add(&polled_once, 1);
		pirn_block_on(&f.future);
	}
	return NULL;
}

static void *free_pool(void *arg)
{
	pirn_executor_free(arg);
	return NULL;
}

Test(end_of_pool, cancels_queued_calls_and_waits_for_running_ones)
{
	struct query_call running = make(0, &door), queued[3], late = make(9, NULL);
	pthread_t waiter[3], freer;

	atomic_store(&polled_once, 0);
	make_pool(1);
	poll(&running.future);
	await(&begun, 1);
	for (int i = 0; i < 3; i++) {
		queued[i] = make(i, NULL);
		cr_assert_eq(pthread_create(&waiter[i], NULL, wait_for_call, &queued[i]), 0);
	}
	await(&polled_once, 3);
	cr_assert_eq(pthread_create(&freer, NULL, free_pool, pool), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(waiter[i], NULL);
		cr_expect_eq(queued[i].future.err, -ECANCELED);
		cr_expect(!queued[i].call.ran);
		cr_expect_eq(*queued[i].data.in, i);
		pirn_drop(&queued[i].future);
	}
	cr_expect_eq(poll(&late.future), PIRN_READY); /* it waits for the running one still */
	cr_expect_eq(late.future.err, -ESHUTDOWN);
	cr_expect(!late.call.ran);
	pirn_drop(&late.future);
	sem_post(&door);
	pthread_join(freer, NULL);
	/* The call outlives its pool. */
	finish(&running.future);
	cr_expect_eq(running.future.err, 0);
	cr_expect_eq(*running.data.out, 1);
	pirn_drop(&running.future);
	cr_expect_eq(atomic_load(&released), 5);
	pool = NULL; /* freed */
}

Test(end_of_pool, leaves_calls_that_may_be_dropped_behind_it)
{
	struct query_call c[3];

	make_pool(1);
	for (int i = 0; i < 3; i++) {
		c[i] = make(i, NULL);
		poll(&c[i].future);
	}
	pirn_executor_free(pool);
	pool = NULL;
	for (int i = 0; i < 3; i++)
		pirn_drop(&c[i].future);
	cr_expect_eq(atomic_load(&released), 3);
}

Test(end_of_pool, ends_calls_of_tasks_whether_they_run_or_not)
{
	make_pool(1);
	for (int i = 0; i < 20; i++) {
		struct caller c = { PIRN_INIT(caller), .n = i };

		cr_assert_eq(pirn_spawn(pool, NULL, &c.future), 0);
	}
	await(&begun, 1);
	pirn_executor_free(pool);
	pool = NULL;
	cr_expect_geq(atomic_load(&released), atomic_load(&begun));
}

struct ending {
	struct pirn_executor *pool;
};

static int ending(struct ending *e)
{
	return pirn_executor_free(e->pool);
}

PIRN_UNBLOCK(ending, NULL);

Test(end_of_pool, inside_one_of_its_own_jobs_traps, .signal = SIGABRT)
{
	struct ending_call c = ending_call((struct ending){ NULL });

	cr_assert_eq(pirn_pool_default(&c.data.pool), 0);
	pirn_block_on(&c.future);
}
