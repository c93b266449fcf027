/* SPDX-License-Identifier: MIT */
/*
 * The event: a count of notifications, a line of waiters, a lock around the line.
 *
 * Linearisation: a notification takes effect at its addition to the count. A wait that is in line
 * by then ends; so does one that was made before and comes into line behind it, since it compares
 * the count with the one of its making. Progress: a notification that finds nobody in line is
 * wait-free, else it waits for the lock; pirn_event_signal is lock-free.
 *
 * A handler may have interrupted the holder of the lock. It only tries the lock, and leaves
 * `signal` set where it cannot have it; whoever unlocks, and is no handler, looks there behind the
 * unlock.
 *
 * Orderings.
 *
 *   tag   writer                        reader                       without it
 *   [V1]  notify, signal: count + 1,    wait: listed + 1, then load  both miss each other: the
 *         then load listed (seq_cst)    count (all four seq_cst)     wait is in line, not notified
 *   [V2]  signal: signal := 1, then     unlock, then signal := 0     both miss each other: the
 *         try the lock (acq_rel)        (acq_rel)                    signal ends no wait
 *   [V3]  notify: release of count      count: acquire               who finds the count changed
 *                                                                    misses what has changed
 */
#include "config.h"

#include "pirn_event.h"

#include <errno.h>

#include "atomic.h"
#include "lock.h"
#include "thread.h"
#include "waiters.h"

struct event {
	struct half count;  /* of notifications */
	struct half listed; /* how many are in line; written under the lock */
	struct half signal; /* one has come that found the lock held */
	struct lock lock;
	struct waiters line; /* guarded by the lock; zero until the first one comes */
};

_Static_assert(sizeof(struct event) <= sizeof(struct pirn_event), "it fits");

#define BATCH 16u /* waiters taken off under one lock */

static struct event *of(struct pirn_event *e)
{
	return (struct event *)(void *)e;
}

/* Under the lock. */
static void add_listed(struct event *e, uint32_t n)
{
	/* [V1] With less, a notification could miss us and we could miss it. */
	half_add_seq_cst(&e->listed, n);
}

static struct pirn_waker *take_first(struct event *e)
{
	struct pirn_waker *waker = e->line.head.next ? pirn__waiters_take(&e->line) : NULL;

	if (waker)
		add_listed(e, -1u);
	return waker;
}

/* The second of the two exchanges sees what was before the first one. */
static bool signalled(struct event *e)
{
	/* [V2] With less, a signal could find the lock held and we could miss the signal. */
	return half_exchange_acq_rel(&e->signal, 0) != 0;
}

/* Those who come into line meanwhile have seen the new count. */
static void end_waits(struct event *e, size_t n)
{
	struct pirn_waker *waker[BATCH];
	bool first = true;

	do {
		unsigned taken = 0;

		lock(&e->lock);
		if (first && n > half_load_relaxed(&e->listed))
			n = half_load_relaxed(&e->listed);
		while (taken < BATCH && taken < n && (waker[taken] = take_first(e)))
			taken++;
		unlock(&e->lock);
		n = taken < BATCH ? 0 : n - taken;
		for (unsigned i = 0; i < taken; i++)
			pirn_waker_wake(waker[i]);
		first = signalled(e);
		if (first)
			n = PIRN_EVENT_ALL;
	} while (n > 0);
}

static void unlock_event(struct event *e)
{
	unlock(&e->lock);
	if (signalled(e))
		end_waits(e, PIRN_EVENT_ALL);
}

/* Is there somebody to notify? */
static bool count_one(struct event *e)
{
	/* [V1] With less, a wait could miss us and we could miss it. [V3] Without release who sees
	 * the count could miss what has changed. */
	half_add_seq_cst(&e->count, 1);
	return half_load_seq_cst(&e->listed) > 0; /* [V1] */
}

void pirn_event_notify(struct pirn_event *e, size_t n)
{
	if (n > 0 && count_one(of(e)))
		end_waits(of(e), n);
}

uint32_t pirn_event_count(struct pirn_event *e)
{
	/* [V3] Without acquire the caller could look at the thing as it was before. */
	return half_load_acquire(&of(e)->count);
}

/* ---- in a signal handler ------------------------------------------------------------------- */

#ifdef PIRN_POSIX_PARK

int pirn_event_signal(struct pirn_event *e)
{
	(void)e;
	return -ENOTSUP;
}

#else

/*
 * Under the lock. Nothing is dropped, since that might free: the waiter keeps its waker, and its
 * own thread drops it.
 */
static void wake_by_signal(struct event *e)
{
	struct pirn_waiter *w;

	while ((w = e->line.head.next) && w != &e->line.head) {
		struct pirn_waker *waker = pirn__waiter_remove(w);

		add_listed(e, -1u);
		w->waker = waker;
		pirn_waker_wake_by_ref(waker);
	}
}

int pirn_event_signal(struct pirn_event *event)
{
	struct pirn_thread interrupted = pirn__thread;
	struct event *e = of(event);
	int err = errno;

	/* A thread of nobody's, so that no queue of a worker is touched, and no poll. */
	pirn__thread = (struct pirn_thread){ .in_handler = true };
	if (count_one(e)) {
		/* [V2] With less, the holder of the lock could miss us. */
		half_exchange_acq_rel(&e->signal, 1);
		if (try_lock(&e->lock)) {
			wake_by_signal(e);
			/*
			 * Under the lock: whoever failed because of us, or of those before us, had
			 * its waits in line by now, and they are served. Behind the unlock this
			 * could be the signal of one who relies on the next holder.
			 */
			signalled(e); /* under the lock */
			unlock(&e->lock);
		}
	}
	pirn__thread = interrupted;
	errno = err; /* as the interrupted thread had it */
	return 0;
}

#endif

/* ---- waiting ------------------------------------------------------------------------------- */

enum { NEW, WAITED }; /* future.at; condition.c goes on behind them */

/* Under the lock. The caller drops *waker after the unlock if it has not become the waiter's. */
static bool must_wait(struct event *e, struct pirn_future *f, struct pirn_waiter *w,
		      struct pirn_waker **waker)
{
	if (f->at == NEW) {
		if (!e->line.head.next)
			waiters_init(&e->line);
		pirn__waiters_add(&e->line, w, *waker, false);
		add_listed(e, 1);
		*waker = NULL;
		f->at = WAITED;
		/* [V1] With less, we could miss a notification that misses us. */
		if (half_load_seq_cst(&e->count) == (uint32_t)f->err)
			return true;
		add_listed(e, -1u);
		*waker = pirn__waiter_remove(w);
		return false;
	}
	if (waiter_listed(w)) {
		struct pirn_waker *old = w->waker;

		w->waker = *waker;
		*waker = old;
		return true;
	}
	return false;
}

static enum pirn_poll event_wait_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_event_wait *wait = (struct pirn_event_wait *)(void *)f;
	struct pirn_waiter *w = &wait->waiter;
	struct event *e = of(wait->event);
	struct pirn_waker *waker;
	bool pending = false;

	if (out_of_budget(cx))
		return PIRN_PENDING;
	if (f->at == WAITED || pirn_event_count(wait->event) == (uint32_t)f->err) {
		waker = pirn_waker_clone(cx->waker);
		lock(&e->lock);
		pending = must_wait(e, f, w, &waker);
		unlock_event(e);
		if (waker)
			pirn_waker_drop(waker);
	}
	if (pending)
		return PIRN_PENDING;
	if (w->waker) {
		pirn_waker_drop(w->waker); /* left there by a signal */
		w->waker = NULL;
	}
	spend_budget(cx);
	f->err = 0;
	return PIRN_READY;
}

static void event_wait_drop(struct pirn_future *f)
{
	struct pirn_event_wait *wait = (struct pirn_event_wait *)(void *)f;
	struct event *e = of(wait->event);
	struct pirn_waker *waker, *next = NULL;

	if (f->at != WAITED)
		return;
	lock(&e->lock);
	waker = wait->waiter.waker;
	if (waiter_listed(&wait->waiter)) {
		pirn__waiter_remove(&wait->waiter);
		add_listed(e, -1u);
	} else {
		next = take_first(e); /* it was notified, and hands that on */
	}
	unlock_event(e);
	if (waker)
		pirn_waker_drop(waker);
	if (next)
		pirn_waker_wake(next);
}

const struct pirn_future_ops pirn_event_wait_ops = {
	.name = "event wait",
	.file = __FILE__,
	.size = sizeof(struct pirn_event_wait),
	.poll = event_wait_poll,
	.drop = event_wait_drop,
};
