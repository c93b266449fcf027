/* SPDX-License-Identifier: MIT */
/*
 * pirn: events. Tasks and threads wait until something has changed; whoever changes it notifies.
 * An event holds nothing but those who wait: look at the thing itself first, and again behind each
 * wait, which may also end for a change that another one has used up.
 *
 *	f->wait = pirn_event_wait(&event);        first make the wait,
 *	while (!thing_is_there()) {               then look:
 *		PIRN_AWAIT(f, &f->wait.future);   no notification in between is missed
 *		f->wait = pirn_event_wait(&event);
 *	}
 *
 * An event lies in memory of yours, all zero at first, and needs no end; nothing is allocated. It
 * does not move once it was used, not even when nobody waits (so not in an array that grows). It
 * must outlive its waits and the calls on it: a task that was woken may not free it as long as the
 * call that woke it goes on.
 */
#ifndef PIRN_EVENT_H
#define PIRN_EVENT_H

#include <pirn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: static, or `= { 0 }` in C, `= {}` in C++ (which may warn of the other). */
struct pirn_event {
	uint64_t space[10]; /* private */
};

#define PIRN_EVENT_ALL SIZE_MAX

/*
 * Ends up to n waits, those that have waited longest first, and all that were made before and not
 * polled yet. Costs one atomic addition where nobody waits.
 *
 * Takes:    n; PIRN_EVENT_ALL: all.
 * Threads:  any; in a signal handler only pirn_event_signal.
 */
PIRN_API void pirn_event_notify(struct pirn_event *e, size_t n);

/*
 * pirn_event_notify(e, PIRN_EVENT_ALL) for a signal handler, whatever it has interrupted: it takes
 * no lock, allocates nothing, and leaves errno alone. The waits of tasks, of block_on and of
 * pirn_executor_run end so; what wakes others must be safe in a handler itself and touch no event,
 * and so must the notify of a local executor.
 *
 * Returns:  0; -ENOTSUP, nothing has happened: pirn was built with --enable-posix-park.
 * Threads:  any.
 */
PIRN_API int pirn_event_signal(struct pirn_event *e);

/*
 * How many notifications there have been, modulo 2^32.
 *
 * Threads:  any.
 */
PIRN_API uint32_t pirn_event_count(struct pirn_event *e);

PIRN_API extern const struct pirn_future_ops pirn_event_wait_ops; /* Threads: any; a constant */

/*
 * READY, with err 0, at the latest when the event has been notified since the wait was made (it may
 * end for a notification of just before, or one that another wait hands on). One that was
 * notified and is dropped instead of polled hands the notification on.
 */
struct pirn_event_wait {
	struct pirn_future future;
	struct pirn_waiter waiter;
	struct pirn_event *event;
};

static inline struct pirn_event_wait pirn_event_wait(struct pirn_event *e)
{
	struct pirn_event_wait f;
	pirn_future_init(&f.future, &pirn_event_wait_ops);
	f.future.err = (int)pirn_event_count(e);
	f.waiter.next = NULL;
	f.waiter.prev = NULL;
	f.waiter.waker = NULL;
	f.event = e;
	return f;
}

#ifdef __cplusplus
}
#endif
#endif
