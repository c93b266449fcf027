/* SPDX-License-Identifier: MIT */
/*
 * Under the lock messages are copied and pointers moved, nothing else: wakers are cloned, woken and
 * dropped outside, and the block is freed there. Whoever wakes holds an end of its own, so the
 * block stays until it is done, whatever those do that it has woken.
 *
 * Linearisation: all that is done here takes effect under the lock: a close and the last sender's
 * end where `closed` is set, an upgrade where it looks at it, a closed where it looks at it and at
 * the receivers. So a closed that comes into line has seen a receiver, whose end, if it is the last
 * one then, finds it there. Progress: each waits for the lock alone, but for the wakes.
 *
 * Orderings (the lock does the rest).
 *
 *   tag    writer                    reader                 without it
 *   [FD1]  unref: release on refs    last unref: acquire    the block is freed while another end's
 *                                                           unlock goes on
 */
#include "config.h"

#include "feed.h"

#include <errno.h>

#include "thread.h"

/* Where a lock is a mutex of the system's, that alone has 40. */
_Static_assert(sizeof(struct lock) > 4 || sizeof(struct pirn_feed) <= 128,
	       "a watch has 128 bytes at most, and its value");

/* ---- lines --------------------------------------------------------------------------------- */

#define BATCH 16u /* waiters taken off under one lock */

static void line_init(struct feed_line *line)
{
	waiters_init(&line->waiters);
	line->n = 0;
}

/* Under the lock, both: a waker to drop behind it, or NULL. */
static struct pirn_waker *leave_line(struct pirn_waiter *w)
{
	return waiter_listed(w) ? pirn__waiter_remove(w) : NULL;
}

/* At the end of the line, from wherever it was. */
static struct pirn_waker *stay_in_line(struct feed_line *line, struct pirn_waiter *w,
				       struct pirn_waker *waker)
{
	struct pirn_waker *old = leave_line(w);

	pirn__waiters_add(&line->waiters, w, waker, false);
	return old;
}

/*
 * Lets go of the lock and wakes all who were in line. Those who come meanwhile have seen what there
 * is to see: without the count this would go on for as long as others are as quick as we are. (It
 * may be more than are listed, by those who were woken and not polled since: then some who come
 * meanwhile are woken for nothing.)
 */
static void unlock_and_wake(struct pirn_feed *feed, struct feed_line *line)
{
	struct pirn_waker *waker[BATCH];
	size_t n = line->n;

	for (;;) {
		unsigned taken = 0;

		while (taken < BATCH && taken < n &&
		       (waker[taken] = pirn__waiters_take(&line->waiters)))
			taken++;
		unlock(&feed->lock);
		n = taken < BATCH ? 0 : n - taken;
		for (unsigned i = 0; i < taken; i++)
			pirn_waker_wake(waker[i]);
		/* It cannot wait; but a poll that wakes so many lets others run the sooner. */
		if (pirn__thread.poll)
			spend_budget(pirn__thread.poll);
		if (n == 0)
			return;
		lock(&feed->lock);
	}
}

/* ---- memory -------------------------------------------------------------------------------- */

static void place_init(struct pirn_feed_place *rx, struct pirn_feed *feed, uint64_t next)
{
	rx->feed = feed;
	rx->next = next;
	rx->pending = 0;
}

struct pirn_feed *pirn__feed_new(const struct pirn_memory *memory, size_t head, size_t size,
				 size_t n, struct pirn_feed_place *rx)
{
	struct pirn_feed *feed;

	if (n > (SIZE_MAX - head) / size)
		return NULL;
	if (!memory)
		memory = &pirn_platform_default()->memory;
	feed = memory->alloc(memory, head + n * size);
	if (!feed)
		return NULL;
	word_init(&feed->refs, 2);
	feed->memory = memory;
	feed->bytes = head + n * size;
	feed->size = size;
	lock_init(&feed->lock);
	feed->closed = false;
	feed->senders = feed->receivers = 1;
	feed->sent = 0;
	line_init(&feed->receiving);
	line_init(&feed->closing);
	place_init(rx, feed, 0);
	return feed;
}

void pirn__feed_ref(struct pirn_feed *feed)
{
	word_add_relaxed(&feed->refs, 1); /* [FD1] relaxed: the caller has one already */
}

void pirn__feed_unref(struct pirn_feed *feed)
{
	/* [FD1] Release: our unlock comes before the free. Acquire: the free comes after all. */
	if (word_sub_acq_rel(&feed->refs, 1) != 1)
		return;
	lock_deinit(&feed->lock);
	feed->memory->free(feed->memory, feed, feed->bytes);
}

/* ---- ends ---------------------------------------------------------------------------------- */

void pirn__feed_add_sender(struct pirn_feed *feed)
{
	pirn__feed_ref(feed);
	lock(&feed->lock);
	feed->senders++;
	unlock(&feed->lock);
}

void pirn__feed_remove_sender(struct pirn_feed *feed)
{
	if (!feed)
		return;
	lock(&feed->lock);
	if (feed->senders == 0)
		pirn_trap(NULL, 0, "an unref of a sender that nobody holds");
	if (--feed->senders > 0) {
		unlock(&feed->lock);
	} else {
		if (feed->closing.n > 0)
			pirn_trap(NULL, 0, "the last sender ended with its closed pending");
		feed->closed = true;
		unlock_and_wake(feed, &feed->receiving);
	}
	pirn__feed_unref(feed);
}

bool pirn__feed_upgrade(struct pirn_feed *feed)
{
	bool open;

	lock(&feed->lock);
	open = !feed->closed;
	if (open) {
		pirn__feed_ref(feed);
		feed->senders++;
	}
	unlock(&feed->lock);
	return open;
}

void pirn__feed_subscribe(struct pirn_feed *feed, struct pirn_feed_place *rx)
{
	pirn__feed_ref(feed);
	lock(&feed->lock);
	feed->receivers++;
	place_init(rx, feed, feed->sent);
	unlock(&feed->lock);
}

void pirn__feed_add_receiver(struct pirn_feed_place *copy)
{
	struct pirn_feed *feed = feed_of(copy);

	copy->pending = 0;
	pirn__feed_ref(feed);
	lock(&feed->lock);
	feed->receivers++;
	unlock(&feed->lock);
}

void pirn__feed_remove_receiver(struct pirn_feed_place *rx)
{
	struct pirn_feed *feed = rx->feed;

	if (rx->pending > 0)
		pirn_trap(NULL, 0, "a receiver was dropped with its recv pending");
	place_init(rx, NULL, 0);
	if (!feed)
		return;
	lock(&feed->lock);
	if (feed->receivers == 0)
		pirn_trap(NULL, 0, "a receiver was dropped twice, by a copy of it");
	if (--feed->receivers == 0)
		unlock_and_wake(feed, &feed->closing);
	else
		unlock(&feed->lock);
	pirn__feed_unref(feed);
}

void pirn__feed_close(struct pirn_feed *feed)
{
	lock(&feed->lock);
	feed->closed = true;
	unlock_and_wake(feed, &feed->receiving);
	lock(&feed->lock);
	unlock_and_wake(feed, &feed->closing);
}

void pirn__feed_counts(struct pirn_feed *feed, uint64_t next, size_t capacity,
		       struct pirn_channel_counts *counts)
{
	uint64_t messages;

	lock(&feed->lock);
	messages = feed->sent - next;
	counts->messages = messages < capacity ? (size_t)messages : capacity;
	counts->capacity = capacity;
	counts->senders = feed->senders;
	counts->receivers = feed->receivers;
	counts->closed = feed->closed;
	unlock(&feed->lock);
}

/* ---- sending and waiting ------------------------------------------------------------------- */

void pirn__feed_sent(struct pirn_feed *feed)
{
	feed->sent++;
	unlock_and_wake(feed, &feed->receiving);
}

static void drop_waker(struct pirn_waker *waker)
{
	if (waker)
		pirn_waker_drop(waker);
}

enum pirn_poll pirn__feed_wait(struct pirn_feed *feed, struct feed_line *line,
			       feed_attempt *attempt, struct pirn_future *f,
			       struct pirn_context *cx, struct pirn_waiter *w)
{
	struct pirn_waker *clone = NULL, *drop = NULL;
	int err;

	if (f->at == FEED_NEW)
		f->at = FEED_TRIED;
	if (out_of_budget(cx))
		return PIRN_PENDING;
	lock(&feed->lock);
	err = attempt(f);
	if (err == -EAGAIN && !(waiter_listed(w) && w->waker == cx->waker)) {
		unlock(&feed->lock);
		clone = pirn_waker_clone(cx->waker);
		lock(&feed->lock);
		err = attempt(f); /* once more */
	}
	if (err != -EAGAIN) {
		drop = leave_line(w);
		line->n -= f->at == FEED_WAITED;
		f->at = FEED_TRIED;
	} else if (clone) {
		drop = stay_in_line(line, w, clone);
		clone = NULL;
		line->n += f->at != FEED_WAITED;
		f->at = FEED_WAITED;
	}
	unlock(&feed->lock);
	drop_waker(clone);
	drop_waker(drop);
	if (err == -EAGAIN)
		return PIRN_PENDING;
	spend_budget(cx);
	f->err = err;
	return PIRN_READY;
}

/* All are woken, so there is nothing to hand on. */
void pirn__feed_give_up(struct pirn_feed *feed, struct feed_line *line, struct pirn_waiter *w)
{
	struct pirn_waker *drop;

	lock(&feed->lock);
	drop = leave_line(w);
	line->n--;
	unlock(&feed->lock);
	drop_waker(drop);
}

/* ---- waiting for the end ------------------------------------------------------------------- */

static int look_for_end(struct pirn_future *f)
{
	const struct pirn_feed *feed = ((struct pirn_feed_closed *)(void *)f)->feed;

	return feed->closed || feed->receivers == 0 ? 0 : -EAGAIN;
}

static enum pirn_poll closed_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_feed_closed *closed = (struct pirn_feed_closed *)(void *)f;

	return pirn__feed_wait(closed->feed, &closed->feed->closing, look_for_end, f, cx,
			       &closed->waiter);
}

static void closed_drop(struct pirn_future *f)
{
	struct pirn_feed_closed *closed = (struct pirn_feed_closed *)(void *)f;

	if (f->at == FEED_WAITED)
		pirn__feed_give_up(closed->feed, &closed->feed->closing, &closed->waiter);
}

const struct pirn_future_ops pirn_feed_closed_ops = {
	.name = "closed",
	.file = __FILE__,
	.size = sizeof(struct pirn_feed_closed),
	.poll = closed_poll,
	.drop = closed_drop,
};
