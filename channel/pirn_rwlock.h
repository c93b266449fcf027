/* SPDX-License-Identifier: MIT */
/*
 * pirn: locks for many readers or one writer, also across awaits. First come, first served: who
 * reads behind a writer that waits, waits too. (So one that reads, and asks to read once more,
 * may wait for a writer that waits for it.)
 *
 *	f->lock = pirn_rwlock_read(&rwlock);  or pirn_rwlock_write
 *	PIRN_AWAIT(f, &f->lock.future);
 *	...
 *	pirn_rwlock_unlock(&f->lock);
 *
 * The future is the guard: from READY on it holds the lock, and its drop unlocks. A drop is right
 * in each state: one that waits leaves the line, one that was handed the lock and does not come to
 * use it hands it on. So one pirn_drop in a body's finally part is right wherever the body ends. A
 * guard does not move once it was polled, or written by a call that tries; the drop of a copy
 * traps.
 *
 * One that lost a select is still in line, and may be handed the lock, which it then keeps from
 * others (from a second guard of its own body as well: a deadlock): poll it again soon, or drop it.
 *
 * A plain thread locks by `pirn_block_on(&lock.future) == 0`.
 *
 * An rwlock lies in memory of yours, all zero at first, and needs no end; nothing is allocated. It
 * does not move once it was used, not even when nobody holds or waits (so not in an array that
 * grows). It must outlive its guards and the calls on it: who was handed it may not free it as long
 * as the call that handed it on goes on. (Who shares one counts references, and gives up its own
 * behind its unlock.)
 */
#ifndef PIRN_RWLOCK_H
#define PIRN_RWLOCK_H

#include <pirn_semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: static, or `= { 0 }` in C, `= {}` in C++ (which may warn of the other). */
struct pirn_rwlock {
	struct pirn_semaphore readers; /* private */
};

#define PIRN_RWLOCK_ALL (SIZE_MAX / 2) /* permits; a reader has one, the writer all */

PIRN_API extern const struct pirn_future_ops pirn_rwlock_lock_ops; /* Threads: any; a constant */

/* READY, with err 0, when it holds the lock. */
struct pirn_rwlock_lock {
	struct pirn_future future;
	struct pirn_request request;
	struct pirn_rwlock *rwlock;
};

/* What the two below are made of. */
static inline struct pirn_rwlock_lock pirn_rwlock_lock(struct pirn_rwlock *rw, size_t permits)
{
	struct pirn_rwlock_lock f;
	pirn_future_init(&f.future, &pirn_rwlock_lock_ops);
	pirn_request_init(&f.request, permits);
	f.rwlock = rw;
	return f;
}

static inline struct pirn_rwlock_lock pirn_rwlock_read(struct pirn_rwlock *rw)
{
	return pirn_rwlock_lock(rw, 1);
}

static inline struct pirn_rwlock_lock pirn_rwlock_write(struct pirn_rwlock *rw)
{
	return pirn_rwlock_lock(rw, PIRN_RWLOCK_ALL);
}

/*
 * Locks without waiting.
 *
 * Takes:    room for a guard; written on success only.
 * Returns:  0; -EAGAIN: a writer holds it (or, to write: anybody), or somebody waits.
 * Threads:  any.
 */
PIRN_API int pirn_rwlock_try_read(struct pirn_rwlock *rw, struct pirn_rwlock_lock *guard);
PIRN_API int pirn_rwlock_try_write(struct pirn_rwlock *rw,
				   struct pirn_rwlock_lock *guard); /* Threads: any */

/*
 * Makes a reader of the writer, with the same guard; no other writer comes in between.
 *
 * Takes:    a guard that holds the lock to write; traps on others.
 * Threads:  owner of the guard.
 */
PIRN_API void pirn_rwlock_downgrade(struct pirn_rwlock_lock *guard);

/*
 * Does this guard hold the lock, to read or to write? As pirn_mutex_holds.
 *
 * Threads:  owner of the guard.
 */
static inline bool pirn_rwlock_holds(const struct pirn_rwlock_lock *guard)
{
	return pirn_guard_holds(&guard->future, &guard->request);
}

/*
 * Unlocks: the drop, by the name that says what it does.
 *
 * Threads:  owner of the guard.
 */
static inline void pirn_rwlock_unlock(struct pirn_rwlock_lock *guard)
{
	pirn_drop(&guard->future);
}

#ifdef __cplusplus
}
#endif
#endif
