/* SPDX-License-Identifier: MIT */
/* A join on a worker polls a task that never was in place: a call, with the manners of a poll. */
#include "config.h"

#include <signal.h>

#include "bell.h"
#include "pools.h"

TestSuite(in_place, .init = begin, .fini = end);

static int inside, saw_inside;

static enum pirn_poll look_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)cx;
	saw_inside = inside;
	*err = *(int *)arg;
	return PIRN_READY;
}

/* Spawns a child, and polls a join of it at once. */
static enum pirn_poll join_child(void *arg, struct pirn_context *cx, int *err)
{
	static int result = 7;
	struct pirn_poll_fn child = pirn_poll_fn(look_poll, &result);
	struct pirn_task *task;
	struct pirn_join join;

	*err = pirn_spawn(cx->executor, &task, &child.future);
	join = pirn_join(task);
	inside = 1;
	*(enum pirn_poll *)arg = pirn_poll(&join.future, cx);
	inside = 0;
	*err = *err ? *err : join.future.err - 7;
	pirn_drop(&join.future);
	pirn_task_detach(task);
	return PIRN_READY;
}

static int run_to_end(struct pirn_future *f)
{
	struct pirn_task *task;
	struct pirn_join join;
	int err;

	cr_assert_eq(pirn_spawn(pool, &task, f), 0);
	join = pirn_join(task);
	err = pirn_block_on(&join.future);
	pirn_task_detach(task);
	return err;
}

Test(in_place, a_join_polls_its_fresh_child)
{
	enum pirn_poll polled_as = PIRN_PENDING;
	struct pirn_poll_fn f = pirn_poll_fn(join_child, &polled_as);

	make_pool(1);
	cr_assert_eq(run_to_end(&f.future), 0);
	cr_assert_eq(saw_inside, 1, "the child ran inside the join");
	cr_assert_eq(polled_as, PIRN_READY);
}

static enum pirn_poll join_twice(void *arg, struct pirn_context *cx, int *err)
{
	static int result;
	struct pirn_poll_fn child = pirn_poll_fn(look_poll, &result);
	struct pirn_join first, second;
	struct pirn_task *task;
	struct bell bell;

	(void)arg;
	*err = pirn_spawn(cx->executor, &task, &child.future);
	bell_init(&bell);
	first = pirn_join(task);
	second = pirn_join(task);
	bell_poll(&first.future, &bell); /* has no executor, so it waits */
	pirn_poll(&second.future, cx);
	return PIRN_READY;
}

Test(in_place, a_second_join_traps_as_anywhere, .signal = SIGABRT)
{
	struct pirn_poll_fn f = pirn_poll_fn(join_twice, NULL);

	make_pool(1);
	run_to_end(&f.future);
}

/* Spawns a child and awaits it, again and again, until told to end. */
struct looper {
	struct pirn_future future;
	atomic_int *stop;
	struct pirn_task *task;
	struct pirn_join join;
};

static int spawn_child(struct looper *f, struct pirn_executor *ex)
{
	struct pirn_ready child = pirn_ready(0);

	return pirn_spawn(ex, &f->task, &child.future);
}

PIRN_ASYNC(looper, f)
{
	PIRN_BEGIN(f);
	while (!atomic_load(f->stop)) {
		if (spawn_child(f, cx->executor) < 0)
			PIRN_RETURN(f, -ENOMEM);
		f->join = pirn_join(f->task);
		PIRN_TRY(f, &f->join.future);
		pirn_task_detach(f->task);
		f->task = NULL;
	}
	PIRN_FINALLY(f);
	pirn_task_detach(f->task);
	PIRN_END(f);
}

static enum pirn_poll set_poll(void *flag, struct pirn_context *cx, int *err)
{
	(void)cx;
	atomic_store((atomic_int *)flag, 1);
	*err = 0;
	return PIRN_READY;
}

Test(in_place, joins_without_end_let_others_run)
{
	static atomic_int stop;
	struct looper looper = { PIRN_INIT(looper), .stop = &stop };
	struct pirn_poll_fn other = pirn_poll_fn(set_poll, &stop);
	struct pirn_task *task;
	struct pirn_join join;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &task, &looper.future), 0);
	cr_assert_eq(pirn_spawn(pool, NULL, &other.future), 0);
	join = pirn_join(task);
	cr_assert_eq(pirn_block_on(&join.future), 0);
	pirn_task_detach(task);
}

Test(in_place, joins_without_end_can_be_cancelled)
{
	static atomic_int never;
	struct looper looper = { PIRN_INIT(looper), .stop = &never };
	struct pirn_task *task;
	struct pirn_cancel cancel;

	make_pool(1);
	cr_assert_eq(pirn_spawn(pool, &task, &looper.future), 0);
	cancel = pirn_cancel(task);
	cr_assert_eq(pirn_block_on(&cancel.future), 0);
	pirn_task_detach(task);
}

/* A chain: each spawns the next one and awaits it. */
struct chain {
	struct pirn_future future;
	int left;
	struct pirn_task *task;
	struct pirn_join join;
};

static int spawn_next(struct chain *f, struct pirn_executor *ex);

PIRN_ASYNC(chain, f)
{
	PIRN_BEGIN(f);
	if (f->left > 0) {
		if (spawn_next(f, cx->executor) < 0)
			PIRN_RETURN(f, -ENOMEM);
		f->join = pirn_join(f->task);
		PIRN_TRY(f, &f->join.future);
	}
	PIRN_FINALLY(f);
	pirn_task_detach(f->task);
	PIRN_END(f);
}

static int spawn_next(struct chain *f, struct pirn_executor *ex)
{
	struct chain next = { PIRN_INIT(chain), .left = f->left - 1 };

	return pirn_spawn(ex, &f->task, &next.future);
}

Test(in_place, a_long_chain_fits_into_a_small_stack)
{
	/* Sanitizers want some of it. */
	struct pirn_pool_config config = { .threads = 1, .stack_size = 256 * 1024 };
	struct chain first = { PIRN_INIT(chain), .left = 10000 };

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(run_to_end(&first.future), 0);
}
