/* SPDX-License-Identifier: MIT */
/* The mutex: a semaphore of one permit. */
#include "config.h"

#include "pirn_mutex.h"

#include <errno.h>

#include "permits.h"

#define FIRST 1 /* permit */

int pirn_mutex_try_lock(struct pirn_mutex *m, struct pirn_mutex_lock *guard)
{
	if (!pirn__semaphore_take(of_semaphore(&m->one), FIRST, 1))
		return -EAGAIN;
	*guard = pirn_mutex_lock(m);
	guard_taken(&guard->future, &guard->request);
	return 0;
}

static enum pirn_poll lock_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_mutex_lock *l = (struct pirn_mutex_lock *)(void *)f;

	return pirn__semaphore_poll(of_semaphore(&l->mutex->one), FIRST, f, &l->request, cx);
}

static void lock_drop(struct pirn_future *f)
{
	struct pirn_mutex_lock *l = (struct pirn_mutex_lock *)(void *)f;

	pirn__semaphore_drop(of_semaphore(&l->mutex->one), f, &l->request);
}

const struct pirn_future_ops pirn_mutex_lock_ops = {
	.name = "mutex lock",
	.file = __FILE__,
	.size = sizeof(struct pirn_mutex_lock),
	.poll = lock_poll,
	.drop = lock_drop,
};
