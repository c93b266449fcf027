/* SPDX-License-Identifier: MIT */
/* What a task costs: spawned, run and joined, from outside the pool and from inside. */
#include "cases.h"

#include <errno.h>
#include <stdatomic.h>

#define LOCALS 12 /* words, in a task of spawn_frame */

static atomic_uint_fast64_t counter;

/* The task: adds one. */
static enum pirn_poll add_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
	return PIRN_READY;
}

struct add {
	struct pirn_future future;
};

static const struct pirn_future_ops add_ops = { "add", __FILE__, sizeof(struct add), add_poll,
						NULL };

/* The same, and it has locals. */
struct frame {
	struct pirn_future future;
	uint64_t local[LOCALS];
};

static enum pirn_poll frame_poll(struct pirn_future *future, struct pirn_context *cx)
{
	struct frame *f = (struct frame *)(void *)future;
	uint64_t sum = 0;

	(void)cx;
	for (unsigned i = 0; i < LOCALS; i++)
		f->local[i] = i;
	__asm__ volatile(""
			 :
			 : "r"(f->local)
			 : "memory"); /* as one_by_locals does, for the peers */
	for (unsigned i = 0; i < LOCALS; i++)
		sum += f->local[i];
	atomic_fetch_add_explicit(&counter, sum - 65, memory_order_relaxed);
	return PIRN_READY;
}

static const struct pirn_future_ops frame_ops = { "frame", __FILE__, sizeof(struct frame),
						  frame_poll, NULL };

static int spawn_add(struct pirn_executor *pool, struct pirn_task **task)
{
	struct add add;

	pirn_future_init(&add.future, &add_ops);
	return pirn_spawn(pool, task, &add.future);
}

static int spawn_with_frame(struct pirn_executor *pool, struct pirn_task **task)
{
	struct frame f;

	pirn_future_init(&f.future, &frame_ops);
	memset(f.local, 0, sizeof(f.local));
	return pirn_spawn(pool, task, &f.future);
}

typedef int spawn_function(struct pirn_executor *pool, struct pirn_task **task);

/* ---- from main ----------------------------------------------------------------------------- */

static void round_ext(struct run *run, struct pirn_executor *pool, struct pirn_task **task,
		      uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		bench_ok(run, spawn_add(pool, &task[i]));
	for (uint64_t i = 0; i < n; i++) {
		bench_ok(run, pirn_join_blocking(task[i]));
		pirn_task_detach(task[i]);
	}
}

static uint64_t round_size(struct run *run)
{
	uint64_t n = (run->n + ROUNDS - 1) / ROUNDS;

	run->expect += n * ROUNDS - run->n; /* whole rounds */
	run->n = n * ROUNDS;
	return n;
}

void spawn_ext(struct run *run)
{
	uint64_t n = round_size(run);
	struct pirn_executor *pool = bench_pool(run);
	struct pirn_task **task = allocate(run, n * sizeof(struct pirn_task *));

	round_ext(run, pool, task, n);
	atomic_store(&counter, 0);
	run_start(run);
	for (int i = 0; i < ROUNDS; i++)
		round_ext(run, pool, task, n);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	free(task);
	pirn_executor_free(pool);
}

/* ---- from a task --------------------------------------------------------------------------- */

struct parent {
	struct pirn_future future;
	spawn_function *spawn;
	struct pirn_task **task;
	uint64_t n, i;
	int rounds;
	struct pirn_join join;
};

PIRN_ASYNC(parent, f)
{
	int err;

	PIRN_BEGIN(f);
	for (; f->rounds > 0; f->rounds--) {
		for (f->i = 0; f->i < f->n; f->i++) {
			err = f->spawn(cx->executor, &f->task[f->i]);
			if (err)
				PIRN_RETURN(f, err);
		}
		for (f->i = 0; f->i < f->n; f->i++) {
			f->join = pirn_join(f->task[f->i]);
			PIRN_TRY(f, &f->join.future);
			pirn_task_detach(f->task[f->i]);
		}
	}
	PIRN_END(f);
}

static void spawn_inside(struct run *run, spawn_function *spawn)
{
	uint64_t n = round_size(run);
	struct pirn_executor *pool = bench_pool(run);
	struct pirn_task **task = allocate(run, n * sizeof(struct pirn_task *));
	struct parent warm = { PIRN_INIT(parent), .spawn = spawn, .task = task, .n = n,
			       .rounds = 1 };
	struct parent parent = { PIRN_INIT(parent), .spawn = spawn, .task = task, .n = n,
				 .rounds = ROUNDS };

	bench_run(run, pool, &warm.future);
	atomic_store(&counter, 0);
	run_start(run);
	bench_run(run, pool, &parent.future);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	free(task);
	pirn_executor_free(pool);
}

void spawn_int(struct run *run)
{
	spawn_inside(run, spawn_add);
}

void spawn_frame(struct run *run)
{
	spawn_inside(run, spawn_with_frame);
}

/* ---- fib ----------------------------------------------------------------------------------- */

#define FIB_MOST 36

/*
 * fib(n) spawns a task for fib(n - 1) and does fib(n - 2) itself, and so on. A frame cannot hold
 * itself, so that is a loop; it finds its children in a list through their frames.
 */
struct fib {
	struct pirn_future future;
	unsigned n, value;
	struct pirn_task *newest, *older; /* its children; the sibling spawned before it */
	struct pirn_join join;
};

PIRN_ASYNC(fib, f)
{
	struct fib *child;
	struct pirn_task *task;

	PIRN_BEGIN(f);
	for (; f->n >= 2; f->n -= 2) {
		child = pirn_task_new(cx->executor, &fib_ops);
		if (!child)
			break;
		child->n = f->n - 1;
		child->older = f->newest;
		if (pirn_task_start(&f->newest, &child->future) < 0) {
			pirn_task_discard(&child->future);
			break;
		}
	}
	f->value = f->n; /* not 0 or 1 where a spawn has failed: the sum will be wrong */
	while (f->newest) {
		f->join = pirn_join(f->newest);
		PIRN_TRY(f, &f->join.future);
		task = f->newest;
		child = (struct fib *)(void *)pirn_task_future(task);
		f->value += child->value;
		f->newest = child->older;
		pirn_task_detach(task);
	}
	PIRN_END(f);
}

static uint64_t fib_on(struct run *run, struct pirn_executor *pool, unsigned n)
{
	struct fib fib = { PIRN_INIT(fib), .n = n };
	struct pirn_task *task;
	uint64_t value;

	bench_ok(run, pirn_spawn(pool, &task, &fib.future));
	bench_ok(run, pirn_join_blocking(task));
	value = ((struct fib *)(void *)pirn_task_future(task))->value;
	pirn_task_detach(task);
	return value;
}

void fib(struct run *run)
{
	unsigned n = (unsigned)run->n;
	struct pirn_executor *pool;
	uint64_t value;

	if (run->n > FIB_MOST)
		run_fail(run, "n is too large");
	pool = bench_pool(run);
	fib_on(run, pool, n > 6 ? n - 6 : 1);
	run_start(run);
	value = fib_on(run, pool, n);
	run_stop(run);
	fib_check(run, value);
	pirn_executor_free(pool);
}
