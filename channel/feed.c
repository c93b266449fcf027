/* SPDX-License-Identifier: MIT */
/*
 * Under the lock messages are copied and pointers moved, nothing else: wakers are cloned, woken and
 * dropped outside, and the block is freed there. Whoever wakes holds an end of its own, so the
 * block stays until it is done, whatever those do that it has woken.
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

/* ---- the line ------------------------------------------------------------------------------ */

#define BATCH 16u /* waiters taken off under one lock */

/* Under the lock, all three: a waker to wake, or drop, behind it; or NULL. */
static struct pirn_waker *take_first(struct feed *feed)
{
	struct pirn_waker *waker = pirn__waiters_take(&feed->line);

	feed->waiting -= waker != NULL;
	return waker;
}

static struct pirn_waker *leave_line(struct feed *feed, struct pirn_waiter *w)
{
	if (!waiter_listed(w))
		return NULL;
	feed->waiting--;
	return pirn__waiter_remove(w);
}

/* At the end of the line, from wherever it was. */
static struct pirn_waker *stay_in_line(struct feed *feed, struct pirn_waiter *w,
				       struct pirn_waker *waker)
{
	struct pirn_waker *old = leave_line(feed, w);

	pirn__waiters_add(&feed->line, w, waker, false);
	feed->waiting++;
	return old;
}

/*
 * Lets go of the lock and wakes all who were in line. Those who come meanwhile have seen what there
 * is to see: without the count this would go on for as long as others are as quick as we are.
 */
static void unlock_and_wake_all(struct feed *feed)
{
	struct pirn_waker *waker[BATCH];
	size_t n = feed->waiting;

	for (;;) {
		unsigned taken = 0;

		while (taken < BATCH && taken < n && (waker[taken] = take_first(feed)))
			taken++;
		unlock(&feed->lock);
		n = taken < BATCH ? 0 : n - taken;
		for (unsigned i = 0; i < taken; i++)
			pirn_waker_wake(waker[i]);
		if (n == 0)
			return;
		lock(&feed->lock);
	}
}

/* ---- making and ending --------------------------------------------------------------------- */

struct feed *pirn__feed_new(const struct pirn_memory *memory, size_t head, size_t size, size_t n)
{
	struct feed *feed;

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
	feed->waiting = 0;
	waiters_init(&feed->line);
	return feed;
}

static void unref(struct feed *feed)
{
	/* [FD1] Release: our unlock comes before the free. Acquire: the free comes after all. */
	if (word_sub_acq_rel(&feed->refs, 1) != 1)
		return;
	lock_deinit(&feed->lock);
	feed->memory->free(feed->memory, feed, feed->bytes);
}

void pirn__feed_add_sender(struct feed *feed)
{
	word_add_relaxed(&feed->refs, 1); /* [FD1] relaxed: the caller has one already */
	lock(&feed->lock);
	feed->senders++;
	unlock(&feed->lock);
}

void pirn__feed_remove_sender(struct feed *feed)
{
	lock(&feed->lock);
	if (--feed->senders == 0) {
		feed->closed = true;
		unlock_and_wake_all(feed);
	} else {
		unlock(&feed->lock);
	}
	unref(feed);
}

uint64_t pirn__feed_add_receiver(struct feed *feed)
{
	uint64_t sent;

	word_add_relaxed(&feed->refs, 1);
	lock(&feed->lock);
	feed->receivers++;
	sent = feed->sent;
	unlock(&feed->lock);
	return sent;
}

void pirn__feed_remove_receiver(struct feed *feed)
{
	bool pending;

	lock(&feed->lock);
	pending = --feed->receivers == 0 && feed->waiting > 0;
	unlock(&feed->lock);
	if (pending)
		pirn_trap(NULL, 0, "the last receiver was dropped with its recv pending");
	unref(feed);
}

void pirn__feed_close(struct feed *feed)
{
	lock(&feed->lock);
	feed->closed = true;
	unlock_and_wake_all(feed);
}

/* ---- sending and waiting ------------------------------------------------------------------- */

int pirn__feed_begin_send(struct feed *feed)
{
	lock(&feed->lock);
	if (!feed->closed && feed->receivers > 0)
		return 0;
	unlock(&feed->lock);
	return -EPIPE;
}

void pirn__feed_end_send(struct feed *feed)
{
	feed->sent++;
	unlock_and_wake_all(feed);
}

static void drop_waker(struct pirn_waker *waker)
{
	if (waker)
		pirn_waker_drop(waker);
}

/* Attempts, and if it must wait, clones the waker outside the lock and attempts once more. */
enum pirn_poll pirn__feed_poll(struct feed *feed, feed_attempt *attempt, struct pirn_future *f,
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
		drop = leave_line(feed, w);
	} else if (clone) {
		drop = stay_in_line(feed, w, clone);
		clone = NULL;
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
void pirn__feed_stop(struct feed *feed, struct pirn_waiter *w)
{
	struct pirn_waker *drop;

	lock(&feed->lock);
	drop = leave_line(feed, w);
	unlock(&feed->lock);
	drop_waker(drop);
}
