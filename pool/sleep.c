/* SPDX-License-Identifier: MIT */
/*
 * Why no wake is lost. Let P push a task and then read the two counts (notify), let W lie down
 * and then take once more from the queue. Both the push and the take are read-modify-writes of
 * the injector's head ([I2] there: acquire and release), so one comes first:
 *
 *   the push: W's take finds the task;
 *   the take: P sees W asleep, and gets somebody up unless it sees somebody searching. That one,
 *             S, either finds the task, or stops searching first and takes again if it was the
 *             last: if that take comes before P's push, P saw the count without S; if after, S
 *             sees the task. If S was not the last, another searcher is under the same rule; a
 *             searcher that finds nothing lies down, under the rule of W.
 *
 * So the counts need no order of their own. A worker that takes a task and sees more behind it
 * notifies as well, so that work is spread while it comes in faster than one worker ends it.
 */
#include "config.h"

#include "sleep.h"

void pirn__sleep_init(struct sleep *s)
{
	half_init(&s->asleep, 0);
	half_init(&s->searching, 0);
	lock_init(&s->lock);
	list_init(&s->sleepers);
}

void pirn__sleep_deinit(struct sleep *s)
{
	lock_deinit(&s->lock);
}

/* Under the lock. */
static void add(struct half *count, int n)
{
	half_store_relaxed(count, half_load_relaxed(count) + (uint32_t)n);
}

void pirn__sleep_notify(struct sleep *s)
{
	struct list *node = NULL;

	if (half_load_relaxed(&s->asleep) == 0 || half_load_relaxed(&s->searching) > 0)
		return;
	lock(&s->lock);
	if (half_load_relaxed(&s->searching) == 0)
		node = list_pop_front(&s->sleepers);
	if (node) {
		add(&s->asleep, -1);
		add(&s->searching, 1);
	}
	unlock(&s->lock);
	if (node)
		pirn__unpark(&container_of(node, struct bed, node)->parker);
}

void pirn__sleep_lie_down(struct sleep *s, struct bed *b, bool searching)
{
	lock(&s->lock);
	if (searching)
		add(&s->searching, -1);
	add(&s->asleep, 1);
	list_push_front(&s->sleepers, &b->node);
	unlock(&s->lock);
}

bool pirn__sleep_get_up(struct sleep *s, struct bed *b)
{
	bool notified;

	lock(&s->lock);
	notified = !list_linked(&b->node);
	if (!notified) {
		list_remove(&b->node);
		add(&s->asleep, -1);
	}
	unlock(&s->lock);
	if (notified)
		pirn__park(&b->parker); /* returns at once, or when the notifier is done with it */
	return notified;
}

bool pirn__sleep_stop_search(struct sleep *s)
{
	bool last;

	lock(&s->lock);
	add(&s->searching, -1);
	last = half_load_relaxed(&s->searching) == 0;
	unlock(&s->lock);
	return last;
}
