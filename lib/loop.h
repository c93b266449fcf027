/* SPDX-License-Identifier: MIT */
/*
 * A loop: the tasks of one thread, its owner. The core that the local executor and the static one
 * share; it compiles freestanding.
 *
 * The owner spawns, polls, drops and holds the handles; what it does to a task of its own lies in
 * plain fields, without a read-modify-write. Others (threads; interrupt handlers, for the static
 * executor) have wakers only, and two shared words: `foreign` of the task, `inbox` of the loop.
 *
 *	header, frame, tail	one block
 *	runnable, idle		every task that has not ended lies in one of them, or is polled
 *	inbox			woken from elsewhere; the owner takes it whole, before each poll
 */
#ifndef PIRN_LOOP_H
#define PIRN_LOOP_H

#include "atomic.h"
#include "list.h"
#include "pirn.h"

struct pirn_thread;

/* ---- the flags of a task: its owner's ---- */

#define LOOP_SCHEDULED 1u /* among the runnable ones, or to go there behind its poll */
#define LOOP_RUNNING 2u   /* being polled or dropped */
#define LOOP_CANCELLED 4u /* to be dropped where it would be polled; stays */
#define LOOP_DONE 8u      /* it has ended: its result lies there, or DROPPED; stays */
#define LOOP_HANDLE 16u   /* the handle exists */
#define LOOP_JOINER 32u   /* the joiner slot holds a waker */
#define LOOP_DROPPED 64u  /* there is no result: its future was dropped; stays */
#define LOOP_FRESH 128u   /* never polled, among the runnable ones: a join may poll it in place */
#define LOOP_SHARED 256u  /* ended while wakers were left: all references are in `foreign` */

/* ---- the foreign word: anybody's, by read-modify-writes ---- */

#define LOOP_INBOX 1u /* in the inbox, or on its way; the block stays as long as it is set */
#define LOOP_ENDED 2u /* no wakes any more; who brings the references to 0 frees the block */
#define LOOP_REF 4u   /* above: clones less drops by others; once ENDED all references */

/* Where there are pool tasks as well, both kinds have place and frame at the same offset. */
#if __STDC_HOSTED__
# define LOOP_FLAGS_ALIGN _Alignas(struct word)
#else
# define LOOP_FLAGS_ALIGN
#endif

struct loop_task {
	/* First: a waker of the task is a pointer to it. Aligned so that the frame is, too. */
	_Alignas(16) struct pirn_waker waker;
	LOOP_FLAGS_ALIGN uint32_t flags;
	struct half foreign;
	struct list list;  /* the owner's */
	const char *place; /* constant: "file:line" of the spawn */
	uint32_t clones;   /* clones less drops by the owner, until SHARED */
	uint32_t size;     /* constant: of the whole block */
};

/* The end of the block. */
struct loop_tail {
	_Alignas(16) const struct pirn_thread *owner; /* constant */
	union {
		struct pirn_waker *joiner;        /* with JOINER, until the end */
		const struct pirn_memory *memory; /* from the end on; NULL: static storage */
	} at;
	struct loop_task *next; /* in the inbox; belongs to whoever has set INBOX */
	struct loop *loop;      /* constant; stands until the task has ended and left the inbox */
};

struct loop {
	/* the owner's */
	struct list runnable, idle; /* oldest first */
	const struct pirn_thread *owner;
	const struct pirn_memory *memory; /* of the blocks; NULL: static storage */
	struct pirn_executor *executor;   /* for contexts; NULL: none */
	uintptr_t floor;                  /* above it there is stack for joins in place */
	bool running;
	uint32_t strays; /* ended while on their way into the inbox */
	/* constant: something is runnable again; any thread, or where an interrupt handler wakes */
	void (*notify)(void *arg);
	void *arg;
	/* anybody's */
	struct link inbox;   /* newest first, linked by next */
	struct half senders; /* who is inside a push */
};

static inline struct pirn_future *loop_future(struct loop_task *t)
{
	return (struct pirn_future *)(void *)(t + 1);
}

static inline struct loop_tail *loop_tail(struct loop_task *t)
{
	return (struct loop_tail *)(void *)((char *)t + t->size) - 1;
}

/* For executors: notify and owner are set by it, as are memory and executor. */
void pirn__loop_init(struct loop *l);

/* The waker operations of tasks: those that tell the owner's thread, and those that never do. */
extern const struct pirn_waker_ops pirn__loop_thread_ops, pirn__loop_interrupt_ops;

/* ---- for the owner ---- */

/* Makes a header over size bytes that hold a frame, or will. */
void pirn__loop_task_init(struct loop *l, struct loop_task *t, const struct pirn_waker_ops *ops,
			  const char *place, size_t size, bool handle);
void pirn__loop_start(struct loop *l, struct loop_task *t);

/* Polls (or drops, if it is cancelled) the task that has been runnable for longest. False: none. */
bool pirn__loop_poll(struct loop *l);

/* Is nothing runnable? And: is nothing there that could ever be? */
bool pirn__loop_idle(struct loop *l);
bool pirn__loop_empty(struct loop *l);

/* Cancels and drops every task. */
void pirn__loop_cancel_all(struct loop *l);

/* Behind that: takes in those that are still on their way here. False: one is to come yet. */
bool pirn__loop_take_strays(struct loop *l);

/* May the loop's memory go? For when there are no tasks and no strays. */
bool pirn__loop_left(struct loop *l);

/* ---- the handle: what pirn_task.h has, for a task of a loop ---- */

bool pirn__loop_is_finished(struct pirn_task *t);
struct pirn_future *pirn__loop_future(struct pirn_task *t);
void pirn__loop_detach(struct pirn_task *t);
void pirn__loop_abort(struct pirn_task *t);

/* Where a join or cancel stands (its future.at), of either kind of task. */
enum { NOT_ASKED, ASKED, REGISTERED };

enum pirn_poll pirn__loop_join_poll(struct pirn_future *f, struct pirn_context *cx);
enum pirn_poll pirn__loop_cancel_poll(struct pirn_future *f, struct pirn_context *cx);
void pirn__loop_stop_waiting(struct pirn_task *t); /* it is REGISTERED, and dropped */

#endif
