/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "registry.h"

#include <errno.h>
#include <string.h>

#define NO_PLACE 0

void pirn__registry_init(struct registry *r, const struct pirn_memory *memory)
{
	memset(r, 0, sizeof(*r));
	r->memory = memory;
	lock_init(&r->lock);
	r->free = NO_PLACE;
}

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
	for (uint32_t k = 0; k < REGISTRY_CHUNKS && r->chunk[k]; k++)
		r->memory->free(r->memory, r->chunk[k], chunk_size(k));
	lock_deinit(&r->lock);
}

static union place *place(struct registry *r, uint32_t n)
{
	uint32_t k = n < REGISTRY_FIRST ? 0 : 32u - (uint32_t)__builtin_clz(n / REGISTRY_FIRST);

	return &r->chunk[k][n - chunk_start(k)];
}

/* Under the lock: the chunk in which the next new place lies. */
static uint32_t next_chunk(const struct registry *r)
{
	uint32_t k = 0;

	while (k < REGISTRY_CHUNKS && chunk_start(k) + chunk_length(k) <= r->places)
		k++;
	return k;
}

/*
 * Called, and returns, with the lock held; lets go of it to get memory. Then some free place may
 * be there, or may be gone again: look again.
 */
static int grow(struct registry *r, uint32_t k)
{
	union place *chunk;

	unlock(&r->lock);
	chunk = k < REGISTRY_CHUNKS ? r->memory->alloc(r->memory, chunk_size(k)) : NULL;
	lock(&r->lock);
	if (!chunk)
		return -ENOMEM;
	if (!r->chunk[k]) {
		r->chunk[k] = chunk;
		return 0;
	}
	unlock(&r->lock);
	r->memory->free(r->memory, chunk, chunk_size(k));
	lock(&r->lock);
	return 0;
}

int pirn__registry_add(struct registry *r, struct pirn_task *t)
{
	int err = 0;

	lock(&r->lock);
	while (r->free == NO_PLACE) {
		uint32_t k = next_chunk(r);

		if (k < REGISTRY_CHUNKS && r->chunk[k]) {
			t->entry = r->places++;
			goto found;
		}
		err = grow(r, k);
		if (err)
			goto out;
	}
	t->entry = (uint32_t)(r->free / 2);
	r->free = place(r, t->entry)->next_free;
found:
	place(r, t->entry)->task = t;
	r->live++;
out:
	unlock(&r->lock);
	return err;
}

void pirn__registry_remove(struct registry *r, struct pirn_task *t)
{
	lock(&r->lock);
	place(r, t->entry)->next_free = r->free;
	r->free = 2 * (uintptr_t)t->entry + 1;
	/* Under the lock: the parker lies on the stack of a thread that then takes the lock. */
	if (--r->live == 0 && r->empty)
		pirn__unpark(r->empty);
	unlock(&r->lock);
}

/* The first live task from place *n on, with a reference, and *n moved behind it; or NULL. */
static struct pirn_task *find(struct registry *r, uint32_t *n)
{
	struct pirn_task *t = NULL;

	lock(&r->lock);
	for (; *n < r->places && !t; ++*n) {
		union place *p = place(r, *n);

		/* A free place is odd, or NO_PLACE at the end of the list; a task is neither. */
		if (!(p->next_free & 1) && p->next_free != NO_PLACE)
			t = p->task;
	}
	if (t)
		pirn__task_ref(t);
	unlock(&r->lock);
	return t;
}

void pirn__registry_cancel_all(struct registry *r)
{
	struct parker parker;
	struct pirn_task *t;
	uint32_t n = 0, live;

	pirn__parker_init(&parker);
	while ((t = find(r, &n))) {
		pirn__task_cancel(t);
		pirn__task_unref(t);
	}
	for (;;) {
		lock(&r->lock);
		r->empty = &parker;
		live = r->live;
		unlock(&r->lock);
		if (live == 0)
			break;
		pirn__park(&parker);
	}
	pirn__parker_deinit(&parker);
}
