/* SPDX-License-Identifier: MIT */
/*
 * The broadcast: a feed (feed.h) that keeps its last `capacity` messages, in a ring. A receiver
 * holds the number of its next message, counted from the first one that was ever sent; how far that
 * is behind the count says where it lies, or that it was overwritten.
 *
 * Linearisation and progress: all is done under the feed's lock, but for the wakes.
 */
#include "config.h"

#include "pirn_broadcast.h"

#include <errno.h>
#include <string.h>

#include "feed.h"
#include "thread.h"

/* The sender's end is the block itself. */
struct pirn_broadcast_sender {
	struct feed feed;
	size_t capacity; /* in messages; constant */
	size_t write;    /* the slot of the next one; guarded by the lock */
	_Alignas(16) unsigned char slots[];
};

/* ---- the ends ------------------------------------------------------------------------------ */

int pirn_broadcast_new(struct pirn_broadcast_sender **tx, struct pirn_broadcast_receiver *rx,
		       size_t size, size_t capacity, const struct pirn_memory *memory)
{
	struct feed *feed;

	if (size == 0 || capacity == 0)
		return -EINVAL;
	feed = pirn__feed_new(memory, offsetof(struct pirn_broadcast_sender, slots), size,
			      capacity);
	if (!feed)
		return -ENOMEM;
	*tx = (struct pirn_broadcast_sender *)(void *)feed;
	(*tx)->capacity = capacity;
	(*tx)->write = 0;
	rx->broadcast = *tx;
	rx->next = rx->missed = 0;
	return 0;
}

struct pirn_broadcast_sender *pirn_broadcast_sender_ref(struct pirn_broadcast_sender *tx)
{
	pirn__feed_add_sender(&tx->feed);
	return tx;
}

struct pirn_broadcast_sender *pirn_broadcast_sender_unref(struct pirn_broadcast_sender *tx)
{
	if (tx)
		pirn__feed_remove_sender(&tx->feed);
	return NULL;
}

void pirn_broadcast_sender_close(struct pirn_broadcast_sender *tx)
{
	pirn__feed_close(&tx->feed);
}

struct pirn_broadcast_receiver pirn_broadcast_subscribe(struct pirn_broadcast_sender *tx)
{
	struct pirn_broadcast_receiver rx;

	rx.broadcast = tx;
	rx.next = pirn__feed_add_receiver(&tx->feed);
	rx.missed = 0;
	return rx;
}

struct pirn_broadcast_receiver pirn_broadcast_receiver_clone(
	const struct pirn_broadcast_receiver *rx)
{
	pirn__feed_add_receiver(&rx->broadcast->feed);
	return *rx;
}

void pirn_broadcast_receiver_drop(struct pirn_broadcast_receiver *rx)
{
	struct pirn_broadcast_sender *broadcast = rx->broadcast;

	rx->broadcast = NULL;
	rx->next = rx->missed = 0;
	if (broadcast)
		pirn__feed_remove_receiver(&broadcast->feed);
}

/* ---- the ring ------------------------------------------------------------------------------ */

int pirn_broadcast_send(struct pirn_broadcast_sender *tx, const void *msg)
{
	int err = pirn__feed_begin_send(&tx->feed);

	if (err)
		return err;
	memcpy(tx->slots + tx->write * tx->feed.size, msg, tx->feed.size);
	if (++tx->write == tx->capacity)
		tx->write = 0;
	pirn__feed_end_send(&tx->feed);
	return 0;
}

/* Under the lock. */
static int look(struct pirn_broadcast_receiver *rx, void *msg)
{
	struct pirn_broadcast_sender *b = rx->broadcast;
	uint64_t behind = b->feed.sent - rx->next;
	size_t slot;

	if (behind == 0)
		return b->feed.closed ? -EPIPE : -EAGAIN;
	if (behind > b->capacity) {
		rx->missed = behind - b->capacity;
		rx->next += rx->missed;
		return -EOVERFLOW;
	}
	slot = b->write + (b->write < behind ? b->capacity : 0) - (size_t)behind;
	memcpy(msg, b->slots + slot * b->feed.size, b->feed.size);
	rx->next++;
	return 0;
}

int pirn_broadcast_try_recv(struct pirn_broadcast_receiver *rx, void *msg)
{
	struct feed *feed = &rx->broadcast->feed;
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

static struct feed *feed_of(const struct pirn_broadcast_recv *recv)
{
	if (!recv->rx->broadcast)
		pirn_trap(__FILE__, 0, "a recv was left pending when its receiver was dropped");
	return &recv->rx->broadcast->feed;
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_broadcast_recv *recv = (struct pirn_broadcast_recv *)(void *)f;

	return pirn__feed_poll(feed_of(recv), attempt, f, cx, &recv->waiter);
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_broadcast_recv *recv = (struct pirn_broadcast_recv *)(void *)f;

	if (f->at == FEED_WAITED)
		pirn__feed_stop(feed_of(recv), &recv->waiter);
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
