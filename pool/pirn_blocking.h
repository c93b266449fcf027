/* SPDX-License-Identifier: MIT */
/*
 * pirn: blocking calls. Any function that blocks becomes a future: it runs on a thread of its own
 * kind, the task waits. Two wraps:
 *
 *	PIRN_UNBLOCK_FN(int, ping, int);
 *
 * for `int ping(int host)`, plain values in and out: struct ping_call { future, call, arg, result
 * } and its maker ping_call(host). What a pointer argument points to must outlive the call
 * itself, not just the future: the call may still run when the future has been dropped.
 *
 *	PIRN_UNBLOCK(query, query_release);
 *
 * for `int query(struct query *)`, arguments in and results out in one struct: struct query_call
 * { future, call, data } and its maker query_call(data). The function returns 0 or a negative
 * errno, which is err (a positive value traps).
 *
 * Who owns what: the first poll moves the data into a job; while it is there the future's own
 * copy is zero. A job that has not begun is taken back when the future is dropped; one that runs
 * is left to run, and its data released behind it. READY: the data is back, with the results.
 * release (a function of struct query *, or NULL) looks at the fields and releases what is there,
 * argument or result; it is called once, for: never polled, taken back, run but given up, READY
 * but not taken out. Taking a result out is to make its field NULL. It runs on any thread.
 *
 * It runs on the pool whose task polls it; under pirn_block_on, on the default pool.
 *
 * err: the function's, or -ENOMEM, -EAGAIN (no thread to be had, and none there; else the call
 * waits for one that is), -EINVAL (PIRN_THREADS, for the default pool), -ESHUTDOWN (the pool was
 * being freed), -ECANCELED (the pool was freed while it was queued): then it was not run;
 * call.ran tells.
 */
#ifndef PIRN_BLOCKING_H
#define PIRN_BLOCKING_H

#include <string.h>

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pirn_job;

/* What the wraps make of a function; constant. */
struct pirn_call_type {
	size_t offset, size;         /* of the data in the future */
	int (*run)(void *data);      /* 0 or a negative errno */
	void (*release)(void *data); /* NULL: the data owns nothing */
};

/* What all calls have in common; stands right behind the future. */
struct pirn_call {
	/* private */
	const struct pirn_call_type *type;
	struct pirn_job *job; /* while it is queued or runs */
	/* read-only */
	bool ran; /* valid from READY on */
};

/*
 * The poll and the drop of every call; used by the wraps.
 *
 * Returns:  as any poll.
 * Threads:  poll.
 */
PIRN_API enum pirn_poll pirn_call_poll(struct pirn_future *f, struct pirn_context *cx);
PIRN_API void pirn_call_drop(struct pirn_future *f); /* Threads: owner */

static inline void pirn_call_init(struct pirn_future *f, struct pirn_call *call,
				  const struct pirn_future_ops *ops,
				  const struct pirn_call_type *type)
{
	pirn_future_init(f, ops);
	call->type = type;
	call->job = NULL;
	call->ran = false;
}

/* clang-format off */

#define PIRN_UNBLOCK(name, release)								\
	struct name##_call {									\
		struct pirn_future future;							\
		struct pirn_call call;								\
		struct name data;								\
	};											\
	static int name##_pirn_run(void *pirn_p)						\
	{ return name((struct name *)pirn_p); }							\
	static void name##_pirn_release(void *pirn_p)						\
	{											\
		void (*pirn_release)(struct name *) = release;					\
		if (pirn_release)								\
			pirn_release((struct name *)pirn_p);					\
	}											\
	PIRN_CALL_OPS(name, data, sizeof(struct name), name##_pirn_release)			\
	static inline PIRN_UNUSED struct name##_call name##_call(struct name pirn_data)	\
	{											\
		struct name##_call pirn_f;							\
		pirn_call_init(&pirn_f.future, &pirn_f.call, &name##_call_ops, &name##_pirn_type); \
		pirn_f.data = pirn_data;							\
		return pirn_f;									\
	}											\
	struct name##_call

#define PIRN_UNBLOCK_FN(R, fn, A)								\
	struct fn##_pirn_data { A arg; R result; };						\
	struct fn##_call {									\
		struct pirn_future future;							\
		struct pirn_call call;								\
		A arg;										\
		R result;									\
	};											\
	PIRN_STATIC_ASSERT(offsetof(struct fn##_call, result) - offsetof(struct fn##_call, arg) == \
			   offsetof(struct fn##_pirn_data, result), "moved in one piece");	\
	static int fn##_pirn_run(void *pirn_p)							\
	{											\
		struct fn##_pirn_data *pirn_data = (struct fn##_pirn_data *)pirn_p;		\
		pirn_data->result = fn(pirn_data->arg);						\
		return 0;									\
	}											\
	PIRN_CALL_OPS(fn, arg, offsetof(struct fn##_pirn_data, result) + sizeof(R), NULL)	\
	static inline PIRN_UNUSED struct fn##_call fn##_call(A pirn_arg)			\
	{											\
		struct fn##_call pirn_f;							\
		pirn_call_init(&pirn_f.future, &pirn_f.call, &fn##_call_ops, &fn##_pirn_type);	\
		pirn_f.arg = pirn_arg;								\
		memset((void *)&pirn_f.result, 0, sizeof(pirn_f.result));			\
		return pirn_f;									\
	}											\
	struct fn##_call

#define PIRN_CALL_OPS(name, first, data_size, release)						\
	PIRN_ASSERT_PLAIN(struct name##_call)							\
	PIRN_STATIC_ASSERT(offsetof(struct name##_call, call) == sizeof(struct pirn_future),	\
			   "the call stands behind the future");				\
	PIRN_STATIC_ASSERT(PIRN_ALIGNOF(struct name##_call) <= 16, "jobs are aligned to 16");	\
	static const struct pirn_call_type name##_pirn_type = {					\
		offsetof(struct name##_call, first), data_size, name##_pirn_run, release	\
	};											\
	static const struct pirn_future_ops name##_call_ops = {					\
		#name, __FILE__, sizeof(struct name##_call), pirn_call_poll, pirn_call_drop	\
	};

/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
