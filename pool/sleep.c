/* SPDX-License-Identifier: MIT */
/*
 * Why no wake is lost. Let P push a task into the injector and then read the words (notify), let W
 * lie down and then take once more from it. Both the push and an empty take are
 * read-modify-writes of the injector's head ([I2] there: acquire and release), or both were under
 * its lock, so one comes first:
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
 *
 * Why nothing stays hidden in the queue of a worker, R, that does not come back from its poll,
 * while others sleep: one of them is timed. Whoever lies down while another runs becomes the timed
 * one if there is none; it is notified last, so while it is up nobody sleeps, or, when it gets up
 * by itself, it searches; and who stops searching (or gets up otherwise) while others run, and
 * leaves none timed, gets one up who will be (relay). There is one moment more: R was asleep like
 * all others, untimed, or has just come, and is the only one up. Then what it pushes first
 * notifies: R has seen them all lie down, under the lock under which it got up or came.
 *
 * An unpark may come late, when who was notified is up already for another reason. Then a later
 * sleep ends too early, which costs a look.
 */
#include "config.h"

#include "sleep.h"

void pirn__sleep_init(struct sleep *s, unsigned workers)
{
	half_init(&s->asleep, 0);
	half_init(&s->searching, 0);
	half_init(&s->timed, 0);
	lock_init(&s->lock);
	s->workers = workers;
	list_init(&s->sleepers);
}

void pirn__sleep_deinit(struct sleep *s)
{
	lock_deinit(&s->lock);
}

/* ---- under the lock ------------------------------------------------------------------------ */

static void count(struct sleep *s, int n)
{
	half_store_relaxed(&s->asleep, half_load_relaxed(&s->asleep) + (uint32_t)n);
}

static unsigned running(struct sleep *s)
{
	return s->workers - half_load_relaxed(&s->asleep);
}

static void be_timed(struct sleep *s, struct bed *b, bool timed)
{
	b->timed = timed;
	half_store_relaxed(&s->timed, timed);
}

static void count_searching(struct sleep *s, int n)
{
	half_store_relaxed(&s->searching, half_load_relaxed(&s->searching) + (uint32_t)n);
}

/* A sleeper gets up, whose node is off the list. */
static void leave_bed(struct sleep *s, struct bed *b)
{
	count(s, -1);
	if (b->timed)
		be_timed(s, b, false);
}

/* Makes a sleeper a searcher, for the caller to unpark after the unlock; NULL: there is none. */
static struct bed *wake_another(struct sleep *s)
{
	struct list *node = list_pop_front(&s->sleepers);
	struct bed *b;

	if (!node)
		return NULL;
	b = container_of(node, struct bed, node);
	count_searching(s, 1);
	leave_bed(s, b);
	return b;
}

/* The same; NULL: none is needed. */
static struct bed *wake_one(struct sleep *s)
{
	return half_load_relaxed(&s->searching) == 0 ? wake_another(s) : NULL;
}

/* The caller goes to work: if others do, and sleepers are left, one of those must be timed. */
static struct bed *relay(struct sleep *s)
{
	return running(s) > 1 && half_load_relaxed(&s->timed) == 0 ? wake_one(s) : NULL;
}

/* ---- those who come and go ----------------------------------------------------------------- */

void pirn__sleep_join(struct sleep *s)
{
	lock(&s->lock);
	s->workers++;
	unlock(&s->lock);
}

void pirn__sleep_leave(struct sleep *s)
{
	lock(&s->lock);
	s->workers--;
	unlock(&s->lock);
}

/* ---- those who push ------------------------------------------------------------------------ */

static void unlock_and_unpark(struct sleep *s, struct bed *b)
{
	unlock(&s->lock);
	if (b)
		pirn__unpark(&b->parker);
}

void pirn__sleep_notify(struct sleep *s)
{
	if (half_load_relaxed(&s->asleep) == 0 || half_load_relaxed(&s->searching) > 0)
		return;
	lock(&s->lock);
	unlock_and_unpark(s, wake_one(s));
}

void pirn__sleep_notify_many(struct sleep *s, size_t n)
{
	while (n-- > 0 && half_load_relaxed(&s->asleep) > 0) {
		lock(&s->lock);
		unlock_and_unpark(s, wake_another(s));
	}
}

void pirn__sleep_notify_own(struct sleep *s)
{
	if (half_load_relaxed(&s->asleep) > 0 && half_load_relaxed(&s->timed) == 0)
		pirn__sleep_notify(s);
}

/* ---- those who sleep ----------------------------------------------------------------------- */

bool pirn__sleep_lie_down(struct sleep *s, struct bed *b, bool searching)
{
	bool timed;

	lock(&s->lock);
	count(s, 1);
	timed = running(s) > 0 && half_load_relaxed(&s->timed) == 0;
	if (timed) {
		be_timed(s, b, true);
		list_push_back(&s->sleepers, &b->node);
	} else {
		list_push_front(&s->sleepers, &b->node);
	}
	if (searching)
		count_searching(s, -1);
	unlock(&s->lock);
	return timed;
}

bool pirn__sleep_stay(struct sleep *s, struct bed *b, uint64_t ns, uint64_t awake_since)
{
	bool searching = true;

	pirn__park_since(&b->parker, ns, awake_since);
	lock(&s->lock);
	if (list_linked(&b->node)) {
		list_remove(&b->node);
		leave_bed(s, b);
		searching = half_load_relaxed(&s->searching) == 0;
		if (searching)
			count_searching(s, 1);
	}
	unlock(&s->lock);
	return searching;
}

bool pirn__sleep_get_up(struct sleep *s, struct bed *b)
{
	struct bed *next = NULL;
	bool notified;

	lock(&s->lock);
	notified = !list_linked(&b->node);
	if (!notified) {
		list_remove(&b->node);
		leave_bed(s, b);
		next = relay(s);
	}
	unlock_and_unpark(s, next);
	return notified;
}

bool pirn__sleep_search(struct sleep *s)
{
	bool alone;

	if (half_load_relaxed(&s->searching) > 0)
		return false;
	lock(&s->lock);
	alone = half_load_relaxed(&s->searching) == 0;
	if (alone)
		count_searching(s, 1);
	unlock(&s->lock);
	return alone;
}

void pirn__sleep_stop_search(struct sleep *s)
{
	lock(&s->lock);
	count_searching(s, -1);
	unlock_and_unpark(s, relay(s));
}
