/* SPDX-License-Identifier: MIT */
/*
 * A ring of messages: the queue of a bounded channel. The channel's lock guards it; the channel
 * knows the size of a message.
 */
#ifndef PIRN_RING_H
#define PIRN_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pirn_platform.h"

struct ring {
	unsigned char *slots;
	uint32_t capacity; /* in messages */
	uint32_t first, n; /* the oldest one, and how many there are */
};

/* Returns 0 or -ENOMEM. */
int pirn__ring_init(struct ring *r, size_t size, uint32_t capacity,
		    const struct pirn_memory *memory);
void pirn__ring_deinit(struct ring *r, size_t size, const struct pirn_memory *memory);

/* Calls release for every message, in place, and leaves the ring empty. */
void pirn__ring_drain(struct ring *r, size_t size, void (*release)(void *msg));

/*
 * In and out, inline so that what moves one message has no loops. Up to n of them: how many went,
 * none where it is full, or empty. They may go around the ring's end, so in two runs.
 */
static inline uint32_t ring_push(struct ring *r, const void *msgs, size_t n, size_t size)
{
	uint32_t room = r->capacity - r->n, to_end = r->capacity - r->first;
	uint32_t slot = r->n < to_end ? r->first + r->n : r->n - to_end;
	uint32_t all = n < room ? (uint32_t)n : room, run = r->capacity - slot;

	if (all == 0)
		return 0;
	if (run > all)
		run = all;
	memcpy(r->slots + slot * size, msgs, run * size);
	if (n > 1 && run < all)
		memcpy(r->slots, (const char *)msgs + run * size, (all - run) * size);
	r->n += all;
	return all;
}

static inline uint32_t ring_pop(struct ring *r, void *msgs, size_t n, size_t size)
{
	uint32_t all = n < r->n ? (uint32_t)n : r->n, run = r->capacity - r->first;

	if (all == 0)
		return 0;
	if (run > all)
		run = all;
	memcpy(msgs, r->slots + r->first * size, run * size);
	if (n > 1 && run < all)
		memcpy((char *)msgs + run * size, r->slots, (all - run) * size);
	r->n -= all;
	r->first = run < r->capacity - r->first ? r->first + run : all - run;
	return all;
}

#endif
