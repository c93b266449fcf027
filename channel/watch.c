/* SPDX-License-Identifier: MIT */
/*
 * The watch: a feed (feed.h) that keeps its last message only. A value's version is the number of
 * messages sent until then; a receiver stands at the version that it has seen.
 *
 * Linearisation and progress: all is done under the feed's lock, but for the wakes.
 */
#include "config.h"

#include "pirn_watch.h"

#include <errno.h>
#include <string.h>

#include "feed.h"
#include "thread.h"

/* The sender's end is the block itself; so is a weak one. */
struct pirn_watch_sender {
	struct pirn_feed feed;
	_Alignas(16) unsigned char value[];
};

static struct pirn_feed *of_weak(struct pirn_watch_weak_sender *weak)
{
	return (struct pirn_feed *)(void *)weak;
}

static struct pirn_watch_sender *watch_of(const struct pirn_watch_receiver *rx)
{
	return (struct pirn_watch_sender *)(void *)feed_of(&rx->place);
}

/* ---- the ends ------------------------------------------------------------------------------ */

int pirn_watch_new(struct pirn_watch_sender **tx, struct pirn_watch_receiver *rx, size_t size,
		   const void *first, const struct pirn_memory *memory)
{
	struct pirn_feed *feed;

	if (size == 0)
		return -EINVAL;
	feed = pirn__feed_new(memory, offsetof(struct pirn_watch_sender, value), size, 1,
			      &rx->place);
	if (!feed)
		return -ENOMEM;
	*tx = watch_of(rx);
	memcpy((*tx)->value, first, size);
	feed->sent = rx->place.next = 1; /* the first value, which it has seen */
	return 0;
}

struct pirn_watch_sender *pirn_watch_sender_ref(struct pirn_watch_sender *tx)
{
	pirn__feed_add_sender(&tx->feed);
	return tx;
}

struct pirn_watch_sender *pirn_watch_sender_unref(struct pirn_watch_sender *tx)
{
	pirn__feed_remove_sender((struct pirn_feed *)(void *)tx);
	return NULL;
}

void pirn_watch_sender_close(struct pirn_watch_sender *tx)
{
	pirn__feed_close(&tx->feed);
}

void pirn_watch_receiver_close(const struct pirn_watch_receiver *rx)
{
	pirn__feed_close(feed_of(&rx->place));
}

void pirn_watch_sender_counts(struct pirn_watch_sender *tx, struct pirn_channel_counts *counts)
{
	pirn__feed_counts(&tx->feed, 0, 1, counts);
}

void pirn_watch_receiver_counts(const struct pirn_watch_receiver *rx,
				struct pirn_channel_counts *counts)
{
	pirn__feed_counts(feed_of(&rx->place), rx->place.next, 1, counts);
}

struct pirn_watch_receiver pirn_watch_subscribe(struct pirn_watch_sender *tx)
{
	struct pirn_watch_receiver rx;

	pirn__feed_subscribe(&tx->feed, &rx.place);
	return rx;
}

struct pirn_watch_receiver pirn_watch_receiver_clone(const struct pirn_watch_receiver *rx)
{
	struct pirn_watch_receiver clone = *rx;

	pirn__feed_add_receiver(&clone.place);
	return clone;
}

void pirn_watch_receiver_drop(struct pirn_watch_receiver *rx)
{
	pirn__feed_remove_receiver(&rx->place);
}

/* ---- weak ends ----------------------------------------------------------------------------- */

struct pirn_watch_weak_sender *pirn_watch_sender_downgrade(struct pirn_watch_sender *tx)
{
	pirn__feed_ref(&tx->feed);
	return (struct pirn_watch_weak_sender *)(void *)tx;
}

struct pirn_watch_sender *pirn_watch_weak_sender_upgrade(struct pirn_watch_weak_sender *weak)
{
	return pirn__feed_upgrade(of_weak(weak)) ? (struct pirn_watch_sender *)(void *)weak : NULL;
}

struct pirn_watch_weak_sender *pirn_watch_weak_sender_ref(struct pirn_watch_weak_sender *weak)
{
	pirn__feed_ref(of_weak(weak));
	return weak;
}

struct pirn_watch_weak_sender *pirn_watch_weak_sender_unref(struct pirn_watch_weak_sender *weak)
{
	if (weak)
		pirn__feed_unref(of_weak(weak));
	return NULL;
}

/* ---- the value ----------------------------------------------------------------------------- */

int pirn_watch_send(struct pirn_watch_sender *tx, const void *msg)
{
	lock(&tx->feed.lock);
	if (tx->feed.closed) {
		unlock(&tx->feed.lock);
		return -EPIPE;
	}
	memcpy(tx->value, msg, tx->feed.size);
	pirn__feed_sent(&tx->feed);
	return 0;
}

void pirn_watch_peek(const struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_sender *watch = watch_of(rx);

	lock(&watch->feed.lock);
	memcpy(msg, watch->value, watch->feed.size);
	unlock(&watch->feed.lock);
}

bool pirn_watch_catch_up(struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_sender *watch = watch_of(rx);
	bool new;

	lock(&watch->feed.lock);
	memcpy(msg, watch->value, watch->feed.size);
	new = rx->place.next != watch->feed.sent;
	rx->place.next = watch->feed.sent;
	unlock(&watch->feed.lock);
	return new;
}

/* Under the lock. */
static int look(struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_sender *watch = watch_of(rx);

	if (rx->place.next == watch->feed.sent)
		return watch->feed.closed ? -EPIPE : -EAGAIN;
	memcpy(msg, watch->value, watch->feed.size);
	rx->place.next = watch->feed.sent;
	return 0;
}

int pirn_watch_try_recv(struct pirn_watch_receiver *rx, void *msg)
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
	struct pirn_watch_recv *recv = (struct pirn_watch_recv *)(void *)f;

	return look(recv->rx, recv->msg);
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_watch_recv *recv = (struct pirn_watch_recv *)(void *)f;

	return feed_recv_poll(&recv->rx->place, attempt, f, cx, &recv->waiter);
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_watch_recv *recv = (struct pirn_watch_recv *)(void *)f;

	if (f->at == FEED_WAITED)
		feed_recv_give_up(&recv->rx->place, &recv->waiter);
}

const struct pirn_future_ops pirn_watch_recv_ops = {
	.name = "watch recv",
	.file = __FILE__,
	.size = sizeof(struct pirn_watch_recv),
	.poll = recv_poll,
	.drop = recv_drop,
};

int pirn_watch_recv_blocking(struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_recv recv;
	int err;

	must_be_outside(NULL, "recv_blocking inside a poll or on a worker");
	err = pirn_watch_try_recv(rx, msg);
	if (err != -EAGAIN)
		return err;
	recv = pirn_watch_recv(rx, msg);
	return pirn_block_on(&recv.future);
}
