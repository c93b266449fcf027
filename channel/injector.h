/* SPDX-License-Identifier: MIT */
/*
 * The injector: the channel whose messages are tasks and whose cells are the task headers, so
 * that a send needs no memory. Pushes go onto a stack with one compare-and-swap; consumers share
 * a lock, take the whole stack at once, turn it round and put it behind their list, which they
 * serve first in, first out. Who sends many at once puts them into that list himself, behind what
 * lies on the stack, if the lock is free: to turn round a long stack takes long.
 *
 * Linearisation: a push takes effect at the swap of head, a send of many there or at the unlock.
 * Progress: sends are lock-free; a take waits for the lock, which is held for as long as a stack
 * is long. ABA: harmless, a consumer takes everything.
 */
#ifndef PIRN_INJECTOR_H
#define PIRN_INJECTOR_H

#include "atomic.h"
#include "lock.h"
#include "task.h"

struct injector {
	struct link head; /* newest first, linked by at.next; any thread pushes */
	char apart[64];   /* pushers and consumers do not share a cache line */
	struct lock lock;
	/* guarded by the lock: a list, oldest first */
	struct pirn_task *first, *last; /* last: stale where first is NULL */
	struct half some; /* first is not NULL; written under the lock, for the hint */
};

void pirn__injector_init(struct injector *q);
void pirn__injector_deinit(struct injector *q);

/*
 * Takes OWNED tasks, linked by at.next from the newest to the oldest. They may be gone before this
 * returns.
 */
void pirn__injector_push(struct injector *q, struct pirn_task *newest, struct pirn_task *oldest);

/* Takes n OWNED tasks, 1 or more, the oldest first. Not from a signal handler. */
void pirn__injector_push_many(struct injector *q, struct pirn_task *const *task, unsigned n);

/*
 * The oldest task, or NULL. Up to n that come behind it go to *rest, linked by at.next, oldest
 * first; *more: there was yet another one. An empty answer is one that every later push knows of:
 * what the caller did before, a pusher sees behind its push.
 */
struct pirn_task *pirn__injector_take(struct injector *q, unsigned n, struct pirn_task **rest,
				      bool *more);

/* Does there seem to be a task? A guess, which costs nothing. */
bool pirn__injector_hint(struct injector *q);

/* Is there a task? With the same promise as an empty take. */
bool pirn__injector_some(struct injector *q);

#endif
