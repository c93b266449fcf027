/* SPDX-License-Identifier: MIT */
/*
 * pirn: the smallest futures, and futures made of others.
 */
#ifndef PIRN_COMBINE_H
#define PIRN_COMBINE_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

PIRN_API extern const struct pirn_future_ops pirn_ready_ops, pirn_pending_ops, pirn_yield_ops,
	pirn_poll_fn_ops, pirn_all_ops, pirn_try_all_ops, pirn_race_ops, pirn_select_ops,
	pirn_select_of_ops; /* Threads: any; constants of the makers */

/* READY at once, with this err. */
struct pirn_ready {
	struct pirn_future future;
	int result;
};

static inline struct pirn_ready pirn_ready(int err)
{
	struct pirn_ready f;
	pirn_future_init(&f.future, &pirn_ready_ops);
	f.result = err;
	return f;
}

/* Never READY. */
struct pirn_pending {
	struct pirn_future future;
};

static inline struct pirn_pending pirn_pending(void)
{
	struct pirn_pending f;
	pirn_future_init(&f.future, &pirn_pending_ops);
	return f;
}

/* PENDING once, so that others get their turn; wakes itself. */
struct pirn_yield {
	struct pirn_future future;
};

static inline struct pirn_yield pirn_yield(void)
{
	struct pirn_yield f;
	pirn_future_init(&f.future, &pirn_yield_ops);
	return f;
}

/* A future from a plain function, which is the poll; where it returns READY, *err is its err. */
typedef enum pirn_poll pirn_poll_function(void *arg, struct pirn_context *cx, int *err);

struct pirn_poll_fn {
	struct pirn_future future;
	pirn_poll_function *poll;
	void *arg;
};

static inline struct pirn_poll_fn pirn_poll_fn(pirn_poll_function *poll, void *arg)
{
	struct pirn_poll_fn f;
	pirn_future_init(&f.future, &pirn_poll_fn_ops);
	f.poll = poll;
	f.arg = arg;
	return f;
}

/* ---- of others ----------------------------------------------------------------------------- */

/*
 * Branches are borrowed, the array as well, until the future over them is READY or dropped. They
 * are new or pending, and none stands there twice; NULL: no branch. Nothing is allocated.
 *
 * They wait with the waker of the task, so each wake polls all that are pending. With n recvs that
 * wait it costs 0.04 us for n = 2, 0.05 for 4, 0.1 for 8, 0.2 for 16, 0.6 for 64, 1.9 for 256, 8
 * for 1024, 80 for 10^4 (bench/combine.c, an EPYC; beside a busy neighbour twice that). n branches
 * that are woken one by one cost n such wakes: from n of about 20 on, a task for each, and one join
 * after the other, is cheaper; twice at 64, six times at 256, twenty times at 1024.
 */

/*
 * READY when all branches are, however they end; err: the first error in the order of the array,
 * or 0. One that has ended before counts as well. Dropping it drops the branches that have not
 * ended; results are the caller's.
 */
struct pirn_all {
	struct pirn_future future;
	struct pirn_future **branch;
	size_t n;
};

static inline struct pirn_all pirn_all(struct pirn_future **branch, size_t n)
{
	struct pirn_all f;
	pirn_future_init(&f.future, &pirn_all_ops);
	f.branch = branch;
	f.n = n;
	return f;
}

/*
 * The same, but the first error that is seen drops the branches that have not ended, and is err.
 * Whose it was: those that were dropped are empty (ops NULL), so look for ops and err.
 */
struct pirn_try_all {
	struct pirn_future future;
	struct pirn_future **branch;
	size_t n;
};

static inline struct pirn_try_all pirn_try_all(struct pirn_future **branch, size_t n)
{
	struct pirn_try_all f;
	pirn_future_init(&f.future, &pirn_try_all_ops);
	f.branch = branch;
	f.n = n;
	return f;
}

/*
 * READY when one branch is, also with an error: `won` points to it, err is its err, and the others
 * are dropped. Branches are polled in order. Dropping the race drops all of them.
 */
struct pirn_race {
	struct pirn_future future;
	struct pirn_future **branch;
	size_t n;                /* 0, or no branch but NULL: a trap, here and in a select */
	struct pirn_future *won; /* read-only */
};

static inline struct pirn_race pirn_race(struct pirn_future **branch, size_t n)
{
	struct pirn_race f;
	pirn_future_init(&f.future, &pirn_race_ops);
	f.branch = branch;
	f.n = n;
	f.won = NULL;
	return f;
}

/*
 * READY when one branch is: `won` points to it, and err is its err. The losers stay pending, and
 * have lost nothing: select again over them, or drop them (a body does so in its finally part).
 * Dropping the select drops no branch.
 *
 * A loser that is not polled again soon must be dropped, not kept while something else is awaited.
 * It stays in line, and holds what it is notified of: a message wakes it and nobody else, a mutex
 * is handed to it, also against its own task, which then waits for itself.
 *
 * Branches are polled in order: one that is READY each time hides those behind it. With
 * `f->select.fair = true`, set before the first poll, each poll begins at a branch taken at
 * random, so that every branch gets its turn, also where the select is made anew each time.
 */
struct pirn_select {
	struct pirn_future future;
	struct pirn_future *branch[4];
	struct pirn_future *won; /* read-only */
	bool fair;
};

static inline struct pirn_select pirn_select(struct pirn_future *a, struct pirn_future *b,
					     struct pirn_future *c, struct pirn_future *d)
{
	struct pirn_select f;
	pirn_future_init(&f.future, &pirn_select_ops);
	f.branch[0] = a;
	f.branch[1] = b;
	f.branch[2] = c;
	f.branch[3] = d;
	f.won = NULL;
	f.fair = false;
	return f;
}

/* The same over an array. */
struct pirn_select_of {
	struct pirn_future future;
	struct pirn_future **branch;
	size_t n;
	struct pirn_future *won; /* read-only */
	bool fair;
};

static inline struct pirn_select_of pirn_select_of(struct pirn_future **branch, size_t n)
{
	struct pirn_select_of f;
	pirn_future_init(&f.future, &pirn_select_of_ops);
	f.branch = branch;
	f.n = n;
	f.won = NULL;
	f.fair = false;
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
