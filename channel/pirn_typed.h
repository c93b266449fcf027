/* SPDX-License-Identifier: MIT */
/*
 * pirn: channels whose ends know the type of a message, so that a wrong one does not compile
 * (pirn_channel.h includes this):
 *
 *	PIRN_CHANNEL(job, struct job *, free_job);
 *
 * makes struct job_sender, job_receiver, job_weak_sender, job_weak_receiver, and all functions of
 * pirn_channel.h, pirn_batch.h and pirn_ends.h under names that begin with job_ instead of pirn_:
 * job_channel(&tx, &rx, capacity), job_send(tx, &m), job_try_recv(rx, &m), job_sender_unref(tx)...
 * free_job is void (*)(struct job **), or NULL. job_channel_in(&tx, &rx, capacity, memory) makes a
 * channel in memory other than the built-in.
 *
 * PIRN_ONESHOT, PIRN_WATCH and PIRN_BROADCAST make names of the same form (job_send, job_recv,
 * struct job_sender): each of the four takes a name that none of the others has in that file.
 */
#ifndef PIRN_TYPED_H
#define PIRN_TYPED_H

#include <pirn_channel.h>

/* clang-format off */

#define PIRN_CHANNEL(name, type, release)							\
	PIRN_ASSERT_PLAIN(type)									\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(type) <= 16, "messages are aligned to 16");		\
	struct name##_sender;									\
	struct name##_receiver;									\
	struct name##_weak_sender;								\
	struct name##_weak_receiver;								\
	static inline PIRN_UNUSED void name##_pirn_release_msg(void *pirn_msg)			\
	{											\
		void (*pirn_release)(type *) = release;						\
		if (pirn_release)								\
			pirn_release((type *)pirn_msg);						\
	}											\
	static inline PIRN_UNUSED int								\
	name##_channel_in(struct name##_sender **pirn_out_tx,					\
			  struct name##_receiver **pirn_out_rx, size_t pirn_capacity,		\
			  const struct pirn_memory *pirn_memory)				\
	{											\
		struct pirn_sender *pirn_tx;							\
		struct pirn_receiver *pirn_rx;							\
		void (*pirn_release)(type *) = release;						\
		int pirn_err = pirn_channel_new(&pirn_tx, &pirn_rx, sizeof(type),		\
					       pirn_capacity,					\
					       pirn_release ? name##_pirn_release_msg : NULL,	\
					       pirn_memory);					\
		if (pirn_err == 0) {								\
			*pirn_out_tx = (struct name##_sender *)pirn_tx;				\
			*pirn_out_rx = (struct name##_receiver *)pirn_rx;			\
		}										\
		return pirn_err;								\
	}											\
	static inline PIRN_UNUSED int name##_channel(struct name##_sender **pirn_out_tx,	\
						     struct name##_receiver **pirn_out_rx,	\
						     size_t pirn_capacity)			\
	{ return name##_channel_in(pirn_out_tx, pirn_out_rx, pirn_capacity, NULL); }		\
	PIRN_CHANNEL_MESSAGES(name, type, sender, send, struct pirn_send, struct pirn_send_many) \
	PIRN_CHANNEL_MESSAGES(name, type, receiver, recv, struct pirn_recv, struct pirn_recv_many) \
	PIRN_CHANNEL_HOLDERS(name, sender)							\
	PIRN_CHANNEL_HOLDERS(name, receiver)							\
	static inline PIRN_UNUSED int								\
	name##_force_send(struct name##_sender *pirn_e, type *pirn_msg, type *pirn_oldest)	\
	{ return pirn_force_send((struct pirn_sender *)pirn_e, (void *)pirn_msg,		\
				 (void *)pirn_oldest); }					\
	static inline PIRN_UNUSED struct pirn_sender_closed					\
	name##_sender_closed(struct name##_sender *pirn_e)					\
	{ return pirn_sender_closed((struct pirn_sender *)pirn_e); }				\
	struct name##_sender

/* What sends, or receives. */
#define PIRN_CHANNEL_MESSAGES(name, type, end, verb, future_type, many_type)			\
	static inline PIRN_UNUSED future_type							\
	name##_##verb(struct name##_##end *pirn_e, type *pirn_msg)				\
	{ return pirn_##verb((struct pirn_##end *)pirn_e, (void *)pirn_msg); }			\
	static inline PIRN_UNUSED int								\
	name##_try_##verb(struct name##_##end *pirn_e, type *pirn_msg)				\
	{ return pirn_try_##verb((struct pirn_##end *)pirn_e, (void *)pirn_msg); }		\
	static inline PIRN_UNUSED int								\
	name##_##verb##_blocking(struct name##_##end *pirn_e, type *pirn_msg)			\
	{ return pirn_##verb##_blocking((struct pirn_##end *)pirn_e, (void *)pirn_msg); }	\
	static inline PIRN_UNUSED many_type							\
	name##_##verb##_many(struct name##_##end *pirn_e, type *pirn_msgs, size_t pirn_n)	\
	{ return pirn_##verb##_many((struct pirn_##end *)pirn_e, (void *)pirn_msgs, pirn_n); }	\
	static inline PIRN_UNUSED int								\
	name##_try_##verb##_many(struct name##_##end *pirn_e, type *pirn_msgs, size_t pirn_n)	\
	{ return pirn_try_##verb##_many((struct pirn_##end *)pirn_e, (void *)pirn_msgs, pirn_n); } \
	static inline PIRN_UNUSED int								\
	name##_##verb##_many_blocking(struct name##_##end *pirn_e, type *pirn_msgs, size_t pirn_n) \
	{ return pirn_##verb##_many_blocking((struct pirn_##end *)pirn_e, (void *)pirn_msgs,	\
					     pirn_n); }

/* What counts. */
#define PIRN_CHANNEL_HOLDERS(name, end)								\
	static inline PIRN_UNUSED struct name##_##end *						\
	name##_##end##_ref(struct name##_##end *pirn_e)						\
	{ return (struct name##_##end *)pirn_##end##_ref((struct pirn_##end *)pirn_e); }	\
	static inline PIRN_UNUSED struct name##_##end *						\
	name##_##end##_unref(struct name##_##end *pirn_e)					\
	{ return (struct name##_##end *)pirn_##end##_unref((struct pirn_##end *)pirn_e); }	\
	static inline PIRN_UNUSED void								\
	name##_##end##_close(struct name##_##end *pirn_e)					\
	{ pirn_##end##_close((struct pirn_##end *)pirn_e); }					\
	static inline PIRN_UNUSED void								\
	name##_##end##_counts(struct name##_##end *pirn_e, struct pirn_channel_counts *pirn_c)	\
	{ pirn_##end##_counts((struct pirn_##end *)pirn_e, pirn_c); }				\
	static inline PIRN_UNUSED struct name##_weak_##end *					\
	name##_##end##_downgrade(struct name##_##end *pirn_e)					\
	{ return (struct name##_weak_##end *)							\
		pirn_##end##_downgrade((struct pirn_##end *)pirn_e); }				\
	static inline PIRN_UNUSED struct name##_##end *						\
	name##_weak_##end##_upgrade(struct name##_weak_##end *pirn_w)				\
	{ return (struct name##_##end *)							\
		pirn_weak_##end##_upgrade((struct pirn_weak_##end *)pirn_w); }			\
	static inline PIRN_UNUSED struct name##_weak_##end *					\
	name##_weak_##end##_ref(struct name##_weak_##end *pirn_w)				\
	{ return (struct name##_weak_##end *)							\
		pirn_weak_##end##_ref((struct pirn_weak_##end *)pirn_w); }			\
	static inline PIRN_UNUSED struct name##_weak_##end *					\
	name##_weak_##end##_unref(struct name##_weak_##end *pirn_w)				\
	{ return (struct name##_weak_##end *)							\
		pirn_weak_##end##_unref((struct pirn_weak_##end *)pirn_w); }

/* clang-format on */

#endif
