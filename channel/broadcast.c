/* SPDX-License-Identifier: MIT */
/*
 * The broadcast: a feed (feed.h) that keeps its last `capacity` messages, in a ring. A receiver
 * holds the number of its next message, counted from the first one that was ever sent; how far that
 * is behind the count says where it lies, or that it was overwritten.
 *
 * Linearisation and progress: all is done under the feed's lock, but for the wakes. Many that
 * are received are received at one moment.
 */
#include "config.h"

#include "pirn_broadcast.h"

#include <errno.h>
#include <string.h>

#include "feed.h"
#include "thread.h"

/* The sender's end is the block itself; so is a weak one. */
struct pirn_broadcast_sender {
	struct pirn_feed feed;
	size_t capacity; /* in messages; constant */
	size_t write;    /* the slot of the next one; guarded by the lock */
	_Alignas(16) unsigned char slots[];
};

static struct pirn_feed *of_weak(struct pirn_broadcast_weak_sender *weak)
{
	return (struct pirn_feed *)(void *)weak;
}

static struct pirn_broadcast_sender *broadcast_of(const struct pirn_broadcast_receiver *rx)
{
	return (struct pirn_broadcast_sender *)(void *)feed_of(&rx->place);
}

/* ---- the ends ------------------------------------------------------------------------------ */

int pirn_broadcast_new(struct pirn_broadcast_sender **tx, struct pirn_broadcast_receiver *rx,
		       size_t size, size_t capacity, const struct pirn_memory *memory)
{
	if (size == 0 || capacity == 0)
		return -EINVAL;
	if (!pirn__feed_new(memory, offsetof(struct pirn_broadcast_sender, slots), size, capacity,
			    &rx->place))
		return -ENOMEM;
	rx->missed = 0;
	*tx = broadcast_of(rx);
	(*tx)->capacity = capacity;
	(*tx)->write = 0;
	return 0;
}

struct pirn_broadcast_sender *pirn_broadcast_sender_ref(struct pirn_broadcast_sender *tx)
{
	pirn__feed_add_sender(&tx->feed);
	return tx;
}

struct pirn_broadcast_sender *pirn_broadcast_sender_unref(struct pirn_broadcast_sender *tx)
{
	pirn__feed_remove_sender((struct pirn_feed *)(void *)tx);
	return NULL;
}

void pirn_broadcast_sender_close(struct pirn_broadcast_sender *tx)
{
	pirn__feed_close(&tx->feed);
}

void pirn_broadcast_receiver_close(const struct pirn_broadcast_receiver *rx)
{
	pirn__feed_close(feed_of(&rx->place));
}

void pirn_broadcast_sender_counts(struct pirn_broadcast_sender *tx,
				  struct pirn_channel_counts *counts)
{
	pirn__feed_counts(&tx->feed, 0, tx->capacity, counts);
}

void pirn_broadcast_receiver_counts(const struct pirn_broadcast_receiver *rx,
				    struct pirn_channel_counts *counts)
{
	struct pirn_broadcast_sender *b = broadcast_of(rx);

	pirn__feed_counts(&b->feed, rx->place.next, b->capacity, counts);
}

struct pirn_broadcast_receiver pirn_broadcast_subscribe(struct pirn_broadcast_sender *tx)
{
	struct pirn_broadcast_receiver rx;

	pirn__feed_subscribe(&tx->feed, &rx.place);
	rx.missed = 0;
	return rx;
}

struct pirn_broadcast_receiver pirn_broadcast_receiver_clone(
	const struct pirn_broadcast_receiver *rx)
{
	struct pirn_broadcast_receiver clone = *rx;

	pirn__feed_add_receiver(&clone.place);
	return clone;
}

void pirn_broadcast_receiver_drop(struct pirn_broadcast_receiver *rx)
{
	rx->missed = 0;
	pirn__feed_remove_receiver(&rx->place);
}

/* ---- weak ends ----------------------------------------------------------------------------- */

struct pirn_broadcast_weak_sender *pirn_broadcast_sender_downgrade(struct pirn_broadcast_sender *tx)
{
	pirn__feed_ref(&tx->feed);
	return (struct pirn_broadcast_weak_sender *)(void *)tx;
}

struct pirn_broadcast_sender *pirn_broadcast_weak_sender_upgrade(
	struct pirn_broadcast_weak_sender *weak)
{
	bool open = pirn__feed_upgrade(of_weak(weak));

	return open ? (struct pirn_broadcast_sender *)(void *)weak : NULL;
}

struct pirn_broadcast_weak_sender *pirn_broadcast_weak_sender_ref(
	struct pirn_broadcast_weak_sender *weak)
{
	pirn__feed_ref(of_weak(weak));
	return weak;
}

struct pirn_broadcast_weak_sender *pirn_broadcast_weak_sender_unref(
	struct pirn_broadcast_weak_sender *weak)
{
	if (weak)
		pirn__feed_unref(of_weak(weak));
	return NULL;
}

/* ---- the ring ------------------------------------------------------------------------------ */

int pirn_broadcast_send(struct pirn_broadcast_sender *tx, const void *msg)
{
	lock(&tx->feed.lock);
	if (tx->feed.closed || tx->feed.receivers == 0) {
		unlock(&tx->feed.lock);
		return -EPIPE;
	}
	memcpy(tx->slots + tx->write * tx->feed.size, msg, tx->feed.size);
	if (++tx->write == tx->capacity)
		tx->write = 0;
	pirn__feed_sent(&tx->feed);
	return 0;
}

/* Under the lock. */
static int look(struct pirn_broadcast_receiver *rx, void *msg)
{
	struct pirn_broadcast_sender *b = broadcast_of(rx);
	uint64_t behind = b->feed.sent - rx->place.next;
	size_t slot;

	if (behind == 0)
		return b->feed.closed ? -EPIPE : -EAGAIN;
	if (behind > b->capacity) {
		rx->missed = behind - b->capacity;
		rx->place.next += rx->missed;
		return -EOVERFLOW;
	}
	slot = b->write + (b->write < behind ? b->capacity : 0) - (size_t)behind;
	memcpy(msg, b->slots + slot * b->feed.size, b->feed.size);
	rx->place.next++;
	return 0;
}

int pirn_broadcast_try_recv(struct pirn_broadcast_receiver *rx, void *msg)
{
	struct pirn_feed *feed = feed_of(&rx->place);
	int err;

	lock(&feed->lock);
	err = look(rx, msg);
	unlock(&feed->lock);
	return err;
}

static int attempt(struct pirn_future *f)
{
	struct pirn_broadcast_recv *recv = (struct pirn_broadcast_recv *)(void *)f;

	return look(recv->rx, recv->msg);
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_broadcast_recv *recv = (struct pirn_broadcast_recv *)(void *)f;

	return feed_recv_poll(&recv->rx->place, attempt, f, cx, &recv->waiter);
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_broadcast_recv *recv = (struct pirn_broadcast_recv *)(void *)f;

	if (f->at == FEED_WAITED)
		feed_recv_give_up(&recv->rx->place, &recv->waiter);
}

const struct pirn_future_ops pirn_broadcast_recv_ops = {
	.name = "broadcast recv",
	.file = __FILE__,
	.size = sizeof(struct pirn_broadcast_recv),
	.poll = recv_poll,
	.drop = recv_drop,
};

int pirn_broadcast_recv_blocking(struct pirn_broadcast_receiver *rx, void *msg)
{
	struct pirn_broadcast_recv recv;
	int err;

	must_be_outside(NULL, "recv_blocking inside a poll or on a worker");
	err = pirn_broadcast_try_recv(rx, msg);
	if (err != -EAGAIN)
		return err;
	recv = pirn_broadcast_recv(rx, msg);
	return pirn_block_on(&recv.future);
}

/* ---- many ---------------------------------------------------------------------------------- */

/* Under the lock, which one batch of them keeps for long enough. How many, or why there is none. */
static int look_many(struct pirn_broadcast_receiver *rx, char *msgs, size_t n)
{
	size_t size = rx->place.feed->size;
	int got = 0, err = 0;

	while (got < PIRN_BATCH && (size_t)got < n && !err) {
		err = look(rx, msgs + (size_t)got * size);
		got += err == 0;
	}
	return got > 0 ? got : err;
}

int pirn_broadcast_try_recv_many(struct pirn_broadcast_receiver *rx, void *msgs, size_t n)
{
	struct pirn_feed *feed = feed_of(&rx->place);
	int got;

	lock(&feed->lock);
	got = look_many(rx, msgs, n);
	unlock(&feed->lock);
	return got;
}

/* Until it is READY, the waiter lies in the place of `done`; err: for how many there is room. */
static int attempt_many(struct pirn_future *f)
{
	struct pirn_broadcast_recv_many *recv = (struct pirn_broadcast_recv_many *)(void *)f;

	return look_many(recv->rx, recv->msgs, (size_t)f->err);
}

static enum pirn_poll recv_many_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_broadcast_recv_many *recv = (struct pirn_broadcast_recv_many *)(void *)f;

	if (feed_recv_poll(&recv->rx->place, attempt_many, f, cx, &recv->waiter) == PIRN_PENDING)
		return PIRN_PENDING;
	recv->done = f->err > 0 ? (size_t)f->err : 0;
	if (f->err > 0)
		f->err = 0;
	return PIRN_READY;
}

static void recv_many_drop(struct pirn_future *f)
{
	struct pirn_broadcast_recv_many *recv = (struct pirn_broadcast_recv_many *)(void *)f;

	if (f->at == FEED_WAITED)
		feed_recv_give_up(&recv->rx->place, &recv->waiter);
}

const struct pirn_future_ops pirn_broadcast_recv_many_ops = {
	.name = "broadcast recv many",
	.file = __FILE__,
	.size = sizeof(struct pirn_broadcast_recv_many),
	.poll = recv_many_poll,
	.drop = recv_many_drop,
};

int pirn_broadcast_recv_many_blocking(struct pirn_broadcast_receiver *rx, void *msgs, size_t n)
{
	struct pirn_broadcast_recv_many recv;
	int got, err;

	must_be_outside(NULL, "recv_many_blocking inside a poll or on a worker");
	got = pirn_broadcast_try_recv_many(rx, msgs, n);
	if (got != -EAGAIN)
		return got;
	recv = pirn_broadcast_recv_many(rx, msgs, n);
	err = pirn_block_on(&recv.future);
	return err ? err : (int)recv.done;
}
