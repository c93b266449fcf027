/* SPDX-License-Identifier: MIT */
/*
 * A channel, as the files see it that send and receive: one by one (channel.c), many at once
 * (batch.c).
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

/* The two ends are two places in one block, so that the compiler tells them apart. */
struct pirn_sender {
	char end;
};
struct pirn_receiver {
	char end;
};

struct channel {
	struct pirn_sender tx;
	struct pirn_receiver rx;
	struct word refs; /* holders of both ends: the last one frees the block */
	/* constant */
	const struct pirn_memory *memory;
	void (*release)(void *msg);
	size_t size;
	bool bounded;
	/* guarded by the lock */
	struct lock lock;
	bool closed;
	size_t senders, receivers;
	struct waiters sending, receiving;
	union {
		struct ring ring;
		struct segments segments;
	} queue;
};

static inline struct channel *of_sender(struct pirn_sender *tx)
{
	return container_of(tx, struct channel, tx);
}

static inline struct channel *of_receiver(struct pirn_receiver *rx)
{
	return container_of(rx, struct channel, rx);
}

/*
 * One message into the queue, or out of it. Called, and returns, with the lock held; a put may let
 * go of it to make a segment. Returns 0, -EAGAIN (full, empty), -EPIPE, -ENOMEM. *emptied: a
 * segment to free behind the unlock, or NULL.
 */
int pirn__channel_put(struct channel *c, void *msg);
int pirn__channel_get(struct channel *c, void *msg, struct segment **emptied);

/* ---- waiting in line ----------------------------------------------------------------------- */

enum { NEW, TRIED, WAITED }; /* future.at of sends and receives */

/* Under the lock: does it wait already, with the waker of this context? */
static inline bool waits(const struct pirn_waiter *w, const struct pirn_context *cx)
{
	return waiter_listed(w) && w->waker == cx->waker;
}

/* Under the lock. Returns a waker to drop after the unlock, or NULL. */
static inline struct pirn_waker *stop_waiting(struct pirn_waiter *w)
{
	return waiter_listed(w) ? pirn__waiter_remove(w) : NULL;
}

/*
 * Under the lock: lists w with this waker. Returns a waker to drop after the unlock, or NULL. Who
 * has waited before keeps its place in front of those who came later.
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

static inline void drop_waker(struct pirn_waker *waker)
{
	if (waker)
		pirn_waker_drop(waker);
}

/*
 * Gives a wait up. One that was notified, and did not come to use it, passes it on; not where the
 * channel is closed, since then everybody is woken, and the queue may be somebody's alone.
 */
void pirn__channel_give_up(struct channel *c, bool sending, struct pirn_future *f,
			   struct pirn_waiter *w);

#endif
