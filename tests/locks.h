/* SPDX-License-Identifier: MIT */
/*
 * What the suites about locks share: a future polled by hand, so that a test decides who waits and
 * when.
 */
#ifndef LOCKS_H
#define LOCKS_H

#include <criterion/criterion.h>

#include "bell.h"
#include "pirn_barrier.h"
#include "pirn_mutex.h"
#include "pirn_once.h"
#include "pirn_rwlock.h"
#include "pirn_semaphore.h"

struct hand {
	union {
		struct pirn_future future; /* of whichever it is */
		struct pirn_semaphore_acquire permit;
		struct pirn_mutex_lock lock;
		struct pirn_condition_wait wait;
		struct pirn_rwlock_lock rw;
		struct pirn_barrier_wait meet;
		struct pirn_once_begin begin;
	};
	struct bell bell;
};

static inline enum pirn_poll poll(struct hand *h)
{
	if (!h->bell.waker.ops)
		bell_init(&h->bell);
	return bell_poll(&h->future, &h->bell);
}

static inline unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in what it waited for. */
static inline void drop(struct hand *h)
{
	pirn_drop(&h->future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
}

#endif
