/* SPDX-License-Identifier: MIT */
/*
 * A loop's tasks: what the owner does, and what others may do meanwhile.
 *
 *	       start                    schedule: the owner wakes it, or finds it in the inbox
 *	         |                              |
 *	         v                              |
 *	+--> runnable <-------------------------+---------+
 *	|        |                                        |
 *	|        v                                        |
 *	|     running -- PENDING, woken meanwhile --> runnable
 *	|        |   |                                    |
 *	|        |   +-- PENDING --> idle ----------------+
 *	|        |
 *	|        +-- READY, or CANCELLED seen before or behind the poll --> finish: DONE
 *	|
 *	foreign_wake: + INBOX, and into the inbox; the owner takes it out: - INBOX
 *
 * References. A waker is counted by whoever clones it: by the owner in `clones`, by others in
 * `foreign`; a drop may be counted on the other side than the clone, so each of the two may be
 * negative, and their sum is what counts. The live future and the handle are flags. At the end the
 * owner adds up. 0: there is no waker, and there will be none, for only a waker makes another:
 * whatever others counted on the way to 0 was counted in `foreign` before the clone or drop that
 * the owner knows of. Else it moves all to `foreign`, with ENDED, and who brings that to 0 frees.
 *
 * Orderings.
 *
 *   tag   writer                           reader                         without it
 *   [F1]  foreign_wake: release of         arrive: acquire of the         the poll that the wake
 *         INBOX, also where it is set      clear                          asked for misses what was
 *                                                                         written before the wake
 *   [F2]  arrive: release of the clear     foreign_wake: acquire of       the next wake writes
 *                                          INBOX                          `next` while it is read
 *   [F3]  push: release on inbox           take_inbox: acquire            the owner reads `next`
 *                                                                         before it is written, or
 *                                                                         does not see a sender
 *   [F4]  foreign_drop, arrive: release    end, foreign_drop, arrive,     the block is freed while
 *                                          room: acquire                  another one uses it
 *   [F5]  end: release of ENDED            foreign_drop: acquire          who frees the block does
 *                                                                         not find the memory's
 *                                                                         functions in it
 *   [F6]  push: release on senders         left: acquire                  the loop is freed while
 *                                                                         a push looks at it
 */
#include "config.h"

#include "loop.h"

#if __STDC_HOSTED__
# include <errno.h>
#endif

#include "thread.h"

/* Apart from the owner's own functions, which have no locked instruction: tests/own_path.sh. */
#define APART __attribute__((noinline))

static struct loop_task *from_waker(struct pirn_waker *w)
{
	return container_of(w, struct loop_task, waker);
}

void pirn__loop_init(struct loop *l)
{
	list_init(&l->runnable);
	list_init(&l->idle);
	l->owner = &pirn__thread;
	l->memory = NULL;
	l->executor = NULL;
	l->floor = UINTPTR_MAX; /* no joins in place */
	l->running = false;
	l->strays = 0;
	l->notify = NULL;
	l->arg = NULL;
	link_init(&l->inbox, NULL);
	half_init(&l->senders, 0);
}

/* The block is nobody's any more. In static storage `foreign` says so, at the next spawn. */
static void release(struct loop_task *t)
{
	const struct pirn_memory *memory = loop_tail(t)->at.memory;

	if (memory)
		memory->free(memory, t, t->size);
}

/* ---- the owner's queue --------------------------------------------------------------------- */

static void push_runnable(struct loop *l, struct loop_task *t)
{
	bool first = list_empty(&l->runnable);

	list_push_back(&l->runnable, &t->list);
	if (first && !l->running && l->notify)
		l->notify(l->arg);
}

/* On a task that has not ended. */
static void schedule(struct loop *l, struct loop_task *t)
{
	if (t->flags & LOOP_SCHEDULED)
		return;
	t->flags |= LOOP_SCHEDULED;
	if (t->flags & LOOP_RUNNING)
		return;
	list_remove(&t->list);
	push_runnable(l, t);
}

/* ---- others -------------------------------------------------------------------------------- */

/* The task has INBOX from us, so it cannot leave, and the loop stands until it has. */
static void push(struct loop_task *t)
{
	struct loop_tail *tail = loop_tail(t);
	struct loop *l = tail->loop;
	void *head = link_load_relaxed(&l->inbox);

	half_add_relaxed(&l->senders, 1); /* the push publishes it */
	do {
		tail->next = head;
		/* [F3] Without release the owner could read next before it is there, and could
		 * miss that we are still to notify. */
	} while (!link_cas_release(&l->inbox, &head, t));
	if (!head && l->notify)
		l->notify(l->arg);
	/* [F6] Without release the loop could be freed under our last steps. */
	half_sub_release(&l->senders, 1);
}

APART static void foreign_wake(struct loop_task *t)
{
	uint32_t f = half_load_relaxed(&t->foreign);

	for (;;) {
		if (f & LOOP_ENDED)
			return;
		if (f & LOOP_INBOX) {
			/* [F1] Without the write the poll that serves this wake could miss what
			 * the waker did before it. */
			if (half_cas_release(&t->foreign, &f, f))
				return;
		} else {
			/* [F1] As above. [F2] Without acquire we could write next too early. */
			if (half_cas_acq_rel(&t->foreign, &f, f | LOOP_INBOX))
				break;
		}
	}
	push(t);
}

APART static void foreign_clone(struct loop_task *t)
{
	half_add_relaxed(&t->foreign, LOOP_REF); /* [F4] relaxed: the caller has one */
}

/* Is the block ours to free? If not, it may be gone, or hold the next task. */
APART static bool foreign_drop(struct loop_task *t)
{
	/* [F4] Release: our use comes before the free. Acquire: the free comes after all use. */
	/* [F5] Acquire: the memory's functions are there when we free. */
	return half_sub_acq_rel(&t->foreign, LOOP_REF) - LOOP_REF == LOOP_ENDED;
}

/* ---- the inbox, from the owner's side ------------------------------------------------------ */

/* Out of the inbox, and `next` has been read. */
static void arrive(struct loop *l, struct loop_task *t)
{
	bool done = t->flags & LOOP_DONE;
	/* [F1] Without acquire the poll could miss what was done before the wake. */
	/* [F2] Without release the next wake could write next while we read it. */
	/* [F4] Once it has ended, this may be the last use, and we the one who frees. */
	uint32_t left = half_sub_acq_rel(&t->foreign, LOOP_INBOX) - LOOP_INBOX;

	if (!done) {
		schedule(l, t);
		return;
	}
	l->strays--;
	if (left == LOOP_ENDED)
		release(t);
}

APART static void take_inbox(struct loop *l)
{
	/* [F3] Without acquire we could read next before it is written. */
	struct loop_task *t = link_exchange_acquire(&l->inbox, NULL), *oldest = NULL, *next;

	for (; t; t = next) {
		next = loop_tail(t)->next;
		loop_tail(t)->next = oldest;
		oldest = t;
	}
	for (; oldest; oldest = next) {
		next = loop_tail(oldest)->next;
		arrive(l, oldest);
	}
}

/* ---- the end of a task --------------------------------------------------------------------- */

/*
 * Wakers are left, or a wake is under way: from now on all references are counted in `foreign`.
 * The task may be gone when this returns.
 */
APART static void end_shared(struct loop *l, struct loop_task *t)
{
	uint32_t handle = t->flags & LOOP_HANDLE ? 1 : 0;
	uint32_t add = LOOP_ENDED + (t->clones + handle) * LOOP_REF, before;

	t->flags |= LOOP_SHARED;
	/* [F5] Release: the memory's functions are in the block. [F4] Acquire: or we free it. */
	before = half_add_acq_rel(&t->foreign, add);
	if (before & LOOP_INBOX)
		l->strays++;
	if (before + add == LOOP_ENDED)
		release(t);
}

/* No waker is left, nor a handle: nobody looks at it, so a plain store will do. */
static void release_alone(struct loop_task *t)
{
	half_store_relaxed(&t->foreign, LOOP_ENDED);
	release(t);
}

/* Drops the future, or its result. Leaves its operations, which have the task's name. */
static void drop_future(struct loop_task *t)
{
	struct pirn_future *f = loop_future(t);

	if (f->ops && f->ops->drop)
		f->ops->drop(f);
	t->flags |= LOOP_DROPPED;
}

/* The future is READY or DROPPED. */
static void finish(struct loop *l, struct loop_task *t)
{
	struct pirn_waker *joiner = NULL;
	uint32_t seen;

	if (!(t->flags & (LOOP_HANDLE | LOOP_DROPPED)))
		drop_future(t);
	if (t->flags & LOOP_JOINER)
		joiner = loop_tail(t)->at.joiner;
	loop_tail(t)->at.memory = l->memory;
	t->flags = LOOP_DONE | (t->flags & (LOOP_HANDLE | LOOP_DROPPED));
	/* [F4] Without acquire we could free it while the last one who dropped a waker uses it. */
	seen = half_load_acquire(&t->foreign);
	if (seen + t->clones * LOOP_REF != 0) /* a waker is left, or INBOX is set */
		end_shared(l, t);
	else if (!(t->flags & LOOP_HANDLE))
		release_alone(t);
	if (joiner)
		pirn_waker_wake(joiner);
}

/* ---- polls --------------------------------------------------------------------------------- */

/* joiner: polled inside this poll, which joins it, and whose budget it draws on. */
static void run(struct loop *l, struct loop_task *t, struct pirn_context *joiner)
{
	struct pirn_future *f = loop_future(t);
	enum pirn_poll poll = PIRN_PENDING;
	struct pirn_context cx;

	pirn_context_init(&cx, &t->waker, l->executor);
	if (joiner)
		cx.budget = joiner->budget;
	cx.outer = pirn__thread.poll;
	pirn__thread.poll = &cx; /* around a drop as well: nobody may wait in there either */
	t->flags = (t->flags & ~(LOOP_SCHEDULED | LOOP_FRESH)) | LOOP_RUNNING;
	if (!(t->flags & LOOP_CANCELLED))
		poll = pirn_poll(f, &cx);
	if (poll == PIRN_READY || (t->flags & LOOP_CANCELLED && !joiner)) {
		if (poll == PIRN_PENDING)
			drop_future(t);
		finish(l, t);
	} else {
		if (t->flags & LOOP_CANCELLED)
			t->flags |= LOOP_SCHEDULED;
		t->flags &= ~LOOP_RUNNING;
		list_push_back(t->flags & LOOP_SCHEDULED ? &l->runnable : &l->idle, &t->list);
	}
	pirn__thread.poll = cx.outer;
	if (joiner)
		joiner->budget = cx.budget;
}

bool pirn__loop_poll(struct loop *l)
{
	struct list *node;
	bool found;

	if (l->running)
		pirn_trap(NULL, 0, "an executor run inside one of its own polls");
	l->running = true;
	if (link_load_relaxed(&l->inbox))
		take_inbox(l);
	node = list_pop_front(&l->runnable);
	found = node != NULL;
	if (found)
		run(l, container_of(node, struct loop_task, list), NULL);
	l->running = false;
	return found;
}

bool pirn__loop_idle(struct loop *l)
{
	return list_empty(&l->runnable) && !link_load_relaxed(&l->inbox);
}

bool pirn__loop_empty(struct loop *l)
{
	return list_empty(&l->runnable) && list_empty(&l->idle);
}

void pirn__loop_cancel_all(struct loop *l)
{
	struct list *node;

	l->running = true; /* so that nobody is notified */
	while ((node = list_pop_front(&l->runnable)) || (node = list_pop_front(&l->idle))) {
		struct loop_task *t = container_of(node, struct loop_task, list);

		t->flags |= LOOP_CANCELLED;
		run(l, t, NULL);
	}
	l->running = false;
}

bool pirn__loop_take_strays(struct loop *l)
{
	take_inbox(l);
	return l->strays == 0;
}

bool pirn__loop_left(struct loop *l)
{
	/* [F6] Without acquire we could free what a push still looks at. */
	return half_load_acquire(&l->senders) == 0;
}

/* ---- wakers -------------------------------------------------------------------------------- */

/* Are we the owner, not interrupted (event.c), and are its counts still its own? */
static bool is_own(struct loop_task *t)
{
	return loop_tail(t)->owner == &pirn__thread && !pirn__thread.in_handler &&
	       !(t->flags & LOOP_SHARED);
}

static struct pirn_waker *thread_clone(struct pirn_waker *w)
{
	struct loop_task *t = from_waker(w);

	if (is_own(t))
		t->clones++;
	else
		foreign_clone(t);
	return w;
}

static void thread_wake_by_ref(struct pirn_waker *w)
{
	struct loop_task *t = from_waker(w);

	if (is_own(t))
		schedule(loop_tail(t)->loop, t); /* not done: it would be SHARED, as w is left */
	else
		foreign_wake(t);
}

static void thread_drop(struct pirn_waker *w)
{
	struct loop_task *t = from_waker(w);

	if (is_own(t))
		t->clones--;
	else if (foreign_drop(t))
		release(t);
}

static void thread_wake(struct pirn_waker *w)
{
	thread_wake_by_ref(w);
	thread_drop(w);
}

const struct pirn_waker_ops pirn__loop_thread_ops = {
	.clone = thread_clone,
	.wake = thread_wake,
	.wake_by_ref = thread_wake_by_ref,
	.drop = thread_drop,
};

/* For static storage. An interrupt runs on the owner's own thread: all come by the inbox. */
static struct pirn_waker *interrupt_clone(struct pirn_waker *w)
{
	foreign_clone(from_waker(w));
	return w;
}

static void interrupt_wake_by_ref(struct pirn_waker *w)
{
	foreign_wake(from_waker(w));
}

/*
 * Nothing is freed, nor looked at behind it: where we are on another core, or on a thread that the
 * owner can interrupt, it may have spawned the next task there.
 */
static void interrupt_drop(struct pirn_waker *w)
{
	foreign_drop(from_waker(w));
}

static void interrupt_wake(struct pirn_waker *w)
{
	interrupt_wake_by_ref(w);
	interrupt_drop(w);
}

const struct pirn_waker_ops pirn__loop_interrupt_ops = {
	.clone = interrupt_clone,
	.wake = interrupt_wake,
	.wake_by_ref = interrupt_wake_by_ref,
	.drop = interrupt_drop,
};

/* ---- spawn --------------------------------------------------------------------------------- */

void pirn__loop_task_init(struct loop *l, struct loop_task *t, const struct pirn_waker_ops *ops,
			  const char *place, size_t size, bool handle)
{
	struct loop_tail *tail;

	t->waker.ops = ops;
	t->flags = LOOP_SCHEDULED | LOOP_FRESH | (handle ? LOOP_HANDLE : 0);
	half_init(&t->foreign, 0);
	t->list.next = t->list.prev = NULL;
	t->place = place;
	t->clones = 0;
	t->size = (uint32_t)size;
	tail = loop_tail(t);
	tail->owner = l->owner;
	tail->at.joiner = NULL;
	tail->next = NULL;
	tail->loop = l;
}

void pirn__loop_start(struct loop *l, struct loop_task *t)
{
	push_runnable(l, t);
}

/* ---- the handle ---------------------------------------------------------------------------- */

static struct loop_task *of_handle(struct pirn_task *handle)
{
	struct loop_task *t = (struct loop_task *)(void *)handle;

	if (loop_tail(t)->owner != &pirn__thread)
		pirn_trap(t->place, 0, "a handle that has ended, or a local task used elsewhere");
	return t;
}

bool pirn__loop_is_finished(struct pirn_task *handle)
{
	return of_handle(handle)->flags & LOOP_DONE;
}

struct pirn_future *pirn__loop_future(struct pirn_task *handle)
{
	struct loop_task *t = of_handle(handle);

	return (t->flags & (LOOP_DONE | LOOP_DROPPED)) == LOOP_DONE ? loop_future(t) : NULL;
}

/* The handle of a task that has ended: with it the result goes. */
static void end_handle(struct loop_task *t)
{
	if (!(t->flags & LOOP_DROPPED))
		drop_future(t);
	t->flags &= ~LOOP_HANDLE;
	if (!(t->flags & LOOP_SHARED))
		release_alone(t);
	else if (foreign_drop(t))
		release(t);
}

static void must_not_be_joined(struct loop_task *t)
{
	if (t->flags & LOOP_JOINER)
		pirn_trap(t->place, 0, "a handle ended while a join or cancel is pending on it");
}

void pirn__loop_detach(struct pirn_task *handle)
{
	struct loop_task *t = of_handle(handle);

	must_not_be_joined(t);
	if (t->flags & LOOP_DONE)
		end_handle(t);
	else
		t->flags &= ~LOOP_HANDLE;
}

static void cancel(struct loop_task *t)
{
	if (t->flags & LOOP_DONE)
		return;
	t->flags |= LOOP_CANCELLED;
	schedule(loop_tail(t)->loop, t);
}

void pirn__loop_abort(struct pirn_task *handle)
{
	struct loop_task *t = of_handle(handle);

	cancel(t);
	pirn__loop_detach(handle);
}

/* ---- join and cancel ----------------------------------------------------------------------- */

/* Has the task ended? If not, the context's waker is in the slot. */
static bool wait_for_end(struct loop_task *t, struct pirn_future *f, struct pirn_context *cx)
{
	struct loop_tail *tail = loop_tail(t);
	struct pirn_waker *before = NULL;

	if (t->flags & LOOP_DONE)
		return true;
	if (f->at == REGISTERED) {
		before = tail->at.joiner;
		if (before == cx->waker)
			return false;
	} else if (t->flags & LOOP_JOINER) {
		pirn_trap(t->place, 0, "two joins or cancels pending on one handle");
	}
	f->at = REGISTERED;
	tail->at.joiner = pirn_waker_clone(cx->waker);
	t->flags |= LOOP_JOINER;
	if (before)
		pirn_waker_drop(before);
	return false;
}

/* As in task.c: a join of a task that was never polled polls it, and is a call. */
static void run_in_place(struct loop_task *t, struct pirn_context *cx)
{
	struct loop *l = loop_tail(t)->loop;

	/* JOINER: a second join, which is to trap. */
	if ((t->flags & (LOOP_FRESH | LOOP_JOINER)) != LOOP_FRESH || !l->running ||
	    cx->executor != l->executor || cx->budget == 0 ||
	    (uintptr_t)__builtin_frame_address(0) < l->floor)
		return;
	cx->budget--;
	list_remove(&t->list);
	run(l, t, cx);
}

enum pirn_poll pirn__loop_join_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct loop_task *t = of_handle(((struct pirn_join *)(void *)f)->task);

	if (f->at == NOT_ASKED)
		run_in_place(t, cx);
	if (!wait_for_end(t, f, cx))
		return PIRN_PENDING;
	f->err = t->flags & LOOP_DROPPED ? -ECANCELED : loop_future(t)->err;
	return PIRN_READY;
}

enum pirn_poll pirn__loop_cancel_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct loop_task *t = of_handle(((struct pirn_cancel *)(void *)f)->task);

	if (f->at == NOT_ASKED) {
		f->at = ASKED;
		cancel(t);
	}
	return wait_for_end(t, f, cx) ? PIRN_READY : PIRN_PENDING;
}

void pirn__loop_stop_waiting(struct pirn_task *handle)
{
	struct loop_task *t = of_handle(handle);

	if (t->flags & LOOP_DONE)
		return;
	t->flags &= ~LOOP_JOINER;
	pirn_waker_drop(loop_tail(t)->at.joiner);
}
