/* SPDX-License-Identifier: MIT */
/*
 * pirn: oneshots. One message, once, from one sender to one receiver: an answer to a question, the
 * result of a piece of work.
 *
 *	PIRN_ONESHOT(answer, struct answer, free_answer);
 *
 * makes struct answer_oneshot, 24 bytes and the message, and for `struct answer_oneshot *o`
 *
 *	answer_oneshot_init(o, last)                               first of all
 *	answer_send(o, &m), answer_sender_close(o),                the sender's
 *		answer_closed(o), answer_try_closed(o)
 *	answer_recv(o, &m), answer_try_recv(o, &m),                the receiver's
 *		answer_recv_blocking(o, &m), answer_receiver_close(o)
 *
 * which do what is said below of pirn_oneshot_... . free_answer is void (*)(struct answer *), for a
 * message that was sent and that nobody received; NULL: messages own nothing.
 *
 * A oneshot lies in memory of yours; nothing is allocated. Each side ends its end exactly once: the
 * sender by a send, whatever that returns, or by sender_close; the receiver by receiver_close, also
 * when it has its message. Who ends first does not touch the memory any more, who ends second calls
 * `last`, which may free it. Without a `last` the memory must stay until both have ended; a recv
 * that was READY, or a try_recv that gave no -EAGAIN, says that the sender has; closed says it of
 * the receiver. So a oneshot may lie in the frame of a body only if that frame cannot go while the
 * sender is at work: a body that may be dropped has it in a block of its own.
 *
 * `last` is given the address of the struct answer_oneshot. In a block with other things that comes
 * first, or `last` finds the block behind it, as offsetof tells (container_of, where you have it):
 *
 *	struct question { struct answer_oneshot answer; char text[80]; };
 *	static void free_question(struct pirn_oneshot *o) { free(o); }
 *	answer_oneshot_init(&question->answer, free_question);
 *
 * At the same time:    sender's calls    receiver's calls
 *   sender's calls     no                yes
 *   receiver's calls   yes               no
 * (the poll and the drop of a future are calls of its side). recv_blocking sleeps. All others are
 * lock-free, but for what a waker does, and what release and last do in an end.
 */
#ifndef PIRN_ONESHOT_H
#define PIRN_ONESHOT_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: a oneshot without a `last`. */
struct pirn_oneshot {
	void *space[2]; /* private */
	void (*last)(struct pirn_oneshot *);
};

/* What PIRN_ONESHOT makes of a type; constant. */
struct pirn_oneshot_type {
	size_t offset, size; /* of the message in the struct */
	void (*release)(void *msg);
	const char *place; /* of the PIRN_ONESHOT, for traps */
};

/*
 * Prepares a oneshot.
 *
 * Takes:    last: called by who ends second, on that thread, with this address, as the last thing
 *           done with the oneshot; NULL: nothing is.
 * Threads:  owner; before any other call.
 */
static inline void pirn_oneshot_init(struct pirn_oneshot *o, void (*last)(struct pirn_oneshot *))
{
	o->space[0] = o->space[1] = NULL;
	o->last = last;
}

/*
 * Sends, and ends the sender's end. Drop a closed of it that is pending before, also when it has
 * lost a select.
 *
 * Takes:    *msg, on success only; owned: it is zeroed then.
 * Returns:  0; -EPIPE: the receiver has left.
 * Threads:  owner, of the sender's end.
 */
PIRN_API int pirn_oneshot_send(struct pirn_oneshot *o, const struct pirn_oneshot_type *type,
			       void *msg, bool owned);

/*
 * Ends the sender's end without a message. No closed of it may be pending, as for a send.
 *
 * Takes:    NULL is fine.
 * Returns:  NULL, so that `o = ..._close(o)` leaves nothing behind.
 * Threads:  owner, of the sender's end.
 */
PIRN_API struct pirn_oneshot *pirn_oneshot_sender_close(struct pirn_oneshot *o,
							const struct pirn_oneshot_type *type);

/*
 * Ends the receiver's end: a send fails with -EPIPE from now on. What was sent and not received is
 * released. No recv of it may be pending.
 *
 * Takes:    NULL is fine.
 * Returns:  NULL.
 * Threads:  owner, of the receiver's end.
 */
PIRN_API struct pirn_oneshot *pirn_oneshot_receiver_close(struct pirn_oneshot *o,
							  const struct pirn_oneshot_type *type);

/*
 * Receives without waiting.
 *
 * Takes:    room for the message; written on success only.
 * Returns:  0; -EAGAIN: the sender has not ended; -EPIPE: it has, and there is no message (any
 *           more).
 * Threads:  owner, of the receiver's end.
 */
PIRN_API int pirn_oneshot_try_recv(struct pirn_oneshot *o, const struct pirn_oneshot_type *type,
				   void *msg);

/*
 * Has the receiver left? For a sender that would save its work then: a send fails from now on, and
 * the memory is the sender's alone once it has ended its end.
 *
 * Returns:  0: it has; -EAGAIN.
 * Threads:  owner, of the sender's end.
 */
PIRN_API int pirn_oneshot_try_closed(struct pirn_oneshot *o);

PIRN_API extern const struct pirn_future_ops pirn_oneshot_recv_ops,
	pirn_oneshot_closed_ops; /* Threads: any; constants of the makers below */

/*
 * READY when the sender has ended. err: 0, or -EPIPE: there is no message (any more). *msg is
 * written inside the poll that returns READY with err 0. One that is dropped before leaves all as
 * it was: receive again, or close. One at a time.
 */
struct pirn_oneshot_recv {
	struct pirn_future future;
	struct pirn_oneshot *oneshot;
	const struct pirn_oneshot_type *type;
	void *msg;
};

static inline struct pirn_oneshot_recv pirn_oneshot_recv(struct pirn_oneshot *o,
							 const struct pirn_oneshot_type *type,
							 void *msg)
{
	struct pirn_oneshot_recv f;
	pirn_future_init(&f.future, &pirn_oneshot_recv_ops);
	f.oneshot = o;
	f.type = type;
	f.msg = msg;
	return f;
}

/* READY, with err 0, when the receiver has left; for a select beside the work. One at a time. */
struct pirn_oneshot_closed {
	struct pirn_future future;
	struct pirn_oneshot *oneshot;
};

static inline struct pirn_oneshot_closed pirn_oneshot_closed(struct pirn_oneshot *o)
{
	struct pirn_oneshot_closed f;
	pirn_future_init(&f.future, &pirn_oneshot_closed_ops);
	f.oneshot = o;
	return f;
}

/*
 * Receives, and sleeps until the sender has ended; for plain threads.
 *
 * Takes:    room for the message; written on success only.
 * Returns:  0, -EPIPE, -ENOMEM.
 * Threads:  outside.
 */
PIRN_API int pirn_oneshot_recv_blocking(struct pirn_oneshot *o,
					const struct pirn_oneshot_type *type, void *msg);

/* clang-format off */

#define PIRN_ONESHOT(name, type, release)							\
	PIRN_ASSERT_PLAIN(type)									\
	struct name##_oneshot {									\
		struct pirn_oneshot oneshot;							\
		type msg; /* private */								\
	};											\
	static inline PIRN_UNUSED void name##_pirn_release(void *pirn_msg)			\
	{											\
		void (*pirn_release)(type *) = release;						\
		if (pirn_release)								\
			pirn_release((type *)pirn_msg);						\
	}											\
	static const struct pirn_oneshot_type name##_pirn_type PIRN_UNUSED = {			\
		offsetof(struct name##_oneshot, msg), sizeof(type), name##_pirn_release,	\
		PIRN_PLACE									\
	};											\
	static inline PIRN_UNUSED void								\
	name##_oneshot_init(struct name##_oneshot *pirn_o,					\
			    void (*pirn_last)(struct pirn_oneshot *))				\
	{ pirn_oneshot_init(&pirn_o->oneshot, pirn_last); }					\
	static inline PIRN_UNUSED int								\
	name##_send(struct name##_oneshot *pirn_o, type *pirn_msg)				\
	{											\
		void (*pirn_release)(type *) = release;						\
		return pirn_oneshot_send(&pirn_o->oneshot, &name##_pirn_type,			\
					 (void *)pirn_msg, pirn_release != NULL);		\
	}											\
	static inline PIRN_UNUSED struct name##_oneshot *					\
	name##_sender_close(struct name##_oneshot *pirn_o)					\
	{											\
		pirn_oneshot_sender_close((struct pirn_oneshot *)pirn_o, &name##_pirn_type);	\
		return NULL;									\
	}											\
	static inline PIRN_UNUSED struct pirn_oneshot_closed					\
	name##_closed(struct name##_oneshot *pirn_o)						\
	{ return pirn_oneshot_closed(&pirn_o->oneshot); }					\
	static inline PIRN_UNUSED int								\
	name##_try_closed(struct name##_oneshot *pirn_o)					\
	{ return pirn_oneshot_try_closed(&pirn_o->oneshot); }					\
	static inline PIRN_UNUSED struct pirn_oneshot_recv					\
	name##_recv(struct name##_oneshot *pirn_o, type *pirn_msg)				\
	{ return pirn_oneshot_recv(&pirn_o->oneshot, &name##_pirn_type, (void *)pirn_msg); }	\
	static inline PIRN_UNUSED int								\
	name##_try_recv(struct name##_oneshot *pirn_o, type *pirn_msg)				\
	{ return pirn_oneshot_try_recv(&pirn_o->oneshot, &name##_pirn_type, (void *)pirn_msg); } \
	static inline PIRN_UNUSED int								\
	name##_recv_blocking(struct name##_oneshot *pirn_o, type *pirn_msg)			\
	{											\
		return pirn_oneshot_recv_blocking(&pirn_o->oneshot, &name##_pirn_type,		\
						  (void *)pirn_msg);				\
	}											\
	static inline PIRN_UNUSED struct name##_oneshot *					\
	name##_receiver_close(struct name##_oneshot *pirn_o)					\
	{											\
		pirn_oneshot_receiver_close((struct pirn_oneshot *)pirn_o, &name##_pirn_type);	\
		return NULL;									\
	}											\
	struct name##_oneshot

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
