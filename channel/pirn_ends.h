/* SPDX-License-Identifier: MIT */
/*
 * pirn: the ends of a channel (pirn_channel.h, which includes this): what they know of it, how they
 * wait for its end, and ends that do not hold it open.
 */
#ifndef PIRN_ENDS_H
#define PIRN_ENDS_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_sender;
struct pirn_receiver;

/* ---- counts -------------------------------------------------------------------------------- */

/* All of one moment; the next one may look different. */
struct pirn_channel_counts {
	size_t messages; /* that lie in it; 0 when the last receiver has gone */
	size_t capacity; /* 0: a rendezvous; or PIRN_UNBOUNDED */
	size_t senders, receivers;
	bool closed;
};

/*
 * Takes:    room for the counts.
 * Threads:  any.
 */
PIRN_API void pirn_sender_counts(struct pirn_sender *tx, struct pirn_channel_counts *counts);
PIRN_API void pirn_receiver_counts(struct pirn_receiver *rx,
				   struct pirn_channel_counts *counts); /* Threads: any */

/* ---- the end ------------------------------------------------------------------------------- */

PIRN_API extern const struct pirn_future_ops pirn_sender_closed_ops; /* Threads: any; a constant */

/*
 * READY when nobody will receive what is sent: the channel was closed, by either side, or the last
 * receiver has gone. err 0. Borrows the sender. For one whose message takes work to make: select
 * over that work and this.
 */
struct pirn_sender_closed {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_sender *tx;
};

static inline struct pirn_sender_closed pirn_sender_closed(struct pirn_sender *tx)
{
	struct pirn_sender_closed f;
	pirn_future_init(&f.future, &pirn_sender_closed_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.tx = tx;
	return f;
}

/* ---- weak ends ----------------------------------------------------------------------------- */

/*
 * A weak end keeps the channel's memory, but not the channel open: it is no sender and no receiver
 * until it is upgraded. So who only may send one day (a timer, a registry) keeps no receiver
 * waiting for ever.
 */
struct pirn_weak_sender;
struct pirn_weak_receiver;

/*
 * A weak end of this channel; the end itself stays.
 *
 * Returns:  one that is to be given back by unref.
 * Threads:  any.
 */
PIRN_API struct pirn_weak_sender *pirn_sender_downgrade(struct pirn_sender *tx);
PIRN_API struct pirn_weak_receiver *pirn_receiver_downgrade(
	struct pirn_receiver *rx); /* Threads: any */

/*
 * An end, counted as by pirn_sender_ref; the weak one stays.
 *
 * Returns:  NULL: the channel is closed (also since no end of this side, or the other, is left).
 * Threads:  any.
 */
PIRN_API struct pirn_sender *pirn_weak_sender_upgrade(struct pirn_weak_sender *weak);
PIRN_API struct pirn_receiver *pirn_weak_receiver_upgrade(
	struct pirn_weak_receiver *weak); /* Threads: any */

/*
 * One more holder of the same weak end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_weak_sender *pirn_weak_sender_ref(struct pirn_weak_sender *weak);
PIRN_API struct pirn_weak_receiver *pirn_weak_receiver_ref(
	struct pirn_weak_receiver *weak); /* Threads: any */

/*
 * One holder less; NULL is fine.
 *
 * Returns:  NULL.
 * Threads:  any.
 */
PIRN_API struct pirn_weak_sender *pirn_weak_sender_unref(struct pirn_weak_sender *weak);
PIRN_API struct pirn_weak_receiver *pirn_weak_receiver_unref(
	struct pirn_weak_receiver *weak); /* Threads: any */

#ifdef __cplusplus
}
#endif
#endif
