/* SPDX-License-Identifier: MIT */
/*
 * pirn: barriers, where a number of tasks and threads meet, again and again: each waits until all
 * are there, and then all go on.
 *
 *	f->wait = pirn_barrier_wait(&barrier);
 *	PIRN_AWAIT(f, &f->wait.future);
 *	if (f->wait.leader)
 *		...                           one of them, each time
 *
 * A wait that is dropped before all were there was not there: another must come in its place.
 *
 * A plain thread waits by pirn_block_on(&wait.future).
 *
 * A barrier lies in memory of yours and needs no end; nothing is allocated. It does not move once
 * it was used, not even when nobody waits (so not in an array that grows). It must outlive its
 * waits and the calls on it: who was let through may not free it as long as a poll of any leader's
 * wait goes on (of whichever round: they share the work of waking many).
 */
#ifndef PIRN_BARRIER_H
#define PIRN_BARRIER_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_barrier {
	/* private */
	size_t parties; /* how many must meet; 0 is as good as 1 */
	uint64_t space[11];
};

/* clang-format off */
#define PIRN_BARRIER_INIT(parties) { (parties), { 0 } }
/* clang-format on */

/*
 * Makes a barrier where PIRN_BARRIER_INIT cannot.
 *
 * Threads:  owner.
 */
PIRN_API void pirn_barrier_init(struct pirn_barrier *b, size_t parties);

PIRN_API extern const struct pirn_future_ops pirn_barrier_wait_ops; /* Threads: any; a constant */

/* READY, with err 0, when all are there. It is there from its first poll on. */
struct pirn_barrier_wait {
	struct pirn_future future;
	struct pirn_waiter waiter; /* private */
	struct pirn_barrier *barrier;
	unsigned round; /* private */
	bool leader;    /* read-only: of those who met, this was the last to come */
};

static inline struct pirn_barrier_wait pirn_barrier_wait(struct pirn_barrier *b)
{
	struct pirn_barrier_wait f;
	pirn_future_init(&f.future, &pirn_barrier_wait_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.barrier = b;
	f.round = 0;
	f.leader = false;
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
