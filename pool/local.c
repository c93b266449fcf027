/* SPDX-License-Identifier: MIT */
/*
 * Orderings.
 *
 *   tag   writer                          reader                     without it
 *   [Q1]  push: release on the slot       take: acquire on the slot  who takes a task sees it
 *                                                                    before it was written
 *   [Q2]  push_back: release on tail      steal: acquire on tail     the same, and a thief reads a
 *                                                                    place before it was filled
 *   [Q3]  steal, pop: release on head     push_back: acquire         the owner fills a place that
 *                                         on head                    a thief has yet to read
 */
#include "config.h"

#include "local.h"

#define LOCAL_STREAK 64u /* pops, then the oldest of the ring or of the stack has its turn */

void local_init(struct local *q)
{
	q->top = q->pops = 0;
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
	uint64_t head = word_load_acquire(&q->head);

	return LOCAL_RING - (unsigned)(word_load_relaxed(&q->tail) - head);
}

bool local_push_back(struct local *q, struct pirn_task *t)
{
	uint64_t tail = word_load_relaxed(&q->tail);

	if (local_room(q) == 0)
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

/* For the owner and for thieves. */
static struct pirn_task *pop_ring(struct local *q)
{
	uint64_t head = word_load_relaxed(&q->head);

	for (;;) {
		struct pirn_task *t;

		/* [Q2] Without acquire we could read a place before the task is in it. */
		if (head >= word_load_acquire(&q->tail))
			return NULL;
		t = link_load_relaxed(&q->ring[head % LOCAL_RING]);
		/* [Q3] Without release the owner could fill the place before we have read it. */
		if (word_cas_release(&q->head, &head, head + 1))
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

	/* What the owner reads here it has written itself, so it needs no order to see it. */
	return head < word_load_relaxed(&q->tail) &&
	       link_load_relaxed(&q->ring[head % LOCAL_RING]) == t &&
	       /* [Q3] Without release we could fill the place before it was read. */
	       word_cas_release(&q->head, &head, head + 1);
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

struct pirn_task *local_steal(struct local *q)
{
	struct pirn_task *t = pop_ring(q);

	for (unsigned i = 0; i < LOCAL_STACK && !t; i++)
		t = take(&q->slot[i]);
	return t;
}
