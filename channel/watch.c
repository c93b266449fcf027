/* SPDX-License-Identifier: MIT */
/*
 * The watch: a feed (feed.h) that keeps its last message only. A value's version is the number of
 * messages sent until then; a receiver holds the version that it has seen.
 *
 * Linearisation and progress: all is done under the feed's lock, but for the wakes.
 */
#include "config.h"

#include "pirn_watch.h"

#include <errno.h>
#include <string.h>

#include "feed.h"
#include "thread.h"

/* The sender's end is the block itself. */
struct pirn_watch_sender {
	struct feed feed;
	_Alignas(16) unsigned char value[];
};

/* ---- the ends ------------------------------------------------------------------------------ */

int pirn_watch_new(struct pirn_watch_sender **tx, struct pirn_watch_receiver *rx, size_t size,
		   const void *first, const struct pirn_memory *memory)
{
	struct feed *feed;

	if (size == 0)
		return -EINVAL;
	feed = pirn__feed_new(memory, offsetof(struct pirn_watch_sender, value), size, 1);
	if (!feed)
		return -ENOMEM;
	*tx = (struct pirn_watch_sender *)(void *)feed;
	memcpy((*tx)->value, first, size);
	rx->watch = *tx;
	rx->seen = 0;
	return 0;
}

struct pirn_watch_sender *pirn_watch_sender_ref(struct pirn_watch_sender *tx)
{
	pirn__feed_add_sender(&tx->feed);
	return tx;
}

struct pirn_watch_sender *pirn_watch_sender_unref(struct pirn_watch_sender *tx)
{
	if (tx)
		pirn__feed_remove_sender(&tx->feed);
	return NULL;
}

void pirn_watch_sender_close(struct pirn_watch_sender *tx)
{
	pirn__feed_close(&tx->feed);
}

struct pirn_watch_receiver pirn_watch_subscribe(struct pirn_watch_sender *tx)
{
	struct pirn_watch_receiver rx;

	rx.watch = tx;
	rx.seen = pirn__feed_add_receiver(&tx->feed);
	return rx;
}

struct pirn_watch_receiver pirn_watch_receiver_clone(const struct pirn_watch_receiver *rx)
{
	pirn__feed_add_receiver(&rx->watch->feed);
	return *rx;
}

void pirn_watch_receiver_drop(struct pirn_watch_receiver *rx)
{
	struct pirn_watch_sender *watch = rx->watch;

	rx->watch = NULL;
	rx->seen = 0;
	if (watch)
		pirn__feed_remove_receiver(&watch->feed);
}

/* ---- the value ----------------------------------------------------------------------------- */

int pirn_watch_send(struct pirn_watch_sender *tx, const void *msg)
{
	int err = pirn__feed_begin_send(&tx->feed);

	if (err)
		return err;
	memcpy(tx->value, msg, tx->feed.size);
	pirn__feed_end_send(&tx->feed);
	return 0;
}

void pirn_watch_peek(const struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_sender *watch = rx->watch;

	lock(&watch->feed.lock);
	memcpy(msg, watch->value, watch->feed.size);
	unlock(&watch->feed.lock);
}

/* Under the lock. */
static int look(struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_sender *watch = rx->watch;

	if (rx->seen == watch->feed.sent)
		return watch->feed.closed ? -EPIPE : -EAGAIN;
	memcpy(msg, watch->value, watch->feed.size);
	rx->seen = watch->feed.sent;
	return 0;
}

int pirn_watch_try_recv(struct pirn_watch_receiver *rx, void *msg)
{
	struct feed *feed = &rx->watch->feed;
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

static struct feed *feed_of(const struct pirn_watch_recv *recv)
{
	if (!recv->rx->watch)
		pirn_trap(__FILE__, 0, "a recv was left pending when its receiver was dropped");
	return &recv->rx->watch->feed;
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_watch_recv *recv = (struct pirn_watch_recv *)(void *)f;

	return pirn__feed_poll(feed_of(recv), attempt, f, cx, &recv->waiter);
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_watch_recv *recv = (struct pirn_watch_recv *)(void *)f;

	if (f->at == FEED_WAITED)
		pirn__feed_stop(feed_of(recv), &recv->waiter);
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
