/* SPDX-License-Identifier: MIT */
/*
 * pirn: many messages at once through a channel (pirn_channel.h, which includes this): one lock and
 * one look at those who wait for up to PIRN_BATCH of them. A batch takes effect in parts, between
 * which others may send and receive: of at most PIRN_BATCH messages each, and of fewer where an
 * unbounded channel takes memory or gives it back.
 */
#ifndef PIRN_BATCH_H
#define PIRN_BATCH_H

#include <limits.h>

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_sender;
struct pirn_receiver;

#define PIRN_BATCH 32

/*
 * Sends or receives up to n messages without waiting.
 *
 * Takes:    an array of n messages (the first ones are sent), or room for n. n: up to INT_MAX.
 * Returns:  how many, 1 or more (0: n was 0); -EAGAIN (full, empty), -EPIPE (closed; closed and
 *           empty), -ENOMEM: none.
 * Threads:  any.
 */
PIRN_API int pirn_try_send_many(struct pirn_sender *tx, void *msgs, size_t n);
PIRN_API int pirn_try_recv_many(struct pirn_receiver *rx, void *msgs, size_t n); /* Threads: any */

/*
 * The same for plain threads. send_many sleeps until all are sent; recv_many only while the channel
 * is empty.
 *
 * Returns:  how many, 1 or more (0: n was 0); of a send fewer than n only where the channel was
 *           closed, or there was no memory, before the rest; -EPIPE, -ENOMEM: none.
 * Threads:  outside.
 */
PIRN_API int pirn_send_many_blocking(struct pirn_sender *tx, void *msgs, size_t n);
PIRN_API int pirn_recv_many_blocking(struct pirn_receiver *rx, void *msgs,
				     size_t n); /* Threads: outside */

PIRN_API extern const struct pirn_future_ops pirn_send_many_ops,
	pirn_recv_many_ops; /* Threads: any; constants of the makers below */

/*
 * Sends n messages in their order, whenever there is room; more than INT_MAX trap. err: 0; -EPIPE,
 * -ENOMEM; private while it is pending, and if it was dropped then. What has not been sent are the
 * last ones: msgs moves on to the first of them, also while it is pending; left is how many, 0
 * where err is 0. (And in memory that is all zero: a finally part that asks for it looks first
 * whether msgs is set, so that there was a send.) PIRN_BATCH messages are one operation of the
 * budget (PIRN_BUDGET): now and then it lets others run.
 */
struct pirn_send_many {
	struct pirn_future future;
	union {
		struct pirn_waiter waiter; /* private, until it is READY or dropped */
		size_t left;               /* from then on */
	};
	struct pirn_sender *tx;
	void *msgs;
};

static inline struct pirn_send_many pirn_send_many(struct pirn_sender *tx, void *msgs, size_t n)
{
	struct pirn_send_many f;
	pirn_future_init(&f.future, &pirn_send_many_ops);
	f.future.err = n <= INT_MAX ? (int)n : -1; /* until READY: how many are left */
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.tx = tx;
	f.msgs = msgs;
	return f;
}

/*
 * Receives what there is, as soon as there is something: up to n messages, and no more than INT_MAX
 * or the budget allows, PIRN_BATCH for one operation. err: 0, done: how many, 1 or more (0: n was
 * 0); -EPIPE: closed and empty, done 0. err is private while it is pending, and if it was dropped
 * then.
 */
struct pirn_recv_many {
	struct pirn_future future;
	union {
		struct pirn_waiter waiter; /* private, until it is READY or dropped */
		size_t done;               /* from then on; 0 when it was dropped before */
	};
	struct pirn_receiver *rx;
	void *msgs;
};

static inline struct pirn_recv_many pirn_recv_many(struct pirn_receiver *rx, void *msgs, size_t n)
{
	struct pirn_recv_many f;
	pirn_future_init(&f.future, &pirn_recv_many_ops);
	f.future.err = n < INT_MAX ? (int)n : INT_MAX; /* until READY: n */
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msgs = msgs;
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
