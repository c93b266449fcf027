/* SPDX-License-Identifier: MIT */
/*
 * The task's life: one function for each edge of the state word (state.h), and who calls them.
 *
 *	        pirn_spawn_on (spawn.c)
 *	                  |
 *	                  v          notify: + NOTIFIED (also where it is set)
 *	      +---->  OWNED, queued  <--------------------------------+
 *	      |           |                                           |
 *	      |           | dequeue: - NOTIFIED                       |
 *	      |           v                                           |
 *	      |     OWNED, polled  -- PENDING, NOTIFIED or self-woken +
 *	notify,           |   |
 *	request_end:      |   +-- PENDING --> release_idle: - OWNED --> idle --+
 *	+ OWNED           |                                                    |
 *	      +-----------|----------------------------------------------------+
 *	                  |
 *	                  +-- READY, or CANCELLED seen at the dequeue or behind the poll
 *	                  v
 *	             finish: - OWNED, + DONE
 *
 * Who sets OWNED on an idle task pushes it. After a push, and after release_idle, the task is not
 * touched any more without a reference.
 *
 * Orderings.
 *
 *   tag   writer                          reader                      without it
 *   [T1]  notify: release of NOTIFIED,    dequeue: acquire of the     the poll that the wake
 *         also where it is set already    clear                       asked for misses what was
 *                                                                     written before the wake
 *   [T2]  release_idle: release           notify, request_end:        the next runner, or we, see
 *                                         acquire of an idle task     the frame before the poll
 *   [T3]  finish: release of DONE         join, detach, future:       the result is read before
 *                                         acquire                     it is written
 *   [T4]  join: release of JOINER         finish: acquire with DONE   the finisher wakes a waker
 *                                                                     it sees half made
 *   [T5]  unref, finish, drop_handle,     last unref, or load that    the block is freed while
 *         request_end: release            finds one reference:        another thread uses it
 *                                         acquire
 */
#include "config.h"

#include "task.h"

#include <errno.h>

#include "executor.h"
#include "list.h"
#include "loop.h"
#include "thread.h"

static struct pirn_task *from_waker(struct pirn_waker *w)
{
	return container_of(w, struct pirn_task, waker);
}

/* A handle may also be one of a loop's task (local or static executor), whose header is another. */
static bool of_loop(const struct pirn_task *t)
{
	return t->waker.ops != &pirn__task_waker_ops;
}

/* ---- references ---------------------------------------------------------------------------- */

static void free_block(struct pirn_task *t)
{
	t->at.memory->free(t->at.memory, t, t->size);
}

void pirn__task_ref(struct pirn_task *t)
{
	word_add_relaxed(&t->state, TASK_REF); /* [T5] relaxed: the caller has one, or a lock */
}

void pirn__task_unref(struct pirn_task *t)
{
	/* [T5] Release: our use comes before the free. Acquire: the free comes after all use. */
	uint64_t before = word_sub_acq_rel(&t->state, TASK_REF);

	if (before / TASK_REF == 1)
		free_block(t);
}

/* ---- edges --------------------------------------------------------------------------------- */

/* True: it was idle and is OWNED by us now. */
static bool notify(struct pirn_task *t)
{
	uint64_t s = word_load_relaxed(&t->state);

	for (;;) {
		if (s & TASK_DONE)
			return false;
		if (s & TASK_OWNED) {
			/* [T1] Without release, or the write where it is set already, the poll
			 * that serves this wake could miss what the waker did before it. */
			if (word_cas_release(&t->state, &s, s | TASK_NOTIFIED))
				return false;
		} else {
			/* [T2] Without acquire the runner could see the frame of before the last
			 * poll. */
			if (word_cas_acquire(&t->state, &s, s | TASK_OWNED))
				return true;
		}
	}
}

static PIRN_NORETURN void trap_joined(struct pirn_task *t)
{
	pirn_trap(t->place, 0, "a handle ended while a join or cancel is pending on it");
}

enum request { ENDED, LEFT_TO_OWNER, TAKEN };

/* Marks it cancelled, and clears these bits with it. TAKEN: it was idle, and is OWNED by us now. */
static enum request request_end(struct pirn_task *t, uint64_t clear)
{
	uint64_t s = word_load_relaxed(&t->state);

	for (;;) {
		uint64_t asked = (s | TASK_CANCELLED) & ~clear;

		if (s & TASK_DONE)
			return ENDED;
		if (clear && s & TASK_JOINER)
			trap_joined(t);
		if (s & TASK_OWNED) {
			/* [T5] Without release the finisher could free the block under us. */
			if (word_cas_release(&t->state, &s, asked))
				return LEFT_TO_OWNER;
		} else {
			/* [T2] As in notify. */
			if (word_cas_acquire(&t->state, &s, asked | TASK_OWNED))
				return TAKEN;
		}
	}
}

/* False: it has ended, result and block are the handle's. True: whoever finishes sees to them. */
static bool drop_handle(struct pirn_task *t)
{
	uint64_t s = word_load_relaxed(&t->state);

	while (!(s & TASK_DONE)) {
		if (s & TASK_JOINER)
			trap_joined(t);
		/* [T5] Without release the finisher could free the block under us. */
		if (word_cas_release(&t->state, &s, s & ~TASK_HANDLE))
			return true;
	}
	return false;
}

/* What was there before, for the holder who is about to poll. */
static uint64_t dequeue(struct pirn_task *t)
{
	uint64_t s = word_load_relaxed(&t->state);

	if (s & TASK_NOTIFIED)
		/* [T1] Without acquire the poll could miss what was written before the wake. */
		s = word_and_acquire(&t->state, ~TASK_NOTIFIED);
	return s;
}

/* After a poll that was not woken meanwhile. True: idle, not ours any more. False: look at *s. */
static bool release_idle(struct pirn_task *t, uint64_t *s)
{
	/* [T2] Without release whoever takes it next could see the frame before this poll. */
	return word_cas_release(&t->state, s, *s & ~(TASK_OWNED | TASK_FRESH));
}

/* ---- the end ------------------------------------------------------------------------------- */

/*
 * Drops the future, or its result unless that was taken out. Leaves its operations, which have the
 * task's name.
 */
static void drop_future(struct pirn_task *t)
{
	struct pirn_future *f = task_future(t);

	if (f->ops && f->ops->drop)
		f->ops->drop(f);
}

/*
 * The future is READY (dropped 0), or was dropped (TASK_DROPPED). From DONE on the result and the
 * live future's reference are the handle's, if there is one; we keep a reference of our own if we
 * have a joiner to wake.
 */
static void finish(struct pirn_task *t, struct pirn_executor *ex, uint64_t dropped, bool in_place)
{
	uint64_t s, done;

	if (!(word_load_relaxed(&t->state) & TASK_HANDLE) && !dropped) {
		drop_future(t);
		dropped = TASK_DROPPED;
	}
	ex->ops->unlink(ex, t);
	t->at.memory = &ex->platform->memory;
	do {
		/* [T5] Without acquire we could free the block under the last use of others. */
		s = word_load_acquire(&t->state);
		if (in_place && s & TASK_HANDLE && s / TASK_REF == 1) {
			/* No waker is out, and the handle's holder waits below us on this stack. */
			word_store_relaxed(&t->state, (s & ~TASK_OWNED) | TASK_DONE | dropped);
			return;
		}
		if (!(s & TASK_HANDLE) && !dropped) {
			drop_future(t);
			dropped = TASK_DROPPED;
		}
		if (!(s & TASK_HANDLE) && s / TASK_REF == 1) {
			free_block(t); /* nobody can reach it */
			return;
		}
		done = (s & ~TASK_OWNED) | TASK_DONE | dropped;
		if (!(s & TASK_HANDLE))
			done -= TASK_REF;
		else if (s & TASK_JOINER)
			done += TASK_REF;
		/* [T3] Release: the result is there before DONE. [T4] Acquire: the joiner's waker
		 * is. [T5] Release: our use comes before the free. */
	} while (!word_cas_acq_rel(&t->state, &s, done));
	if (s & TASK_JOINER) {
		pirn_waker_wake(t->joiner);
		pirn__task_unref(t);
	}
}

static void drop_and_finish(struct pirn_task *t, struct pirn_executor *ex)
{
	drop_future(t);
	finish(t, ex, TASK_DROPPED, false);
}

bool pirn__task_run(struct pirn_task *t, struct pirn_executor *ex, bool in_place)
{
	struct pirn_future *f = task_future(t);
	struct pirn_context cx;
	enum pirn_poll poll;
	uint64_t s;

	t->at.executor = ex;
	if (dequeue(t) & TASK_CANCELLED) {
		if (in_place)
			return true;
		drop_and_finish(t, ex);
		return false;
	}
	pirn_context_init(&cx, &t->waker, ex);
	cx.outer = pirn__thread.poll;
	if (in_place)
		cx.budget = cx.outer->budget;
	pirn__thread.poll = &cx;
	poll = pirn_poll(f, &cx);
	pirn__thread.poll = cx.outer;
	if (in_place)
		cx.outer->budget = cx.budget;
	if (poll == PIRN_READY) {
		finish(t, ex, 0, in_place);
		return false;
	}
	s = word_load_relaxed(&t->state);
	for (;;) {
		if (s & TASK_CANCELLED && !in_place) {
			drop_and_finish(t, ex);
			return false;
		}
		if (cx.self_woken || s & (TASK_NOTIFIED | TASK_CANCELLED)) {
			if (s & TASK_FRESH)
				word_and_relaxed(&t->state, ~TASK_FRESH);
			return true;
		}
		if (t->entry == 0 && ex->ops->link(ex, t))
			request_end(t, 0);
		else if (release_idle(t, &s))
			return false;
		s = word_load_relaxed(&t->state);
	}
}

/* ---- wakers -------------------------------------------------------------------------------- */

static void push(struct pirn_task *t)
{
	struct pirn_executor *ex = t->at.executor;

	ex->ops->push(ex, t);
}

static struct pirn_waker *task_waker_clone(struct pirn_waker *w)
{
	pirn__task_ref(from_waker(w));
	return w;
}

static void task_wake_by_ref(struct pirn_waker *w)
{
	struct pirn_context *cx = pirn__thread.poll;

	if (cx && cx->waker == w)
		cx->self_woken = true;
	else if (notify(from_waker(w)))
		push(from_waker(w));
}

static void task_waker_drop(struct pirn_waker *w)
{
	pirn__task_unref(from_waker(w));
}

static void task_wake(struct pirn_waker *w)
{
	task_wake_by_ref(w);
	task_waker_drop(w);
}

const struct pirn_waker_ops pirn__task_waker_ops = {
	.clone = task_waker_clone,
	.wake = task_wake,
	.wake_by_ref = task_wake_by_ref,
	.drop = task_waker_drop,
};

/* ---- the handle ---------------------------------------------------------------------------- */

bool pirn_task_is_finished(struct pirn_task *t)
{
	if (of_loop(t))
		return pirn__loop_is_finished(t);
	/* [T3] Without acquire who asks could miss what the task has done. */
	return word_load_acquire(&t->state) & TASK_DONE;
}

struct pirn_future *pirn_task_future(struct pirn_task *t)
{
	uint64_t s;

	if (of_loop(t))
		return pirn__loop_future(t);
	/* [T3] Without acquire we could read the result before it is written. */
	s = word_load_acquire(&t->state);
	return (s & (TASK_DONE | TASK_DROPPED)) == TASK_DONE ? task_future(t) : NULL;
}

const char *pirn_task_name(const struct pirn_task *t)
{
	const struct pirn_future *f = (const void *)(t + 1);

	return f->ops ? f->ops->name : NULL;
}

const char *pirn_task_place(const struct pirn_task *t)
{
	return t->place;
}

/* DONE was seen by a load that ordered nothing, while the handle was ours. */
static void end_handle(struct pirn_task *t)
{
	/* [T3] Without acquire we could drop the result before it is written. */
	/* [T5] Without it we could free the block under the last use of a waker. */
	uint64_t s = word_load_acquire(&t->state);

	if (!(s & TASK_DROPPED))
		drop_future(t);
	if (s / TASK_REF == 1)
		free_block(t);
	else
		pirn__task_unref(t);
}

void pirn_task_detach(struct pirn_task *t)
{
	if (t && of_loop(t))
		pirn__loop_detach(t);
	else if (t && !drop_handle(t))
		end_handle(t);
}

void pirn_task_abort(struct pirn_task *t)
{
	if (!t)
		return;
	if (of_loop(t)) {
		pirn__loop_abort(t);
		return;
	}
	switch (request_end(t, TASK_HANDLE)) {
	case TAKEN:
		push(t);
		break;
	case ENDED:
		end_handle(t);
		break;
	case LEFT_TO_OWNER:
		break;
	}
}

void pirn__task_cancel(struct pirn_task *t)
{
	if (request_end(t, 0) == TAKEN)
		push(t);
}

/* ---- join and cancel ----------------------------------------------------------------------- */

/* True: the joiner slot is ours again (or still). False: the task has ended. */
static bool take_back(struct pirn_task *t)
{
	uint64_t s = word_load_relaxed(&t->state);

	while (!(s & TASK_DONE))
		if (word_cas_relaxed(&t->state, &s, s & ~TASK_JOINER))
			return true;
	return false;
}

/* True: whoever finishes will wake w. False: the task has ended, w is not used. */
static bool put_joiner(struct pirn_task *t, struct pirn_waker *w)
{
	uint64_t s = word_load_relaxed(&t->state);

	t->joiner = w;
	while (!(s & TASK_DONE)) {
		/* [T4] Without release the finisher could read the slot before it is written. */
		if (word_cas_release(&t->state, &s, s | TASK_JOINER))
			return true;
	}
	return false;
}

/* Has the task ended? If not, the context's waker is in the slot. */
static bool wait_for_end(struct pirn_task *t, struct pirn_future *f, struct pirn_context *cx)
{
	/* [T3] Without acquire we could report an end whose result is not there. */
	uint64_t s = word_load_acquire(&t->state);
	struct pirn_waker *clone;

	if (s & TASK_DONE)
		return true;
	if (f->at != REGISTERED) {
		if (s & TASK_JOINER)
			pirn_trap(t->place, 0, "two joins or cancels pending on one handle");
	} else {
		if (t->joiner == cx->waker)
			return false;
		if (!take_back(t))
			goto ended;
		pirn_waker_drop(t->joiner);
	}
	f->at = REGISTERED;
	clone = pirn_waker_clone(cx->waker);
	if (put_joiner(t, clone))
		return false;
	pirn_waker_drop(clone);
ended:
	/* [T3] The loads that saw DONE ordered nothing. */
	return word_load_acquire(&t->state) & TASK_DONE;
}

static void stop_waiting(struct pirn_task *t)
{
	if (of_loop(t))
		pirn__loop_stop_waiting(t);
	else if (take_back(t))
		pirn_waker_drop(t->joiner);
}

/*
 * A task that was never polled, and lies where this thread would take it from next, is polled here
 * and now: no other thread is woken, and the join is a call. It may lie deep in other joins, as
 * long as there is stack, and draws on their budget, so that the outermost poll ends; it may be
 * pending behind that, like any other.
 */
static void run_in_place(struct pirn_task *t, struct pirn_context *cx)
{
	struct pirn_executor *ex = cx->executor;
	uint64_t s = word_load_relaxed(&t->state);

	/* JOINER: a second join, which is to trap. */
	if ((s & (TASK_FRESH | TASK_DONE | TASK_CANCELLED | TASK_JOINER)) != TASK_FRESH)
		return;
	if (!ex || !ex->ops->take)
		return;
	if (cx->budget == 0 || (char *)__builtin_frame_address(0) < pirn__thread.floor)
		return;
	if (!ex->ops->take(ex, t))
		return;
	/* Fresh still: only who has taken it could have polled it. */
	cx->budget--;
	if (pirn__task_run(t, ex, true))
		ex->ops->again(ex, t);
}

static enum pirn_poll join_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_task *t = ((struct pirn_join *)(void *)f)->task;

	if (of_loop(t))
		return pirn__loop_join_poll(f, cx);
	if (f->at == NOT_ASKED)
		run_in_place(t, cx);
	if (!wait_for_end(t, f, cx))
		return PIRN_PENDING;
	/* The wait has ordered it. */
	f->err = word_load_relaxed(&t->state) & TASK_DROPPED ? -ECANCELED : task_future(t)->err;
	return PIRN_READY;
}

static void join_drop(struct pirn_future *f)
{
	struct pirn_task *t = ((struct pirn_join *)(void *)f)->task;

	if (f->at == REGISTERED)
		stop_waiting(t);
}

const struct pirn_future_ops pirn_join_ops = {
	.name = "join",
	.file = __FILE__,
	.size = sizeof(struct pirn_join),
	.poll = join_poll,
	.drop = join_drop,
};

static enum pirn_poll cancel_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_task *t = ((struct pirn_cancel *)(void *)f)->task;

	if (of_loop(t))
		return pirn__loop_cancel_poll(f, cx);
	if (f->at == NOT_ASKED) {
		f->at = ASKED;
		pirn__task_cancel(t);
	}
	return wait_for_end(t, f, cx) ? PIRN_READY : PIRN_PENDING;
}

static void cancel_drop(struct pirn_future *f)
{
	struct pirn_task *t = ((struct pirn_cancel *)(void *)f)->task;

	if (f->at == REGISTERED)
		stop_waiting(t);
}

const struct pirn_future_ops pirn_cancel_ops = {
	.name = "cancel",
	.file = __FILE__,
	.size = sizeof(struct pirn_cancel),
	.poll = cancel_poll,
	.drop = cancel_drop,
};
