/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "segment.h"

#include <stdint.h>
#include <string.h>

#define SEGMENT_BYTES 2048 /* allocations are rare, waste is small; a guess */

static size_t segment_size(const struct segments *q)
{
	return sizeof(struct segment) + q->per_segment * q->size;
}

void pirn__segments_init(struct segments *q, size_t size)
{
	memset(q, 0, sizeof(*q));
	q->size = size;
	q->per_segment = size < SEGMENT_BYTES ? SEGMENT_BYTES / size : 1;
}

void pirn__segments_deinit(struct segments *q, const struct pirn_memory *memory)
{
	while (q->first) {
		struct segment *s = q->first;

		q->first = s->next;
		pirn__segment_free(q, s, memory);
	}
	if (q->spare)
		pirn__segment_free(q, q->spare, memory);
}

struct segment *pirn__segment_new(const struct segments *q, const struct pirn_memory *memory)
{
	struct segment *s;

	if (q->size > SIZE_MAX - SEGMENT_BYTES)
		return NULL;
	s = memory->alloc(memory, segment_size(q));
	if (s)
		s->next = NULL;
	return s;
}

void pirn__segment_free(const struct segments *q, struct segment *s,
			const struct pirn_memory *memory)
{
	memory->free(memory, s, segment_size(q));
}

void pirn__segments_give(struct segments *q, struct segment *s)
{
	q->spare = s;
}

static bool extend(struct segments *q)
{
	struct segment *s = q->spare;

	if (!s)
		return false;
	q->spare = NULL;
	s->next = NULL;
	if (q->last)
		q->last->next = s;
	else
		q->first = s;
	q->last = s;
	q->write = 0;
	return true;
}

bool pirn__segments_push(struct segments *q, const void *msg)
{
	if ((!q->last || q->write == q->per_segment) && !extend(q))
		return false;
	memcpy(q->last->slots + q->write * q->size, msg, q->size);
	q->write++;
	q->n++;
	return true;
}

bool pirn__segments_pop(struct segments *q, void *msg, struct segment **emptied)
{
	struct segment *s = q->first;

	*emptied = NULL;
	if (q->n == 0)
		return false;
	memcpy(msg, s->slots + q->read * q->size, q->size);
	q->read++;
	q->n--;
	if (q->read < q->per_segment)
		return true;
	q->read = 0;
	q->first = s->next;
	if (!q->first)
		q->last = NULL;
	if (q->spare)
		*emptied = s;
	else
		q->spare = s;
	return true;
}

void pirn__segments_drain(struct segments *q, void (*release)(void *msg))
{
	size_t read = q->read;

	for (struct segment *s = q->first; q->n > 0; s = s->next, read = 0)
		for (; read < q->per_segment && q->n > 0; read++, q->n--)
			release(s->slots + read * q->size);
}
