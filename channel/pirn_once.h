/* SPDX-License-Identifier: MIT */
/*
 * pirn: what must be done once. Of all who begin one is told that it must, and the others wait
 * until it has.
 *
 *	f->once = pirn_once_begin(&once);
 *	PIRN_AWAIT(f, &f->once.future);
 *	if (f->once.must) {
 *		...                           awaits as well
 *		pirn_once_done(&f->once);
 *	}
 *
 * Who must, and is dropped (by its pirn_drop) without having said that it has done it, leaves it
 * to the next in line. A drop is right in each state; so one in a body's finally part is right
 * wherever the body ends. One that waits or must does not move, also where a call that tries wrote
 * it; the drop of a copy traps.
 *
 * A plain thread begins by `pirn_block_on(&begin.future) == 0`.
 *
 * It lies in memory of yours, all zero at first, and needs no end; nothing is allocated. It does
 * not move once it was used, not even when nobody waits (so not in an array that grows). It must
 * outlive all who begin, and the calls on it: who sees that it is done may not free it as long as
 * the call that did it goes on.
 */
#ifndef PIRN_ONCE_H
#define PIRN_ONCE_H

#include <pirn_semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: static, or `= { 0 }` in C, `= {}` in C++ (which may warn of the other). */
struct pirn_once {
	/* private */
	struct pirn_semaphore one;
	uint64_t space[1];
};

PIRN_API extern const struct pirn_future_ops pirn_once_begin_ops; /* Threads: any; a constant */

/*
 * READY, with err 0, when it is done or must be done. Costs one load where it is done, and what
 * was done before is there to be seen.
 */
struct pirn_once_begin {
	struct pirn_future future;
	union {
		struct pirn_request request; /* private */
		bool must; /* read-only, from READY on: not done, and nobody else is at it */
	};
	struct pirn_once *once;
};

static inline struct pirn_once_begin pirn_once_begin(struct pirn_once *once)
{
	struct pirn_once_begin f;
	pirn_future_init(&f.future, &pirn_once_begin_ops);
	pirn_request_init(&f.request, 1);
	f.once = once;
	return f;
}

/*
 * Begins without waiting.
 *
 * Takes:    room for a begin; written on success only.
 * Returns:  0; -EAGAIN: somebody is at it.
 * Threads:  any.
 */
PIRN_API int pirn_once_try_begin(struct pirn_once *once, struct pirn_once_begin *begin);

/*
 * It is done: nobody must any more.
 *
 * Takes:    one that must; traps on others. Its `must` is false behind it.
 * Threads:  owner of begin.
 */
PIRN_API void pirn_once_done(struct pirn_once_begin *begin);

#ifdef __cplusplus
}
#endif
#endif
