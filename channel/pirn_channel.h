/* SPDX-License-Identifier: MIT */
/*
 * pirn: channels. Any number of senders and receivers, tasks and plain threads; first in, first
 * out.
 *
 * A message is `size` bytes, copied. It stays the caller's until it is delivered: a send that is
 * dropped or fails has taken nothing. A channel with a release function owns what is in it: it
 * zeroes *msg when it takes a message, and releases what nobody received. So one release in a
 * body's finally part is right at every point, behind the pirn_drop of the send.
 *
 * An end is counted (ref, unref). When the last sender or the last receiver is gone, or when
 * either side closes, the channel is closed: sends fail with -EPIPE, receives give what is left
 * and then -EPIPE. What is pending borrows its end and its msg.
 *
 * Who waits longest is notified first, of a message or of room. It has no claim to it: others may
 * be quicker, and who was notified and found nothing goes back in front of those who wait. A future
 * that is pending and not polled again soon (the loser of a select) must be dropped: it is notified
 * as the others are, of a message that nobody else is woken for then.
 *
 * A channel of capacity 0 is a rendezvous: it has room only while a receiver waits, so a message is
 * taken from its sender when somebody has come for it. A try_send succeeds only where a receiver is
 * pending or sleeps, a try_recv finds only what was sent to one: two that only try never meet. If
 * the receiver was dropped meanwhile (it lost a select, say), the message stays in the channel for
 * the next one. A task that selects over a send and a recv may meet itself.
 *
 * What may run at the same time on one channel, by one end or by several:
 *
 *	call                       beside                  may wait      progress
 *	try_..., force_send,       everything              no            locks
 *	  counts, close, ref,
 *	  downgrade, upgrade
 *	unref                      everything but what     no            locks
 *	                           this holder has
 *	                           pending
 *	poll of a future           everything but the      no: PENDING   locks
 *	                           same future, or *msg
 *	drop of a future           as a poll               no            locks
 *	..._blocking               as a poll               sleeps        as the others go on
 *	ref, unref of a weak end   everything              no            wait-free, but for the
 *	                                                                 last of all, which frees
 *
 * `locks`: a lock that is held while at most PIRN_BATCH messages are copied, and not across any
 * function of the user's. Each call takes effect at one moment under it; a batch in parts
 * (pirn_batch.h). Behind it the unref of the last receiver runs the release functions.
 */
#ifndef PIRN_CHANNEL_H
#define PIRN_CHANNEL_H

#include <pirn.h>
#include <pirn_batch.h>
#include <pirn_ends.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_sender;
struct pirn_receiver;

#define PIRN_UNBOUNDED SIZE_MAX

/*
 * Makes a channel with one sender and one receiver.
 *
 * Takes:    size of a message in bytes, 1 or more; capacity in messages, below UINT32_MAX, 0 for
 *           a rendezvous, or PIRN_UNBOUNDED (then a send can fail with -ENOMEM, and never waits);
 *           release: called for a message that nobody will receive, on any thread, never under a
 *           lock; NULL: messages own nothing. memory: NULL: the built-in.
 * Returns:  0, -ENOMEM, -EINVAL (a size of 0, too great a capacity).
 * Threads:  any.
 */
PIRN_API int pirn_channel_new(struct pirn_sender **tx, struct pirn_receiver **rx, size_t size,
			      size_t capacity, void (*release)(void *msg),
			      const struct pirn_memory *memory);

/*
 * One more holder of the same end, of UINT32_MAX at most on each side; another one is a trap.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_sender *pirn_sender_ref(struct pirn_sender *tx);
PIRN_API struct pirn_receiver *pirn_receiver_ref(struct pirn_receiver *rx); /* Threads: any */

/*
 * One holder less; the last one of a side closes the channel, the last receiver also releases
 * what is in it, and gives back the memory in which that lay, where it is unbounded.
 *
 * Takes:    NULL is fine. No future of this holder's may be pending.
 * Returns:  NULL, so that `tx = pirn_sender_unref(tx)` leaves nothing behind.
 * Threads:  any.
 */
PIRN_API struct pirn_sender *pirn_sender_unref(struct pirn_sender *tx);
PIRN_API struct pirn_receiver *pirn_receiver_unref(struct pirn_receiver *rx); /* Threads: any */

/*
 * Closes the channel now, for all holders of both sides; twice is fine.
 *
 * Threads:  any.
 */
PIRN_API void pirn_sender_close(struct pirn_sender *tx);
PIRN_API void pirn_receiver_close(struct pirn_receiver *rx); /* Threads: any */

/*
 * Sends without waiting.
 *
 * Takes:    *msg, on success only.
 * Returns:  0, -EAGAIN (full), -EPIPE (closed), -ENOMEM (unbounded).
 * Threads:  any.
 */
PIRN_API int pirn_try_send(struct pirn_sender *tx, void *msg);

/*
 * Sends without waiting, where need be in the place of the oldest message, which the caller gets.
 *
 * Takes:    *msg, on success only; room for one message, apart from *msg, written where it is 1.
 * Returns:  0; 1: *oldest has made room and is the caller's; -EPIPE; -ENOMEM (unbounded: it is a
 *           try_send); -EAGAIN (a rendezvous where nobody waits and no message lies).
 * Threads:  any.
 */
PIRN_API int pirn_force_send(struct pirn_sender *tx, void *msg, void *oldest);

/*
 * Receives without waiting.
 *
 * Takes:    room for one message; written on success only.
 * Returns:  0, -EAGAIN (empty), -EPIPE (closed and empty).
 * Threads:  any.
 */
PIRN_API int pirn_try_recv(struct pirn_receiver *rx, void *msg);

/*
 * Sends, and sleeps while the channel is full; for plain threads.
 *
 * Takes:    *msg, on success only.
 * Returns:  0, -EPIPE, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_send_blocking(struct pirn_sender *tx, void *msg);

/*
 * Receives, and sleeps while the channel is empty; for plain threads:
 * `while (job_recv_blocking(rx, &job) == 0)`. A body has PIRN_EACH (pirn_async.h).
 *
 * Takes:    room for one message; written on success only.
 * Returns:  0, -EPIPE, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_recv_blocking(struct pirn_receiver *rx, void *msg);

PIRN_API extern const struct pirn_future_ops pirn_send_ops,
	pirn_recv_ops; /* Threads: any; constants of the makers below */

/*
 * Sends when there is room. err: 0, -EPIPE, -ENOMEM. *msg is taken inside the poll that returns
 * READY with err 0, and not before.
 */
struct pirn_send {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_sender *tx;
	void *msg;
};

static inline struct pirn_send pirn_send(struct pirn_sender *tx, void *msg)
{
	struct pirn_send f;
	pirn_future_init(&f.future, &pirn_send_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.tx = tx;
	f.msg = msg;
	return f;
}

/*
 * Receives when there is a message. err: 0, or -EPIPE: closed and empty. *msg is written inside
 * the poll that returns READY with err 0; no message is lost by dropping a recv that is pending.
 */
struct pirn_recv {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_receiver *rx;
	void *msg;
};

static inline struct pirn_recv pirn_recv(struct pirn_receiver *rx, void *msg)
{
	struct pirn_recv f;
	pirn_future_init(&f.future, &pirn_recv_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msg = msg;
	return f;
}

#ifdef __cplusplus
}
#endif

#include <pirn_typed.h>

#endif
