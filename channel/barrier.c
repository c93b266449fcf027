/* SPDX-License-Identifier: MIT */
/*
 * The barrier: who is there, in line, and the number of the round. The last one to come begins a
 * new round, and thereby lets all through who are in line; then it takes them off and wakes them.
 * Those who come meanwhile wait for the next round, behind them in the line.
 *
 * Linearisation: under the lock; all are let through where the round changes. Progress: all wait
 * for the lock. Orderings: the lock does it all. Behind an unlock nothing of one who was taken
 * off is touched; its waker was taken out before.
 */
#include "config.h"

#include "pirn_barrier.h"

#include <string.h>

#include "lock.h"
#include "waiters.h"

struct barrier {
	size_t parties; /* constant; first, where PIRN_BARRIER_INIT puts it */
	/* guarded by the lock */
	struct lock lock;
	unsigned round;
	size_t leaving; /* in line, of rounds before: the first ones there */
	size_t arrived; /* in line, of this round */
	struct waiters line;
};

_Static_assert(sizeof(struct barrier) <= sizeof(struct pirn_barrier) &&
		       offsetof(struct barrier, parties) == offsetof(struct pirn_barrier, parties),
	       "it fits");

#define BATCH 16u /* waiters taken off under one lock */

enum { NEW, WAITED }; /* future.at of a wait */

static struct barrier *of(struct pirn_barrier *b)
{
	return (struct barrier *)(void *)b;
}

void pirn_barrier_init(struct pirn_barrier *b, size_t parties)
{
	memset(b, 0, sizeof(*b));
	b->parties = parties;
}

/* Called with the lock held, returns without. Leaders of two rounds may share the work. */
static void let_through_and_unlock(struct barrier *b)
{
	struct pirn_waker *waker[BATCH];
	bool more;

	for (;;) {
		unsigned n = 0;

		for (; n < BATCH && b->leaving > 0; b->leaving--)
			waker[n++] = pirn__waiters_take(&b->line);
		more = b->leaving > 0;
		unlock(&b->lock);
		for (unsigned i = 0; i < n; i++)
			pirn_waker_wake(waker[i]);
		if (!more)
			return;
		lock(&b->lock);
	}
}

static void must_not_have_moved(const struct pirn_barrier_wait *wait)
{
	if (!in_noted_place(&wait->future))
		pirn_trap(__FILE__, 0, "a wait that was moved, or a copy, is not in line");
}

/* Under the lock: takes a wait off the line, where that was not done yet. */
static struct pirn_waker *leave_line(struct barrier *b, struct pirn_barrier_wait *wait)
{
	if (!waiter_listed(&wait->waiter))
		return NULL;
	if (wait->round == b->round)
		b->arrived--;
	else
		b->leaving--;
	return pirn__waiter_remove(&wait->waiter);
}

/*
 * Under the lock. Behind the unlock the caller drops *old, and its waker if it need not wait (then
 * that has not become the waiter's).
 */
static bool must_wait(struct barrier *b, struct pirn_barrier_wait *wait, struct pirn_waker *waker,
		      struct pirn_waker **old)
{
	struct pirn_waiter *w = &wait->waiter;

	*old = NULL;
	if (wait->future.at == NEW && b->arrived + 1 >= b->parties) {
		wait->leader = true;
		b->round++;
		b->leaving += b->arrived;
		b->arrived = 0;
		return false;
	}
	if (wait->future.at == NEW) {
		if (!b->line.head.next)
			waiters_init(&b->line);
		pirn__waiters_add(&b->line, w, waker, false);
		b->arrived++;
		wait->round = b->round;
		wait->future.at = WAITED;
		note_place(&wait->future);
		return true;
	}
	must_not_have_moved(wait);
	/* Who is off the line is through, whatever the round: its number comes again. */
	if (!waiter_listed(w) || wait->round != b->round) {
		*old = leave_line(b, wait);
		return false;
	}
	*old = w->waker;
	w->waker = waker;
	return true;
}

static enum pirn_poll barrier_wait_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_barrier_wait *wait = (struct pirn_barrier_wait *)(void *)f;
	struct barrier *b = of(wait->barrier);
	struct pirn_waker *waker, *old;
	bool pending;

	if (f->at == NEW && out_of_budget(cx))
		return PIRN_PENDING;
	waker = pirn_waker_clone(cx->waker);
	lock(&b->lock);
	pending = must_wait(b, wait, waker, &old);
	if (wait->leader)
		let_through_and_unlock(b);
	else
		unlock(&b->lock);
	if (old)
		pirn_waker_drop(old);
	if (pending)
		return PIRN_PENDING;
	pirn_waker_drop(waker);
	spend_budget(cx);
	f->err = 0;
	return PIRN_READY;
}

static void barrier_wait_drop(struct pirn_future *f)
{
	struct pirn_barrier_wait *wait = (struct pirn_barrier_wait *)(void *)f;
	struct barrier *b = of(wait->barrier);
	struct pirn_waker *waker;

	if (f->at != WAITED)
		return;
	must_not_have_moved(wait);
	lock(&b->lock);
	waker = leave_line(b, wait);
	unlock(&b->lock);
	if (waker)
		pirn_waker_drop(waker);
}

const struct pirn_future_ops pirn_barrier_wait_ops = {
	.name = "barrier wait",
	.file = __FILE__,
	.size = sizeof(struct pirn_barrier_wait),
	.poll = barrier_wait_poll,
	.drop = barrier_wait_drop,
};
