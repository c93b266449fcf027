/* SPDX-License-Identifier: MIT */
/*
 * pirn: broadcasts. Each message goes to every receiver there is. A send never waits: of the last
 * `capacity` messages each is kept, and a receiver that is slower than that is told how many it has
 * missed, and goes on with the oldest one left.
 *
 *	PIRN_BROADCAST(news, struct news);
 *
 * makes struct news_sender, news_weak_sender, news_receiver, and news_broadcast(&tx, &rx,
 * capacity); news_broadcast_in(&tx, &rx, capacity, memory) makes one in memory other than the
 * built-in. With `struct news_sender *tx`, `struct news_receiver rx`, `struct news n`, all
 * functions of this header and of pirn_feed.h are there under names that begin with news_ instead
 * of pirn_broadcast_: news_send(tx, &n), news_subscribe(tx), news_recv(&rx, &n),
 * news_sender_unref(tx)... (so a broadcast needs another name than a channel, a watch or a
 * oneshot). A body that listens to the end:
 *
 *	for (;;) {
 *		f->recv = news_recv(&f->rx, &f->n);
 *		PIRN_AWAIT(f, &f->recv.future);
 *		if (f->recv.future.err == -EPIPE)
 *			break;
 *		if (f->recv.future.err == -EOVERFLOW)
 *			continue;               // too slow: news_missed(&f->rx) were lost
 *		...                             // f->n
 *	}
 *
 * (PIRN_EACH would end at the first -EOVERFLOW.)
 *
 * Messages are plain data, and copied to each receiver: nothing is released when one is
 * overwritten. So a message may own nothing, and may point only to what outlives the broadcast and
 * all copies. Not even a counted object will do, since nobody takes a reference for each copy, nor
 * gives one up for what nobody received. Send a name (a number, a key) of the object, and look it
 * up under a lock of yours.
 *
 * A sender is counted (ref, unref). A receiver is a struct of four words in memory of yours, for
 * one user at a time; zero: none, which is for the drop alone, and traps elsewhere. It may be moved
 * while no recv of it has been made and not ended (READY, or dropped). The broadcast itself is one
 * block, of 144 bytes and the ring. It is closed when the last sender has gone, or when either side
 * closes it: sends fail with -EPIPE, receivers get what is left for them, and then -EPIPE.
 *
 * At the same time:                    each of these        on one receiver
 *   send, subscribe, ref, unref,       yes
 *     close, counts, weak ends,
 *     closed (poll, drop)
 *   recv, recv_many (poll, drop),      yes                  no
 *     their try forms, clone, drop,
 *     close, counts
 * Each waits at most for the broadcast's lock, which is held while one message is copied, or
 * PIRN_BATCH by a recv_many. A send wakes all who wait, sixteen at a time, behind it. It is no
 * await; but inside a poll it takes from the budget (PIRN_BUDGET) as one operation, and as one more
 * for each further sixteen, so that what is awaited next lets others run. A body that does nothing
 * but send yields now and then.
 */
#ifndef PIRN_BROADCAST_H
#define PIRN_BROADCAST_H

#include <pirn.h>
#include <pirn_batch.h>
#include <pirn_feed.h>
#include <pirn_feed_typed.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_broadcast_receiver {
	struct pirn_feed_place place; /* private */
	uint64_t missed; /* read-only: how many messages the last -EOVERFLOW was about */
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
 * Receives without waiting.
 *
 * Takes:    room for a message; written on success only.
 * Returns:  0; -EAGAIN: there is none; -EPIPE: and there will be none; -EOVERFLOW: rx->missed
 *           messages were overwritten, the next one is the oldest that is left.
 * Threads:  owner.
 */
PIRN_API int pirn_broadcast_try_recv(struct pirn_broadcast_receiver *rx, void *msg);

/*
 * Receives up to n messages, of one moment; not more than PIRN_BATCH, so fewer than n do not say
 * that there are no more.
 *
 * Takes:    room for n messages.
 * Returns:  how many, 1 or more (0: n was 0); else as try_recv.
 * Threads:  owner.
 */
PIRN_API int pirn_broadcast_try_recv_many(struct pirn_broadcast_receiver *rx, void *msgs, size_t n);

/*
 * The same for plain threads, which sleep until there is a message.
 *
 * Takes:    room for a message, or for n.
 * Returns:  0, or how many; -EPIPE, -EOVERFLOW, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_broadcast_recv_blocking(struct pirn_broadcast_receiver *rx, void *msg);
PIRN_API int pirn_broadcast_recv_many_blocking(struct pirn_broadcast_receiver *rx, void *msgs,
					       size_t n); /* Threads: outside */

PIRN_API extern const struct pirn_future_ops pirn_broadcast_recv_ops,
	pirn_broadcast_recv_many_ops; /* Threads: any; constants of the makers below */

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
 * The same for up to n messages, PIRN_BATCH at most. done: how many, where err is 0: 1 or more
 * (0: n was 0).
 */
struct pirn_broadcast_recv_many {
	struct pirn_future future;
	union {
		struct pirn_waiter waiter; /* private, until it is READY or dropped */
		size_t done;               /* from then on; 0 when it was dropped before */
	};
	struct pirn_broadcast_receiver *rx;
	void *msgs;
};

static inline struct pirn_broadcast_recv_many pirn_broadcast_recv_many(
	struct pirn_broadcast_receiver *rx, void *msgs, size_t n)
{
	struct pirn_broadcast_recv_many f;
	pirn_future_init(&f.future, &pirn_broadcast_recv_many_ops);
	f.future.err = n < PIRN_BATCH ? (int)n : PIRN_BATCH; /* until READY: n */
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.rx = rx;
	f.msgs = msgs;
	return f;
}

/* clang-format off */

#define PIRN_BROADCAST(name, type)								\
	PIRN_FEED(name##_, pirn_broadcast_, type)						\
	static inline PIRN_UNUSED int								\
	name##_broadcast_in(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,	\
			    size_t pirn_capacity, const struct pirn_memory *pirn_memory)	\
	{											\
		struct pirn_broadcast_sender *pirn_tx;						\
		int pirn_err = pirn_broadcast_new(&pirn_tx, &pirn_rx->end, sizeof(type),	\
						  pirn_capacity, pirn_memory);			\
		if (pirn_err == 0)								\
			*pirn_out = (struct name##_sender *)pirn_tx;				\
		return pirn_err;								\
	}											\
	static inline PIRN_UNUSED int								\
	name##_broadcast(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,	\
			 size_t pirn_capacity)							\
	{ return name##_broadcast_in(pirn_out, pirn_rx, pirn_capacity, NULL); }			\
	static inline PIRN_UNUSED struct pirn_broadcast_recv_many				\
	name##_recv_many(struct name##_receiver *pirn_rx, type *pirn_msgs, size_t pirn_n)	\
	{ return pirn_broadcast_recv_many(&pirn_rx->end, (void *)pirn_msgs, pirn_n); }		\
	static inline PIRN_UNUSED int								\
	name##_try_recv_many(struct name##_receiver *pirn_rx, type *pirn_msgs, size_t pirn_n)	\
	{ return pirn_broadcast_try_recv_many(&pirn_rx->end, (void *)pirn_msgs, pirn_n); }	\
	static inline PIRN_UNUSED int								\
	name##_recv_many_blocking(struct name##_receiver *pirn_rx, type *pirn_msgs, size_t pirn_n) \
	{ return pirn_broadcast_recv_many_blocking(&pirn_rx->end, (void *)pirn_msgs, pirn_n); }	\
	static inline PIRN_UNUSED uint64_t							\
	name##_missed(const struct name##_receiver *pirn_rx)					\
	{ return pirn_rx->end.missed; }								\
	struct name##_sender

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
