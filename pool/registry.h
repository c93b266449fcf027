/* SPDX-License-Identifier: MIT */
/*
 * The registry: every live task of a pool, so that the pool can cancel what is left. Chunks of
 * places that are never moved; a task knows its place by number.
 */
#ifndef PIRN_REGISTRY_H
#define PIRN_REGISTRY_H

#include "lock.h"
#include "task.h"

#define REGISTRY_FIRST 256u /* places in the first chunk; each further one doubles the whole */
#define REGISTRY_CHUNKS 24u /* 2^31 places: more than fit into memory */

union place {
	struct pirn_task *task;
	uintptr_t next_free; /* 2n + 1 names place n, so that it is told from a task */
};

struct registry {
	const struct pirn_memory *memory;
	struct lock lock;
	/* guarded by the lock */
	union place *chunk[REGISTRY_CHUNKS];
	uint32_t places, live;
	uintptr_t free;       /* a list of places, as in next_free; NO_PLACE: none */
	struct parker *empty; /* told when the last task goes */
};

void pirn__registry_init(struct registry *r, const struct pirn_memory *memory);
void pirn__registry_deinit(struct registry *r);

/* Returns 0 or -ENOMEM. */
int pirn__registry_add(struct registry *r, struct pirn_task *t);
void pirn__registry_remove(struct registry *r, struct pirn_task *t);

/* Cancels every task in it; then waits until none is left. Nothing is added any more. */
void pirn__registry_cancel_all(struct registry *r);

#endif
