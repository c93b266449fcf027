/* SPDX-License-Identifier: MIT */
/*
 * Why there is a place for every task that becomes idle. All nets together are the number of live
 * tasks; each net is at most the capacity of its shard; so there are at least as many places as
 * live tasks, and one that has none yet finds one: in the worker's own shard, or in another's.
 *
 * Orderings (the locks do the rest).
 *
 *   tag   writer                        reader                      without it
 *   [R1]  end: release on ended         empty: acquire on ended     the end of the pool misses a
 *                                                                   task that this one spawned
 */
#include "config.h"

#include "registry.h"

#include <errno.h>
#include <string.h>

#define NO_PLACE 0
#define SETTLE 256 /* tasks, at a time */

int pirn__registry_init(struct registry *r, const struct pirn_memory *memory, unsigned workers)
{
	r->memory = memory;
	r->shards = workers + 1;
	half_init(&r->closing, 0);
	r->shard = memory->alloc(memory, r->shards * sizeof(struct shard));
	if (!r->shard)
		return -ENOMEM;
	memset(r->shard, 0, r->shards * sizeof(struct shard));
	for (unsigned i = 0; i < r->shards; i++) {
		lock_init(&r->shard[i].lock);
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
		s->capacity += chunk_length(k);
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
	} else if (s->places < s->capacity) {
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

/* Owner of s: moves some of its net to the last shard, or, if s has none left, from there. */
static bool settle(struct registry *r, struct shard *s)
{
	struct shard *last = &r->shard[r->shards - 1];
	bool settled = true;

	lock(&last->lock);
	if (s->net <= -SETTLE) {
		s->net += SETTLE;
		last->net -= SETTLE;
	} else if (last->net <= -SETTLE) {
		s->net -= SETTLE;
		last->net += SETTLE;
	} else {
		settled = false;
	}
	unlock(&last->lock);
	return settled;
}

static void add_one(struct word *w)
{
	word_store_relaxed(w, word_load_relaxed(w) + 1); /* it has one writer at a time */
}

static int admit_inside(struct registry *r, struct shard *s)
{
	/* Only the owner grows it, so it may be read without the lock. */
	while (s->net >= (int64_t)s->capacity)
		if (!settle(r, s) && grow(r, s) < 0)
			return -ENOMEM;
	s->net++;
	add_one(&s->spawned);
	return 0;
}

static int admit_outside(struct registry *r, struct shard *s)
{
	for (;;) {
		bool room;

		lock(&s->lock);
		room = s->net < (int64_t)s->capacity;
		if (room) {
			s->net++;
			add_one(&s->spawned);
		}
		unlock(&s->lock);
		if (room)
			return 0;
		if (grow(r, s) < 0)
			return -ENOMEM;
	}
}

int pirn__registry_admit(struct registry *r, unsigned self)
{
	struct shard *s = &r->shard[self];

	return self < r->shards - 1 ? admit_inside(r, s) : admit_outside(r, s);
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

void pirn__registry_end(struct registry *r, unsigned self, struct pirn_task *t)
{
	struct shard *s = &r->shard[self];

	if (t->entry)
		take_out(&r->shard[(t->entry - 1) % r->shards], (t->entry - 1) / r->shards);
	s->net--;
	if (s->net <= -SETTLE)
		settle(r, s);
	/* [R1] Without release the end of the pool could miss what the task has spawned. */
	word_store_release(&s->ended, word_load_relaxed(&s->ended) + 1);
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

void pirn__registry_cancel_all(struct registry *r)
{
	half_store_relaxed(&r->closing, 1);
	for (unsigned i = 0; i < r->shards; i++) {
		struct pirn_task *t;
		uint32_t n = 0;

		while ((t = find(&r->shard[i], &n))) {
			pirn__task_cancel(t);
			pirn__task_unref(t);
		}
	}
}

bool pirn__registry_empty(struct registry *r)
{
	uint64_t ended = 0, spawned = 0;

	/* In this order: what ended was spawned before, and is counted as spawned as well. */
	for (unsigned i = 0; i < r->shards; i++)
		/* [R1] Without acquire we could miss what a task had spawned that has ended. */
		ended += word_load_acquire(&r->shard[i].ended);
	for (unsigned i = 0; i < r->shards; i++)
		spawned += word_load_relaxed(&r->shard[i].spawned);
	return ended == spawned;
}
