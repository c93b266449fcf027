/* SPDX-License-Identifier: MIT */
/*
 * Why no wake is lost. Let P push a task and then read the two words (notify), let W lie down and
 * then take once more from the queue. Both the push and an empty take are read-modify-writes of
 * the injector's head ([I2] there: acquire and release), so one comes first:
 *
 *   the push: W's take finds the task;
 *   the take: P sees W asleep, and gets somebody up unless it sees somebody searching.
 *
 * A searcher, S, that P saw either finds the task, or first stops searching: because it found
 * another task, or because it lay down. Whichever it was, S then takes again, in this way: where
 * it goes to work it asks pirn__injector_some, which swaps head unless a task is there already,
 * and notifies if there is one; where it stays lying down, its last take was an empty one. If
 * that swap comes before P's push, P sees that S does not search any more; if after, S sees the
 * task.
 *
 * So the words need no order of their own. A worker that takes a task and sees more behind it
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
static void count(struct sleep *s, int n)
{
	half_store_relaxed(&s->asleep, half_load_relaxed(&s->asleep) + (uint32_t)n);
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
		count(s, -1);
		half_store_relaxed(&s->searching, 1);
	}
	unlock(&s->lock);
	if (node)
		pirn__unpark(&container_of(node, struct bed, node)->parker);
}

void pirn__sleep_lie_down(struct sleep *s, struct bed *b, bool searching)
{
	lock(&s->lock);
	if (searching)
		half_store_relaxed(&s->searching, 0);
	count(s, 1);
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
		count(s, -1);
	}
	unlock(&s->lock);
	if (notified)
		pirn__park(&b->parker); /* returns at once, or when the notifier is done with it */
	return notified;
}

void pirn__sleep_stop_search(struct sleep *s)
{
	lock(&s->lock);
	half_store_relaxed(&s->searching, 0);
	unlock(&s->lock);
}
