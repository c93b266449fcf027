/* SPDX-License-Identifier: MIT */
/*
 * The registry: how many tasks of a pool live, and where the idle ones are, so that the pool can
 * cancel them. A task that lies in a queue or is being polled needs no place here: workers see by
 * themselves that it is to end. It gets one behind its first poll that is pending, and keeps it. No
 * poll can fail, so that place is reserved at the spawn.
 *
 * There is a shard for each worker, and one for all other threads. A worker uses its own, whose
 * lock then is free; a spawn that is never pending uses no lock at all.
 */
#ifndef PIRN_REGISTRY_H
#define PIRN_REGISTRY_H

#include "lock.h"
#include "task.h"

#define REGISTRY_FIRST 256u /* places in the first chunk; each further one doubles the whole */
#define REGISTRY_CHUNKS 24u /* 2^31 places, or as many as an entry can number */

union place {
	struct pirn_task *task;
	uintptr_t next_free; /* 2n + 1 names place n, so that it is told from a task */
};

struct shard {
	struct lock lock;
	/* guarded by the lock */
	union place *chunk[REGISTRY_CHUNKS];
	uint32_t places; /* that have been used */
	uintptr_t free;  /* a list of places, as in next_free; 0: none */
	/* written under the lock */
	struct word capacity; /* places that there are */
	char apart[64];
	/*
	 * Owner only: tasks spawned less tasks ended here, and less what was settled with the last
	 * shard. Never more than the capacity.
	 */
	int64_t net;
	/* owner writes, the end of the pool reads */
	struct word spawned, ended;
	struct word lent; /* of spawned, as many are counted in the last shard's numbers */
	char behind[64];  /* the next shard's lock is another one's */
};

struct registry {
	const struct pirn_memory *memory;
	struct half closing; /* whatever becomes idle is to end */
	unsigned shards;     /* the last one is of those who are no workers */
	struct shard *shard;
	char apart[64];
	/*
	 * The last shard's net, which has no owner: numbers are given out, one for each task, and
	 * some come back for those that have ended. Those given are counted in the upper half of a
	 * word whose lower half is the pool's, so that a spawn from outside changes both at once.
	 */
	struct word outside, back;
};

#define REGISTRY_NUMBER (UINT64_C(1) << 32)
#define REGISTRY_MOST INT32_MAX /* tasks in one spawn */

/* Returns 0 or -ENOMEM. */
int pirn__registry_init(struct registry *r, const struct pirn_memory *memory, unsigned workers);
void pirn__registry_deinit(struct registry *r);

/*
 * Numbers were given out by a thread that is no worker, which made `outside` what it was then: sees
 * to it that there are as many places. Returns 0, or -ENOMEM: they are to be given back.
 */
int pirn__registry_admit_outside(struct registry *r, uint64_t outside);

/* n tasks are spawned by the worker that owns the shard, which has no room for them at first. */
int pirn__registry_make_room(struct registry *r, struct shard *s, size_t n);

/* The same by any worker. */
static inline int registry_admit(struct registry *r, struct shard *s, size_t n)
{
	int err = 0;

	if (s->net + (int64_t)n > (int64_t)word_load_relaxed(&s->capacity))
		err = pirn__registry_make_room(r, s, n);
	if (err == 0) {
		s->net += (int64_t)n;
		word_store_relaxed(&s->spawned, word_load_relaxed(&s->spawned) + n);
	}
	return err;
}

/* On the worker of that number: a task has been pending for the first time. True: it is to end. */
bool pirn__registry_link(struct registry *r, unsigned self, struct pirn_task *t);

/* On a worker: a task that was linked ends. */
void pirn__registry_unlink(struct registry *r, struct pirn_task *t);

/* Tasks that a worker has ended have their numbers given back. */
void pirn__registry_give_back(struct registry *r, struct shard *s);

#define REGISTRY_SETTLE 256 /* tasks, at a time */

/* On the worker that owns the shard: a task ends. */
static inline void registry_end(struct registry *r, struct shard *s, struct pirn_task *t)
{
	if (t->entry)
		pirn__registry_unlink(r, t);
	if (--s->net <= -REGISTRY_SETTLE)
		pirn__registry_give_back(r, s);
	/* [R1] Without release the end of the pool could miss what the task has spawned. */
	word_store_release(&s->ended, word_load_relaxed(&s->ended) + 1);
}

/* Calls each, no lock held, for every task that has a place. */
void pirn__registry_each(struct registry *r, void (*each)(void *arg, struct pirn_task *t),
			 void *arg);

/* Cancels every idle task, and from now on whatever becomes idle. */
void pirn__registry_cancel_all(struct registry *r);

/*
 * How many tasks have not ended. 0 is final, for when nobody spawns from outside any more. *lower:
 * the pool's half of `outside` at that moment.
 */
uint32_t pirn__registry_left(struct registry *r, uint32_t *lower);

#endif
