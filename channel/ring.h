/* SPDX-License-Identifier: MIT */
/*
 * A ring of messages: the queue of a bounded channel. The channel's lock guards it.
 */
#ifndef PIRN_RING_H
#define PIRN_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "pirn_platform.h"

struct ring {
	unsigned char *slots;
	size_t size;     /* of a message */
	size_t capacity; /* in messages */
	size_t first, n; /* the oldest one, and how many there are */
};

/* Returns 0 or -ENOMEM. */
int pirn__ring_init(struct ring *r, size_t size, size_t capacity, const struct pirn_memory *memory);
void pirn__ring_deinit(struct ring *r, const struct pirn_memory *memory);

/* False: full, empty. */
bool pirn__ring_push(struct ring *r, const void *msg);
bool pirn__ring_pop(struct ring *r, void *msg);

/* Calls release for every message, in place, and leaves the ring empty. */
void pirn__ring_drain(struct ring *r, void (*release)(void *msg));

#endif
