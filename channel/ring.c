/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ring.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

int pirn__ring_init(struct ring *r, size_t size, size_t capacity, const struct pirn_memory *memory)
{
	if (capacity > SIZE_MAX / size)
		return -ENOMEM;
	r->slots = memory->alloc(memory, size * capacity);
	if (!r->slots)
		return -ENOMEM;
	r->size = size;
	r->capacity = capacity;
	r->first = r->n = 0;
	return 0;
}

void pirn__ring_deinit(struct ring *r, const struct pirn_memory *memory)
{
	memory->free(memory, r->slots, r->size * r->capacity);
}

bool pirn__ring_push(struct ring *r, const void *msg)
{
	size_t to_end = r->capacity - r->first;
	size_t slot = r->n < to_end ? r->first + r->n : r->n - to_end;

	if (r->n == r->capacity)
		return false;
	memcpy(r->slots + slot * r->size, msg, r->size);
	r->n++;
	return true;
}

static void advance(struct ring *r)
{
	r->n--;
	if (++r->first == r->capacity)
		r->first = 0;
}

bool pirn__ring_pop(struct ring *r, void *msg)
{
	if (r->n == 0)
		return false;
	memcpy(msg, r->slots + r->first * r->size, r->size);
	advance(r);
	return true;
}

void pirn__ring_drain(struct ring *r, void (*release)(void *msg))
{
	while (r->n > 0) {
		release(r->slots + r->first * r->size);
		advance(r);
	}
}
