/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "waiters.h"

void pirn__waiters_add(struct waiters *list, struct pirn_waiter *w, struct pirn_waker *waker,
		       bool front)
{
	struct pirn_waiter *prev = front ? &list->head : list->head.prev;

	w->waker = waker;
	w->prev = prev;
	w->next = prev->next;
	w->next->prev = w;
	prev->next = w;
}

static struct pirn_waker *off_line(struct pirn_waiter *w)
{
	struct pirn_waker *waker = w->waker;

	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->next = w->prev = NULL;
	w->waker = NULL;
	return waker;
}

struct pirn_waker *pirn__waiter_remove(struct pirn_waiter *w)
{
	if (w->prev->next != w || w->next->prev != w)
		pirn_trap(__FILE__, 0, "one in line that was moved, or a copy");
	return off_line(w);
}

struct pirn_waker *pirn__waiters_take(struct waiters *list)
{
	struct pirn_waiter *first = list->head.next;

	return first == &list->head ? NULL : off_line(first);
}
