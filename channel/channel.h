/* SPDX-License-Identifier: MIT */
/*
 * A channel, as the files see it that send and receive, one by one (channel.c) or many at once
 * (batch.c), and that hold its ends (ends.c).
 */
#ifndef PIRN_CHANNEL_INTERNAL_H
#define PIRN_CHANNEL_INTERNAL_H

#include "atomic.h"
#include "list.h"
#include "lock.h"
#include "pirn_channel.h"
#include "ring.h"
#include "segment.h"
#include "waiters.h"

/* The ends are four places in one block, so that the compiler tells them apart. */
struct pirn_sender {
	char end;
};
struct pirn_receiver {
	char end;
};
struct pirn_weak_sender {
	char end;
};
struct pirn_weak_receiver {
	char end;
};

/* Memory lies in few cache lines; what every send and receive looks at comes first. */
struct channel {
	/* constant but for closed */
	bool bounded;
	bool rendezvous; /* bounded, by one slot, which is room only while a receiver is in line */
	bool closed;     /* guarded by the lock; once true it stays so */
	/* guarded by the lock, down to the counts; size and release are constant */
	struct lock lock;
	size_t size; /* of a message */
	void (*release)(void *msg);
	struct waiters receiving, sending;
	union {
		struct ring ring;
		struct segments segments;
	} queue;
	struct waiters closing; /* who waits for the end */
	uint32_t senders, receivers;
	/* any thread */
	struct word refs; /* holders of all ends, weak ones too: the last one frees the block */
	/* constant */
	const struct pirn_memory *memory;
	struct pirn_sender tx;
	struct pirn_receiver rx;
	struct pirn_weak_sender weak_tx;
	struct pirn_weak_receiver weak_rx;
};

/* Where a lock is a mutex of the system's, that alone has 40. */
_Static_assert(sizeof(struct lock) > 4 || sizeof(struct channel) <= 192,
	       "an empty channel has 192 bytes at most, and its slots");

static inline struct channel *of_sender(struct pirn_sender *tx)
{
	return container_of(tx, struct channel, tx);
}

static inline struct channel *of_receiver(struct pirn_receiver *rx)
{
	return container_of(rx, struct channel, rx);
}

/* ---- the queue, under the lock ------------------------------------------------------------- */

/* Does nothing go in? It is closed, or a rendezvous to which nobody has come. */
static inline bool shut(const struct channel *c)
{
	return c->closed || (c->rendezvous && waiters_empty(&c->receiving));
}

/* Before the unlock: a message may lie in what was sent, which is the receiver's then. */
static inline void zero_sent(const struct channel *c, void *msgs, size_t n)
{
	if (c->release)
		memset(msgs, 0, n * c->size);
}

/*
 * Makes a segment for a put that has found none. Called without the lock, returns with it. Returns
 * 0: try again; -ENOMEM: once more, since somebody else may have given one.
 */
int pirn__channel_extend(struct channel *c);

/* ---- waiting in line, under the lock ------------------------------------------------------- */

enum { NEW, TRIED, WAITED }; /* future.at of what waits */

/*
 * Whom a message that was put, or a room that was made, is for: a waker to wake behind the unlock,
 * or NULL. No two messages have the same receiver, no two rooms the same sender.
 */
static inline struct pirn_waker *next_receiver(struct channel *c)
{
	return waiters_empty(&c->receiving) ? NULL : pirn__waiters_take(&c->receiving);
}

static inline struct pirn_waker *next_sender(struct channel *c)
{
	if (waiters_empty(&c->sending) || (c->rendezvous && waiters_empty(&c->receiving)))
		return NULL;
	return pirn__waiters_take(&c->sending);
}

/* Does it wait already, with the waker of this context? */
static inline bool waits(const struct pirn_waiter *w, const struct pirn_context *cx)
{
	return waiter_listed(w) && w->waker == cx->waker;
}

/* Returns a waker to drop after the unlock, or NULL. */
static inline struct pirn_waker *stop_waiting(struct pirn_waiter *w)
{
	return waiter_listed(w) ? pirn__waiter_remove(w) : NULL;
}

/*
 * Lists w with this waker. Returns a waker to drop after the unlock, or NULL. Who was notified and
 * found nothing goes to the front; of two such, who comes back last stands first.
 */
static inline struct pirn_waker *wait_with(struct waiters *list, struct pirn_waiter *w,
					   struct pirn_waker *waker, struct pirn_future *f)
{
	struct pirn_waker *old = NULL;

	if (waiter_listed(w)) {
		old = w->waker;
		w->waker = waker;
	} else {
		pirn__waiters_add(list, w, waker, f->at == WAITED);
	}
	f->at = WAITED;
	return old;
}

/*
 * The same in the line of senders or of receivers. *wake: a sender to whom a receiver that comes
 * into line is room, to wake after the unlock, or NULL.
 */
struct pirn_waker *pirn__channel_wait(struct channel *c, bool sending, struct pirn_future *f,
				      struct pirn_waiter *w, struct pirn_waker *waker,
				      struct pirn_waker **wake);

/* ---- behind the unlock --------------------------------------------------------------------- */

static inline void drop_waker(struct pirn_waker *waker)
{
	if (waker)
		pirn_waker_drop(waker);
}

static inline void wake_waker(struct pirn_waker *waker)
{
	if (waker)
		pirn_waker_wake(waker);
}

static inline void free_segment(struct channel *c, struct segment *emptied)
{
	if (emptied)
		pirn__segment_free(&c->queue.segments, emptied, c->size, c->memory);
}

/*
 * Gives a wait up. One that was notified, and did not come to use it, passes it on; not where the
 * channel is closed, since then everybody is woken, and the queue may be somebody's alone.
 */
void pirn__channel_give_up(struct channel *c, bool sending, struct pirn_future *f,
			   struct pirn_waiter *w);

#endif
