/* SPDX-License-Identifier: MIT */
/*
 * The channel: a queue, a line of senders, a line of receivers, and one lock around all three.
 * Under the lock messages are copied and pointers moved, nothing else: wakers are cloned, woken
 * and dropped, memory is taken and given back, and release functions are called outside. Behind the
 * unlock of its last message a send touches nothing of the channel: the message may have been that
 * very end, and whoever receives it may end the channel.
 *
 * Invariants, while the channel is open and the lock is free. A waiter that was taken off its list
 * is *notified* until it tries again or gives up.
 *
 *   A receiver is in line only while each message there has a notified receiver of its own.
 *   A sender is in line only while each room has a notified sender of its own.
 *
 * So each message that arrives takes one receiver off its list, each room one sender, and a
 * notified one that gives up passes that on to the next.
 *
 * A rendezvous has one slot, which is room only while it is empty and a receiver is in line. Room
 * comes in two ways: the first receiver comes into line (it has just found the slot empty), and
 * the slot is emptied while receivers are in line; in both a sender is notified. Room goes when
 * that receiver leaves the line: the notified sender finds none, and waits in front; whoever comes
 * into line next notifies it again. A receiver that was notified and gives up passes the message on
 * to the next in line; if there is none, it lies in the slot for whoever receives next.
 *
 * Linearisation: a send, a receive and their refusals take effect under the lock, at the last copy
 * or look there; a batch in steps of at most PIRN_BATCH, which end also where a segment has to be
 * made or freed. Progress: a call waits for the lock, held for a few copies, and for nothing else;
 * sends and receives that must wait are PENDING.
 */
#include "config.h"

#include <errno.h>

#include "channel.h"
#include "thread.h"

/* Where a pointer has 8 bytes. */
_Static_assert(sizeof(struct pirn_send) <= 64 && sizeof(struct pirn_recv) <= 64,
	       "who waits has 64 bytes at most");

static int init_queue(struct channel *c, size_t capacity)
{
	if (!c->bounded) {
		pirn__segments_init(&c->queue.segments, c->size);
		return 0;
	}
	return pirn__ring_init(&c->queue.ring, c->size, c->rendezvous ? 1 : (uint32_t)capacity,
			       c->memory);
}

int pirn_channel_new(struct pirn_sender **tx, struct pirn_receiver **rx, size_t size,
		     size_t capacity, void (*release)(void *msg), const struct pirn_memory *memory)
{
	struct channel *c;

	if (size == 0 || (capacity != PIRN_UNBOUNDED && capacity >= UINT32_MAX))
		return -EINVAL;
	if (!memory)
		memory = &pirn_platform_default()->memory;
	c = memory->alloc(memory, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->bounded = capacity != PIRN_UNBOUNDED;
	c->rendezvous = capacity == 0;
	c->closed = false;
	lock_init(&c->lock);
	c->size = size;
	c->release = release;
	waiters_init(&c->receiving);
	waiters_init(&c->sending);
	waiters_init(&c->closing);
	c->senders = c->receivers = 1;
	word_init(&c->refs, 2);
	c->memory = memory;
	if (init_queue(c, capacity) < 0) {
		lock_deinit(&c->lock);
		memory->free(memory, c, sizeof(*c));
		return -ENOMEM;
	}
	*tx = &c->tx;
	*rx = &c->rx;
	return 0;
}

/* ---- one attempt --------------------------------------------------------------------------- */

/* Returns 0, -EAGAIN (full), -EPIPE; -ENOBUFS: the unbounded queue wants a segment. */
static inline int put(struct channel *c, void *msg)
{
	if (shut(c))
		return c->closed ? -EPIPE : -EAGAIN;
	if (c->bounded) {
		if (!ring_push(&c->queue.ring, msg, c->size))
			return -EAGAIN;
	} else if (pirn__segments_push(&c->queue.segments, msg, 1, c->size) == 0) {
		return -ENOBUFS;
	}
	zero_sent(c, msg, 1);
	return 0;
}

/* Returns 0, -EAGAIN (empty), -EPIPE. *emptied: to free behind the unlock, or NULL. */
static inline int get(struct channel *c, void *msg, struct segment **emptied)
{
	bool some;

	*emptied = NULL;
	if (c->bounded)
		some = ring_pop(&c->queue.ring, msg, c->size);
	else
		some = pirn__segments_pop(&c->queue.segments, msg, 1, c->size, emptied) > 0;
	if (some)
		return 0;
	return c->closed ? -EPIPE : -EAGAIN;
}

int pirn__channel_extend(struct channel *c)
{
	struct segments *q = &c->queue.segments;
	struct segment *s = pirn__segment_new(q, c->size, c->memory);

	lock(&c->lock);
	if (!s)
		return -ENOMEM;
	if (!q->spare && !c->closed) {
		pirn__segments_give(q, s);
		return 0;
	}
	unlock(&c->lock);
	pirn__segment_free(q, s, c->size, c->memory);
	lock(&c->lock);
	return 0;
}

/* Makes segments outside the lock, until a put finds one. */
static int put_with_segment(struct channel *c, void *msg)
{
	int made, err;

	do {
		unlock(&c->lock);
		made = pirn__channel_extend(c);
		err = put(c, msg);
	} while (err == -ENOBUFS && made == 0);
	return err == -ENOBUFS ? -ENOMEM : err;
}

/* Called, and returns, with the lock held, but may let go of it. */
static int put_or_extend(struct channel *c, void *msg)
{
	int err = put(c, msg);

	return err == -ENOBUFS ? put_with_segment(c, msg) : err;
}

int pirn_try_send(struct pirn_sender *tx, void *msg)
{
	struct channel *c = of_sender(tx);
	struct pirn_waker *receiver = NULL;
	int err;

	lock(&c->lock);
	err = put(c, msg);
	if (err == -ENOBUFS)
		err = put_with_segment(c, msg);
	if (err == 0)
		receiver = next_receiver(c);
	unlock(&c->lock);
	wake_waker(receiver);
	return err;
}

int pirn_try_recv(struct pirn_receiver *rx, void *msg)
{
	struct channel *c = of_receiver(rx);
	struct pirn_waker *sender = NULL;
	struct segment *emptied;
	int err;

	lock(&c->lock);
	err = get(c, msg, &emptied);
	if (err == 0)
		sender = next_sender(c);
	unlock(&c->lock);
	free_segment(c, emptied);
	wake_waker(sender);
	return err;
}

/* Under the lock: in the place of the oldest. -EAGAIN: a rendezvous with nothing in its slot. */
static int replace_oldest(struct channel *c, void *msg, void *oldest)
{
	struct ring *r = &c->queue.ring;

	if (!ring_pop(r, oldest, c->size))
		return -EAGAIN;
	ring_push(r, msg, c->size);
	zero_sent(c, msg, 1);
	return 1;
}

int pirn_force_send(struct pirn_sender *tx, void *msg, void *oldest)
{
	struct channel *c = of_sender(tx);
	struct pirn_waker *receiver = NULL;
	int err;

	lock(&c->lock);
	err = put_or_extend(c, msg);
	if (err == 0)
		receiver = next_receiver(c);
	else if (err == -EAGAIN)
		err = replace_oldest(c, msg, oldest); /* as many as before: nobody to notify */
	unlock(&c->lock);
	wake_waker(receiver);
	return err;
}

/* ---- waiting ------------------------------------------------------------------------------- */

struct pirn_waker *pirn__channel_wait(struct channel *c, bool sending, struct pirn_future *f,
				      struct pirn_waiter *w, struct pirn_waker *waker,
				      struct pirn_waker **wake)
{
	bool room = !sending && c->rendezvous && waiters_empty(&c->receiving);
	struct pirn_waker *old = wait_with(sending ? &c->sending : &c->receiving, w, waker, f);

	*wake = room ? next_sender(c) : NULL;
	return old;
}

/* Behind the unlock. */
static inline enum pirn_poll end_poll(struct pirn_future *f, struct pirn_context *cx, int err,
				      struct pirn_waker *drop, struct pirn_waker *wake)
{
	spend_budget(cx);
	f->err = err;
	drop_waker(drop);
	wake_waker(wake);
	return PIRN_READY;
}

/*
 * With the lock held, which it lets go: an attempt has failed. Clones the waker outside the lock,
 * attempts again, and only then waits.
 */
static enum pirn_poll wait_in_line(struct channel *c, bool sending, struct pirn_future *f,
				   struct pirn_context *cx, struct pirn_waiter *w, void *msg)
{
	struct pirn_waker *clone, *drop, *wake = NULL;
	struct segment *emptied = NULL;
	int err;

	if (waits(w, cx)) {
		unlock(&c->lock);
		return PIRN_PENDING;
	}
	unlock(&c->lock);
	clone = pirn_waker_clone(cx->waker);
	lock(&c->lock);
	err = sending ? put_or_extend(c, msg) : get(c, msg, &emptied);
	if (err == -EAGAIN) {
		drop = pirn__channel_wait(c, sending, f, w, clone, &wake);
		unlock(&c->lock);
		drop_waker(drop);
		wake_waker(wake);
		return PIRN_PENDING;
	}
	drop = stop_waiting(w);
	if (err == 0)
		wake = sending ? next_receiver(c) : next_sender(c);
	unlock(&c->lock);
	free_segment(c, emptied);
	pirn_waker_drop(clone);
	return end_poll(f, cx, err, drop, wake);
}

/* Lets others run now and then. */
static inline bool must_yield(struct pirn_future *f, struct pirn_context *cx)
{
	if (!out_of_budget(cx))
		return false;
	if (f->at == NEW)
		f->at = TRIED;
	return true;
}

static enum pirn_poll send_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_send *send = (struct pirn_send *)(void *)f;
	struct channel *c = of_sender(send->tx);
	struct pirn_waker *drop, *wake = NULL;
	int err;

	if (must_yield(f, cx))
		return PIRN_PENDING;
	lock(&c->lock);
	err = put(c, send->msg);
	if (err == -ENOBUFS)
		err = put_with_segment(c, send->msg);
	if (err == -EAGAIN)
		return wait_in_line(c, true, f, cx, &send->waiter, send->msg);
	drop = stop_waiting(&send->waiter);
	if (err == 0)
		wake = next_receiver(c);
	unlock(&c->lock);
	return end_poll(f, cx, err, drop, wake);
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_recv *recv = (struct pirn_recv *)(void *)f;
	struct channel *c = of_receiver(recv->rx);
	struct pirn_waker *drop, *wake = NULL;
	struct segment *emptied;
	int err;

	if (must_yield(f, cx))
		return PIRN_PENDING;
	lock(&c->lock);
	err = get(c, recv->msg, &emptied);
	if (err == -EAGAIN)
		return wait_in_line(c, false, f, cx, &recv->waiter, recv->msg);
	drop = stop_waiting(&recv->waiter);
	if (err == 0)
		wake = next_sender(c);
	unlock(&c->lock);
	free_segment(c, emptied);
	return end_poll(f, cx, err, drop, wake);
}

/* Under the lock: is there still what a waiter of this side was notified of? */
static bool still_there(const struct channel *c, bool sending)
{
	if (!c->bounded)
		return sending || c->queue.segments.n > 0;
	return sending ? c->queue.ring.n < c->queue.ring.capacity : c->queue.ring.n > 0;
}

void pirn__channel_give_up(struct channel *c, bool sending, struct pirn_future *f,
			   struct pirn_waiter *w)
{
	struct pirn_waker *drop, *next = NULL;

	if (f->at != WAITED)
		return;
	lock(&c->lock);
	drop = stop_waiting(w);
	if (!drop && !c->closed && still_there(c, sending))
		next = sending ? next_sender(c) : next_receiver(c);
	unlock(&c->lock);
	drop_waker(drop);
	wake_waker(next);
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
