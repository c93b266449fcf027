/* SPDX-License-Identifier: MIT */
/* What it costs a task to wait for n futures at once. */
#include "cases.h"

#include <errno.h>

#include <pirn_channel.h>

#define POLLS 4000000 /* of branches, about, */
#define WAKES 200     /* but so many wakes at least */

PIRN_CHANNEL(number, uint64_t, NULL);

/* ---- one ticks, the others wait ------------------------------------------------------------ */

/* Wakes its task so many times; then it is READY, and all that wait for the channel are. */
struct ticker {
	uint64_t left;
	struct number_receiver *rx;
};

static enum pirn_poll tick(void *arg, struct pirn_context *cx, int *err)
{
	struct ticker *t = arg;

	*err = 0;
	if (t->left == 0) {
		number_receiver_close(t->rx);
		return PIRN_READY;
	}
	t->left--;
	pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

struct watcher {
	struct pirn_future future;
	struct pirn_future **branch;
	size_t n;
	bool wait_for_all;
	struct pirn_all all;
	struct pirn_select_of select;
};

PIRN_ASYNC(watcher, f)
{
	PIRN_BEGIN(f);
	f->all = pirn_all(f->branch, f->n);
	f->select = pirn_select_of(f->branch, f->n);
	PIRN_AWAIT(f, f->wait_for_all ? &f->all.future : &f->select.future);
	PIRN_END(f);
}

/* Wakes a watcher of n branches so many times. Returns how many branches ended as they should. */
static uint64_t measure(struct run *run, struct pirn_executor *pool, bool wait_for_all, size_t n,
			uint64_t wakes)
{
	struct pirn_future **branch = allocate(run, n * sizeof(*branch));
	struct pirn_recv *recv = allocate(run, n * sizeof(*recv));
	struct watcher w = { PIRN_INIT(watcher), .branch = branch, .n = n,
			     .wait_for_all = wait_for_all };
	struct ticker ticker = { .left = wakes };
	struct pirn_poll_fn first = pirn_poll_fn(tick, &ticker);
	struct number_sender *tx = NULL;
	uint64_t nothing, ended = 0;
	struct pirn_all all;

	bench_ok(run, number_channel(&tx, &ticker.rx, 1));
	branch[0] = &first.future;
	for (size_t i = 1; i < n; i++) {
		recv[i] = number_recv(ticker.rx, &nothing);
		branch[i] = &recv[i].future;
	}
	run_start(run);
	bench_run(run, pool, &w.future);
	run_stop(run);
	if (ticker.left > 0)
		run_fail(run, "READY too early");
	all = pirn_all(branch, n); /* the losers of the select have lost nothing */
	pirn_block_on(&all.future);
	for (size_t i = 0; i < n; i++)
		ended += branch[i]->at == PIRN_AT_READY && branch[i]->err == (i ? -EPIPE : 0);
	number_sender_unref(tx);
	number_receiver_unref(ticker.rx);
	free(branch);
	free(recv);
	return ended;
}

/* ---- each is woken by itself: in one task, or in a task for each ---------------------------- */

/* Sends a number into each of n channels, and lets who waits for it run before the next. */
struct feeder {
	struct pirn_future future;
	struct number_sender **tx;
	uint64_t i, n;
};

PIRN_ASYNC(feeder, f)
{
	PIRN_BEGIN(f);
	for (; f->i < f->n; f->i++) {
		number_try_send(f->tx[f->i], &f->i);
		PIRN_YIELD(f);
	}
	PIRN_END(f);
}

struct eater {
	struct pirn_future future;
	struct number_receiver *rx;
	uint64_t *number;
	struct pirn_recv recv;
};

PIRN_ASYNC(eater, f)
{
	PIRN_BEGIN(f);
	f->recv = number_recv(f->rx, f->number);
	PIRN_TRY(f, &f->recv.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	PIRN_END(f);
}

struct diners {
	struct pirn_future future;
	bool task_each;
	uint64_t i, n, rounds;
	struct number_sender **tx;
	struct number_receiver **rx;
	struct pirn_recv *recv;
	struct pirn_future **branch;
	struct pirn_task **task;
	uint64_t *number, *count;
	struct pirn_all all;
	struct pirn_join join;
};

static int diners_sit_down(struct diners *f, struct pirn_executor *ex)
{
	struct feeder feeder = { PIRN_INIT(feeder), .tx = f->tx, .n = f->n };
	int err = 0;

	for (uint64_t i = 0; i < f->n && !err; i++) {
		struct eater e = { PIRN_INIT(eater), .rx = f->rx[i], .number = &f->number[i] };

		f->number[i] = f->n;
		f->recv[i] = number_recv(f->rx[i], &f->number[i]);
		f->branch[i] = &f->recv[i].future;
		if (f->task_each)
			err = pirn_spawn(ex, &f->task[i], &e.future);
	}
	return err ? err : pirn_spawn(ex, NULL, &feeder.future);
}

PIRN_ASYNC(diners, f)
{
	PIRN_BEGIN(f);
	for (; f->rounds > 0; f->rounds--) {
		if (diners_sit_down(f, cx->executor) != 0)
			PIRN_RETURN(f, -ENOMEM);
		f->all = pirn_all(f->branch, f->n);
		if (!f->task_each)
			PIRN_TRY(f, &f->all.future);
		for (f->i = 0; f->task_each && f->i < f->n; f->i++) {
			f->join = pirn_join(f->task[f->i]);
			PIRN_TRY(f, &f->join.future);
			pirn_task_detach(f->task[f->i]);
		}
		*f->count = 0;
		for (uint64_t i = 0; i < f->n; i++)
			*f->count += f->number[i] == i;
	}
	PIRN_END(f);
}

/* Returns how many had their number in the last round. */
static uint64_t dine(struct run *run, struct pirn_executor *pool, bool task_each, uint64_t rounds)
{
	uint64_t n = run->n, count = 0;
	struct diners f = { PIRN_INIT(diners), .task_each = task_each, .n = n, .rounds = rounds,
			    .count = &count },
		      spawned;

	f.tx = allocate(run, n * sizeof(*f.tx));
	f.rx = allocate(run, n * sizeof(*f.rx));
	f.recv = allocate(run, n * sizeof(*f.recv));
	f.branch = allocate(run, n * sizeof(*f.branch));
	f.task = allocate(run, n * sizeof(*f.task));
	f.number = allocate(run, n * sizeof(*f.number));
	for (uint64_t i = 0; i < n; i++)
		bench_ok(run, number_channel(&f.tx[i], &f.rx[i], 1));
	spawned = f;
	run_start(run);
	bench_run(run, pool, &spawned.future);
	run_stop(run);
	for (uint64_t i = 0; i < n; i++) {
		number_sender_unref(f.tx[i]);
		number_receiver_unref(f.rx[i]);
	}
	free(f.tx);
	free(f.rx);
	free(f.recv);
	free(f.branch);
	free(f.task);
	free(f.number);
	return count;
}

/* Seconds of the clock since the last time. */
static double lap(const struct run *run, double *before)
{
	double seconds = run->seconds - *before;

	*before = run->seconds;
	return seconds;
}

void combine(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t wakes = POLLS / run->n + WAKES, rounds = POLLS / run->n / run->n + 1;
	double before = 0, ends = (double)(rounds * run->n);

	run_check(run, measure(run, pool, true, run->n, wakes));
	run->ns_per_op = lap(run, &before) * 1e9 / (double)wakes;
	run_check(run, measure(run, pool, false, run->n, wakes));
	run_extra(run, "select_ns", lap(run, &before) * 1e9 / (double)wakes);
	run_check(run, dine(run, pool, false, rounds));
	run_extra(run, "end_by_all_ns", lap(run, &before) * 1e9 / ends);
	run_check(run, dine(run, pool, true, rounds));
	run_extra(run, "end_by_tasks_ns", lap(run, &before) * 1e9 / ends);
	pirn_executor_free(pool);
}
