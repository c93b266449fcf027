/* SPDX-License-Identifier: MIT */
/*
 * pirn: watches. One value, which senders replace and receivers look at: a configuration, a state,
 * a price. A receiver waits for a value that it has not seen yet and gets the latest; what came and
 * went in between it never sees.
 *
 *	PIRN_WATCH(config, struct config);
 *
 * makes struct config_sender, config_weak_sender, config_receiver, and config_watch(&tx, &rx, &c),
 * a watch with its first value; config_watch_in(&tx, &rx, &c, memory) makes one in memory other
 * than the built-in. With `struct config_sender *tx`, `struct config_receiver rx`,
 * `struct config c`, all functions of this header and of pirn_feed.h are there under names that
 * begin with config_ instead of pirn_watch_: config_send(tx, &c), config_subscribe(tx),
 * config_recv(&rx, &c), config_sender_unref(tx)... (so a watch needs another name than a channel,
 * a broadcast or a oneshot). A body that works with the newest one:
 *
 *	config_catch_up(&f->rx, &f->c);         // the value of now: no recv brings that one
 *	do {
 *		...                             // f->c
 *		f->recv = config_recv(&f->rx, &f->c);
 *		PIRN_AWAIT(f, &f->recv.future);
 *	} while (!f->recv.future.err);          // -EPIPE: there will be no newer one
 *
 * First of all, catch up. A receiver, by config_watch or by a subscribe, counts the value that is
 * there when it comes as seen: a recv waits for the next one, and may wait for ever. So a late
 * subscriber calls catch_up first, as above, or never learns what was sent before.
 *
 * Values are plain data, and copied to each who looks: nothing is released when one is replaced. So
 * a value may own nothing, and may point only to what outlives the watch and all its copies. Not
 * even a counted object will do, since nobody takes a reference for each copy: what a receiver has
 * just copied, the sender may have replaced and given up. Send a name (a number, a key) of the
 * object, and look it up under a lock of yours; or send a word that something has changed.
 *
 * A sender is counted (ref, unref). A receiver is a struct of three words in memory of yours, for
 * one user at a time; zero: none, which is for the drop alone, and traps elsewhere. It may be moved
 * while no recv of it has been made and not ended (READY, or dropped). The watch itself is one
 * block, of 128 bytes and the value. It is closed when the last sender has gone, or when either
 * side closes it: sends fail with -EPIPE, and a recv that finds nothing new. Without a receiver it
 * is not: a send replaces the value, for those who come later.
 *
 * At the same time:                    each of these        on one receiver
 *   send, subscribe, ref, unref,       yes
 *     close, counts, weak ends,
 *     closed (poll, drop)
 *   recv (poll, drop), try_recv,       yes                  no
 *     peek, catch_up, clone, drop,
 *     close, counts
 * Each waits at most for the watch's lock, which is held while one value is copied. A send wakes
 * all who wait, sixteen at a time, behind it. It is no await; but inside a poll it takes from the
 * budget (PIRN_BUDGET) as one operation, and as one more for each further sixteen, so that what is
 * awaited next lets others run. A body that does nothing but send yields now and then.
 */
#ifndef PIRN_WATCH_H
#define PIRN_WATCH_H

#include <pirn.h>
#include <pirn_feed.h>
#include <pirn_feed_typed.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_watch_receiver {
	struct pirn_feed_place place; /* private */
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
 * Replaces the value, whether there is a receiver or not. Never waits for one.
 *
 * Returns:  0; -EPIPE: the watch is closed; the value stays as it was.
 * Threads:  any.
 */
PIRN_API int pirn_watch_send(struct pirn_watch_sender *tx, const void *msg);

/*
 * A new receiver, which has seen the value of now: call catch_up first, which gives it. Of a closed
 * watch too: catch_up gives the last value, each recv -EPIPE.
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
 * The value of now, whether it was seen or not; it counts as seen as much as before.
 *
 * Takes:    room for a value.
 * Threads:  owner.
 */
PIRN_API void pirn_watch_peek(const struct pirn_watch_receiver *rx, void *msg);

/*
 * The value of now, whether it was seen or not; from now on it counts as seen.
 *
 * Takes:    room for a value.
 * Returns:  true: it was new.
 * Threads:  owner.
 */
PIRN_API bool pirn_watch_catch_up(struct pirn_watch_receiver *rx, void *msg);

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
	PIRN_FEED(name##_, pirn_watch_, type)							\
	static inline PIRN_UNUSED int								\
	name##_watch_in(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,	\
			type const *pirn_first, const struct pirn_memory *pirn_memory)		\
	{											\
		struct pirn_watch_sender *pirn_tx;						\
		int pirn_err = pirn_watch_new(&pirn_tx, &pirn_rx->end, sizeof(type),		\
					      (const void *)pirn_first, pirn_memory);		\
		if (pirn_err == 0)								\
			*pirn_out = (struct name##_sender *)pirn_tx;				\
		return pirn_err;								\
	}											\
	static inline PIRN_UNUSED int								\
	name##_watch(struct name##_sender **pirn_out, struct name##_receiver *pirn_rx,		\
		     type const *pirn_first)							\
	{ return name##_watch_in(pirn_out, pirn_rx, pirn_first, NULL); }			\
	static inline PIRN_UNUSED void								\
	name##_peek(const struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ pirn_watch_peek(&pirn_rx->end, (void *)pirn_msg); }					\
	static inline PIRN_UNUSED bool								\
	name##_catch_up(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_watch_catch_up(&pirn_rx->end, (void *)pirn_msg); }			\
	struct name##_sender

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
