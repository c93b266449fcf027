/* SPDX-License-Identifier: MIT */
/* The end of a local executor, and what outlives it. */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "locals.h"

TestSuite(local_free, .init = set_up, .fini = tear_down);

Test(local_free, drops_queued_and_idle_tasks)
{
	struct life idle = { .keep_waker = true }, queued = { 0 }, woken = { .keep_waker = true };

	start_detached(&idle);
	start_detached(&woken);
	run_all();
	start_detached(&queued);
	elsewhere(wake_by_ref_there, woken.waker);
	end_executor();
	cr_assert_eq(idle.drops, 1);
	cr_assert_eq(queued.drops, 1);
	cr_assert_eq(woken.drops, 1);
	cr_assert_eq(woken.polls, 1);
	cr_assert_eq(atomic_load(&host.blocks), 2, "those of the wakers");
	pirn_waker_wake(idle.waker);
	elsewhere(wake_there, woken.waker);
	set_up();
}

Test(local_free, leaves_the_handles_good)
{
	struct life pending = { 0 }, ended = { .end = true };
	struct pirn_task *p = start(&pending), *e = start(&ended);
	struct pirn_join join = pirn_join(p);

	run_all();
	end_executor();
	cr_assert_eq(pirn_block_on(&join.future), -ECANCELED);
	cr_assert_not_null(pirn_task_future(e));
	pirn_task_detach(p);
	pirn_task_detach(e);
	cr_assert_eq(ended.drops, 1);
	cr_assert_eq(faulty_left(&host), 0);
	set_up();
}

/* Wakes another one and spawns, when it is dropped. */
struct heir {
	struct pirn_future future;
	struct pirn_waker *waker;
	int *err;
};

static enum pirn_poll heir_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	f->at = 1;
	return PIRN_PENDING;
}

static void heir_drop(struct pirn_future *f)
{
	struct heir *h = (struct heir *)(void *)f;
	struct pirn_ready r = pirn_ready(0);

	pirn_waker_wake(h->waker);
	*h->err = pirn_spawn(ex, NULL, &r.future);
}

static const struct pirn_future_ops heir_ops = { "heir", __FILE__, sizeof(struct heir), heir_poll,
						 heir_drop };

Test(local_free, bears_drops_that_wake_and_spawn)
{
	int err = 0, told_before;
	struct heir h = { { .ops = &heir_ops }, NULL, &err };

	life = (struct life){ .keep_waker = true };
	start_detached(&life);
	run_all();
	h.waker = life.waker;
	cr_assert_eq(pirn_spawn(ex, NULL, &h.future), 0);
	told_before = atomic_load(&told);
	end_executor();
	cr_assert_eq(atomic_load(&told), told_before, "nobody is to run it any more");
	cr_assert_eq(err, -ESHUTDOWN);
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(life.polls, 1);
	set_up();
}

static atomic_int inside, outside;

/* Of a main loop that takes its time. */
static void take_time(void *arg)
{
	if (pthread_equal(pthread_self(), *(pthread_t *)arg))
		return;
	atomic_store(&inside, 1);
	usleep(20000);
	atomic_store(&outside, 1);
}

Test(local_free, waits_for_a_wake_that_is_under_way)
{
	pthread_t me = pthread_self(), thread;
	struct pirn_local_config config = { .notify = take_time, .arg = &me };

	end_executor();
	cr_assert_eq(pirn_local_new(&ex, &config), 0);
	life = (struct life){ .keep_waker = true };
	start_detached(&life);
	run_all();
	cr_assert_eq(pthread_create(&thread, NULL, wake_there, life.waker), 0);
	while (!atomic_load(&inside))
		sched_yield();
	end_executor();
	cr_assert_eq(atomic_load(&outside), 1);
	pthread_join(thread, NULL);
	set_up();
}

Test(local_free, of_one_that_was_never_run)
{
	life = (struct life){ 0 };
	start_detached(&life);
	end_executor();
	cr_assert_eq(life.drops, 1);
	cr_assert_eq(life.polls, 0);
	cr_assert_eq(faulty_left(&host), 0);
	cr_assert_eq(pirn_local_new(&ex, NULL), 0, "and with all defaults");
}

Test(local_free, fails_to_be_made_without_memory)
{
	struct pirn_local_config config = { .platform = &host.platform };
	struct pirn_executor *other = NULL;

	faulty_fail_alloc(&host, 1);
	cr_assert_eq(pirn_local_new(&other, &config), -ENOMEM);
	cr_assert_null(other);
}

/* ---- broken contracts ---------------------------------------------------------------------- */

static void *free_there(void *arg)
{
	(void)arg;
	pirn_executor_free(ex);
	return NULL;
}

Test(local_free, on_another_thread_traps, .signal = SIGABRT)
{
	elsewhere(free_there, NULL);
}

static void free_inside(struct life *me, struct pirn_context *cx)
{
	(void)me;
	(void)cx;
	pirn_executor_free(ex);
}

Test(local_free, inside_a_poll_traps, .signal = SIGABRT)
{
	life = (struct life){ .in_poll = free_inside };
	start_detached(&life);
	run_all();
}

static void waiting_drop(struct pirn_future *f)
{
	struct pirn_ready r = pirn_ready(0);

	(void)f;
	pirn_block_on(&r.future);
}

static const struct pirn_future_ops waiting_ops = { "waiting", __FILE__, sizeof(struct heir),
						    heir_poll, waiting_drop };

Test(local_free, traps_a_drop_that_waits, .signal = SIGABRT)
{
	struct heir h = { { .ops = &waiting_ops }, NULL, NULL };

	pirn_spawn(ex, NULL, &h.future);
	pirn_executor_free(ex);
}
