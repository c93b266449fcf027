/* SPDX-License-Identifier: MIT */
/*
 * pirn: broadcasts. Each message goes to every receiver there is. A send never waits: of the last
 * `capacity` messages each is kept, and a receiver that is slower than that is told how many it has
 * missed, and goes on with the oldest one left.
 *
 *	PIRN_BROADCAST(news, struct news);
 *
 * makes struct news_sender, struct news_receiver and, with `struct news_sender *tx`, `struct
 * news_receiver rx`, `struct news n`: news_broadcast(&tx, &rx, capacity), news_send(tx, &n),
 * news_subscribe(tx), news_sender_ref(tx), _unref, _close, news_recv(&rx, &n), news_try_recv,
 * news_recv_blocking, news_receiver_clone(&rx), _drop. They do what is said below of
 * pirn_broadcast_... . rx.end.missed: how many an -EOVERFLOW was about.
 *
 * Messages are plain data, and copied to each receiver: nothing is released when one is
 * overwritten. So a message may own nothing, and may point only to what outlives the broadcast and
 * all copies. Not even a counted object will do, since nobody takes a reference for each copy, nor
 * gives one up for what nobody received. Send a name (a number, a key) of the object, and look it
 * up under a lock of yours.
 *
 * A sender is counted (ref, unref). A receiver is a struct of three words in memory of yours, for
 * one user at a time; zero: none. It may be moved while no recv of it is pending. The broadcast
 * itself is one block, of 112 bytes and the ring. When the last sender has gone, or one has closed
 * it, sends fail with -EPIPE, receivers get what is left for them, and then -EPIPE. There are no
 * weak ends, and no counts of ends or messages; a receiver can only leave, not close the broadcast
 * for others.
 *
 * At the same time:                   each of these        on one receiver
 *   send, subscribe, ref, unref,      yes
 *     close
 *   recv (poll, drop), try_recv,      yes                  no
 *     clone, drop
 * Each waits at most for the broadcast's lock, which is held while one message is copied. A send
 * wakes all who wait, sixteen at a time, behind it; it is no await, so a body that does nothing but
 * send yields now and then.
 */
#ifndef PIRN_BROADCAST_H
#define PIRN_BROADCAST_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_broadcast_sender;

struct pirn_broadcast_receiver {
	/* private */
	struct pirn_broadcast_sender *broadcast;
	uint64_t next;
	/* read-only: how many messages the last -EOVERFLOW was about */
	uint64_t missed;
};

/*
 * Makes a broadcast with one sender and one receiver.
 *
 * Takes:    size of a message in bytes, 1 or more; capacity in messages, 1 or more. memory: NULL:
 *           the built-in.
 * Returns:  0, -ENOMEM, -EINVAL (a size or capacity of 0).
 * Threads:  any.
 */
PIRN_API int pirn_broadcast_new(struct pirn_broadcast_sender **tx,
				struct pirn_broadcast_receiver *rx, size_t size, size_t capacity,
				const struct pirn_memory *memory);

/*
 * One more holder of the sender's end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_broadcast_sender *pirn_broadcast_sender_ref(struct pirn_broadcast_sender *tx);

/*
 * One holder less; the last one closes the broadcast.
 *
 * Takes:    NULL is fine.
 * Returns:  NULL, so that `tx = ..._unref(tx)` leaves nothing behind.
 * Threads:  any.
 */
PIRN_API struct pirn_broadcast_sender *pirn_broadcast_sender_unref(
	struct pirn_broadcast_sender *tx);

/*
 * Closes the broadcast now, for all; twice is fine.
 *
 * Threads:  any.
 */
PIRN_API void pirn_broadcast_sender_close(struct pirn_broadcast_sender *tx);

/*
 * Sends to all receivers that there are now. Never waits for one of them.
 *
 * Returns:  0; -EPIPE, nothing was sent: the broadcast is closed, or has no receiver now.
 * Threads:  any.
 */
PIRN_API int pirn_broadcast_send(struct pirn_broadcast_sender *tx, const void *msg);

/*
 * A new receiver: of what is sent from now on.
 *
 * Threads:  any.
 */
PIRN_API struct pirn_broadcast_receiver pirn_broadcast_subscribe(struct pirn_broadcast_sender *tx);

/*
 * A receiver like this one: the same messages are still to come.
 *
 * Takes:    one that is not zero.
 * Threads:  owner.
 */
PIRN_API struct pirn_broadcast_receiver pirn_broadcast_receiver_clone(
	const struct pirn_broadcast_receiver *rx);

/*
 * Ends a receiver, and leaves it zero. No recv of it may be pending.
 *
 * Takes:    also one that is zero.
 * Threads:  owner.
 */
PIRN_API void pirn_broadcast_receiver_drop(struct pirn_broadcast_receiver *rx);

/*
 * Receives without waiting.
 *
 * Takes:    room for a message; written on success only.
 * Returns:  0; -EAGAIN: there is none; -EPIPE: and there will be none; -EOVERFLOW: rx->missed
 *           messages were overwritten, the next one is the oldest that is left.
 * Threads:  owner.
 */
PIRN_API int pirn_broadcast_try_recv(struct pirn_broadcast_receiver *rx, void *msg);

PIRN_API extern const struct pirn_future_ops pirn_broadcast_recv_ops; /* Threads: any; a constant */

/*
 * READY when there is a message. err: 0; -EPIPE: closed, and this receiver has had all; -EOVERFLOW:
 * as above. *msg is written inside the poll that returns READY with err 0; no message is lost by
 * dropping a recv that is pending.
 */
struct pirn_broadcast_recv {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_broadcast_receiver *rx;
	void *msg;
};

static inline struct pirn_broadcast_recv pirn_broadcast_recv(struct pirn_broadcast_receiver *rx,
							     void *msg)
{
	struct pirn_broadcast_recv f;
	pirn_future_init(&f.future, &pirn_broadcast_recv_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msg = msg;
	return f;
}

/*
 * Receives, and sleeps until there is a message; for plain threads.
 *
 * Takes:    room for a message; written on success only.
 * Returns:  0, -EPIPE, -EOVERFLOW, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_broadcast_recv_blocking(struct pirn_broadcast_receiver *rx, void *msg);

/* clang-format off */

#define PIRN_BROADCAST(name, type)								\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct name##_sender;									\
	struct name##_receiver { struct pirn_broadcast_receiver end; };				\
	static inline PIRN_UNUSED int								\
	name##_broadcast(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,	\
			 size_t pirn_capacity)							\
	{											\
		struct pirn_broadcast_sender *pirn_tx;						\
		int pirn_err = pirn_broadcast_new(&pirn_tx, &pirn_rx->end, sizeof(type),	\
						  pirn_capacity, NULL);				\
		if (pirn_err == 0)								\
			*pirn_out = (struct name##_sender *)pirn_tx;				\
		return pirn_err;								\
	}											\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_ref(struct name##_sender *pirn_tx)					\
	{											\
		pirn_broadcast_sender_ref((struct pirn_broadcast_sender *)pirn_tx);		\
		return pirn_tx;									\
	}											\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_unref(struct name##_sender *pirn_tx)					\
	{											\
		pirn_broadcast_sender_unref((struct pirn_broadcast_sender *)pirn_tx);		\
		return NULL;									\
	}											\
	static inline PIRN_UNUSED void name##_sender_close(struct name##_sender *pirn_tx)	\
	{ pirn_broadcast_sender_close((struct pirn_broadcast_sender *)pirn_tx); }		\
	static inline PIRN_UNUSED int								\
	name##_send(struct name##_sender *pirn_tx, type const *pirn_msg)			\
	{											\
		return pirn_broadcast_send((struct pirn_broadcast_sender *)pirn_tx,		\
					   (const void *)pirn_msg);				\
	}											\
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_subscribe(struct name##_sender *pirn_tx)						\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_broadcast_subscribe((struct pirn_broadcast_sender *)pirn_tx); \
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_receiver_clone(const struct name##_receiver *pirn_from)				\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_broadcast_receiver_clone(&pirn_from->end);			\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED void name##_receiver_drop(struct name##_receiver *pirn_rx)	\
	{ pirn_broadcast_receiver_drop(&pirn_rx->end); }					\
	static inline PIRN_UNUSED struct pirn_broadcast_recv					\
	name##_recv(struct name##_receiver *pirn_rx, type *pirn_msg)				\
	{ return pirn_broadcast_recv(&pirn_rx->end, (void *)pirn_msg); }			\
	static inline PIRN_UNUSED int								\
	name##_try_recv(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_broadcast_try_recv(&pirn_rx->end, (void *)pirn_msg); }			\
	static inline PIRN_UNUSED int								\
	name##_recv_blocking(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_broadcast_recv_blocking(&pirn_rx->end, (void *)pirn_msg); }		\
	struct name##_sender

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
