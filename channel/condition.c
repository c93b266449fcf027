/* SPDX-License-Identifier: MIT */
/*
 * The condition: an event, waited for without the mutex. The wait is an event's, with a guard
 * behind it: that one's operations poll and drop it, until it was notified.
 *
 * It comes into line under the mutex; only then is that unlocked. So a notification behind a change
 * that was made under the mutex later ends it. Linearisation, progress and orderings are those of
 * events and semaphores.
 */
#include "config.h"

#include "pirn_mutex.h"
#include "permits.h"

/* Where a pointer has 8 bytes. */
_Static_assert(sizeof(struct pirn_condition_wait) <= 64, "who waits has 64 bytes at most");

/* future.at: NEW and the next as in event.c; NOTIFIED: locks again. */
enum { NEW, NOTIFIED = 2 };

static enum pirn_poll condition_wait_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_condition_wait *wait = (struct pirn_condition_wait *)(void *)f;
	struct pirn_mutex_lock *guard = wait->guard;
	bool first = f->at == NEW;

	if (first && !guard_holds(&guard->future, &guard->request, &pirn_mutex_lock_ops))
		pirn_trap(__FILE__, 0, "a wait with a guard that does not hold its mutex");
	if (first && out_of_budget(cx)) /* not in line: not unlocked either */
		return PIRN_PENDING;
	if (f->at != NOTIFIED) {
		enum pirn_poll poll = pirn_event_wait_ops.poll(f, cx);

		if (first)
			pirn_mutex_unlock(guard);
		if (poll == PIRN_PENDING)
			return PIRN_PENDING;
		f->at = NOTIFIED;
		if (guard->future.ops)
			pirn_trap(__FILE__, 0, "a guard that was used while its wait goes on");
		*guard = pirn_mutex_lock(guard->mutex);
	}
	if (pirn_poll(&guard->future, cx) == PIRN_PENDING)
		return PIRN_PENDING;
	f->err = 0;
	return PIRN_READY;
}

/* The guard is its owner's to drop, as always. */
static void condition_wait_drop(struct pirn_future *f)
{
	struct pirn_condition_wait *wait = (struct pirn_condition_wait *)(void *)f;

	if (f->at == NOTIFIED)
		pirn_event_notify(wait->wait.event, 1);
	else
		pirn_event_wait_ops.drop(f);
}

const struct pirn_future_ops pirn_condition_wait_ops = {
	.name = "condition wait",
	.file = __FILE__,
	.size = sizeof(struct pirn_condition_wait),
	.poll = condition_wait_poll,
	.drop = condition_wait_drop,
};
