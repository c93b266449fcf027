/* SPDX-License-Identifier: MIT */
/*
 * The injector: the channel whose messages are tasks and whose cells are the task headers, so
 * that a send needs no memory. Pushes go onto a stack with one compare-and-swap; consumers share
 * a lock, take the whole stack at once, turn it round and serve it first in, first out.
 *
 * Linearisation: a push takes effect at the swap of head. Progress: push is lock-free; pop waits
 * for the other consumers' lock. ABA: harmless, a consumer takes everything.
 */
#ifndef PIRN_INJECTOR_H
#define PIRN_INJECTOR_H

#include "atomic.h"
#include "lock.h"
#include "task.h"

struct injector {
	struct link head;        /* newest first, linked by at.next; any thread pushes */
	char apart[64];          /* pushers and consumers do not share a cache line */
	struct lock lock;        /* between consumers */
	struct pirn_task *first; /* oldest first; taken from the stack, guarded by the lock */
	struct half some;        /* first is not NULL; written under the lock, for the hint */
};

void pirn__injector_init(struct injector *q);
void pirn__injector_deinit(struct injector *q);

/*
 * Takes OWNED tasks, linked by at.next from the newest to the oldest. They may be gone before this
 * returns.
 */
void pirn__injector_push(struct injector *q, struct pirn_task *newest, struct pirn_task *oldest);

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
