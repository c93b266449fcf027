/* SPDX-License-Identifier: MIT */
/* What a wake costs a task that waits for n futures at once: one ticks, the others wait. */
#include "cases.h"

#include <errno.h>

#include <pirn_channel.h>

#define POLLS 4000000 /* of branches, about, */
#define WAKES 200     /* but so many wakes at least */

PIRN_CHANNEL(number, uint64_t, NULL);

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

void combine(struct run *run)
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t wakes = POLLS / run->n + WAKES;
	double all;

	run_check(run, measure(run, pool, true, run->n, wakes));
	all = run->seconds;
	run->ns_per_op = all * 1e9 / (double)wakes;
	run_check(run, measure(run, pool, false, run->n, wakes));
	run_extra(run, "select_ns", (run->seconds - all) * 1e9 / (double)wakes);
	pirn_executor_free(pool);
}
