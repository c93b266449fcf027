/* SPDX-License-Identifier: MIT */
/*
 * A queue of segments, each an array of messages: the queue of an unbounded channel. The
 * channel's lock guards it, and memory is taken and given back outside that lock: a push that
 * finds no room fails until the caller has given a segment, a pop hands out the segment that it
 * emptied. One spare is kept.
 */
#ifndef PIRN_SEGMENT_H
#define PIRN_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "pirn_platform.h"

struct segment {
	struct segment *next;
	_Alignas(16) unsigned char slots[];
};

struct segments {
	struct segment *first, *last, *spare;
	size_t size;        /* of a message */
	size_t per_segment; /* in messages */
	size_t read, write; /* the next slot in the first, in the last */
	size_t n;           /* messages */
};

void pirn__segments_init(struct segments *q, size_t size);
void pirn__segments_deinit(struct segments *q, const struct pirn_memory *memory);

/* A segment for q, made outside the lock; NULL: out of memory. */
struct segment *pirn__segment_new(const struct segments *q, const struct pirn_memory *memory);
void pirn__segment_free(const struct segments *q, struct segment *s,
			const struct pirn_memory *memory);

/* Gives a segment to a queue that has no spare. */
void pirn__segments_give(struct segments *q, struct segment *s);

/* False: no room, give a segment first. */
bool pirn__segments_push(struct segments *q, const void *msg);

/* False: empty. *emptied: a segment to free after the unlock, or NULL. */
bool pirn__segments_pop(struct segments *q, void *msg, struct segment **emptied);

/* Calls release for every message, in place; the queue is good for nothing but its deinit then. */
void pirn__segments_drain(struct segments *q, void (*release)(void *msg));

#endif
