/* SPDX-License-Identifier: MIT */
/*
 * The channel: a queue, a list of waiting senders, a list of waiting receivers, and one lock
 * around all three. Under the lock messages are copied and pointers moved, nothing else: wakers
 * are cloned, woken and dropped, memory is taken and given back, and release functions are called
 * outside.
 *
 * For each message that arrives one waiting receiver is taken off its list and woken, for each
 * room one sender. So a receiver waits on the list only where each message that is there already
 * has a notified receiver of its own; one that gives up after it was notified passes it on.
 *
 * Orderings (the lock does the rest).
 *
 *   tag   writer                    reader                 without it
 *   [C1]  unref: release on refs    last unref: acquire    the channel is freed while another
 *                                                          end's unlock goes on
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "channel.h"
#include "thread.h"

/* ---- making and ending --------------------------------------------------------------------- */

int pirn_channel_new(struct pirn_sender **tx, struct pirn_receiver **rx, size_t size,
		     size_t capacity, void (*release)(void *msg), const struct pirn_memory *memory)
{
	struct channel *c;

	if (size == 0 || capacity == 0)
		return -EINVAL;
	if (!memory)
		memory = &pirn_platform_default()->memory;
	c = memory->alloc(memory, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->bounded = capacity != PIRN_UNBOUNDED;
	if (!c->bounded) {
		pirn__segments_init(&c->queue.segments, size);
	} else if (pirn__ring_init(&c->queue.ring, size, capacity, memory) < 0) {
		memory->free(memory, c, sizeof(*c));
		return -ENOMEM;
	}
	word_init(&c->refs, 2);
	c->memory = memory;
	c->release = release;
	c->size = size;
	lock_init(&c->lock);
	c->closed = false;
	c->senders = c->receivers = 1;
	waiters_init(&c->sending);
	waiters_init(&c->receiving);
	*tx = &c->tx;
	*rx = &c->rx;
	return 0;
}

static void unref(struct channel *c)
{
	/* [C1] Release: our unlock comes before the free. Acquire: the free comes after all. */
	if (word_sub_acq_rel(&c->refs, 1) != 1)
		return;
	if (c->bounded)
		pirn__ring_deinit(&c->queue.ring, c->memory);
	else
		pirn__segments_deinit(&c->queue.segments, c->memory);
	lock_deinit(&c->lock);
	c->memory->free(c->memory, c, sizeof(*c));
}

/* Wakes all who wait. Nobody waits again: a closed channel has an answer for everybody. */
static void wake_all(struct channel *c)
{
	struct pirn_waker *waker;

	do {
		lock(&c->lock);
		waker = pirn__waiters_take(&c->sending);
		if (!waker)
			waker = pirn__waiters_take(&c->receiving);
		unlock(&c->lock);
		if (waker)
			pirn_waker_wake(waker);
	} while (waker);
}

static void close_channel(struct channel *c)
{
	lock(&c->lock);
	c->closed = true;
	unlock(&c->lock);
	wake_all(c);
}

/* No receivers, and closed: the queue is this thread's alone. */
static void release_messages(struct channel *c)
{
	if (!c->release)
		return;
	if (c->bounded)
		pirn__ring_drain(&c->queue.ring, c->release);
	else
		pirn__segments_drain(&c->queue.segments, c->release);
}

struct pirn_sender *pirn_sender_ref(struct pirn_sender *tx)
{
	struct channel *c = of_sender(tx);

	word_add_relaxed(&c->refs, 1); /* [C1] relaxed: the caller has one already */
	lock(&c->lock);
	c->senders++;
	unlock(&c->lock);
	return tx;
}

struct pirn_receiver *pirn_receiver_ref(struct pirn_receiver *rx)
{
	struct channel *c = of_receiver(rx);

	word_add_relaxed(&c->refs, 1);
	lock(&c->lock);
	c->receivers++;
	unlock(&c->lock);
	return rx;
}

struct pirn_sender *pirn_sender_unref(struct pirn_sender *tx)
{
	struct channel *c;
	bool last;

	if (!tx)
		return NULL;
	c = of_sender(tx);
	lock(&c->lock);
	last = --c->senders == 0;
	unlock(&c->lock);
	if (last)
		close_channel(c);
	unref(c);
	return NULL;
}

struct pirn_receiver *pirn_receiver_unref(struct pirn_receiver *rx)
{
	struct channel *c;
	bool last;

	if (!rx)
		return NULL;
	c = of_receiver(rx);
	lock(&c->lock);
	last = --c->receivers == 0;
	unlock(&c->lock);
	if (last) {
		close_channel(c);
		release_messages(c);
	}
	unref(c);
	return NULL;
}

void pirn_sender_close(struct pirn_sender *tx)
{
	close_channel(of_sender(tx));
}

void pirn_receiver_close(struct pirn_receiver *rx)
{
	close_channel(of_receiver(rx));
}

/* ---- one attempt --------------------------------------------------------------------------- */

/*
 * Under the lock: puts *msg into the queue. -EAGAIN: full. -ENOBUFS: the unbounded queue wants a
 * segment, which the caller makes outside the lock.
 */
static int put(struct channel *c, void *msg)
{
	if (c->closed)
		return -EPIPE;
	if (c->bounded && !pirn__ring_push(&c->queue.ring, msg))
		return -EAGAIN;
	if (!c->bounded && !pirn__segments_push(&c->queue.segments, msg))
		return -ENOBUFS;
	/* Before the unlock: *msg may lie in what was sent, which is the receiver's then. */
	if (c->release)
		memset(msg, 0, c->size);
	return 0;
}

/* Under the lock: takes the oldest message. -EAGAIN: empty. */
int pirn__channel_get(struct channel *c, void *msg, struct segment **emptied)
{
	bool some;

	*emptied = NULL;
	some = c->bounded ? pirn__ring_pop(&c->queue.ring, msg)
			  : pirn__segments_pop(&c->queue.segments, msg, emptied);
	if (some)
		return 0;
	return c->closed ? -EPIPE : -EAGAIN;
}

/* Called, and returns, with the lock held; lets go of it to make a segment. */
int pirn__channel_put(struct channel *c, void *msg)
{
	struct segments *q = &c->queue.segments;
	struct segment *s = NULL;
	int err;

	while ((err = put(c, msg)) == -ENOBUFS) {
		unlock(&c->lock);
		s = pirn__segment_new(q, c->memory);
		lock(&c->lock);
		if (!s) {
			err = put(c, msg); /* somebody else may have given one meanwhile */
			return err == -ENOBUFS ? -ENOMEM : err;
		}
		if (!q->spare) {
			pirn__segments_give(q, s);
			continue;
		}
		unlock(&c->lock);
		pirn__segment_free(q, s, c->memory);
		lock(&c->lock);
	}
	return err;
}

int pirn_try_send(struct pirn_sender *tx, void *msg)
{
	struct channel *c = of_sender(tx);
	struct pirn_waker *wake = NULL;
	int err;

	lock(&c->lock);
	err = pirn__channel_put(c, msg);
	if (err == 0)
		wake = pirn__waiters_take(&c->receiving);
	unlock(&c->lock);
	if (wake)
		pirn_waker_wake(wake);
	return err;
}

int pirn_try_recv(struct pirn_receiver *rx, void *msg)
{
	struct channel *c = of_receiver(rx);
	struct pirn_waker *wake = NULL;
	struct segment *emptied;
	int err;

	lock(&c->lock);
	err = pirn__channel_get(c, msg, &emptied);
	if (err == 0)
		wake = pirn__waiters_take(&c->sending);
	unlock(&c->lock);
	if (emptied)
		pirn__segment_free(&c->queue.segments, emptied, c->memory);
	if (wake)
		pirn_waker_wake(wake);
	return err;
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Under the lock. */
static int attempt(struct channel *c, bool sending, void *msg, struct segment **emptied)
{
	return sending ? pirn__channel_put(c, msg) : pirn__channel_get(c, msg, emptied);
}

/*
 * One poll of send or recv: attempt, and if it must wait, clone the waker outside the lock,
 * attempt again, and only then wait.
 */
static enum pirn_poll poll_waiting(struct channel *c, bool sending, struct pirn_future *f,
				   struct pirn_context *cx, struct pirn_waiter *w, void *msg)
{
	struct pirn_waker *clone = NULL, *drop, *wake = NULL;
	struct segment *emptied = NULL;
	int err;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx))
		return PIRN_PENDING;
	lock(&c->lock);
	err = attempt(c, sending, msg, &emptied);
	if (err == -EAGAIN && !waits(w, cx)) {
		unlock(&c->lock);
		clone = pirn_waker_clone(cx->waker);
		lock(&c->lock);
		err = attempt(c, sending, msg, &emptied);
	}
	if (err == -EAGAIN) {
		drop = clone ? wait_with(sending ? &c->sending : &c->receiving, w, clone, f) : NULL;
		unlock(&c->lock);
		drop_waker(drop);
		return PIRN_PENDING;
	}
	spend_budget(cx);
	drop = stop_waiting(w);
	if (err == 0)
		wake = pirn__waiters_take(sending ? &c->receiving : &c->sending);
	unlock(&c->lock);
	f->err = err;
	if (emptied)
		pirn__segment_free(&c->queue.segments, emptied, c->memory);
	drop_waker(clone);
	drop_waker(drop);
	if (wake)
		pirn_waker_wake(wake);
	return PIRN_READY;
}

static enum pirn_poll send_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_send *send = (struct pirn_send *)(void *)f;

	return poll_waiting(of_sender(send->tx), true, f, cx, &send->waiter, send->msg);
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_recv *recv = (struct pirn_recv *)(void *)f;

	return poll_waiting(of_receiver(recv->rx), false, f, cx, &recv->waiter, recv->msg);
}

/* Under the lock: is there still what a waiter of this side was notified of? */
static bool still_there(const struct channel *c, bool sending)
{
	if (!c->bounded)
		return sending || c->queue.segments.n > 0;
	return sending ? c->queue.ring.n < c->queue.ring.capacity : c->queue.ring.n > 0;
}

/*
 * Gives a wait up. One that was notified, and did not come to use it, passes it on; not where the
 * channel is closed, since then everybody is woken, and the queue may be somebody's alone.
 */
void pirn__channel_give_up(struct channel *c, bool sending, struct pirn_future *f,
			   struct pirn_waiter *w)
{
	struct pirn_waker *drop, *wake = NULL;

	if (f->at != WAITED)
		return;
	lock(&c->lock);
	drop = stop_waiting(w);
	if (!drop && !c->closed && still_there(c, sending))
		wake = pirn__waiters_take(sending ? &c->sending : &c->receiving);
	unlock(&c->lock);
	drop_waker(drop);
	if (wake)
		pirn_waker_wake(wake);
}

static void send_drop(struct pirn_future *f)
{
	struct pirn_send *send = (struct pirn_send *)(void *)f;

	pirn__channel_give_up(of_sender(send->tx), true, f, &send->waiter);
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_recv *recv = (struct pirn_recv *)(void *)f;

	pirn__channel_give_up(of_receiver(recv->rx), false, f, &recv->waiter);
}

const struct pirn_future_ops pirn_send_ops = {
	.name = "send",
	.file = __FILE__,
	.size = sizeof(struct pirn_send),
	.poll = send_poll,
	.drop = send_drop,
};

const struct pirn_future_ops pirn_recv_ops = {
	.name = "recv",
	.file = __FILE__,
	.size = sizeof(struct pirn_recv),
	.poll = recv_poll,
	.drop = recv_drop,
};

/* ---- plain threads ------------------------------------------------------------------------- */

int pirn_send_blocking(struct pirn_sender *tx, void *msg)
{
	struct pirn_send send;
	int err;

	must_be_outside(NULL, "send_blocking inside a poll or on a worker");
	err = pirn_try_send(tx, msg);
	if (err != -EAGAIN)
		return err;
	send = pirn_send(tx, msg);
	return pirn_block_on(&send.future);
}

int pirn_recv_blocking(struct pirn_receiver *rx, void *msg)
{
	struct pirn_recv recv;
	int err;

	must_be_outside(NULL, "recv_blocking inside a poll or on a worker");
	err = pirn_try_recv(rx, msg);
	if (err != -EAGAIN)
		return err;
	recv = pirn_recv(rx, msg);
	return pirn_block_on(&recv.future);
}
