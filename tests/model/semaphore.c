/* SPDX-License-Identifier: MIT */
/*
 * channel/semaphore.c, and the mutex and the rwlock that are made of it: three that come in, each
 * of which may give up while it waits.
 */
#include "config.h"

#include <string.h>

#include "atomic.h"
#include "model.h"
#include "pirn_mutex.h"
#include "pirn_rwlock.h"
#include "waker.h"

struct scene {
	struct pirn_semaphore semaphore;
	struct pirn_mutex mutex;
	struct pirn_rwlock rwlock;
	struct half out; /* permits */
	unsigned sum, in[MODEL_THREADS];
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	half_init(&s->out, 0);
}

/* Polls once, and then waits until it holds; or gives up. */
static bool come_in(struct pirn_future *f)
{
	switch (model_choose(3)) {
	case 0:
		MODEL_CHECK(pirn_block_on(f) == 0);
		return true;
	case 1:
		if (poll_with_a_waker(f, NULL) == PIRN_PENDING)
			MODEL_CHECK(pirn_block_on(f) == 0);
		return true;
	default:
		if (poll_with_a_waker(f, NULL) == PIRN_READY)
			return true;
		pirn_drop(f);
		return false;
	}
}

/* ---- a mutex ------------------------------------------------------------------------------- */

static void lock_and_add(unsigned i)
{
	struct pirn_mutex_lock lock = pirn_mutex_lock(&s->mutex);

	if (!come_in(&lock.future))
		return;
	s->sum++;
	s->in[i] = 1;
	pirn_mutex_unlock(&lock);
}

static void unlocked(void)
{
	struct pirn_mutex_lock lock;

	MODEL_CHECK(s->sum == s->in[0] + s->in[1] + s->in[2]);
	MODEL_CHECK(pirn_mutex_try_lock(&s->mutex, &lock) == 0);
	pirn_mutex_unlock(&lock);
}

/* ---- a semaphore --------------------------------------------------------------------------- */

static void make_one_permit(void)
{
	make();
	pirn_semaphore_init(&s->semaphore, 1);
}

/* The first one wants both permits, and brings the second one if it does not get the first. */
static void acquire_some(unsigned i)
{
	struct pirn_semaphore_acquire a = pirn_semaphore_acquire(&s->semaphore, i == 0 ? 2 : 1);

	if (i == 0)
		pirn_semaphore_release(&s->semaphore, 1);
	if (!come_in(&a.future))
		return;
	MODEL_CHECK(half_add_relaxed(&s->out, i == 0 ? 2 : 1) <= (i == 0 ? 0 : 1));
	half_sub_relaxed(&s->out, i == 0 ? 2 : 1);
	pirn_drop(&a.future);
}

static void all_came_back(void)
{
	struct pirn_semaphore_acquire a;

	MODEL_CHECK(pirn_semaphore_try_acquire(&s->semaphore, 3, &a) != 0);
	MODEL_CHECK(pirn_semaphore_try_acquire(&s->semaphore, 2, &a) == 0);
	pirn_drop(&a.future);
}

/* ---- an rwlock ----------------------------------------------------------------------------- */

/* The writer becomes a reader. */
static void read_or_write(unsigned i)
{
	struct pirn_rwlock_lock lock =
		i == 0 ? pirn_rwlock_write(&s->rwlock) : pirn_rwlock_read(&s->rwlock);
	unsigned sum;

	if (!come_in(&lock.future))
		return;
	if (i == 0) {
		s->sum = 1;
		pirn_rwlock_downgrade(&lock);
	}
	sum = s->sum;
	MODEL_CHECK(sum == 1 || i > 0);
	pirn_rwlock_unlock(&lock);
}

static void nobody_is_in(void)
{
	struct pirn_rwlock_lock lock;

	MODEL_CHECK(pirn_rwlock_try_write(&s->rwlock, &lock) == 0);
	pirn_rwlock_unlock(&lock);
}

const struct model semaphore_models[] = {
	{ "semaphore: a large request and two small ones", 3, 0, 20000, false, make_one_permit,
	  acquire_some, all_came_back },
	{ "mutex: three threads", 3, 0, 20000, false, make, lock_and_add, unlocked },
	{ "rwlock: a writer and two readers", 3, 0, 20000, false, make, read_or_write,
	  nobody_is_in },
	{ .name = NULL },
};
