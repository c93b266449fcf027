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
	q->first = q->last = NULL;
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

/* Under the lock: puts a list behind what there is. */
static void append(struct injector *q, struct pirn_task *oldest, struct pirn_task *newest)
{
	if (q->first)
		q->last->at.next = oldest;
	else
		q->first = oldest;
	q->last = newest;
	newest->at.next = NULL;
}

/* Under the lock: what was pushed comes behind what there is. False: there is nothing at all. */
static bool gather(struct injector *q)
{
	struct pirn_task *t, *newest, *oldest = NULL;

	if (q->first && !link_load_relaxed(&q->head))
		return true;
	/* [I1] Without acquire we could see a task before its link. */
	/* [I2] Without release, or the swap where there is nothing, a later pusher could miss what
	 * we did before. */
	t = newest = link_exchange_acq_rel(&q->head, NULL);
	while (t) {
		struct pirn_task *next = t->at.next;

		t->at.next = oldest;
		oldest = t;
		t = next;
	}
	if (newest)
		append(q, oldest, newest);
	return q->first;
}

void pirn__injector_push_many(struct injector *q, struct pirn_task *const *task, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		task[i - 1]->at.next = task[i];
	if (n > 1 && try_lock(&q->lock)) {
		if (link_load_relaxed(&q->head)) /* they came first */
			gather(q);
		append(q, task[0], task[n - 1]);
		half_store_relaxed(&q->some, 1);
		unlock(&q->lock);
		return;
	}
	for (unsigned i = 1; i < n; i++) /* in the stack the newer one names the older one */
		task[i]->at.next = task[i - 1];
	pirn__injector_push(q, task[n - 1], task[0]);
}

struct pirn_task *pirn__injector_take(struct injector *q, unsigned n, struct pirn_task **rest,
				      bool *more)
{
	struct pirn_task *t = NULL, *last;

	lock(&q->lock);
	if (gather(q)) {
		t = last = q->first;
		for (; n > 0 && last->at.next; n--)
			last = last->at.next;
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
	some = gather(q);
	half_store_relaxed(&q->some, some);
	unlock(&q->lock);
	return some;
}
