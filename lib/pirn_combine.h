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
	pirn_poll_fn_ops, pirn_all_ops, pirn_select_ops; /* Threads: any; constants of the makers */

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

/*
 * READY when all branches are. The first error of a branch drops the others and is its err.
 * Dropping it before that drops every branch that has not ended; those that have keep their
 * result, which is the caller's to drop. The array and the futures are borrowed until then. Every
 * wake polls all that are pending: right for a handful.
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
 * READY when one branch is: `won` points to it, and err is its err. Branches are polled in order.
 * The losers are borrowed and stay pending: select again over them, or drop them (a body does so
 * in its finally part). NULL: no branch. Dropping the select drops no branch.
 */
struct pirn_select {
	struct pirn_future future;
	struct pirn_future *branch[4];
	struct pirn_future *won; /* read-only */
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
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
