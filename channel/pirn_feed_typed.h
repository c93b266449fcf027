/* SPDX-License-Identifier: MIT */
/*
 * pirn: what PIRN_WATCH (pirn_watch.h) and PIRN_BROADCAST (pirn_broadcast.h) both write: ends that
 * know the type of a message, so that a wrong one does not compile. kind: watch, or broadcast.
 */
#ifndef PIRN_FEED_TYPED_H
#define PIRN_FEED_TYPED_H

#include <pirn_feed.h>

/* clang-format off */

#define PIRN_FEED(name, kind, type)								\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct name##_sender;									\
	struct name##_weak_sender;								\
	struct name##_receiver { struct pirn_##kind##_receiver end; };				\
	PIRN_FEED_SENDER(name, kind)								\
	PIRN_FEED_WEAK_SENDER(name, kind)							\
	PIRN_FEED_RECEIVER(name, kind)								\
	static inline PIRN_UNUSED int								\
	name##_send(struct name##_sender *pirn_e, type const *pirn_msg)				\
	{ return pirn_##kind##_send((struct pirn_##kind##_sender *)pirn_e,			\
				    (const void *)pirn_msg); }					\
	static inline PIRN_UNUSED struct pirn_##kind##_recv					\
	name##_recv(struct name##_receiver *pirn_rx, type *pirn_msg)				\
	{ return pirn_##kind##_recv(&pirn_rx->end, (void *)pirn_msg); }				\
	static inline PIRN_UNUSED int								\
	name##_try_recv(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_##kind##_try_recv(&pirn_rx->end, (void *)pirn_msg); }			\
	static inline PIRN_UNUSED int								\
	name##_recv_blocking(struct name##_receiver *pirn_rx, type *pirn_msg)			\
	{ return pirn_##kind##_recv_blocking(&pirn_rx->end, (void *)pirn_msg); }

#define PIRN_FEED_SENDER(name, kind)								\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_ref(struct name##_sender *pirn_e)						\
	{ return (struct name##_sender *)							\
		pirn_##kind##_sender_ref((struct pirn_##kind##_sender *)pirn_e); }		\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_sender_unref(struct name##_sender *pirn_e)					\
	{ return (struct name##_sender *)							\
		pirn_##kind##_sender_unref((struct pirn_##kind##_sender *)pirn_e); }		\
	static inline PIRN_UNUSED void								\
	name##_sender_close(struct name##_sender *pirn_e)					\
	{ pirn_##kind##_sender_close((struct pirn_##kind##_sender *)pirn_e); }			\
	static inline PIRN_UNUSED struct pirn_feed_closed					\
	name##_sender_closed(struct name##_sender *pirn_e)					\
	{ return pirn_##kind##_sender_closed((struct pirn_##kind##_sender *)pirn_e); }		\
	static inline PIRN_UNUSED void								\
	name##_sender_counts(struct name##_sender *pirn_e, struct pirn_channel_counts *pirn_c)	\
	{ pirn_##kind##_sender_counts((struct pirn_##kind##_sender *)pirn_e, pirn_c); }

#define PIRN_FEED_WEAK_SENDER(name, kind)							\
	static inline PIRN_UNUSED struct name##_weak_sender *					\
	name##_sender_downgrade(struct name##_sender *pirn_e)					\
	{ return (struct name##_weak_sender *)							\
		pirn_##kind##_sender_downgrade((struct pirn_##kind##_sender *)pirn_e); }	\
	static inline PIRN_UNUSED struct name##_sender *					\
	name##_weak_sender_upgrade(struct name##_weak_sender *pirn_w)				\
	{ return (struct name##_sender *)							\
		pirn_##kind##_weak_sender_upgrade((struct pirn_##kind##_weak_sender *)pirn_w); } \
	static inline PIRN_UNUSED struct name##_weak_sender *					\
	name##_weak_sender_ref(struct name##_weak_sender *pirn_w)				\
	{ return (struct name##_weak_sender *)							\
		pirn_##kind##_weak_sender_ref((struct pirn_##kind##_weak_sender *)pirn_w); }	\
	static inline PIRN_UNUSED struct name##_weak_sender *					\
	name##_weak_sender_unref(struct name##_weak_sender *pirn_w)				\
	{ return (struct name##_weak_sender *)							\
		pirn_##kind##_weak_sender_unref((struct pirn_##kind##_weak_sender *)pirn_w); }

#define PIRN_FEED_RECEIVER(name, kind)								\
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_subscribe(struct name##_sender *pirn_e)						\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_##kind##_subscribe((struct pirn_##kind##_sender *)pirn_e);	\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED struct name##_receiver					\
	name##_receiver_clone(const struct name##_receiver *pirn_from)				\
	{											\
		struct name##_receiver pirn_rx;							\
		pirn_rx.end = pirn_##kind##_receiver_clone(&pirn_from->end);			\
		return pirn_rx;									\
	}											\
	static inline PIRN_UNUSED void								\
	name##_receiver_drop(struct name##_receiver *pirn_rx)					\
	{ pirn_##kind##_receiver_drop(&pirn_rx->end); }						\
	static inline PIRN_UNUSED void								\
	name##_receiver_close(const struct name##_receiver *pirn_rx)				\
	{ pirn_##kind##_receiver_close(&pirn_rx->end); }					\
	static inline PIRN_UNUSED void								\
	name##_receiver_counts(const struct name##_receiver *pirn_rx,				\
			       struct pirn_channel_counts *pirn_c)				\
	{ pirn_##kind##_receiver_counts(&pirn_rx->end, pirn_c); }

/* clang-format on */

#endif
