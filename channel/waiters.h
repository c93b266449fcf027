/* SPDX-License-Identifier: MIT */
/*
 * The list of those who wait: nodes lie in the waiting futures, first in, first out. The owner's
 * lock guards the list and every node on it.
 *
 * A node on the list has a waker. Who takes a node off takes the waker out with it, and wakes it
 * after the unlock; the node then is notified: its future tries again at its next poll, and hands
 * the notification on if it is dropped instead. A node that lost the race goes back to the front.
 */
#ifndef PIRN_WAITERS_H
#define PIRN_WAITERS_H

#include "pirn.h"

/* A task that never has to wait lets others run now and then. True: not now. */
static inline bool out_of_budget(struct pirn_context *cx)
{
	if (cx->budget > 0)
		return false;
	pirn_waker_wake_by_ref(cx->waker);
	return true;
}

/* One operation is done. */
static inline void spend_budget(struct pirn_context *cx)
{
	cx->budget = cx->budget > 8 ? cx->budget - 8 : 0;
}

struct waiters {
	struct pirn_waiter head;
};

static inline void waiters_init(struct waiters *list)
{
	list->head.next = list->head.prev = &list->head;
}

static inline bool waiters_empty(const struct waiters *list)
{
	return list->head.next == &list->head;
}

static inline bool waiter_listed(const struct pirn_waiter *w)
{
	return w->next != NULL;
}

/*
 * A future that waits, and has no other use for its err before it is READY, notes there where it
 * lies: so one that was moved, or a copy, is known without a look at neighbours, which may be gone.
 * (Half an address: a copy a multiple of 4 GiB away is not.)
 */
static inline void note_place(struct pirn_future *f)
{
	f->err = (int)(uint32_t)(uintptr_t)f;
}

static inline bool in_noted_place(const struct pirn_future *f)
{
	return f->err == (int)(uint32_t)(uintptr_t)f;
}

/* Lists a waiter with the waker that it has been given; at the front if it has waited before. */
void pirn__waiters_add(struct waiters *list, struct pirn_waiter *w, struct pirn_waker *waker,
		       bool front);

/*
 * Takes a waiter off, wherever it stands; traps where its neighbours know of another place. The
 * waker is the caller's.
 */
struct pirn_waker *pirn__waiter_remove(struct pirn_waiter *w);

/* Takes the first one off: the waker to wake after the unlock, or NULL. */
struct pirn_waker *pirn__waiters_take(struct waiters *list);

#endif
