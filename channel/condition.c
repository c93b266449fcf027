/* SPDX-License-Identifier: MIT */
/*
 * The condition: an event, waited for without the mutex.
 *
 * The wait on the event was made, and comes into line, under the mutex; only then is that
 * unlocked. So a notification behind a change that was made under the mutex later ends it.
 * Linearisation, progress and orderings are those of events and semaphores.
 */
#include "config.h"

#include "pirn_mutex.h"
#include "permits.h"

enum { NEW, WAITED, NOTIFIED }; /* future.at; NOTIFIED: locks again */

static enum pirn_poll condition_wait_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_condition_wait *wait = (struct pirn_condition_wait *)(void *)f;
	struct pirn_mutex_lock *guard = wait->guard;

	if (f->at == NEW && !guard_holds(&guard->future, &guard->request, &pirn_mutex_lock_ops))
		pirn_trap(__FILE__, 0, "a wait with a guard that does not hold its mutex");
	if (f->at != NOTIFIED) {
		enum pirn_poll poll = pirn_poll(&wait->wait.future, cx);

		if (f->at == NEW)
			pirn_mutex_unlock(guard);
		f->at = WAITED;
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
	pirn_drop(&wait->wait.future);
}

const struct pirn_future_ops pirn_condition_wait_ops = {
	.name = "condition wait",
	.file = __FILE__,
	.size = sizeof(struct pirn_condition_wait),
	.poll = condition_wait_poll,
	.drop = condition_wait_drop,
};
