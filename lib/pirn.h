/* SPDX-License-Identifier: MIT */
/*
 * pirn: futures, wakers, contexts, and a way to wait for one future from a plain thread.
 *
 * A future is a struct whose first member is struct pirn_future. It is embedded by value, polled
 * until it is READY, and dropped. Nothing is allocated to await something. A *maker* returns the
 * future by value (`f->nap = pirn_yield();`). A future with ops NULL is empty: so all-zero memory
 * is one, and what a drop leaves, whatever its other fields say. A future may be moved (the source
 * is then dead) until it is first polled, never after.
 *
 * Errors: functions that can fail return int: 0, or a negative errno. Nothing is in errno.
 * -ENOMEM, -EAGAIN: nothing happened (but to a batch, which may have gone in part). Their names are
 * in <errno.h>, which is yours to include.
 * A broken contract calls pirn_trap.
 *
 * `Threads:` has six values. any: from any thread at any time. owner: not at the same time as
 * another call on the same object. holder: whoever holds the handle. poll: only inside a poll.
 * outside: on a thread that is not inside a poll of pirn's. the executor's: on the one thread of a
 * local or static executor.
 */
#ifndef PIRN_H
#define PIRN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pirn_platform.h>

#define PIRN_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- futures ------------------------------------------------------------------------------- */

enum pirn_poll { PIRN_PENDING, PIRN_READY };

struct pirn_context;
struct pirn_executor;
struct pirn_future;

struct pirn_future_ops {
	const char *name, *file; /* for people: what it is, where it is written */
	size_t size;             /* of the whole future: what a spawn moves */
	/*
	 * PENDING: the context's waker will be woken. READY: err is set, nothing is held but
	 * the result. Called through pirn_poll only.
	 */
	enum pirn_poll (*poll)(struct pirn_future *, struct pirn_context *);
	/* Any state but empty: cancel what is pending, release what is left. NULL: nothing is. */
	void (*drop)(struct pirn_future *);
};

struct pirn_future {
	const struct pirn_future_ops *ops; /* NULL: empty */
	struct pirn_future *awaits;        /* the child it waits for, or NULL */
	int err;                           /* how it ended: 0 or -errno; valid from READY on */
	unsigned at;                       /* where it stands: 0 not polled; a body: the line */
};

static inline void pirn_future_init(struct pirn_future *f, const struct pirn_future_ops *ops)
{
	f->ops = ops;
	f->awaits = NULL;
	f->err = 0;
	f->at = 0;
}

#define PIRN_AT_READY (~0u)
#define PIRN_AT_FINALLY (~0u - 1)

/* What pirn_poll does, for the macros, which know whom to blame; file NULL: the future. */
static inline enum pirn_poll pirn_poll_at(struct pirn_future *f, struct pirn_context *cx,
					  const char *file, unsigned line)
{
	if (!f->ops)
		pirn_trap(file, line, "polled an empty future: never made, moved away or dropped");
	if (f->at == PIRN_AT_READY)
		pirn_trap(file ? file : f->ops->file, line, "polled a future that has ended");
	if (f->ops->poll(f, cx) == PIRN_PENDING)
		return PIRN_PENDING;
	f->at = PIRN_AT_READY;
	return PIRN_READY;
}

/*
 * Polls a future: the only way to do it. Traps on one that is empty, READY or dropped.
 *
 * Returns:  PIRN_PENDING (the waker of cx will be woken), or PIRN_READY (f->err: how it ended).
 * Threads:  owner.
 */
static inline enum pirn_poll pirn_poll(struct pirn_future *f, struct pirn_context *cx)
{
	return pirn_poll_at(f, cx, NULL, 0);
}

/*
 * Ends a future in any state, releases an untaken result, and leaves it empty: ops is NULL, and the
 * other fields say nothing. Twice is fine.
 *
 * Threads:  owner. Runs the future's clean-up, which never waits for another task.
 */
PIRN_API void pirn_drop(struct pirn_future *f);

/* ---- wakers -------------------------------------------------------------------------------- */

/*
 * A waker is one pointer, to an object whose first word is its operations. Two wakers wake the
 * same task when the pointers are equal. All four may be called on any thread, at any time, also
 * long after the task has ended; none allocates, fails or polls, and none waits for more than a
 * lock that is held for a few instructions (so: not in a signal handler; see pirn_event.h, and
 * pirn_static.h, whose tasks' wakers wait for nothing).
 */
struct pirn_waker {
	const struct pirn_waker_ops *ops;
};

struct pirn_waker_ops {
	struct pirn_waker *(*clone)(struct pirn_waker *); /* one reference more */
	void (*wake)(struct pirn_waker *);                /* uses the reference up */
	void (*wake_by_ref)(struct pirn_waker *);
	void (*drop)(struct pirn_waker *); /* one reference less */
};

static inline struct pirn_waker *pirn_waker_clone(struct pirn_waker *w)
{
	return w->ops->clone(w);
}

static inline void pirn_waker_wake(struct pirn_waker *w)
{
	w->ops->wake(w);
}

static inline void pirn_waker_wake_by_ref(struct pirn_waker *w)
{
	w->ops->wake_by_ref(w);
}

static inline void pirn_waker_drop(struct pirn_waker *w)
{
	w->ops->drop(w);
}

/* Whoever waits in a line, of a channel or an event; lies in the future. */
struct pirn_waiter {
	/* private */
	struct pirn_waiter *next, *prev;
	struct pirn_waker *waker;
};

/* ---- contexts ------------------------------------------------------------------------------ */

/* Valid for one poll, never stored. Made by whoever polls; leaves read it. */
struct pirn_context {
	/* read-only */
	struct pirn_waker *waker;       /* borrowed; pirn_waker_keep clones it */
	struct pirn_executor *executor; /* NULL: none; leaves that need one take the default pool */
	/* private */
	struct pirn_context *outer; /* the poll this one is nested in, on the same stack */
	unsigned budget;            /* left before this poll yields, in eighths of an operation */
	bool self_woken;            /* woken by itself while it is being polled */
};

/* Channel operations, or eight times as many tasks run in place by a join. */
#define PIRN_BUDGET 128

/*
 * Prepares a context for one poll; for those who write a loop of their own.
 *
 * Takes:    a waker that outlives the poll, and an executor or NULL.
 * Threads:  owner.
 */
static inline void pirn_context_init(struct pirn_context *cx, struct pirn_waker *waker,
				     struct pirn_executor *executor)
{
	cx->waker = waker;
	cx->executor = executor;
	cx->outer = NULL;
	cx->budget = 8 * PIRN_BUDGET;
	cx->self_woken = false;
}

/*
 * Clones the context's waker into *slot, unless the same one is there already; what was there is
 * dropped. For leaves that keep one waker: wake it, or drop it, once.
 *
 * Threads:  poll.
 */
PIRN_API void pirn_waker_keep(struct pirn_waker **slot, struct pirn_context *cx);

/*
 * Runs one future to its end on the calling thread, which sleeps while it is pending.
 *
 * Takes:    a future that the caller keeps: read its result, then drop it if it owns something.
 * Returns:  the future's err; -ENOMEM before the first poll (the future is as it was).
 * Threads:  outside. Traps inside a poll, on workers too. Polls nothing but f: where f waits for a
 *           task that only this thread could poll (of a local executor, of a pool without threads),
 *           it waits for ever; pirn_executor_run polls both.
 */
PIRN_API int pirn_block_on(struct pirn_future *f);

#ifdef __cplusplus
}
#endif

#include <pirn_async.h>
#include <pirn_combine.h>
#include <pirn_executor.h>
#include <pirn_task.h>

#endif
