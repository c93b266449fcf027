/* SPDX-License-Identifier: MIT */
/*
 * pirn: watches. One value, which senders replace and receivers look at: a configuration, a state,
 * a price. A receiver waits for a value that it has not seen yet and gets the latest; what came and
 * went in between it never sees.
 *
 *	PIRN_WATCH(config, struct config);
 *
 * makes struct config_sender, struct config_receiver and, with `struct config_sender *tx`, `struct
 * config_receiver rx`, `struct config c`: config_watch(&tx, &rx, &c), config_send(tx, &c),
 * config_subscribe(tx), config_sender_ref(tx), _unref, _close, config_recv(&rx, &c),
 * config_try_recv, config_recv_blocking, config_peek(&rx, &c), config_receiver_clone(&rx), _drop.
 * They do what is said below of pirn_watch_... .
 *
 * Values are plain data, and copied to each who looks: nothing is released when one is replaced. So
 * a value may own nothing, and may point only to what outlives the watch and all its copies. Not
 * even a counted object will do, since nobody takes a reference for each copy: what a receiver has
 * just copied, the sender may have replaced and given up. Send a name (a number, a key) of the
 * object, and look it up under a lock of yours; or send a word that something has changed.
 *
 * A sender is counted (ref, unref). A receiver is a struct of two words in memory of yours, for one
 * user at a time; zero: none. It may be moved while no recv of it is pending. The watch itself is
 * one block, of 96 bytes and the value. When the last sender has gone, or one has closed it, sends
 * fail with -EPIPE, and a recv that finds nothing new. There are no weak ends, and no counts of
 * ends; a receiver can only leave, not close the watch for others.
 *
 * At the same time:                   each of these        on one receiver
 *   send, subscribe, ref, unref,      yes
 *     close
 *   recv (poll, drop), try_recv,      yes                  no
 *     peek, clone, drop
 * Each waits at most for the watch's lock, which is held while one value is copied. A send wakes
 * all who wait, sixteen at a time, behind it; it is no await, so a body that does nothing but send
 * yields now and then.
 */
#ifndef PIRN_WATCH_H
#define PIRN_WATCH_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_watch_sender;

struct pirn_watch_receiver {
	/* private */
	struct pirn_watch_sender *watch;
	uint64_t seen;
};

/*
 * Makes a watch with one sender and one receiver, which has seen the first value.
 *
 * Takes:    size of a value in bytes, 1 or more; the first value. memory: NULL: the built-in.
 * Returns:  0, -ENOMEM, -EINVAL (a size of 0).
 * Threads:  any.
 */
PIRN_API int pirn_watch_new(struct pirn_watch_sender **tx, struct pirn_watch_receiver *rx,
			    size_t size, const void *first, const struct pirn_memory *memory);

/*
 * One more holder of the sender's end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_sender *pirn_watch_sender_ref(struct pirn_watch_sender *tx);

/*
 * One holder less; the last one closes the watch.
 *
 * Takes:    NULL is fine.
 * Returns:  NULL, so that `tx = ..._unref(tx)` leaves nothing behind.
 * Threads:  any.
 */
PIRN_API struct pirn_watch_sender *pirn_watch_sender_unref(struct pirn_watch_sender *tx);

/*
 * Closes the watch now, for all; twice is fine. The last value stays to be seen.
 *
 * Threads:  any.
 */
PIRN_API void pirn_watch_sender_close(struct pirn_watch_sender *tx);

/*
 * Replaces the value. Never waits for a receiver.
 *
 * Returns:  0; -EPIPE: the watch is closed, or has no receiver now; the value stays as it was.
 * Threads:  any.
 */
PIRN_API int pirn_watch_send(struct pirn_watch_sender *tx, const void *msg);

/*
 * A new receiver, which has seen the value of now.
 *
 * Threads:  any.
 */
PIRN_API struct pirn_watch_receiver pirn_watch_subscribe(struct pirn_watch_sender *tx);

/*
 * A receiver like this one: it has seen what this one has seen.
 *
 * Takes:    one that is not zero.
 * Threads:  owner.
 */
PIRN_API struct pirn_watch_receiver pirn_watch_receiver_clone(const struct pirn_watch_receiver *rx);

/*
 * Ends a receiver, and leaves it zero. No recv of it may be pending.
 *
 * Takes:    also one that is zero.
 * Threads:  owner.
 */
PIRN_API void pirn_watch_receiver_drop(struct pirn_watch_receiver *rx);

/*
 * The value of now, whether it was seen or not; it counts as seen as much as before.
 *
 * Takes:    room for a value.
 * Threads:  owner.
 */
PIRN_API void pirn_watch_peek(const struct pirn_watch_receiver *rx, void *msg);

/*
 * Receives without waiting.
 *
 * Takes:    room for a value; written on success only.
 * Returns:  0; -EAGAIN: seen already; -EPIPE: seen already, and closed.
 * Threads:  owner.
 */
PIRN_API int pirn_watch_try_recv(struct pirn_watch_receiver *rx, void *msg);

PIRN_API extern const struct pirn_future_ops pirn_watch_recv_ops; /* Threads: any; a constant */

/*
 * READY when there is a value that this receiver has not seen. err: 0, or -EPIPE: closed, and
 * nothing new. *msg is written, and the value seen, inside the poll that returns READY with err 0.
 */
struct pirn_watch_recv {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_watch_receiver *rx;
	void *msg;
};

static inline struct pirn_watch_recv pirn_watch_recv(struct pirn_watch_receiver *rx, void *msg)
{
	struct pirn_watch_recv f;
	pirn_future_init(&f.future, &pirn_watch_recv_ops);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msg = msg;
	return f;
}

/*
 * Receives, and sleeps until there is something new; for plain threads.
 *
 * Takes:    room for a value; written on success only.
 * Returns:  0, -EPIPE, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_watch_recv_blocking(struct pirn_watch_receiver *rx, void *msg);

/* clang-format off */

#define PIRN_WATCH(name, type)									\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct name##_sender;									\
	struct name##_receiver { struct pirn_watch_receiver end; };				\
	static inline PIRN_UNUSED int								\
	name##_watch(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,		\
		     type const *pirn_first)							\
	{											\
		struct pirn_watch_sender *pirn_tx;						\
		int pirn_err = pirn_watch_new(&pirn_tx, &pirn_rx->end, sizeof(type),		\
					      (const void *)pirn_first, NULL);			\
		if (pirn_err == 0)								\
			*pirn_out = (struct name##_sender *)pirn_tx;				\
		return pirn_err;								\
	}											\
	static inline PIRN_UNUSED void								\
	name##_peek(const struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ pirn_watch_peek(&pirn_rx->end, (void *)pirn_msg); }					\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_ref(struct name##_sender *pirn_tx)					\
	{											\
		pirn_watch_sender_ref((struct pirn_watch_sender *)pirn_tx);			\
		return pirn_tx;									\
	}											\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_unref(struct name##_sender *pirn_tx)					\
	{											\
		pirn_watch_sender_unref((struct pirn_watch_sender *)pirn_tx);			\
		return NULL;									\
	}											\
	static inline PIRN_UNUSED void name##_sender_close(struct name##_sender *pirn_tx)	\
	{ pirn_watch_sender_close((struct pirn_watch_sender *)pirn_tx); }			\
	static inline PIRN_UNUSED int								\
	name##_send(struct name##_sender *pirn_tx, type const *pirn_msg)			\
	{ return pirn_watch_send((struct pirn_watch_sender *)pirn_tx, (const void *)pirn_msg); } \
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_subscribe(struct name##_sender *pirn_tx)						\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_watch_subscribe((struct pirn_watch_sender *)pirn_tx);	\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_receiver_clone(const struct name##_receiver *pirn_from)				\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_watch_receiver_clone(&pirn_from->end);			\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED void name##_receiver_drop(struct name##_receiver *pirn_rx)	\
	{ pirn_watch_receiver_drop(&pirn_rx->end); }						\
	static inline PIRN_UNUSED struct pirn_watch_recv					\
	name##_recv(struct name##_receiver *pirn_rx, type *pirn_msg)				\
	{ return pirn_watch_recv(&pirn_rx->end, (void *)pirn_msg); }				\
	static inline PIRN_UNUSED int								\
	name##_try_recv(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_watch_try_recv(&pirn_rx->end, (void *)pirn_msg); }			\
	static inline PIRN_UNUSED int								\
	name##_recv_blocking(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_watch_recv_blocking(&pirn_rx->end, (void *)pirn_msg); }			\
	struct name##_sender

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
