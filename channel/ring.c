/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ring.h"

#include <errno.h>

int pirn__ring_init(struct ring *r, size_t size, uint32_t capacity,
		    const struct pirn_memory *memory)
{
	if (capacity > SIZE_MAX / size)
		return -ENOMEM;
	r->slots = memory->alloc(memory, size * capacity);
	if (!r->slots)
		return -ENOMEM;
	r->capacity = capacity;
	r->first = r->n = 0;
	return 0;
}

void pirn__ring_deinit(struct ring *r, size_t size, const struct pirn_memory *memory)
{
	memory->free(memory, r->slots, size * r->capacity);
}

void pirn__ring_drain(struct ring *r, size_t size, void (*release)(void *msg))
{
	for (; r->n > 0; r->n--) {
		release(r->slots + r->first * size);
		r->first = r->first + 1 < r->capacity ? r->first + 1 : 0;
	}
}

size_t pirn__ring_push_many(struct ring *r, const void *msgs, size_t n, size_t size)
{
	uint32_t room = r->capacity - r->n, slot = ring_end(r), run = r->capacity - slot;
	uint32_t all = n < room ? (uint32_t)n : room;

	if (run > all)
		run = all;
	memcpy(r->slots + slot * size, msgs, run * size);
	memcpy(r->slots, (const char *)msgs + run * size, (all - run) * size);
	r->n += all;
	return all;
}

size_t pirn__ring_pop_many(struct ring *r, void *msgs, size_t n, size_t size)
{
	uint32_t all = n < r->n ? (uint32_t)n : r->n, run = r->capacity - r->first;

	if (run > all)
		run = all;
	memcpy(msgs, r->slots + r->first * size, run * size);
	memcpy((char *)msgs + run * size, r->slots, (all - run) * size);
	r->n -= all;
	r->first = r->first + run < r->capacity ? r->first + run : all - run;
	return all;
}
