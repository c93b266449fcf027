/* SPDX-License-Identifier: MIT */
/*
 * instructions OP: does one op a thousand times, for callgrind to count. What is counted is what
 * happens below the function of the op's name (--toggle-collect), on the one thread that does it.
 * The pool's only worker is held in a poll meanwhile, so nobody is asleep and nobody takes part;
 * but for `poll`, which is what that worker does. instructions.sh runs it.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn.h>
#include <pirn_blocking.h>
#include <pirn_channel.h>
#include <pirn_pool.h>

#define OPS 1000

/* A function that callgrind finds by its name. */
#define OP(name, argument) \
 void name(argument); \
 __attribute__((noinline)) void name(argument)

PIRN_CHANNEL(number, uint64_t, NULL);

static struct pirn_executor *pool;
static sem_t held, let_go;

/* ---- the worker, held ---------------------------------------------------------------------- */

static enum pirn_poll hold(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	(void)cx;
	sem_post(&held);
	sem_wait(&let_go);
	*err = 0;
	return PIRN_READY;
}

static void hold_worker(void)
{
	struct pirn_poll_fn f = pirn_poll_fn(hold, NULL);

	if (pirn_spawn(pool, NULL, &f.future) < 0)
		exit(1);
	sem_wait(&held);
}

static void run_to_end(struct pirn_future *f)
{
	struct pirn_task *t;
	struct pirn_join join;

	if (pirn_spawn(pool, &t, f) < 0)
		exit(1);
	join = pirn_join(t);
	if (pirn_block_on(&join.future) < 0)
		exit(1);
	pirn_task_detach(t);
}

/* ---- spawn --------------------------------------------------------------------------------- */

static struct pirn_task *task[OPS];

OP(op_spawn, void)
{
	for (int i = 0; i < OPS; i++) {
		struct pirn_ready f = pirn_ready(0);

		if (pirn_spawn(pool, &task[i], &f.future) < 0)
			exit(1);
	}
}

static void spawn(void)
{
	op_spawn();
	sem_post(&let_go);
	for (int i = 0; i < OPS; i++)
		pirn_task_detach(task[i]);
}

/* ---- wake ---------------------------------------------------------------------------------- */

static struct pirn_waker *waker[OPS];
static atomic_int waiting;

static enum pirn_poll keep_waker(void *slot, struct pirn_context *cx, int *err)
{
	struct pirn_waker **w = slot;

	*err = 0;
	if (*w)
		return PIRN_READY;
	*w = pirn_waker_clone(cx->waker);
	atomic_fetch_add(&waiting, 1);
	return PIRN_PENDING;
}

OP(op_wake, void)
{
	for (int i = 0; i < OPS; i++)
		pirn_waker_wake(waker[i]);
}

static void wake(void)
{
	op_wake();
	sem_post(&let_go);
}

static void make_waiters(void)
{
	for (int i = 0; i < OPS; i++) {
		struct pirn_poll_fn f = pirn_poll_fn(keep_waker, &waker[i]);

		if (pirn_spawn(pool, NULL, &f.future) < 0)
			exit(1);
	}
	while (atomic_load(&waiting) < OPS)
		;
}

/* ---- poll ---------------------------------------------------------------------------------- */

struct yielder {
	struct pirn_future future;
	int i;
};

PIRN_ASYNC(yielder, f)
{
	PIRN_BEGIN(f);
	for (; f->i < OPS; f->i++)
		PIRN_YIELD(f);
	PIRN_END(f);
}

/* Counted below pirn__task_run. */
static void poll(void)
{
	struct yielder f = { PIRN_INIT(yielder), .i = 0 };

	run_to_end(&f.future);
}

/* ---- send and recv ------------------------------------------------------------------------- */

OP(op_send, struct number_sender *tx)
{
	for (uint64_t i = 0; i < OPS; i++)
		if (number_try_send(tx, &i) < 0)
			exit(1);
}

OP(op_recv, struct number_receiver *rx)
{
	uint64_t number;

	for (uint64_t i = 0; i < OPS; i++)
		if (number_try_recv(rx, &number) < 0 || number != i)
			exit(1);
}

static void message(void)
{
	struct number_sender *tx = NULL;
	struct number_receiver *rx = NULL;

	if (number_channel(&tx, &rx, OPS) < 0)
		exit(1);
	op_send(tx);
	op_recv(rx);
	number_sender_unref(tx);
	number_receiver_unref(rx);
	sem_post(&let_go);
}

/* ---- submit -------------------------------------------------------------------------------- */

static int nothing(int n)
{
	return n;
}
PIRN_UNBLOCK_FN(int, nothing, int);

static int hold_thread(int n)
{
	sem_post(&held);
	sem_wait(&let_go);
	return n;
}
PIRN_UNBLOCK_FN(int, hold_thread, int);

static struct nothing_call call[OPS];

OP(op_submit, struct pirn_context *cx)
{
	for (int i = 0; i < OPS; i++)
		pirn_poll(&call[i].future, cx);
}

/* On the worker; the pool's only blocking thread is held. */
static enum pirn_poll submit_all(void *arg, struct pirn_context *cx, int *err)
{
	struct hold_thread_call *hold_call = arg;

	pirn_poll(&hold_call->future, cx);
	sem_wait(&held);
	for (int i = 0; i < OPS; i++)
		call[i] = nothing_call(i);
	op_submit(cx);
	for (int i = 0; i < OPS; i++)
		pirn_drop(&call[i].future);
	sem_post(&let_go);
	pirn_drop(&hold_call->future);
	*err = 0;
	return PIRN_READY;
}

static void submit(void)
{
	static struct hold_thread_call hold_call;
	struct pirn_poll_fn f = pirn_poll_fn(submit_all, &hold_call);

	hold_call = hold_thread_call(0);
	run_to_end(&f.future);
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 1, .blocking_threads = 1 };
	const char *op = argc == 2 ? argv[1] : "";

	sem_init(&held, 0, 0);
	sem_init(&let_go, 0, 0);
	if (pirn_pool_new(&pool, &config) < 0)
		return 1;
	if (strcmp(op, "wake") == 0)
		make_waiters();
	if (strcmp(op, "poll") != 0 && strcmp(op, "submit") != 0)
		hold_worker();
	if (strcmp(op, "spawn") == 0)
		spawn();
	else if (strcmp(op, "wake") == 0)
		wake();
	else if (strcmp(op, "poll") == 0)
		poll();
	else if (strcmp(op, "send") == 0 || strcmp(op, "recv") == 0)
		message();
	else if (strcmp(op, "submit") == 0)
		submit();
	else
		return 2;
	pirn_executor_free(pool);
	return 0;
}
