/* SPDX-License-Identifier: MIT */
/*
 * pirn: the ends of a watch (pirn_watch.h) or a broadcast (pirn_broadcast.h), which include this:
 * who holds it open, who closes it, what an end knows of it, how a sender waits for its end, and
 * ends that do not hold it open. All is as with a channel (pirn_ends.h), but for two things. A
 * receiver is no pointer: it lies in memory of yours, for one user at a time. And when the last
 * receiver has gone nothing is closed: another one may come, by a subscribe.
 *
 * `pending` is said of a future that was polled and is neither READY nor dropped, also where it was
 * woken since. (The traps named below know of those that have come into line, not of one whose only
 * polls found the budget spent.)
 *
 * Inside a poll a close takes from the budget (PIRN_BUDGET) as two operations; an unref that is the
 * last sender's, and a drop that is the last receiver's, as one; and each as one more for each
 * further sixteen that it wakes.
 */
#ifndef PIRN_FEED_H
#define PIRN_FEED_H

#include <pirn.h>
#include <pirn_ends.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_feed; /* a watch or a broadcast */
struct pirn_watch_sender;
struct pirn_watch_receiver;
struct pirn_watch_weak_sender;
struct pirn_broadcast_sender;
struct pirn_broadcast_receiver;
struct pirn_broadcast_weak_sender;

/* Where a receiver stands. */
struct pirn_feed_place {
	/* private */
	struct pirn_feed *feed;
	uint64_t next;
	size_t pending;
};

/* ---- holders ------------------------------------------------------------------------------- */

/*
 * One more holder of the sender's end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_sender *pirn_watch_sender_ref(struct pirn_watch_sender *tx);
PIRN_API struct pirn_broadcast_sender *pirn_broadcast_sender_ref(
	struct pirn_broadcast_sender *tx); /* Threads: any */

/*
 * One holder less; the last one closes. Traps where a closed is pending then, and where nobody
 * holds the end any more, as far as the memory is still there.
 *
 * Takes:    NULL is fine. No closed of this holder's may be pending.
 * Returns:  NULL, so that `tx = ..._unref(tx)` leaves nothing behind.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_sender *pirn_watch_sender_unref(struct pirn_watch_sender *tx);
PIRN_API struct pirn_broadcast_sender *pirn_broadcast_sender_unref(
	struct pirn_broadcast_sender *tx); /* Threads: any */

/*
 * Ends a receiver, and leaves it zero. A recv of it that is pending is dropped before; else this
 * traps.
 *
 * Takes:    also one that is zero, as no other function does: they trap.
 * Threads:  owner.
 */
PIRN_API void pirn_watch_receiver_drop(struct pirn_watch_receiver *rx);
PIRN_API void pirn_broadcast_receiver_drop(struct pirn_broadcast_receiver *rx); /* Threads: owner */

/*
 * Closes it now, for all on both sides; twice is fine. Sends fail with -EPIPE; each receiver gets
 * what is still to come to it, and then -EPIPE.
 *
 * Threads:  any; of a receiver: owner.
 */
PIRN_API void pirn_watch_sender_close(struct pirn_watch_sender *tx);
PIRN_API void pirn_watch_receiver_close(const struct pirn_watch_receiver *rx); /* Threads: owner */
PIRN_API void pirn_broadcast_sender_close(struct pirn_broadcast_sender *tx);   /* Threads: any */
PIRN_API void pirn_broadcast_receiver_close(
	const struct pirn_broadcast_receiver *rx); /* Threads: owner */

/* ---- counts -------------------------------------------------------------------------------- */

/*
 * Counts of one moment, and whether it is closed. `messages`, at a receiver: how many are still to
 * come to it, without those that it has missed; of a watch 1: a value that it has not seen. At a
 * sender: how many are kept. `capacity` of a watch: 1.
 *
 * Takes:    room for the counts.
 * Threads:  any; of a receiver: owner.
 */
PIRN_API void pirn_watch_sender_counts(struct pirn_watch_sender *tx,
				       struct pirn_channel_counts *counts);
PIRN_API void pirn_watch_receiver_counts(const struct pirn_watch_receiver *rx,
					 struct pirn_channel_counts *counts); /* Threads: owner */
PIRN_API void pirn_broadcast_sender_counts(struct pirn_broadcast_sender *tx,
					   struct pirn_channel_counts *counts); /* Threads: any */
PIRN_API void pirn_broadcast_receiver_counts(
	const struct pirn_broadcast_receiver *rx,
	struct pirn_channel_counts *counts); /* Threads: owner */

/* ---- the end ------------------------------------------------------------------------------- */

PIRN_API extern const struct pirn_future_ops pirn_feed_closed_ops; /* Threads: any; a constant */

/*
 * READY when nobody would receive what is sent: it is closed, or has no receiver, at the moment of
 * the poll. err 0. A receiver that comes when the last one has left, and before the poll, keeps it
 * waiting; one that comes behind it finds it READY: make a new one. Borrows the sender. For one
 * whose message takes work to make: select over that work and this.
 */
struct pirn_feed_closed {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_feed *feed;
};

/* private: the next two make it */
static inline struct pirn_feed_closed pirn_feed_closed(struct pirn_feed *feed)
{
	struct pirn_feed_closed f;
	pirn_future_init(&f.future, &pirn_feed_closed_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.feed = feed;
	return f;
}

static inline struct pirn_feed_closed pirn_watch_sender_closed(struct pirn_watch_sender *tx)
{
	return pirn_feed_closed((struct pirn_feed *)tx);
}

static inline struct pirn_feed_closed pirn_broadcast_sender_closed(struct pirn_broadcast_sender *tx)
{
	return pirn_feed_closed((struct pirn_feed *)tx);
}

/* ---- weak ends ----------------------------------------------------------------------------- */

/*
 * A weak sender keeps the memory, but nothing open: it is no sender until it is upgraded. There are
 * no weak receivers: who may receive one day has a weak sender, and then subscribes.
 *
 * Returns:  one that is to be given back by unref; the sender itself stays.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_weak_sender *pirn_watch_sender_downgrade(struct pirn_watch_sender *tx);
PIRN_API struct pirn_broadcast_weak_sender *pirn_broadcast_sender_downgrade(
	struct pirn_broadcast_sender *tx); /* Threads: any */

/*
 * A sender, counted as by ref; the weak one stays.
 *
 * Returns:  NULL: it is closed (also since no sender is left).
 * Threads:  any.
 */
PIRN_API struct pirn_watch_sender *pirn_watch_weak_sender_upgrade(
	struct pirn_watch_weak_sender *weak);
PIRN_API struct pirn_broadcast_sender *pirn_broadcast_weak_sender_upgrade(
	struct pirn_broadcast_weak_sender *weak); /* Threads: any */

/*
 * One more holder of the same weak end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_weak_sender *pirn_watch_weak_sender_ref(
	struct pirn_watch_weak_sender *weak);
PIRN_API struct pirn_broadcast_weak_sender *pirn_broadcast_weak_sender_ref(
	struct pirn_broadcast_weak_sender *weak); /* Threads: any */

/*
 * One holder less; NULL is fine.
 *
 * Returns:  NULL.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_weak_sender *pirn_watch_weak_sender_unref(
	struct pirn_watch_weak_sender *weak);
PIRN_API struct pirn_broadcast_weak_sender *pirn_broadcast_weak_sender_unref(
	struct pirn_broadcast_weak_sender *weak); /* Threads: any */

#ifdef __cplusplus
}
#endif

#endif
