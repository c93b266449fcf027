/* SPDX-License-Identifier: MIT */
/*
 * Orderings.
 *
 *   tag   writer                          reader                     without it
 *   [Q1]  push: release on the slot       take: acquire on the slot  who takes a task sees it
 *                                                                    before it was written
 *   [Q2]  push_back, take_newer, steal    steal: acquire on tail     the same, and a thief reads a
 *         (the own ring): release on tail                            place before it was filled
 *   [Q3]  steal: release on head          push_back: acquire         the owner fills a place that
 *                                         on head                    a thief has yet to read
 */
#include "config.h"

#include "local.h"

#define LOCAL_STREAK 64u /* pops, then the oldest of the ring or of the stack has its turn */

void local_init(struct local *q)
{
	q->top = q->pops = 0;
	q->seen = q->kept = 0;
	word_init(&q->head, 0);
	word_init(&q->tail, 0);
	word_init(&q->bottomed, 0);
	for (unsigned i = 0; i < LOCAL_STACK; i++)
		link_init(&q->slot[i], NULL);
	for (unsigned i = 0; i < LOCAL_RING; i++)
		link_init(&q->ring[i], NULL);
}

/* ---- the owner ----------------------------------------------------------------------------- */

unsigned local_room(struct local *q)
{
	/* [Q3] Without acquire we could fill a place that a thief has yet to read. */
	q->seen = word_load_acquire(&q->head);
	return LOCAL_RING - (unsigned)(word_load_relaxed(&q->tail) - q->seen);
}

bool local_push_back(struct local *q, struct pirn_task *t)
{
	uint64_t tail = word_load_relaxed(&q->tail);

	/* More than a ring: behind local_take_newer. */
	if (tail - q->seen >= LOCAL_RING && local_room(q) == 0)
		return false;
	link_store_relaxed(&q->ring[tail % LOCAL_RING], t);
	/* [Q2] Without release a thief could see the place before the task is in it. */
	word_store_release(&q->tail, tail + 1);
	return true;
}

bool local_push(struct local *q, struct pirn_task *t)
{
	if (q->top == LOCAL_STACK)
		return local_push_back(q, t);
	if (q->top == 0)
		word_store_relaxed(&q->bottomed, word_load_relaxed(&q->bottomed) + 1);
	/* [Q1] Without release a thief could see the task before it is written. */
	link_store_release(&q->slot[q->top++], t);
	return true;
}

/* What lies in the slot, for whoever comes first. */
static struct pirn_task *take(struct link *slot)
{
	if (!link_load_relaxed(slot))
		return NULL;
	/* [Q1] Without acquire we could see the task before it is written. */
	return link_exchange_acquire(slot, NULL);
}

static struct pirn_task *pop_stack(struct local *q)
{
	struct pirn_task *t = NULL;

	while (q->top > 0 && !t)
		t = take(&q->slot[--q->top]);
	return t;
}

static struct pirn_task *pop_ring(struct local *q)
{
	uint64_t head = word_load_relaxed(&q->head);

	for (;;) {
		struct pirn_task *t;

		/* What the owner reads here it has written itself: no order is needed to see it. */
		if (head >= word_load_relaxed(&q->tail))
			return NULL;
		t = link_load_relaxed(&q->ring[head % LOCAL_RING]);
		/* It is we who fill the place next, so there is nothing to order. */
		if (word_cas_relaxed(&q->head, &head, head + 1))
			return t;
	}
}

/* What has lain longest in the stack. */
static struct pirn_task *pop_bottom(struct local *q)
{
	struct pirn_task *t = NULL;

	for (unsigned i = 0; i < q->top && !t; i++)
		t = take(&q->slot[i]);
	return t;
}

struct pirn_task *local_pop(struct local *q)
{
	struct pirn_task *t = NULL;

	/* In turn: else the one could starve the other, or the top of the stack its bottom. */
	if (++q->pops % LOCAL_STREAK == 0)
		t = q->pops / LOCAL_STREAK % 2 ? pop_ring(q) : pop_bottom(q);
	if (!t)
		t = pop_stack(q);
	return t ? t : pop_ring(q);
}

/* Is t the oldest of the ring, with nothing in front of it? Then takes it. */
static bool take_oldest(struct local *q, struct pirn_task *t)
{
	uint64_t head = word_load_relaxed(&q->head);

	/* As in pop_ring. */
	return head < word_load_relaxed(&q->tail) &&
	       link_load_relaxed(&q->ring[head % LOCAL_RING]) == t &&
	       word_cas_relaxed(&q->head, &head, head + 1);
}

bool local_take(struct local *q, struct pirn_task *t)
{
	if (q->top == 0)
		return take_oldest(q, t);
	if (link_load_relaxed(&q->slot[q->top - 1]) != t)
		return false;
	q->top--;
	return take(&q->slot[q->top]) != NULL;
}

unsigned local_take_newer(struct local *q, struct pirn_task *task[LOCAL_HALF])
{
	uint64_t end = word_load_relaxed(&q->tail), head = end - LOCAL_RING;
	uint64_t from = q->kept > head + LOCAL_HALF ? q->kept : head + LOCAL_HALF;
	unsigned n = (unsigned)(end - from);

	for (unsigned i = 0; i < n; i++)
		task[i] = link_load_relaxed(&q->ring[(from + i) % LOCAL_RING]);
	/* As in pop_ring. */
	if (n == 0 || !word_cas_relaxed(&q->head, &head, end))
		return 0;
	/*
	 * All are ours; the others come back into the ring, where they lie in the right places: a
	 * whole ring further on.
	 */
	q->kept += LOCAL_RING;
	/* [Q2] Without release a thief could see the places before the tasks are in them. */
	word_store_release(&q->tail, from + LOCAL_RING);
	return n;
}

void local_keep(struct local *q)
{
	q->kept = word_load_relaxed(&q->tail);
}

/* ---- thieves ------------------------------------------------------------------------------- */

bool local_look(struct local *q, struct sight *seen)
{
	uint64_t head = word_load_relaxed(&q->head);

	seen->tail = word_load_relaxed(&q->tail);
	seen->bottomed = word_load_relaxed(&q->bottomed);
	seen->bottom = NULL;
	for (unsigned i = 0; i < LOCAL_STACK && !seen->bottom; i++)
		seen->bottom = link_load_relaxed(&q->slot[i]);
	if (head >= seen->tail)
		seen->tail = 0; /* nothing in the ring */
	return seen->tail > 0 || seen->bottom;
}

bool local_waits(struct local *q, const struct sight *seen)
{
	if (word_load_relaxed(&q->head) < seen->tail)
		return true;
	if (!seen->bottom || word_load_relaxed(&q->bottomed) != seen->bottomed)
		return false;
	for (unsigned i = 0; i < LOCAL_STACK; i++)
		if (link_load_relaxed(&q->slot[i]) == seen->bottom)
			return true;
	return false;
}

/* From the ring: the oldest is returned, half of the others go to the end of the own one. */
static struct pirn_task *steal_ring(struct local *q, struct local *own)
{
	uint64_t end = own ? word_load_relaxed(&own->tail) : 0, head = word_load_relaxed(&q->head);
	uint64_t most = own ? local_room(own) : 0;

	/* While it was copied, somebody else took some? Then one is enough, so that this ends. */
	for (;; most = 0) {
		struct pirn_task *t;
		uint64_t tail, n;

		/* [Q2] Without acquire we could read a place before the task is in it. */
		tail = word_load_acquire(&q->tail);
		if (head >= tail)
			return NULL;
		n = (tail - head - 1) / 2;
		if (n > most)
			n = most;
		t = link_load_relaxed(&q->ring[head % LOCAL_RING]);
		for (uint64_t i = 0; i < n; i++)
			link_store_relaxed(
				&own->ring[(end + i) % LOCAL_RING],
				link_load_relaxed(&q->ring[(head + 1 + i) % LOCAL_RING]));
		/* [Q3] Without release the owner could fill the places before we have read them. */
		if (!word_cas_release(&q->head, &head, head + 1 + n))
			continue;
		/* [Q2] Without release a thief could see the places before they are filled. */
		if (n > 0)
			word_store_release(&own->tail, end + n);
		return t;
	}
}

struct pirn_task *local_steal(struct local *q, struct local *own)
{
	struct pirn_task *t = steal_ring(q, own);

	for (unsigned i = 0; i < LOCAL_STACK && !t; i++)
		t = take(&q->slot[i]);
	return t;
}
