/* SPDX-License-Identifier: MIT */
/*
 * A ring of messages: the queue of a bounded channel. The channel's lock guards it; the channel
 * knows the size of a message.
 */
#ifndef PIRN_RING_H
#define PIRN_RING_H

#include <stdbool.h>
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

/* Most messages are one pointer. */
static inline void copy_message(void *to, const void *from, size_t size)
{
	if (size == sizeof(void *))
		memcpy(to, from, sizeof(void *));
	else
		memcpy(to, from, size);
}

/* The place behind the last message. */
static inline uint32_t ring_end(const struct ring *r)
{
	uint32_t to_end = r->capacity - r->first;

	return r->n < to_end ? r->first + r->n : r->n - to_end;
}

/* False: full, empty. */
static inline bool ring_push(struct ring *r, const void *msg, size_t size)
{
	if (r->n == r->capacity)
		return false;
	copy_message(r->slots + ring_end(r) * size, msg, size);
	r->n++;
	return true;
}

static inline bool ring_pop(struct ring *r, void *msg, size_t size)
{
	if (r->n == 0)
		return false;
	copy_message(msg, r->slots + r->first * size, size);
	r->n--;
	if (++r->first == r->capacity)
		r->first = 0;
	return true;
}

/* Up to n of them: how many went, or came. They may go around the ring's end, so in two runs. */
size_t pirn__ring_push_many(struct ring *r, const void *msgs, size_t n, size_t size);
size_t pirn__ring_pop_many(struct ring *r, void *msgs, size_t n, size_t size);

#endif
