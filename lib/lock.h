/* SPDX-License-Identifier: MIT */
/*
 * A lock for sections of a few dozen instructions (but for the making of the default pool). It
 * spins a little, since a sleeping thread costs 10 to 50 microseconds to wake, then sleeps. No
 * user code ever runs under one.
 *
 * Orderings.
 *
 *   tag   writer                       reader                     without it
 *   [L1]  unlock: release on state     lock: acquire on state     the next holder reads the guarded
 *                                                                 memory before it was written
 */
#ifndef PIRN_LOCK_H
#define PIRN_LOCK_H

#include "atomic.h"
#include "park.h"

#ifdef PIRN_POSIX_PARK

struct lock {
	pthread_mutex_t mutex;
};

/* clang-format off */
# define LOCK_INIT { PTHREAD_MUTEX_INITIALIZER }
/* clang-format on */

static inline void lock_init(struct lock *l)
{
	pthread_mutex_init(&l->mutex, NULL);
}

static inline void lock_deinit(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

static inline void lock(struct lock *l)
{
	pthread_mutex_lock(&l->mutex);
}

static inline bool try_lock(struct lock *l)
{
	return pthread_mutex_trylock(&l->mutex) == 0;
}

static inline void unlock(struct lock *l)
{
	pthread_mutex_unlock(&l->mutex);
}

#else

enum { LOCK_FREE, LOCK_HELD, LOCK_AWAITED }; /* AWAITED: held, and somebody may sleep */

struct lock {
	struct half state;
};

/* clang-format off */
# define LOCK_INIT { { LOCK_FREE } }
/* clang-format on */

void pirn__lock_wait(struct lock *l);
void pirn__lock_wake(struct lock *l);

static inline void lock_init(struct lock *l)
{
	half_init(&l->state, LOCK_FREE);
}

static inline void lock_deinit(struct lock *l)
{
	(void)l;
}

static inline void lock(struct lock *l)
{
	uint32_t found = LOCK_FREE;

	/* [L1] Without acquire we could read guarded memory from before the last unlock. */
	if (!half_cas_acquire(&l->state, &found, LOCK_HELD))
		pirn__lock_wait(l);
}

static inline bool try_lock(struct lock *l)
{
	uint32_t found = LOCK_FREE;

	/* [L1] As in lock(). */
	return half_cas_acquire(&l->state, &found, LOCK_HELD);
}

static inline void unlock(struct lock *l)
{
	/* [L1] Without release our writes could come after the next holder's reads. */
	if (half_exchange_release(&l->state, LOCK_FREE) == LOCK_AWAITED)
		pirn__lock_wake(l);
}

#endif
#endif
