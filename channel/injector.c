/* SPDX-License-Identifier: MIT */
/*
 * Orderings.
 *
 *   tag   writer                       reader                   without it
 *   [I1]  push: release on head        take: acquire on head    a consumer reads the link or the
 *                                                               frame before it is written
 *   [I2]  take: release on head,       push: acquire on head    the pusher looks at the sleepers
 *         also when it finds nothing                            and misses one that looked here
 *                                                               before the push: task queued,
 *                                                               all asleep
 */
#include "config.h"

#include "injector.h"

void pirn__injector_init(struct injector *q)
{
	link_init(&q->head, NULL);
	lock_init(&q->lock);
	q->first = NULL;
	half_init(&q->some, 0);
}

void pirn__injector_deinit(struct injector *q)
{
	lock_deinit(&q->lock);
}

void pirn__injector_push(struct injector *q, struct pirn_task *newest, struct pirn_task *oldest)
{
	void *head = link_load_relaxed(&q->head);

	do {
		oldest->at.next = head;
		/* [I1] Without release the consumer could see the task before its link. */
		/* [I2] Without acquire our look at the sleepers could miss one of before. */
	} while (!link_cas_acq_rel(&q->head, &head, newest));
}

/* Under the lock. Swaps even where there is nothing: that is what [I2] stands on. */
static struct pirn_task *take(struct injector *q)
{
	/* [I1] Without acquire we could see a task before its link. */
	/* [I2] Without release a later pusher could miss what we did before. */
	struct pirn_task *t = link_exchange_acq_rel(&q->head, NULL), *oldest = NULL;

	while (t) {
		struct pirn_task *next = t->at.next;

		t->at.next = oldest;
		oldest = t;
		t = next;
	}
	return oldest;
}

struct pirn_task *pirn__injector_take(struct injector *q, unsigned n, struct pirn_task **rest,
				      bool *more)
{
	struct pirn_task *t, *last;

	lock(&q->lock);
	if (!q->first)
		q->first = take(q);
	t = last = q->first;
	for (; t && n > 0 && last->at.next; n--)
		last = last->at.next;
	if (t) {
		q->first = last->at.next;
		last->at.next = NULL;
		*rest = t->at.next;
	}
	half_store_relaxed(&q->some, q->first != NULL);
	*more = q->first != NULL;
	unlock(&q->lock);
	return t;
}

bool pirn__injector_hint(struct injector *q)
{
	return link_load_relaxed(&q->head) || half_load_relaxed(&q->some);
}

bool pirn__injector_some(struct injector *q)
{
	bool some;

	lock(&q->lock);
	if (!q->first)
		q->first = take(q);
	some = q->first != NULL;
	half_store_relaxed(&q->some, some);
	unlock(&q->lock);
	return some;
}
