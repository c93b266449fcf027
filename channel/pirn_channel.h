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
 * and then -EPIPE. A pending send or recv borrows its end and its msg.
 *
 * May run at the same time on one channel: everything, on one end or on two. (One send or recv
 * future, and one *msg, belong to one thread at a time.)
 */
#ifndef PIRN_CHANNEL_H
#define PIRN_CHANNEL_H

#include <pirn.h>
#include <pirn_batch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_sender;
struct pirn_receiver;

#define PIRN_UNBOUNDED SIZE_MAX

/*
 * Makes a channel with one sender and one receiver.
 *
 * Takes:    size of a message in bytes, 1 or more; capacity in messages, 1 or more, or
 *           PIRN_UNBOUNDED (then a send can fail with -ENOMEM, and never waits); release: called
 *           for a message that nobody will receive, on any thread, never under a lock; NULL:
 *           messages own nothing. memory: NULL: the built-in.
 * Returns:  0, -ENOMEM, -EINVAL (a size or capacity of 0).
 * Threads:  any.
 */
PIRN_API int pirn_channel_new(struct pirn_sender **tx, struct pirn_receiver **rx, size_t size,
			      size_t capacity, void (*release)(void *msg),
			      const struct pirn_memory *memory);

/*
 * One more holder of the same end.
 *
 * Returns:  the same pointer.
 * Threads:  any.
 */
PIRN_API struct pirn_sender *pirn_sender_ref(struct pirn_sender *tx);
PIRN_API struct pirn_receiver *pirn_receiver_ref(struct pirn_receiver *rx); /* Threads: any */

/*
 * One holder less; the last one of a side closes the channel, the last receiver also releases
 * what is in it.
 *
 * Takes:    NULL is fine. No send or recv of this holder's may be pending.
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
 * Receives, and sleeps while the channel is empty; for plain threads.
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
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msg = msg;
	return f;
}

/* clang-format off */

/*
 * Typed ends, so that a wrong type of message does not compile:
 *
 *	PIRN_CHANNEL(job, struct job *, free_job);
 *
 * makes struct job_sender, struct job_receiver and job_channel(&tx, &rx, capacity),
 * job_send(tx, &m), job_recv(rx, &m), job_try_send, job_try_recv, job_send_blocking,
 * job_recv_blocking, job_send_many, job_recv_many, job_try_send_many, job_try_recv_many, and
 * job_sender_ref, _unref, _close, the same for job_receiver. free_job is
 * void (*)(struct job **), or NULL.
 */
#define PIRN_CHANNEL(name, type, release)							\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct name##_sender;									\
	struct name##_receiver;									\
	static inline PIRN_UNUSED void name##_pirn_release(void *pirn_msg)			\
	{											\
		void (*pirn_release)(type *) = release;						\
		if (pirn_release)								\
			pirn_release((type *)pirn_msg);						\
	}											\
	static inline PIRN_UNUSED int name##_channel(struct name##_sender **pirn_out_tx,	\
						     struct name##_receiver **pirn_out_rx,	\
						     size_t pirn_capacity)			\
	{											\
		struct pirn_sender *pirn_tx;							\
		struct pirn_receiver *pirn_rx;							\
		void (*pirn_release)(type *) = release;						\
		int pirn_err = pirn_channel_new(&pirn_tx, &pirn_rx, sizeof(type),		\
					       pirn_capacity,					\
					       pirn_release ? name##_pirn_release : NULL, NULL); \
		if (pirn_err == 0) {								\
			*pirn_out_tx = (struct name##_sender *)pirn_tx;				\
			*pirn_out_rx = (struct name##_receiver *)pirn_rx;			\
		}										\
		return pirn_err;								\
	}											\
	PIRN_CHANNEL_END(name, type, sender, send, struct pirn_send, struct pirn_send_many)	\
	PIRN_CHANNEL_END(name, type, receiver, recv, struct pirn_recv, struct pirn_recv_many)	\
	struct name##_sender

#define PIRN_CHANNEL_END(name, type, end, verb, future_type, many_type)			\
	static inline PIRN_UNUSED future_type						\
	name##_##verb(struct name##_##end *pirn_e, type *pirn_msg)			\
	{ return pirn_##verb((struct pirn_##end *)pirn_e, (void *)pirn_msg); }		\
	static inline PIRN_UNUSED int							\
	name##_try_##verb(struct name##_##end *pirn_e, type *pirn_msg)			\
	{ return pirn_try_##verb((struct pirn_##end *)pirn_e, (void *)pirn_msg); }	\
	static inline PIRN_UNUSED int							\
	name##_##verb##_blocking(struct name##_##end *pirn_e, type *pirn_msg)		\
	{ return pirn_##verb##_blocking((struct pirn_##end *)pirn_e, (void *)pirn_msg); } \
	static inline PIRN_UNUSED many_type						\
	name##_##verb##_many(struct name##_##end *pirn_e, type *pirn_msgs, size_t pirn_n) \
	{ return pirn_##verb##_many((struct pirn_##end *)pirn_e, (void *)pirn_msgs, pirn_n); } \
	static inline PIRN_UNUSED int							\
	name##_try_##verb##_many(struct name##_##end *pirn_e, type *pirn_msgs, size_t pirn_n) \
	{ return pirn_try_##verb##_many((struct pirn_##end *)pirn_e, (void *)pirn_msgs, pirn_n); } \
	static inline PIRN_UNUSED struct name##_##end *					\
	name##_##end##_ref(struct name##_##end *pirn_e)					\
	{ return (struct name##_##end *)pirn_##end##_ref((struct pirn_##end *)pirn_e); } \
	static inline PIRN_UNUSED struct name##_##end *					\
	name##_##end##_unref(struct name##_##end *pirn_e)				\
	{ return (struct name##_##end *)pirn_##end##_unref((struct pirn_##end *)pirn_e); } \
	static inline PIRN_UNUSED void							\
	name##_##end##_close(struct name##_##end *pirn_e)				\
	{ pirn_##end##_close((struct pirn_##end *)pirn_e); }

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
