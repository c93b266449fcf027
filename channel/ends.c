/* SPDX-License-Identifier: MIT */
/*
 * The ends of a channel: who holds it open, who only its memory, and who waits for its end.
 *
 * A channel is closed under its lock, once, by a close or by the last end of a side; from then on
 * nobody comes into line, so all who are get woken one by one. Whoever wakes them still holds its
 * own end: the block is freed behind that, by the last holder of all.
 *
 * Linearisation: close and the last unref where `closed` is set, an upgrade where it looks at it, a
 * count where it reads, all under the lock. So an upgrade is before the last unref, and the channel
 * stays open, or behind it, and gets nothing. Progress: each waits for the lock alone.
 *
 * Orderings (the lock does the rest).
 *
 *   tag   writer                    reader                 without it
 *   [C1]  unref: release on refs    last unref: acquire    the channel is freed while another
 *                                                          end's unlock goes on
 */
#include "config.h"

#include "pirn_ends.h"

#include "channel.h"

static struct channel *of_weak_sender(struct pirn_weak_sender *weak)
{
	return container_of(weak, struct channel, weak_tx);
}

static struct channel *of_weak_receiver(struct pirn_weak_receiver *weak)
{
	return container_of(weak, struct channel, weak_rx);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void ref(struct channel *c)
{
	word_add_relaxed(&c->refs, 1); /* [C1] relaxed: the caller has one already */
}

static void unref(struct channel *c)
{
	/* [C1] Release: our unlock comes before the free. Acquire: the free comes after all. */
	if (word_sub_acq_rel(&c->refs, 1) != 1)
		return;
	if (c->bounded)
		pirn__ring_deinit(&c->queue.ring, c->size, c->memory);
	lock_deinit(&c->lock);
	c->memory->free(c->memory, c, sizeof(*c));
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Closed: nobody waits again, there is an answer for everybody. */
static void wake_all(struct channel *c)
{
	struct pirn_waker *waker;

	do {
		lock(&c->lock);
		waker = pirn__waiters_take(&c->sending);
		if (!waker)
			waker = pirn__waiters_take(&c->receiving);
		if (!waker)
			waker = pirn__waiters_take(&c->closing);
		unlock(&c->lock);
		wake_waker(waker);
	} while (waker);
}

static void close_channel(struct channel *c)
{
	lock(&c->lock);
	c->closed = true;
	unlock(&c->lock);
	wake_all(c);
}

/* One holder less of this side. Was it the last? Then the channel is closed. */
static bool leave(struct channel *c, uint32_t *side)
{
	bool last;

	lock(&c->lock);
	last = --*side == 0;
	if (last)
		c->closed = true;
	unlock(&c->lock);
	if (last)
		wake_all(c);
	return last;
}

/*
 * No receivers, and closed: the queue is this thread's alone, but for the spare segment, at which a
 * sender that has made one still looks.
 */
static void release_messages(struct channel *c)
{
	struct segment *spare = NULL;
	bool bounded;

	lock(&c->lock);
	bounded = c->bounded; /* the models look at its neighbour `closed` with it */
	if (!bounded)
		spare = pirn__segments_take_spare(&c->queue.segments);
	unlock(&c->lock);
	free_segment(c, spare);
	if (!bounded)
		pirn__segments_drain(&c->queue.segments, c->size, c->release, c->memory);
	else if (c->release)
		pirn__ring_drain(&c->queue.ring, c->size, c->release);
}

void pirn_sender_close(struct pirn_sender *tx)
{
	close_channel(of_sender(tx));
}

void pirn_receiver_close(struct pirn_receiver *rx)
{
	close_channel(of_receiver(rx));
}

/* ---- holders ------------------------------------------------------------------------------- */

/* Under the lock. */
static void count_in(uint32_t *side)
{
	if (++*side == 0)
		pirn_trap(NULL, 0, "more holders of a channel's end than can be counted");
}

static void join(struct channel *c, uint32_t *side)
{
	ref(c);
	lock(&c->lock);
	count_in(side);
	unlock(&c->lock);
}

struct pirn_sender *pirn_sender_ref(struct pirn_sender *tx)
{
	join(of_sender(tx), &of_sender(tx)->senders);
	return tx;
}

struct pirn_receiver *pirn_receiver_ref(struct pirn_receiver *rx)
{
	join(of_receiver(rx), &of_receiver(rx)->receivers);
	return rx;
}

struct pirn_sender *pirn_sender_unref(struct pirn_sender *tx)
{
	if (tx) {
		leave(of_sender(tx), &of_sender(tx)->senders);
		unref(of_sender(tx));
	}
	return NULL;
}

struct pirn_receiver *pirn_receiver_unref(struct pirn_receiver *rx)
{
	if (rx) {
		if (leave(of_receiver(rx), &of_receiver(rx)->receivers))
			release_messages(of_receiver(rx));
		unref(of_receiver(rx));
	}
	return NULL;
}

/* ---- weak ends ----------------------------------------------------------------------------- */

/* Open: then each side has an end, and this one gets one more. */
static bool upgrade(struct channel *c, uint32_t *side)
{
	bool open;

	lock(&c->lock);
	open = !c->closed;
	if (open) {
		ref(c);
		count_in(side);
	}
	unlock(&c->lock);
	return open;
}

struct pirn_weak_sender *pirn_sender_downgrade(struct pirn_sender *tx)
{
	ref(of_sender(tx));
	return &of_sender(tx)->weak_tx;
}

struct pirn_weak_receiver *pirn_receiver_downgrade(struct pirn_receiver *rx)
{
	ref(of_receiver(rx));
	return &of_receiver(rx)->weak_rx;
}

struct pirn_sender *pirn_weak_sender_upgrade(struct pirn_weak_sender *weak)
{
	struct channel *c = of_weak_sender(weak);

	return upgrade(c, &c->senders) ? &c->tx : NULL;
}

struct pirn_receiver *pirn_weak_receiver_upgrade(struct pirn_weak_receiver *weak)
{
	struct channel *c = of_weak_receiver(weak);

	return upgrade(c, &c->receivers) ? &c->rx : NULL;
}

struct pirn_weak_sender *pirn_weak_sender_ref(struct pirn_weak_sender *weak)
{
	ref(of_weak_sender(weak));
	return weak;
}

struct pirn_weak_receiver *pirn_weak_receiver_ref(struct pirn_weak_receiver *weak)
{
	ref(of_weak_receiver(weak));
	return weak;
}

struct pirn_weak_sender *pirn_weak_sender_unref(struct pirn_weak_sender *weak)
{
	if (weak)
		unref(of_weak_sender(weak));
	return NULL;
}

struct pirn_weak_receiver *pirn_weak_receiver_unref(struct pirn_weak_receiver *weak)
{
	if (weak)
		unref(of_weak_receiver(weak));
	return NULL;
}

/* ---- counts -------------------------------------------------------------------------------- */

static void count(struct channel *c, struct pirn_channel_counts *counts)
{
	lock(&c->lock);
	counts->senders = c->senders;
	counts->receivers = c->receivers;
	counts->closed = c->closed;
	counts->capacity = PIRN_UNBOUNDED;
	if (c->bounded)
		counts->capacity = c->rendezvous ? 0 : c->queue.ring.capacity;
	counts->messages = 0;
	if (c->receivers > 0) /* else the queue is no longer under the lock */
		counts->messages = c->bounded ? c->queue.ring.n : c->queue.segments.n;
	unlock(&c->lock);
}

void pirn_sender_counts(struct pirn_sender *tx, struct pirn_channel_counts *counts)
{
	count(of_sender(tx), counts);
}

void pirn_receiver_counts(struct pirn_receiver *rx, struct pirn_channel_counts *counts)
{
	count(of_receiver(rx), counts);
}

/* ---- waiting for the end ------------------------------------------------------------------- */

static enum pirn_poll sender_closed_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_sender_closed *closed = (struct pirn_sender_closed *)(void *)f;
	struct channel *c = of_sender(closed->tx);
	struct pirn_waker *clone, *drop;
	bool ready;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx))
		return PIRN_PENDING;
	clone = pirn_waker_clone(cx->waker);
	lock(&c->lock);
	ready = c->closed;
	if (ready)
		drop = stop_waiting(&closed->waiter);
	else
		drop = wait_with(&c->closing, &closed->waiter, clone, f);
	unlock(&c->lock);
	drop_waker(drop);
	if (!ready)
		return PIRN_PENDING;
	drop_waker(clone);
	spend_budget(cx);
	f->err = 0;
	return PIRN_READY;
}

static void sender_closed_drop(struct pirn_future *f)
{
	struct pirn_sender_closed *closed = (struct pirn_sender_closed *)(void *)f;
	struct channel *c = of_sender(closed->tx);
	struct pirn_waker *drop;

	if (f->at != WAITED)
		return;
	lock(&c->lock);
	drop = stop_waiting(&closed->waiter);
	unlock(&c->lock);
	drop_waker(drop);
}

const struct pirn_future_ops pirn_sender_closed_ops = {
	.name = "sender closed",
	.file = __FILE__,
	.size = sizeof(struct pirn_sender_closed),
	.poll = sender_closed_poll,
	.drop = sender_closed_drop,
};
