/* SPDX-License-Identifier: MIT */
/*
 * Many messages at once. Up to PIRN_BATCH of them share one section under the lock, are copied in
 * one run as far as they lie side by side, and for each one who waits on the other side is
 * notified; the wakes come behind the unlock. A section ends also where a segment has to be made or
 * freed: nobody comes in between inside one, and who was notified is woken before memory is taken.
 */
#include "config.h"

#include "pirn_batch.h"

#include <errno.h>
#include <limits.h>

#include "channel.h"
#include "thread.h"

/* Where a pointer has 8 bytes. */
_Static_assert(sizeof(struct pirn_send_many) <= 64 && sizeof(struct pirn_recv_many) <= 64,
	       "who waits has 64 bytes at most");

struct batch {
	bool sending;
	char *msgs;
	size_t n, done;
	struct pirn_waiter *waiter; /* of a recv that may be in line, or NULL */
	/* of one section under the lock, to be seen to behind it */
	struct pirn_waker *wake[PIRN_BATCH];
	unsigned wakes;
	struct pirn_waker *drop;
	struct segment *emptied;
	bool wants_segment; /* before the next section, ... */
	bool no_memory;     /* ... for which there was none */
};

/* Not all of it: the array of wakers is long. */
static inline void batch_init(struct batch *b, bool sending, void *msgs, size_t n)
{
	b->sending = sending;
	b->msgs = msgs;
	b->n = n;
	b->done = 0;
	b->waiter = NULL;
	b->wants_segment = false;
}

/* How many went; an error where none did. */
static int outcome(size_t done, int err)
{
	return done > 0 || err == 0 ? (int)done : err;
}

/* Under the lock: up to n in one run. None: full, empty, closed, or no segment there. */
static size_t move_run(struct channel *c, struct batch *b, void *msgs, size_t n)
{
	struct ring *ring = &c->queue.ring;
	struct segments *segments = &c->queue.segments;

	if (!b->sending)
		return c->bounded ? pirn__ring_pop_many(ring, msgs, n, c->size)
				  : pirn__segments_pop(segments, msgs, n, c->size, &b->emptied);
	if (shut(c))
		return 0;
	n = c->bounded ? pirn__ring_push_many(ring, msgs, n, c->size)
		       : pirn__segments_push(segments, msgs, n, c->size);
	zero_sent(c, msgs, n);
	return n;
}

/* Takes the lock, and brings what the last section wanted. */
static void begin_section(struct channel *c, struct batch *b)
{
	b->wakes = 0;
	b->drop = NULL;
	b->emptied = NULL;
	b->no_memory = b->wants_segment && pirn__channel_extend(c) < 0;
	if (!b->wants_segment)
		lock(&c->lock);
	b->wants_segment = false;
}

/* Under the lock: why does nothing move? 0: it may in the next section. */
static int why_none(const struct channel *c, struct batch *b)
{
	if (c->closed)
		return -EPIPE;
	if (!b->sending || c->bounded)
		return -EAGAIN;
	if (b->no_memory)
		return -ENOMEM;
	b->wants_segment = true;
	return 0;
}

/* Under the lock: moves some. Returns 0: there may be more to move; else why there is not. */
static int move_some(struct channel *c, struct batch *b)
{
	size_t left = b->n - b->done < PIRN_BATCH ? b->n - b->done : PIRN_BATCH;

	while (left > 0 && !b->emptied) {
		void *msgs = b->msgs + b->done * c->size;
		size_t n = move_run(c, b, msgs, left);
		struct pirn_waker *waker;

		if (n == 0)
			return why_none(c, b);
		b->done += n;
		left -= n;
		if (b->waiter && waiter_listed(b->waiter)) /* it is nobody to send to any more */
			b->drop = pirn__waiter_remove(b->waiter);
		for (; n > 0; n--) {
			waker = b->sending ? next_receiver(c) : next_sender(c);
			if (!waker)
				break;
			b->wake[b->wakes++] = waker;
		}
	}
	return 0;
}

/* Behind the unlock. */
static void see_to_it(struct channel *c, struct batch *b)
{
	free_segment(c, b->emptied);
	drop_waker(b->drop);
	for (unsigned i = 0; i < b->wakes; i++)
		pirn_waker_wake(b->wake[i]);
}

static int try_many(struct channel *c, bool sending, void *msgs, size_t n)
{
	struct batch b;
	int err;

	batch_init(&b, sending, msgs, n < INT_MAX ? n : INT_MAX);
	do {
		begin_section(c, &b);
		err = move_some(c, &b);
		unlock(&c->lock);
		see_to_it(c, &b);
	} while (err == 0 && b.done < b.n);
	return outcome(b.done, err);
}

int pirn_try_send_many(struct pirn_sender *tx, void *msgs, size_t n)
{
	return try_many(of_sender(tx), true, msgs, n);
}

int pirn_try_recv_many(struct pirn_receiver *rx, void *msgs, size_t n)
{
	return try_many(of_receiver(rx), false, msgs, n);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Is there nothing to wait for any more? */
static bool enough(const struct batch *b, int err)
{
	return b->done == b->n || (err && err != -EAGAIN) || (!b->sending && b->done > 0 && err);
}

static enum pirn_poll poll_many(struct channel *c, struct batch *b, struct pirn_future *f,
				struct pirn_context *cx, struct pirn_waiter *w)
{
	struct pirn_waker *clone = NULL, *drop = NULL, *wake = NULL;
	bool waiting, end;
	int err;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx))
		return PIRN_PENDING;
	for (;;) {
		size_t done = b->done;

		begin_section(c, b);
		err = move_some(c, b);
		end = enough(b, err);
		if (end || b->done > done)
			spend_budget(cx);
		if (!b->sending && cx->budget == 0) /* then it has some */
			end = true;
		waiting = !end && err == -EAGAIN && (clone || waits(w, cx));
		if (end) {
			drop = stop_waiting(w);
		} else if (waiting && clone) {
			drop = pirn__channel_wait(c, b->sending, f, w, clone, &wake);
			clone = NULL;
		}
		unlock(&c->lock);
		see_to_it(c, b);
		if (end || waiting || out_of_budget(cx)) /* which wakes it: to go on */
			break;
		if (err == -EAGAIN)
			clone = pirn_waker_clone(cx->waker); /* and once more, then it waits */
	}
	drop_waker(clone);
	drop_waker(drop);
	wake_waker(wake);
	if (!end)
		return PIRN_PENDING;
	f->err = b->done == b->n || (!b->sending && b->done > 0) ? 0 : err;
	return PIRN_READY;
}

static size_t left_of(const struct pirn_future *f)
{
	if (f->err < 0)
		pirn_trap(__FILE__, 0, "send_many of more than INT_MAX messages");
	return (size_t)f->err;
}

/*
 * Until it is READY, the waiter lies in the place of `left` or `done`; err: how many are left.
 * Behind poll_many nothing of the channel is touched: the last message may have been this very end.
 */
static enum pirn_poll send_many_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_send_many *s = (struct pirn_send_many *)(void *)f;
	struct channel *c = of_sender(s->tx);
	size_t size = c->size;
	enum pirn_poll poll;
	struct batch b;

	batch_init(&b, true, s->msgs, left_of(f));
	poll = poll_many(c, &b, f, cx, &s->waiter);
	s->msgs = b.msgs + b.done * size;
	if (poll == PIRN_READY)
		s->left = b.n - b.done;
	else
		f->err = (int)(b.n - b.done);
	return poll;
}

static enum pirn_poll recv_many_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_recv_many *r = (struct pirn_recv_many *)(void *)f;
	enum pirn_poll poll;
	struct batch b;

	batch_init(&b, false, r->msgs, (size_t)f->err);
	b.waiter = &r->waiter;
	poll = poll_many(of_receiver(r->rx), &b, f, cx, &r->waiter);
	if (poll == PIRN_READY)
		r->done = b.done;
	return poll;
}

static void send_many_drop(struct pirn_future *f)
{
	struct pirn_send_many *s = (struct pirn_send_many *)(void *)f;

	if (f->at == PIRN_AT_READY)
		return;
	pirn__channel_give_up(of_sender(s->tx), true, f, &s->waiter);
	s->left = left_of(f);
}

/* It has received nothing: `done` is 0, since a waiter that is in no line is all zero. */
static void recv_many_drop(struct pirn_future *f)
{
	struct pirn_recv_many *r = (struct pirn_recv_many *)(void *)f;

	pirn__channel_give_up(of_receiver(r->rx), false, f, &r->waiter);
}

const struct pirn_future_ops pirn_send_many_ops = {
	.name = "send many",
	.file = __FILE__,
	.size = sizeof(struct pirn_send_many),
	.poll = send_many_poll,
	.drop = send_many_drop,
};

const struct pirn_future_ops pirn_recv_many_ops = {
	.name = "recv many",
	.file = __FILE__,
	.size = sizeof(struct pirn_recv_many),
	.poll = recv_many_poll,
	.drop = recv_many_drop,
};

/* ---- plain threads ------------------------------------------------------------------------- */

int pirn_send_many_blocking(struct pirn_sender *tx, void *msgs, size_t n)
{
	struct pirn_send_many send;
	int sent, err;

	must_be_outside(NULL, "send_many_blocking inside a poll or on a worker");
	n = n < INT_MAX ? n : INT_MAX;
	sent = pirn_try_send_many(tx, msgs, n);
	if (sent < 0 ? sent != -EAGAIN : (size_t)sent == n)
		return sent;
	sent = sent < 0 ? 0 : sent;
	send = pirn_send_many(tx, (char *)msgs + (size_t)sent * of_sender(tx)->size,
			      n - (size_t)sent);
	err = pirn_block_on(&send.future);
	pirn_drop(&send.future); /* for `left`, also where it was not polled */
	return outcome(n - send.left, err);
}

int pirn_recv_many_blocking(struct pirn_receiver *rx, void *msgs, size_t n)
{
	struct pirn_recv_many recv;
	int received, err;

	must_be_outside(NULL, "recv_many_blocking inside a poll or on a worker");
	n = n < INT_MAX ? n : INT_MAX;
	received = pirn_try_recv_many(rx, msgs, n);
	if (received != -EAGAIN)
		return received;
	recv = pirn_recv_many(rx, msgs, n);
	err = pirn_block_on(&recv.future);
	return outcome(recv.done, err);
}
