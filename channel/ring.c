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
