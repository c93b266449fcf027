/* SPDX-License-Identifier: MIT */
/*
 * pirn: bodies. An async function is a future whose poll is a `switch` over where it stands;
 * these macros write that switch. A body's frame is a plain struct that begins with a future and
 * holds what must survive an await (locals do not: build with gcc -Wjump-misses-init or clang
 * -Wconditional-uninitialized, which find those that try).
 *
 *	struct twice { struct pirn_future future; int n, *sum; struct pirn_yield nap; };
 *
 *	PIRN_ASYNC(twice, f)                    // struct twice *f, struct pirn_context *cx
 *	{
 *		PIRN_BEGIN(f);
 *		for (f->n = 0; f->n < 2; f->n++) {
 *			f->nap = pirn_yield();
 *			PIRN_AWAIT(f, &f->nap.future);
 *		}
 *		PIRN_FINALLY(f);                // optional
 *		*f->sum += f->n;
 *		PIRN_END(f);
 *	}
 *
 *	struct twice t = { PIRN_INIT(twice), .sum = &sum };
 *
 * is, without the traps for misuse:
 *
 *	static enum pirn_poll twice_body(struct twice *f, struct pirn_context *cx)
 *	{
 *	resume:
 *		switch (f->future.at) {
 *		case 0:
 *			for (f->n = 0; f->n < 2; f->n++) {
 *				f->nap = pirn_yield();
 *				f->future.awaits = &f->nap.future;
 *				f->future.at = 7;
 *				goto resume;
 *		case 7:
 *				if (pirn_poll(f->future.awaits, cx) == PIRN_PENDING)
 *					return PIRN_PENDING;
 *				f->future.awaits = NULL;
 *			}
 *			f->future.err = 0;
 *			f->future.at = PIRN_AT_FINALLY;
 *			goto resume;
 *		case PIRN_AT_FINALLY:
 *			*f->sum += f->n;
 *			return PIRN_READY;
 *		default:
 *			trap: no such place
 *		}
 *	}
 *
 * The finally part runs once for every frame that was made, polled or not, with future.err saying
 * how it ends: 0, an error, -ECANCELED when it is dropped. It may not await. So zero in every
 * field must mean "nothing held". A drop ends the awaited child by itself; what else may be
 * pending (losers of a select, a started call) finally drops; and the guards of locks, for a body
 * that ends while it holds one leaves it locked. An await inside a `switch` of your own traps: use
 * if.
 */
#ifndef PIRN_ASYNC_H
#define PIRN_ASYNC_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The drop of a body: drops the child it awaits, then runs the finally part with err -ECANCELED.
 * A body whose result owns something has a drop of its own (PIRN_ASYNC_DROP), which calls this
 * first and then releases the result.
 *
 * Takes:    a body in any state but empty.
 * Threads:  owner.
 */
PIRN_API void pirn_async_drop(struct pirn_future *f);

/*
 * Where the switch of a body ends up when it knows no case for where the body stands: fine for a
 * body without a finally part that has ended, a trap for an await hidden in a switch.
 *
 * Returns:  PIRN_READY.
 * Threads:  poll; used by the macros.
 */
PIRN_API enum pirn_poll pirn_async_default(struct pirn_future *f, const char *file);

/*
 * PIRN_INIT(name) begins the initialiser of a frame. In C `.field = ...` follows, in any order. In
 * C++ it is positional, and what follows are the other fields in the order of their declaration: no
 * `.field =` (C++17 has none, and C++20 does not mix the two). Or, in any C++, field by field:
 * `twice t = {}; t.future = PIRN_INIT(twice); t.sum = &sum;`, which gcc's -Wextra does not warn of,
 * as it does where an initialiser leaves fields out.
 */
#ifdef __cplusplus
}
# define PIRN_ASSERT_PLAIN(type) \
  static_assert(__is_trivially_copyable(type), "moved by memcpy: must be trivially copyable");
# define PIRN_INIT(name) \
  { \
   &name##_ops, NULL, 0, 0 \
  }
#else
# define PIRN_ASSERT_PLAIN(type)
# define PIRN_INIT(name) .future = { .ops = &name##_ops }
#endif

/* clang-format off */

/* Head of a body: makes name_ops, name_poll, and opens name_body(struct name *f, ... *cx). */
#define PIRN_ASYNC(name, f) PIRN_ASYNC_DROP(name, f, pirn_async_drop)

/* The same, with a drop of its own: void drop(struct pirn_future *), declared before. */
#define PIRN_ASYNC_DROP(name, f, drop)								\
	PIRN_STATIC_ASSERT(offsetof(struct name, future) == 0, "the future comes first");	\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(struct name) <= 16, "tasks are aligned to 16");		\
	PIRN_ASSERT_PLAIN(struct name)								\
	static enum pirn_poll name##_body(struct name *, struct pirn_context *);		\
	static enum pirn_poll name##_poll(struct pirn_future *pirn_f, struct pirn_context *cx)	\
	{											\
		enum pirn_poll pirn_p = name##_body((struct name *)(void *)pirn_f, cx);		\
		if (pirn_p == PIRN_READY ? pirn_f->at != PIRN_AT_FINALLY : pirn_f->at == 0)	\
			pirn_trap(__FILE__, __LINE__, "body of " #name " left by a return");	\
		return pirn_p;									\
	}											\
	static const struct pirn_future_ops name##_ops PIRN_UNUSED = {				\
		#name, __FILE__, sizeof(struct name), name##_poll, drop				\
	};											\
	static enum pirn_poll name##_body(struct name *f, struct pirn_context *cx)

#define PIRN_BEGIN(f)										\
	pirn_resume: PIRN_UNUSED;								\
	switch ((f)->future.at) { case 0: { enum { pirn_await_not_allowed_here };

/* Goes through the switch also the first time, so that an await in a switch of the user's traps. */
#define PIRN_AWAIT_CHILD(f, child)								\
	(void)pirn_await_not_allowed_here;							\
	(f)->future.awaits = (child);								\
	(f)->future.at = __LINE__;								\
	goto pirn_resume;									\
	case __LINE__:										\
	if (pirn_poll_at((f)->future.awaits, cx, __FILE__, __LINE__) == PIRN_PENDING) {		\
		return PIRN_PENDING;								\
	}

/* Waits for a child, given as `&f->child.future`; child.future.err says how it ended. */
#define PIRN_AWAIT(f, child) do { PIRN_AWAIT_CHILD(f, child) (f)->future.awaits = NULL; } while (0)

/* Waits for a child and leaves the body with the child's error if it has one. */
#define PIRN_TRY(f, child) do {									\
	PIRN_AWAIT_CHILD(f, child)								\
	(f)->future.err = (f)->future.awaits->err;						\
	(f)->future.awaits = NULL;								\
	if ((f)->future.err) {									\
		(f)->future.at = PIRN_AT_FINALLY;						\
		goto pirn_resume;								\
	}											\
} while (0)

/*
 * Awaits one future after another for as long as they end with err 0, and runs the block behind
 * each: `child` is where they live in the frame, `maker` makes the next one. What child was before
 * is dropped first, with a result that it owns (a guard): it must be a future, or zero.
 *
 *	PIRN_EACH(f, f->recv, job_recv(f->rx, &f->job)) {
 *		...                             // break, continue and awaits as in any loop
 *	}
 *
 * Behind the loop child.future.err says why it ended: 0 after a break. Any err ends it, so also the
 * -EOVERFLOW of a broadcast's recv, after which messages go on: write that loop with PIRN_AWAIT.
 */
#define PIRN_EACH(f, child, maker)								\
	for (;;)										\
		if (1) {									\
			(void)pirn_await_not_allowed_here;					\
			{									\
				__typeof__(child) *pirn_child = &(child);			\
				pirn_drop(&pirn_child->future);					\
				*pirn_child = (maker);						\
				(f)->future.awaits = &pirn_child->future;			\
			}									\
			(f)->future.at = __LINE__;						\
			goto pirn_resume;							\
	case __LINE__:										\
			if (pirn_poll_at((f)->future.awaits, cx, __FILE__, __LINE__) ==		\
			    PIRN_PENDING)							\
				return PIRN_PENDING;						\
			if ((f)->future.awaits->err) {						\
				(f)->future.awaits = NULL;					\
				break;								\
			}									\
			(f)->future.awaits = NULL;						\
			goto PIRN_EACH_LABEL(__LINE__);						\
		} else										\
			PIRN_EACH_LABEL(__LINE__):
#define PIRN_EACH_LABEL(line) PIRN_EACH_LABEL_OF(line)
#define PIRN_EACH_LABEL_OF(line) pirn_each_##line

/* Lets others run; the task is polled again behind them. */
#define PIRN_YIELD(f) do {									\
	(void)pirn_await_not_allowed_here;							\
	(f)->future.at = __LINE__;								\
	pirn_waker_wake_by_ref(cx->waker);							\
	return PIRN_PENDING;									\
	case __LINE__:;										\
} while (0)

/* Leaves the body with this err: 0 or a negative errno. */
#define PIRN_RETURN(f, e) do {									\
	(void)pirn_await_not_allowed_here;							\
	(f)->future.err = (e);									\
	(f)->future.at = PIRN_AT_FINALLY;							\
	goto pirn_resume;									\
} while (0)

#define PIRN_FINALLY(f)										\
	PIRN_RETURN(f, 0); } case PIRN_AT_FINALLY: {

#define PIRN_END(f)										\
	(f)->future.at = PIRN_AT_FINALLY;							\
	(void)cx;										\
	return PIRN_READY; }									\
	default:										\
		return pirn_async_default(&(f)->future, __FILE__);				\
	}

/* clang-format on */

#endif
