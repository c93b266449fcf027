/* SPDX-License-Identifier: MIT */
/* The rwlock: a semaphore of as many permits as there could be readers; who writes takes all. */
#include "config.h"

#include "pirn_rwlock.h"

#include <errno.h>

#include "permits.h"

#define FIRST PIRN_RWLOCK_ALL /* permits */

static int try_lock_for(struct pirn_rwlock *rw, size_t permits, struct pirn_rwlock_lock *guard)
{
	if (!pirn__semaphore_take(of_semaphore(&rw->readers), FIRST, permits))
		return -EAGAIN;
	*guard = pirn_rwlock_lock(rw, permits);
	guard_taken(&guard->future, &guard->request);
	return 0;
}

int pirn_rwlock_try_read(struct pirn_rwlock *rw, struct pirn_rwlock_lock *guard)
{
	return try_lock_for(rw, 1, guard);
}

int pirn_rwlock_try_write(struct pirn_rwlock *rw, struct pirn_rwlock_lock *guard)
{
	return try_lock_for(rw, PIRN_RWLOCK_ALL, guard);
}

void pirn_rwlock_downgrade(struct pirn_rwlock_lock *guard)
{
	if (!guard_holds(&guard->future, &guard->request, &pirn_rwlock_lock_ops) ||
	    guard->request.n != PIRN_RWLOCK_ALL)
		pirn_trap(__FILE__, 0, "a downgrade of one that does not hold it to write");
	guard->request.n = 1;
	pirn__semaphore_give(of_semaphore(&guard->rwlock->readers), PIRN_RWLOCK_ALL - 1);
}

static enum pirn_poll lock_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_rwlock_lock *l = (struct pirn_rwlock_lock *)(void *)f;

	return pirn__semaphore_poll(of_semaphore(&l->rwlock->readers), FIRST, f, &l->request, cx);
}

static void lock_drop(struct pirn_future *f)
{
	struct pirn_rwlock_lock *l = (struct pirn_rwlock_lock *)(void *)f;

	pirn__semaphore_drop(of_semaphore(&l->rwlock->readers), f, &l->request);
}

const struct pirn_future_ops pirn_rwlock_lock_ops = {
	.name = "rwlock lock",
	.file = __FILE__,
	.size = sizeof(struct pirn_rwlock_lock),
	.poll = lock_poll,
	.drop = lock_drop,
};
