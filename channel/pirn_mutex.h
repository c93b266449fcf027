/* SPDX-License-Identifier: MIT */
/*
 * pirn: mutexes and conditions. One holds a mutex at a time, also across awaits; the others stand
 * in line, and who unlocks hands it to the first of them.
 *
 *	f->lock = pirn_mutex_lock(&mutex);
 *	PIRN_AWAIT(f, &f->lock.future);
 *	while (!thing_is_there()) {           change it under the mutex, then notify
 *		f->wait = pirn_condition_wait(&condition, &f->lock);
 *		PIRN_AWAIT(f, &f->wait.future);
 *	}
 *	...
 *	pirn_mutex_unlock(&f->lock);
 *
 * The future is the guard: from READY on it holds the mutex, and its drop unlocks. A drop is right
 * in each state: one that waits leaves the line, one that was handed the mutex and does not come
 * to use it hands it on. So one pirn_drop in a body's finally part is right wherever the body
 * ends. A guard does not move once it was polled, or written by a call that tries; the drop of a
 * copy traps.
 *
 * One that lost a select is still in line, and may be handed the mutex, which it then keeps from
 * all others (from a second guard of its own body as well: a deadlock): poll it again soon, or drop
 * it. So with the wait for a condition, which may be notified and then keeps that from others.
 *
 * A plain thread locks by `pirn_block_on(&lock.future) == 0`, and waits by pirn_block_on too.
 *
 * Both lie in memory of yours, all zero at first, and need no end; nothing is allocated. They do
 * not move once they were used, not even when nobody holds or waits (so not in an array that
 * grows). They must outlive their guards, their waits and the calls on them: who was handed a
 * mutex may not free it as long as the call that handed it on goes on. (Who shares one counts
 * references, and gives up its own behind its unlock.)
 */
#ifndef PIRN_MUTEX_H
#define PIRN_MUTEX_H

#include <pirn_event.h>
#include <pirn_semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: static, or `= { 0 }` in C, `= {}` in C++ (which may warn of the other). */
struct pirn_mutex {
	struct pirn_semaphore one; /* private */
};

PIRN_API extern const struct pirn_future_ops pirn_mutex_lock_ops,
	pirn_condition_wait_ops; /* Threads: any; constants of the makers below */

/*
 * READY, with err 0, when it holds the mutex. Not recursive: a holder that locks again waits for
 * itself.
 */
struct pirn_mutex_lock {
	struct pirn_future future;
	struct pirn_request request;
	struct pirn_mutex *mutex;
};

static inline struct pirn_mutex_lock pirn_mutex_lock(struct pirn_mutex *m)
{
	struct pirn_mutex_lock f;
	pirn_future_init(&f.future, &pirn_mutex_lock_ops);
	pirn_request_init(&f.request, 1);
	f.mutex = m;
	return f;
}

/*
 * Locks without waiting.
 *
 * Takes:    room for a guard; written on success only.
 * Returns:  0; -EAGAIN: somebody holds it.
 * Threads:  any.
 */
PIRN_API int pirn_mutex_try_lock(struct pirn_mutex *m, struct pirn_mutex_lock *guard);

/*
 * Does this guard hold its mutex? For a finally part, which comes also where the lock was never
 * asked for (all zero), is waited for, or was given back. One that was handed the mutex and was not
 * polled since does not hold it yet; its drop hands it on.
 *
 * Threads:  owner of the guard.
 */
static inline bool pirn_mutex_holds(const struct pirn_mutex_lock *guard)
{
	return pirn_guard_holds(&guard->future, &guard->request);
}

/*
 * Unlocks: the drop, by the name that says what it does.
 *
 * Threads:  owner of the guard.
 */
static inline void pirn_mutex_unlock(struct pirn_mutex_lock *guard)
{
	pirn_drop(&guard->future);
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* All zero, as a mutex. */
struct pirn_condition {
	struct pirn_event event; /* private */
};

/*
 * Unlocks, waits for a notification, and locks again, with the same guard, which lies still
 * meanwhile and is not touched. Traps where that does not hold its mutex, or was used meanwhile.
 * READY, with err 0; look at the thing again then, for the wait may also end for nothing, and
 * others may have come first.
 *
 * Dropped before that, the guard may hold the mutex or not: drop it as well. One that was notified
 * and is dropped hands the notification on.
 */
struct pirn_condition_wait {
	union {
		struct pirn_future future;
		struct pirn_event_wait wait; /* private; the future is its */
	};
	struct pirn_mutex_lock *guard;
};

static inline struct pirn_condition_wait pirn_condition_wait(struct pirn_condition *c,
							     struct pirn_mutex_lock *guard)
{
	struct pirn_condition_wait f;
	f.wait = pirn_event_wait(&c->event);
	f.future.ops = &pirn_condition_wait_ops;
	f.guard = guard;
	return f;
}

/*
 * Ends up to n waits, those that have waited longest first. Change the thing under the mutex, or
 * a wait could miss it; the notification may come under it or behind the unlock.
 *
 * Takes:    n; PIRN_EVENT_ALL: all.
 * Threads:  any.
 */
static inline void pirn_condition_notify(struct pirn_condition *c, size_t n)
{
	pirn_event_notify(&c->event, n);
}

#ifdef __cplusplus
}
#endif
#endif
