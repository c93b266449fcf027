/* SPDX-License-Identifier: MIT */
/*
 * The task's state word, and nothing else: what each bit means. Only task.c changes it.
 *
 * Birth: OWNED, FRESH, HANDLE if one was asked for, one reference.
 */
#ifndef PIRN_STATE_H
#define PIRN_STATE_H

/*
 * Somebody holds the right to run the task: it lies in a queue, or is being polled. Cleared by
 * the holder only. A task that is neither OWNED nor DONE is idle.
 */
#define TASK_OWNED UINT64_C(1)

/* Woken while OWNED. Set by wakers, cleared in one place: at the dequeue, right before a poll. */
#define TASK_NOTIFIED UINT64_C(2)

/* To be dropped where it would be polled. Set by abort, cancel and the end of the pool; stays. */
#define TASK_CANCELLED UINT64_C(4)

/* The future has ended: its result lies there, or DROPPED is set as well. Stays. */
#define TASK_DONE UINT64_C(8)

/* The handle exists: who finishes leaves the result alone. Never comes back. */
#define TASK_HANDLE UINT64_C(16)

/*
 * The joiner slot holds a waker. While clear the slot belongs to the handle's holder; while set
 * and DONE is not, nobody writes it; who sets DONE and saw JOINER owns the waker in it.
 */
#define TASK_JOINER UINT64_C(32)

/* Never polled: who joins it may poll it in place. Cleared behind the first poll. */
#define TASK_FRESH UINT64_C(64)

/* The future was dropped: there is no result. Set with DONE. */
#define TASK_DROPPED UINT64_C(128)

/*
 * Above: references. The live future 1, which the handle inherits if it outlives it; each waker 1;
 * who cancels by registry 1.
 */
#define TASK_REF UINT64_C(0x10000)

#endif
