/* SPDX-License-Identifier: MIT */
/*
 * pirn: what PIRN_WATCH (pirn_watch.h) and PIRN_BROADCAST (pirn_broadcast.h) both write: ends that
 * know the type of a message, so that a wrong one does not compile. prefix: config_, say; kind:
 * pirn_watch_ or pirn_broadcast_. Both are whole words, since a word that is passed on is expanded:
 * `watch` may be a macro of the user's.
 */
#ifndef PIRN_FEED_TYPED_H
#define PIRN_FEED_TYPED_H

#include <pirn_feed.h>

/* clang-format off */

#define PIRN_FEED(prefix, kind, type)								\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct prefix##sender;									\
	struct prefix##weak_sender;								\
	struct prefix##receiver { struct kind##receiver end; };					\
	PIRN_FEED_SENDER(prefix, kind)								\
	PIRN_FEED_WEAK_SENDER(prefix, kind)							\
	PIRN_FEED_RECEIVER(prefix, kind)							\
	static inline PIRN_UNUSED int								\
	prefix##send(struct prefix##sender *pirn_e, type const *pirn_msg)			\
	{ return kind##send((struct kind##sender *)pirn_e, (const void *)pirn_msg); }		\
	static inline PIRN_UNUSED struct kind##recv						\
	prefix##recv(struct prefix##receiver *pirn_rx, type *pirn_msg)				\
	{ return kind##recv(&pirn_rx->end, (void *)pirn_msg); }					\
	static inline PIRN_UNUSED int								\
	prefix##try_recv(struct prefix##receiver *pirn_rx, type *pirn_msg)			\
	{ return kind##try_recv(&pirn_rx->end, (void *)pirn_msg); }				\
	static inline PIRN_UNUSED int								\
	prefix##recv_blocking(struct prefix##receiver *pirn_rx, type *pirn_msg)			\
	{ return kind##recv_blocking(&pirn_rx->end, (void *)pirn_msg); }

#define PIRN_FEED_SENDER(prefix, kind)								\
	static inline PIRN_UNUSED struct prefix##sender *					\
	prefix##sender_ref(struct prefix##sender *pirn_e)					\
	{ return (struct prefix##sender *)							\
		kind##sender_ref((struct kind##sender *)pirn_e); }				\
	static inline PIRN_UNUSED struct prefix##sender *					\
	prefix##sender_unref(struct prefix##sender *pirn_e)					\
	{ return (struct prefix##sender *)							\
		kind##sender_unref((struct kind##sender *)pirn_e); }				\
	static inline PIRN_UNUSED void								\
	prefix##sender_close(struct prefix##sender *pirn_e)					\
	{ kind##sender_close((struct kind##sender *)pirn_e); }					\
	static inline PIRN_UNUSED struct pirn_feed_closed					\
	prefix##sender_closed(struct prefix##sender *pirn_e)					\
	{ return kind##sender_closed((struct kind##sender *)pirn_e); }				\
	static inline PIRN_UNUSED void								\
	prefix##sender_counts(struct prefix##sender *pirn_e, struct pirn_channel_counts *pirn_c) \
	{ kind##sender_counts((struct kind##sender *)pirn_e, pirn_c); }

#define PIRN_FEED_WEAK_SENDER(prefix, kind)							\
	static inline PIRN_UNUSED struct prefix##weak_sender *					\
	prefix##sender_downgrade(struct prefix##sender *pirn_e)					\
	{ return (struct prefix##weak_sender *)							\
		kind##sender_downgrade((struct kind##sender *)pirn_e); }			\
	static inline PIRN_UNUSED struct prefix##sender *					\
	prefix##weak_sender_upgrade(struct prefix##weak_sender *pirn_w)				\
	{ return (struct prefix##sender *)							\
		kind##weak_sender_upgrade((struct kind##weak_sender *)pirn_w); }		\
	static inline PIRN_UNUSED struct prefix##weak_sender *					\
	prefix##weak_sender_ref(struct prefix##weak_sender *pirn_w)				\
	{ return (struct prefix##weak_sender *)							\
		kind##weak_sender_ref((struct kind##weak_sender *)pirn_w); }			\
	static inline PIRN_UNUSED struct prefix##weak_sender *					\
	prefix##weak_sender_unref(struct prefix##weak_sender *pirn_w)				\
	{ return (struct prefix##weak_sender *)							\
		kind##weak_sender_unref((struct kind##weak_sender *)pirn_w); }

#define PIRN_FEED_RECEIVER(prefix, kind)							\
	static inline PIRN_UNUSED struct prefix##receiver					\
	prefix##subscribe(struct prefix##sender *pirn_e)					\
	{											\
		struct prefix##receiver pirn_rx;						\
		pirn_rx.end = kind##subscribe((struct kind##sender *)pirn_e);			\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED struct prefix##receiver					\
	prefix##receiver_clone(const struct prefix##receiver *pirn_from)			\
	{											\
		struct prefix##receiver pirn_rx;						\
		pirn_rx.end = kind##receiver_clone(&pirn_from->end);				\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED void								\
	prefix##receiver_drop(struct prefix##receiver *pirn_rx)					\
	{ kind##receiver_drop(&pirn_rx->end); }							\
	static inline PIRN_UNUSED void								\
	prefix##receiver_close(const struct prefix##receiver *pirn_rx)				\
	{ kind##receiver_close(&pirn_rx->end); }						\
	static inline PIRN_UNUSED void								\
	prefix##receiver_counts(const struct prefix##receiver *pirn_rx,				\
			       struct pirn_channel_counts *pirn_c)				\
	{ kind##receiver_counts(&pirn_rx->end, pirn_c); }

/* clang-format on */

#endif
