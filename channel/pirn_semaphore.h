/* SPDX-License-Identifier: MIT */
/*
 * pirn: semaphores. A number of permits: tasks and threads acquire some, wait where there are not
 * enough, and give them back. First come, first served: nobody overtakes one who waits, and
 * permits go straight to those who stand in line.
 *
 *	f->permit = pirn_semaphore_acquire(&semaphore, 1);
 *	PIRN_AWAIT(f, &f->permit.future);
 *	...                                   as many at a time as there are permits
 *	pirn_drop(&f->permit.future);
 *
 * The future is the guard: from READY on it holds its permits, and its drop gives them back. A
 * drop is right in each state: one that waits leaves the line, one that was handed its permits and
 * does not come to use them gives them on. So one pirn_drop in a body's finally part is right
 * wherever the body ends. A guard does not move once it was polled, or written by a call that
 * tries; the drop of a copy traps.
 *
 * One that lost a select is still in line, and may be handed permits that it then keeps from all
 * others: poll it again soon, or drop it.
 *
 * A plain thread acquires by `pirn_block_on(&permit.future) == 0`.
 *
 * A semaphore lies in memory of yours and needs no end; nothing is allocated. It does not move once
 * it was used, not even when nobody holds or waits (so not in an array that grows). It must outlive
 * its guards and the calls on it: who was handed a permit may not free it as long as the call that
 * handed it on goes on. (Who shares one counts references, and gives up its own behind its drop
 * of the guard.)
 */
#ifndef PIRN_SEMAPHORE_H
#define PIRN_SEMAPHORE_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero (`= { 0 }` in C, `= {}` in C++): there are no permits yet. */
struct pirn_semaphore {
	/* private */
	size_t permits; /* that nobody has */
	uint64_t space[9];
};

/* clang-format off */
#define PIRN_SEMAPHORE_INIT(permits) { (permits), { 0 } }
/* clang-format on */

/*
 * Makes a semaphore where PIRN_SEMAPHORE_INIT cannot.
 *
 * Threads:  owner.
 */
PIRN_API void pirn_semaphore_init(struct pirn_semaphore *s, size_t permits);

/*
 * Adds n permits, which were nobody's; it may be more than there were at first. Traps where more
 * than SIZE_MAX would be free. Those that guards hold do not count: with them it may be the drop of
 * a guard that brings it over that, and traps.
 *
 * Threads:  any.
 */
PIRN_API void pirn_semaphore_release(struct pirn_semaphore *s, size_t n);

/* What a guard asks for; lies in the future. */
struct pirn_request {
	/* private */
	struct pirn_waiter waiter;
	size_t n;
};

static inline void pirn_request_init(struct pirn_request *r, size_t n)
{
	r->waiter.next = NULL;
	r->waiter.prev = NULL;
	r->waiter.waker = NULL;
	r->n = n;
}

/* It has got what it asked for: it points to itself, which one that waits, or a copy, does not. */
static inline bool pirn_request_granted(const struct pirn_request *r)
{
	return r->waiter.prev == &r->waiter;
}

/* Does a guard, of a semaphore or of what is made of one, hold what it asked for? */
static inline bool pirn_guard_holds(const struct pirn_future *f, const struct pirn_request *r)
{
	return f->ops && f->at == PIRN_AT_READY && pirn_request_granted(r);
}

PIRN_API extern const struct pirn_future_ops
	pirn_semaphore_acquire_ops; /* Threads: any; a constant */

/*
 * READY, with err 0, when it has n permits. A large request is not overtaken by small ones behind
 * it; one for more than there will ever be waits for ever, and so do those behind it.
 */
struct pirn_semaphore_acquire {
	struct pirn_future future;
	struct pirn_request request;
	struct pirn_semaphore *semaphore;
};

static inline struct pirn_semaphore_acquire pirn_semaphore_acquire(struct pirn_semaphore *s,
								   size_t n)
{
	struct pirn_semaphore_acquire f;
	pirn_future_init(&f.future, &pirn_semaphore_acquire_ops);
	pirn_request_init(&f.request, n);
	f.semaphore = s;
	return f;
}

/*
 * Acquires n permits without waiting.
 *
 * Takes:    room for a guard; written on success only.
 * Returns:  0; -EAGAIN: there are not enough, or somebody waits.
 * Threads:  any.
 */
PIRN_API int pirn_semaphore_try_acquire(struct pirn_semaphore *s, size_t n,
					struct pirn_semaphore_acquire *guard);

/*
 * Does this guard hold its permits? As pirn_mutex_holds.
 *
 * Threads:  owner of the guard.
 */
static inline bool pirn_semaphore_holds(const struct pirn_semaphore_acquire *guard)
{
	return pirn_guard_holds(&guard->future, &guard->request);
}

/*
 * Leaves a guard empty and its permits nobody's: there are fewer from now on, or whoever they were
 * handed to releases them.
 *
 * Takes:    a guard that holds its permits; traps on others.
 * Threads:  owner of the guard.
 */
PIRN_API void pirn_semaphore_forget(struct pirn_semaphore_acquire *guard);

#ifdef __cplusplus
}
#endif
#endif
