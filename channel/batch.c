/* SPDX-License-Identifier: MIT */
/*
 * Many messages at once. Each is put into the queue, or taken out of it, as if alone, and for each
 * one who waits on the other side is notified; but up to PIRN_BATCH of them share one lock, and the
 * wakes come behind it.
 */
#include "config.h"

#include "pirn_batch.h"

#include <errno.h>
#include <limits.h>

#include "channel.h"

struct batch {
	bool sending;
	char *msgs;
	size_t n, done;
	/* of one section under the lock, to be seen to behind it */
	struct pirn_waker *wake[PIRN_BATCH];
	unsigned wakes;
	struct segment *emptied;
};

/* Under the lock: moves some. Returns 0: there may be more to move; else why there is not. */
static int move_some(struct channel *c, struct batch *b)
{
	b->wakes = 0;
	b->emptied = NULL;
	for (unsigned i = 0; i < PIRN_BATCH && b->done < b->n && !b->emptied; i++) {
		void *msg = b->msgs + b->done * c->size;
		struct pirn_waker *waker;
		int err = b->sending ? pirn__channel_put(c, msg)
				     : pirn__channel_get(c, msg, &b->emptied);

		if (err)
			return err;
		b->done++;
		waker = pirn__waiters_take(b->sending ? &c->receiving : &c->sending);
		if (waker)
			b->wake[b->wakes++] = waker;
	}
	return 0;
}

/* Behind the unlock. */
static void see_to_it(struct channel *c, struct batch *b)
{
	if (b->emptied)
		pirn__segment_free(&c->queue.segments, b->emptied, c->memory);
	for (unsigned i = 0; i < b->wakes; i++)
		pirn_waker_wake(b->wake[i]);
}

static int try_many(struct channel *c, bool sending, void *msgs, size_t n)
{
	struct batch b = { .sending = sending, .msgs = msgs, .n = n < INT_MAX ? n : INT_MAX };
	int err;

	do {
		lock(&c->lock);
		err = move_some(c, &b);
		unlock(&c->lock);
		see_to_it(c, &b);
	} while (err == 0 && b.done < b.n);
	return b.done > 0 || err == 0 ? (int)b.done : err;
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
	struct pirn_waker *clone = NULL, *drop = NULL;
	bool waiting, end;
	int err;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx))
		return PIRN_PENDING;
	do {
		lock(&c->lock);
		err = move_some(c, b);
		end = enough(b, err);
		waiting = !end && err == -EAGAIN && (clone || waits(w, cx));
		if (end) {
			drop = stop_waiting(w);
		} else if (waiting && clone) {
			drop = wait_with(b->sending ? &c->sending : &c->receiving, w, clone, f);
			clone = NULL;
		}
		unlock(&c->lock);
		see_to_it(c, b);
		if (!end && !waiting && err == -EAGAIN)
			clone = pirn_waker_clone(cx->waker); /* and once more, then it waits */
	} while (!end && !waiting);
	drop_waker(clone);
	drop_waker(drop);
	if (waiting)
		return PIRN_PENDING;
	spend_budget(cx);
	f->err = b->done == b->n || (!b->sending && b->done > 0) ? 0 : err;
	return PIRN_READY;
}

static enum pirn_poll send_many_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_send_many *s = (struct pirn_send_many *)(void *)f;
	struct batch b = { .sending = true, .msgs = s->msgs, .n = s->n, .done = s->done };
	enum pirn_poll poll = poll_many(of_sender(s->tx), &b, f, cx, &s->waiter);

	s->done = b.done;
	return poll;
}

static enum pirn_poll recv_many_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_recv_many *r = (struct pirn_recv_many *)(void *)f;
	struct batch b = { .sending = false, .msgs = r->msgs, .n = r->n };
	enum pirn_poll poll = poll_many(of_receiver(r->rx), &b, f, cx, &r->waiter);

	r->done = b.done;
	return poll;
}

static void send_many_drop(struct pirn_future *f)
{
	struct pirn_send_many *s = (struct pirn_send_many *)(void *)f;

	pirn__channel_give_up(of_sender(s->tx), true, f, &s->waiter);
}

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
