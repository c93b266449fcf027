/* SPDX-License-Identifier: MIT */
/*
 * A queue of segments, each an array of messages: the queue of an unbounded channel. The
 * channel's lock guards it, and memory is taken and given back outside that lock: a push that
 * finds no room fails until the caller has given a segment, a pop hands out the segment that it
 * emptied. One spare is kept. The channel knows the size of a message.
 */
#ifndef PIRN_SEGMENT_H
#define PIRN_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "pirn_platform.h"

struct segment {
	struct segment *next;
	_Alignas(16) unsigned char slots[];
};

struct segments {
	struct segment *first, *last, *spare;
	size_t n;             /* messages */
	uint32_t per_segment; /* in messages */
	uint32_t read, write; /* the next slot in the first, in the last */
};

void pirn__segments_init(struct segments *q, size_t size);

/* A segment for q, made outside the lock; NULL: out of memory. */
struct segment *pirn__segment_new(const struct segments *q, size_t size,
				  const struct pirn_memory *memory);
void pirn__segment_free(const struct segments *q, struct segment *s, size_t size,
			const struct pirn_memory *memory);

/* Gives a segment to a queue that has no spare. */
void pirn__segments_give(struct segments *q, struct segment *s);

/* Takes it back: a segment to free, or NULL. */
struct segment *pirn__segments_take_spare(struct segments *q);

/* Up to n messages into one segment: how many went. None: give a segment first. */
size_t pirn__segments_push(struct segments *q, const void *msgs, size_t n, size_t size);

/*
 * Up to n messages out of one segment: how many came. None: empty. *emptied: a segment to free
 * after the unlock, or NULL.
 */
size_t pirn__segments_pop(struct segments *q, void *msgs, size_t n, size_t size,
			  struct segment **emptied);

/*
 * The end of a queue whose spare was taken. Calls release, if there is one, for every message, in
 * place, and frees all segments.
 */
void pirn__segments_drain(struct segments *q, size_t size, void (*release)(void *msg),
			  const struct pirn_memory *memory);

#endif
