/* SPDX-License-Identifier: MIT */
/*
 * The semaphore, as those see it that are made of one: a mutex has one permit, an rwlock one for
 * each reader, and who must do what is done once has the only one. Their memory is all zero at
 * first, so in each call that takes permits they say how many there are at first.
 * (This file has no name of the C library's.)
 */
#ifndef PIRN_PERMITS_H
#define PIRN_PERMITS_H

#include "lock.h"
#include "pirn_semaphore.h"
#include "waiters.h"

struct semaphore {
	size_t free; /* permits; first, where PIRN_SEMAPHORE_INIT puts them */
	struct lock lock;
	struct waiters line; /* zero until the first one comes */
};

_Static_assert(sizeof(struct semaphore) <= sizeof(struct pirn_semaphore) &&
		       offsetof(struct semaphore, free) == offsetof(struct pirn_semaphore, permits),
	       "it fits");

static inline struct semaphore *of_semaphore(struct pirn_semaphore *s)
{
	return (struct semaphore *)(void *)s;
}

/* Behind this pirn_request_granted says so. */
static inline void request_grant(struct pirn_request *r)
{
	r->waiter.prev = &r->waiter;
}

/* Does it hold what it asked for? The question of a caller who says so. */
static inline bool guard_holds(const struct pirn_future *f, const struct pirn_request *r,
			       const struct pirn_future_ops *ops)
{
	return f->ops == ops && pirn_guard_holds(f, r);
}

/* A guard whose permits were taken without waiting. */
static inline void guard_taken(struct pirn_future *f, struct pirn_request *r)
{
	f->at = PIRN_AT_READY;
	request_grant(r);
}

/* The poll and the drop of a guard. */
enum pirn_poll pirn__semaphore_poll(struct semaphore *s, size_t first, struct pirn_future *f,
				    struct pirn_request *r, struct pirn_context *cx);
void pirn__semaphore_drop(struct semaphore *s, struct pirn_future *f, struct pirn_request *r);

/* Takes n permits, if they are there and nobody waits. */
bool pirn__semaphore_take(struct semaphore *s, size_t first, size_t n);

/* Gives n permits to those who stand in line; what is left is free. */
void pirn__semaphore_give(struct semaphore *s, size_t n);

#endif
