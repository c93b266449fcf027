/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "segment.h"

#include <stdbool.h>
#include <string.h>

#define SEGMENT_BYTES 2048 /* allocations are rare, waste is small; a guess */

static size_t segment_size(const struct segments *q, size_t size)
{
	return sizeof(struct segment) + q->per_segment * size;
}

void pirn__segments_init(struct segments *q, size_t size)
{
	memset(q, 0, sizeof(*q));
	q->per_segment = size < SEGMENT_BYTES ? (uint32_t)(SEGMENT_BYTES / size) : 1;
}

struct segment *pirn__segment_new(const struct segments *q, size_t size,
				  const struct pirn_memory *memory)
{
	struct segment *s;

	if (size > SIZE_MAX - SEGMENT_BYTES)
		return NULL;
	s = memory->alloc(memory, segment_size(q, size));
	if (s)
		s->next = NULL;
	return s;
}

void pirn__segment_free(const struct segments *q, struct segment *s, size_t size,
			const struct pirn_memory *memory)
{
	memory->free(memory, s, segment_size(q, size));
}

void pirn__segments_give(struct segments *q, struct segment *s)
{
	q->spare = s;
}

struct segment *pirn__segments_take_spare(struct segments *q)
{
	struct segment *s = q->spare;

	q->spare = NULL;
	return s;
}

static bool extend(struct segments *q)
{
	struct segment *s = pirn__segments_take_spare(q);

	if (!s)
		return false;
	s->next = NULL;
	if (q->last)
		q->last->next = s;
	else
		q->first = s;
	q->last = s;
	q->write = 0;
	return true;
}

size_t pirn__segments_push(struct segments *q, const void *msgs, size_t n, size_t size)
{
	if ((!q->last || q->write == q->per_segment) && !extend(q))
		return 0;
	if (n > q->per_segment - q->write)
		n = q->per_segment - q->write;
	memcpy(q->last->slots + q->write * size, msgs, n * size);
	q->write += (uint32_t)n;
	q->n += n;
	return n;
}

/* All of the first segment has been read. Returns it, unless it is kept as the spare. */
static struct segment *leave_first(struct segments *q)
{
	struct segment *s = q->first;

	q->read = 0;
	q->first = s->next;
	if (!q->first)
		q->last = NULL;
	if (q->spare)
		return s;
	q->spare = s;
	return NULL;
}

size_t pirn__segments_pop(struct segments *q, void *msgs, size_t n, size_t size,
			  struct segment **emptied)
{
	*emptied = NULL;
	if (n > q->n)
		n = q->n;
	if (n == 0)
		return 0;
	if (n > q->per_segment - q->read)
		n = q->per_segment - q->read;
	memcpy(msgs, q->first->slots + q->read * size, n * size);
	q->read += (uint32_t)n;
	q->n -= n;
	if (q->read == q->per_segment)
		*emptied = leave_first(q);
	return n;
}

void pirn__segments_drain(struct segments *q, size_t size, void (*release)(void *msg),
			  const struct pirn_memory *memory)
{
	uint32_t read = q->read;
	struct segment *s;

	while ((s = q->first)) {
		for (; release && read < q->per_segment && q->n > 0; read++, q->n--)
			release(s->slots + read * size);
		read = 0;
		q->first = s->next;
		pirn__segment_free(q, s, size, memory);
	}
}
