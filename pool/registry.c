/* SPDX-License-Identifier: MIT */
/*
 * Why there is a place for every task that becomes idle. All nets together are the number of live
 * tasks (the last shard's is what was given out less `back`); each net is at most the capacity of
 * its shard; so there are at least as many places as live tasks, and one that has none yet finds
 * one: in the worker's own shard, or in another's. Numbers are given out by one addition, and
 * compared with what there is behind it: who finds too little makes places, or gives them back.
 * `back` only grows, so what was enough stays enough.
 *
 * Orderings (the locks do the rest).
 *
 *   tag   writer                        reader                      without it
 *   [R1]  end: release on ended         left: acquire on ended      the end of the pool misses a
 *                                                                   task that this one spawned
 *   [R2]  lend: release on lent         left: acquire on lent       it misses the numbers that a
 *                                                                   worker took for its own
 */
#include "config.h"

#include "registry.h"

#include <errno.h>
#include <string.h>

#define NO_PLACE 0

int pirn__registry_init(struct registry *r, const struct pirn_memory *memory, unsigned workers)
{
	r->memory = memory;
	r->shards = workers + 1;
	word_init(&r->outside, 0);
	word_init(&r->back, 0);
	half_init(&r->closing, 0);
	r->shard = memory->alloc(memory, r->shards * sizeof(struct shard));
	if (!r->shard)
		return -ENOMEM;
	memset(r->shard, 0, r->shards * sizeof(struct shard));
	for (unsigned i = 0; i < r->shards; i++) {
		lock_init(&r->shard[i].lock);
		word_init(&r->shard[i].capacity, 0);
		word_init(&r->shard[i].lent, 0);
		word_init(&r->shard[i].spawned, 0);
		word_init(&r->shard[i].ended, 0);
	}
	return 0;
}

/* ---- the places of a shard ----------------------------------------------------------------- */

/* Chunk k holds the places from its start up to twice that; the first one those below FIRST. */
static uint32_t chunk_start(uint32_t k)
{
	return k == 0 ? 0 : REGISTRY_FIRST << (k - 1);
}

static uint32_t chunk_length(uint32_t k)
{
	return k == 0 ? REGISTRY_FIRST : chunk_start(k);
}

static size_t chunk_size(uint32_t k)
{
	return chunk_length(k) * sizeof(union place);
}

void pirn__registry_deinit(struct registry *r)
{
	for (unsigned i = 0; i < r->shards; i++) {
		struct shard *s = &r->shard[i];

		for (uint32_t k = 0; k < REGISTRY_CHUNKS && s->chunk[k]; k++)
			r->memory->free(r->memory, s->chunk[k], chunk_size(k));
		lock_deinit(&s->lock);
	}
	r->memory->free(r->memory, r->shard, r->shards * sizeof(struct shard));
}

static union place *place(struct shard *s, uint32_t n)
{
	uint32_t k = n < REGISTRY_FIRST ? 0 : 32u - (uint32_t)__builtin_clz(n / REGISTRY_FIRST);

	return &s->chunk[k][n - chunk_start(k)];
}

/* One chunk more. Returns 0 (or another thread has made it) or -ENOMEM. */
static int grow(struct registry *r, struct shard *s)
{
	union place *chunk = NULL;
	uint32_t k = 0;

	lock(&s->lock);
	while (k < REGISTRY_CHUNKS && s->chunk[k])
		k++;
	unlock(&s->lock);
	/* Numbers of places, times shards, must fit into a task's entry. */
	if (k < REGISTRY_CHUNKS &&
	    (uint64_t)(chunk_start(k) + chunk_length(k)) * r->shards <= UINT32_MAX)
		chunk = r->memory->alloc(r->memory, chunk_size(k));
	if (!chunk)
		return -ENOMEM;
	lock(&s->lock);
	if (!s->chunk[k]) {
		s->chunk[k] = chunk;
		word_store_relaxed(&s->capacity, word_load_relaxed(&s->capacity) + chunk_length(k));
		chunk = NULL;
	}
	unlock(&s->lock);
	if (chunk)
		r->memory->free(r->memory, chunk, chunk_size(k));
	return 0;
}

/* Puts t into a free place of the shard. False: there is none. */
static bool put(struct shard *s, struct pirn_task *t, uint32_t *n)
{
	bool found = true;

	lock(&s->lock);
	if (s->free != NO_PLACE) {
		*n = (uint32_t)(s->free / 2);
		s->free = place(s, *n)->next_free;
	} else if (s->places < word_load_relaxed(&s->capacity)) {
		*n = s->places++;
	} else {
		found = false;
	}
	if (found)
		place(s, *n)->task = t;
	unlock(&s->lock);
	return found;
}

static void take_out(struct shard *s, uint32_t n)
{
	lock(&s->lock);
	place(s, n)->next_free = s->free;
	s->free = 2 * (uintptr_t)n + 1;
	unlock(&s->lock);
}

/* ---- tasks begin and end ------------------------------------------------------------------- */

static int64_t capacity_of(struct shard *s)
{
	return (int64_t)word_load_relaxed(&s->capacity);
}

/* Has the last shard as many places as numbers are out? */
static bool enough(struct registry *r, uint64_t outside)
{
	uint32_t given = (uint32_t)(outside / REGISTRY_NUMBER);

	return (int32_t)(given - (uint32_t)word_load_relaxed(&r->back)) <=
	       capacity_of(&r->shard[r->shards - 1]);
}

/* Owner of s: has some of its net counted in the last shard. */
static bool lend(struct registry *r, struct shard *s, uint64_t n)
{
	uint64_t given = n * REGISTRY_NUMBER;

	if (!enough(r, word_add_relaxed(&r->outside, given) + given)) {
		word_sub_relaxed(&r->outside, given);
		return false;
	}
	s->net -= (int64_t)n;
	/* [R2] Without release the end of the pool could count these tasks nowhere. */
	word_store_release(&s->lent, word_load_relaxed(&s->lent) + n);
	return true;
}

int pirn__registry_admit_outside(struct registry *r, uint64_t outside)
{
	while (!enough(r, outside))
		if (grow(r, &r->shard[r->shards - 1]) < 0)
			return -ENOMEM;
	return 0;
}

int pirn__registry_make_room(struct registry *r, struct shard *s, size_t n)
{
	while (s->net + (int64_t)n > capacity_of(s)) {
		bool lent = s->net >= REGISTRY_SETTLE && lend(r, s, REGISTRY_SETTLE);

		if (!lent && grow(r, s) < 0)
			return -ENOMEM;
	}
	return 0;
}

bool pirn__registry_link(struct registry *r, unsigned self, struct pirn_task *t)
{
	unsigned i = self, last = r->shards - 1;
	uint32_t n = 0;

	/* Its own; that of spawns from outside; any. */
	if (!put(&r->shard[i], t, &n))
		for (i = last; !put(&r->shard[i], t, &n);)
			i = i > 0 ? i - 1 : last;
	t->entry = n * r->shards + i + 1;
	/* Whoever cancels all sets it, then takes each lock: it finds t, or we see it. */
	return half_load_relaxed(&r->closing);
}

void pirn__registry_unlink(struct registry *r, struct pirn_task *t)
{
	uint32_t n = t->entry - 1;

	take_out(&r->shard[n % r->shards], n / r->shards);
}

void pirn__registry_give_back(struct registry *r, struct shard *s)
{
	s->net += REGISTRY_SETTLE;
	word_add_relaxed(&r->back, REGISTRY_SETTLE);
}

/* ---- the end of the pool ------------------------------------------------------------------- */

/* The first task from place *n on, with a reference, and *n moved behind it; or NULL. */
static struct pirn_task *find(struct shard *s, uint32_t *n)
{
	struct pirn_task *t = NULL;

	lock(&s->lock);
	for (; *n < s->places && !t; ++*n) {
		union place *p = place(s, *n);

		/* A free place is odd, or NO_PLACE at the end of the list; a task is neither. */
		if (!(p->next_free & 1) && p->next_free != NO_PLACE)
			t = p->task;
	}
	if (t)
		pirn__task_ref(t);
	unlock(&s->lock);
	return t;
}

void pirn__registry_each(struct registry *r, void (*each)(void *arg, struct pirn_task *t),
			 void *arg)
{
	for (unsigned i = 0; i < r->shards; i++) {
		struct pirn_task *t;
		uint32_t n = 0;

		while ((t = find(&r->shard[i], &n))) {
			each(arg, t);
			pirn__task_unref(t);
		}
	}
}

static void cancel(void *arg, struct pirn_task *t)
{
	(void)arg;
	pirn__task_cancel(t);
}

void pirn__registry_cancel_all(struct registry *r)
{
	half_store_relaxed(&r->closing, 1);
	pirn__registry_each(r, cancel, NULL);
}

uint32_t pirn__registry_left(struct registry *r, uint32_t *lower)
{
	uint64_t ended = 0, lent = 0, spawned = 0, outside;

	/* In this order: what ended was spawned before, what was lent had been given. */
	for (unsigned i = 0; i < r->shards; i++)
		/* [R1] Without acquire we could miss what a task had spawned that has ended. */
		ended += word_load_acquire(&r->shard[i].ended);
	for (unsigned i = 0; i < r->shards; i++)
		/* [R2] Without acquire we could miss the numbers that were given for it. */
		lent += word_load_acquire(&r->shard[i].lent);
	for (unsigned i = 0; i < r->shards; i++)
		spawned += word_load_relaxed(&r->shard[i].spawned);
	outside = word_load_relaxed(&r->outside);
	*lower = (uint32_t)outside;
	return (uint32_t)(spawned + outside / REGISTRY_NUMBER - lent - ended);
}
