/* SPDX-License-Identifier: MIT */
/*
 * The oneshot: two links, in memory of the user's.
 *
 *	meeting    NULL      neither side has ended, and the receiver does not wait
 *	           a waker   the receiver waits; the waker belongs to the link
 *	           SENT      the sender has ended, and its message is there
 *	           CLOSED    the sender has ended, and there is no message (any more)
 *	           GONE      the receiver has ended
 *	           ENDED     both have
 *	leaving    NULL, a waker of the sender's (closed), or GONE
 *
 * Who takes a waker out adds UNSEEN to what it leaves there, and the future that waited takes that
 * away, when it is polled or dropped: a side that ends with it has forgotten a future.
 *
 * Each side ends by an exchange on `meeting`. What it takes out there tells who came first. The
 * first one touches the memory no more: a waker that it has taken out has a life of its own. The
 * second one has the memory for itself, and calls `last`. The receiver takes the sender's waker out
 * of `leaving` before that exchange, and wakes it behind. Between the two it is still inside: a
 * closed that comes then wakes itself, and looks again.
 *
 * Linearisation: what each side does takes effect at its exchange on `meeting`; a recv, and a
 * closed, where it finds the other's end there. Progress: lock-free. The compare-and-swap of a
 * future fails only where the other side has ended; that of an end only where the other side has
 * put in or taken out a waker meanwhile, as a poll or a drop does once.
 *
 * Orderings.
 *
 *   tag   writer                         reader                        without it
 *   [O1]  send: release on meeting       recv, try_recv, receiver's    the message is read before
 *                                        close: acquire                it is there
 *   [O2]  recv: release on meeting       send, sender's close:         a waker is woken that is
 *                                        acquire                       seen half made
 *   [O3]  who ends first: release on     who ends second: acquire      the memory is freed while
 *         meeting                                                      the first one's use goes on
 *   [O4]  closed: release on leaving     receiver's close: acquire     a waker is woken that is
 *                                                                      seen half made
 *   [O5]  receiver's close: release on   closed: acquire               who sees that the receiver
 *         meeting                                                      has left misses what it did,
 *                                                                      or frees under its feet
 */
#include "config.h"

#include "pirn_oneshot.h"

#include <errno.h>
#include <string.h>

#include "atomic.h"
#include "thread.h"
#include "waiters.h"

#define SENT ((void *)1) /* no waker has an address below 16 */
#define CLOSED ((void *)2)
#define GONE ((void *)3)
#define ENDED ((void *)4)
#define UNSEEN ((uintptr_t)8)

struct oneshot {
	struct link meeting, leaving;
};

_Static_assert(sizeof(struct oneshot) == sizeof(((struct pirn_oneshot *)0)->space), "it fits");

static struct oneshot *of(struct pirn_oneshot *o)
{
	return (struct oneshot *)(void *)o->space;
}

static void *message(struct pirn_oneshot *o, const struct pirn_oneshot_type *type)
{
	return (char *)o + type->offset;
}

static bool is_waker(const void *found)
{
	return (uintptr_t)found >= 16;
}

/* What takes the place of what was found. */
static void *end_behind(void *end, const void *found)
{
	return is_waker(found) ? (void *)((uintptr_t)end | UNSEEN) : end;
}

static void *seen(const void *end)
{
	return (void *)((uintptr_t)end & ~UNSEEN);
}

/* ---- the ends ------------------------------------------------------------------------------ */

static void end_last(struct pirn_oneshot *o)
{
	link_store_relaxed(&of(o)->meeting, ENDED); /* for an end that comes twice */
	if (o->last)
		o->last(o);
}

/* True: the receiver has ended before, and all is the caller's. */
static bool end_sender(struct pirn_oneshot *o, const struct pirn_oneshot_type *type, void *how)
{
	void *found = link_load_relaxed(&of(o)->leaving);

	if (found && found != GONE)
		pirn_trap(type->place, 0, "a oneshot's sender ended with its closed pending");
	found = link_load_relaxed(&of(o)->meeting);
	/* [O1] Without release the receiver could read the message before it is there. */
	/* [O2] Without acquire we could wake a waker that we see half made. */
	/* [O3] With less, who ends second could free the memory under the first one's use. */
	while (!link_cas_acq_rel(&of(o)->meeting, &found, end_behind(how, found)))
		;
	if (is_waker(found))
		pirn_waker_wake(found);
	else if (found && found != GONE)
		pirn_trap(type->place, 0, "a oneshot's sender ended twice");
	return found == GONE;
}

int pirn_oneshot_send(struct pirn_oneshot *o, const struct pirn_oneshot_type *type, void *msg,
		      bool owned)
{
	memcpy(message(o, type), msg, type->size);
	/* Before it is sent: *msg may lie in what it owns, which is the receiver's then. */
	if (owned)
		memset(msg, 0, type->size);
	if (!end_sender(o, type, SENT))
		return 0;
	if (owned)
		memcpy(msg, message(o, type), type->size);
	end_last(o);
	return -EPIPE;
}

struct pirn_oneshot *pirn_oneshot_sender_close(struct pirn_oneshot *o,
					       const struct pirn_oneshot_type *type)
{
	if (o && end_sender(o, type, CLOSED))
		end_last(o);
	return NULL;
}

struct pirn_oneshot *pirn_oneshot_receiver_close(struct pirn_oneshot *o,
						 const struct pirn_oneshot_type *type)
{
	void *found, *waker;

	if (!o)
		return NULL;
	waker = link_load_relaxed(&of(o)->leaving);
	/* [O4] Without acquire we could wake a waker that we see half made. */
	while (!link_cas_acquire(&of(o)->leaving, &waker, end_behind(GONE, waker)))
		;
	/* [O1] Without acquire we could release a message before it is there. */
	/* [O5] Without release the sender could see that we have left, and miss what we did. */
	/* [O3] With less, who ends second could free the memory under the first one's use. */
	found = link_exchange_acq_rel(&of(o)->meeting, GONE);
	if (found && found != SENT && found != CLOSED)
		pirn_trap(type->place, 0,
			  "a oneshot's receiver ended twice, or with its recv pending");
	if (found == SENT && type->release)
		type->release(message(o, type));
	if (found)
		end_last(o);
	if (is_waker(waker))
		pirn_waker_wake(waker);
	return NULL;
}

/* ---- one attempt --------------------------------------------------------------------------- */

/* The sender has ended, as found tells: the memory is the receiver's alone, but for its own end. */
static int take(struct pirn_oneshot *o, const struct pirn_oneshot_type *type, void *msg,
		const void *found)
{
	if (seen(found) == CLOSED)
		return -EPIPE;
	if (seen(found) != SENT)
		pirn_trap(type->place, 0, "received from a oneshot whose receiver has ended");
	memcpy(msg, message(o, type), type->size);
	link_store_relaxed(&of(o)->meeting, CLOSED); /* there is none any more */
	return 0;
}

int pirn_oneshot_try_recv(struct pirn_oneshot *o, const struct pirn_oneshot_type *type, void *msg)
{
	/* [O1] Without acquire we could read the message before it is there. */
	void *found = link_load_acquire(&of(o)->meeting);

	return !found || is_waker(found) ? -EAGAIN : take(o, type, msg, found);
}

int pirn_oneshot_try_closed(struct pirn_oneshot *o)
{
	/* [O5] Without acquire we could miss what the receiver did before it left. */
	void *found = link_load_acquire(&of(o)->meeting);

	if (found && found != GONE && !is_waker(found))
		pirn_trap(NULL, 0, "closed of a oneshot whose sender has ended");
	return found == GONE ? 0 : -EAGAIN;
}

/* ---- waiting ------------------------------------------------------------------------------- */

enum { NEW, TRIED, WAITED }; /* future.at; WAITED: a waker of ours may be in the link */

/* False: the other side has ended. */
static bool wait_at(struct link *link, struct pirn_future *f, struct pirn_context *cx,
		    const char *place)
{
	void *found = link_load_relaxed(link);
	struct pirn_waker *clone;

	if (found && !is_waker(found))
		return false;
	if (found && f->at != WAITED)
		pirn_trap(place, 0, "two wait at one end of a oneshot");
	if (found == cx->waker)
		return true;
	clone = pirn_waker_clone(cx->waker);
	/* [O2] [O4] Without release the other side could wake a waker that it sees half made. */
	if (!link_cas_release(link, &found, clone)) {
		pirn_waker_drop(clone);
		return false;
	}
	f->at = WAITED;
	if (found)
		pirn_waker_drop(found);
	return true;
}

static void stop_waiting_at(struct link *link, struct pirn_future *f)
{
	void *found = f->at == WAITED ? link_load_relaxed(link) : NULL;

	if (is_waker(found) && link_cas_relaxed(link, &found, NULL))
		pirn_waker_drop(found);
	else if (found != seen(found)) /* no store: what is read there is still the other side's */
		link_cas_relaxed(link, &found, seen(found));
}

static enum pirn_poll recv_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_oneshot_recv *recv = (struct pirn_oneshot_recv *)(void *)f;
	struct link *meeting = &of(recv->oneshot)->meeting;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx) || wait_at(meeting, f, cx, recv->type->place))
		return PIRN_PENDING;
	spend_budget(cx);
	stop_waiting_at(meeting, f);
	/* [O1] Without acquire we could read the message before it is there. */
	f->err = take(recv->oneshot, recv->type, recv->msg, link_load_acquire(meeting));
	return PIRN_READY;
}

static void recv_drop(struct pirn_future *f)
{
	struct pirn_oneshot_recv *recv = (struct pirn_oneshot_recv *)(void *)f;

	stop_waiting_at(&of(recv->oneshot)->meeting, f);
}

static enum pirn_poll closed_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_oneshot *o = ((struct pirn_oneshot_closed *)(void *)f)->oneshot;

	if (f->at == NEW)
		f->at = TRIED;
	if (out_of_budget(cx) || wait_at(&of(o)->leaving, f, cx, f->ops->file))
		return PIRN_PENDING;
	if (pirn_oneshot_try_closed(o)) { /* about to leave, but still inside */
		pirn_waker_wake_by_ref(cx->waker);
		return PIRN_PENDING;
	}
	spend_budget(cx);
	stop_waiting_at(&of(o)->leaving, f);
	f->err = 0;
	return PIRN_READY;
}

static void closed_drop(struct pirn_future *f)
{
	struct pirn_oneshot *o = ((struct pirn_oneshot_closed *)(void *)f)->oneshot;

	stop_waiting_at(&of(o)->leaving, f);
}

const struct pirn_future_ops pirn_oneshot_recv_ops = {
	.name = "oneshot recv",
	.file = __FILE__,
	.size = sizeof(struct pirn_oneshot_recv),
	.poll = recv_poll,
	.drop = recv_drop,
};

const struct pirn_future_ops pirn_oneshot_closed_ops = {
	.name = "oneshot closed",
	.file = __FILE__,
	.size = sizeof(struct pirn_oneshot_closed),
	.poll = closed_poll,
	.drop = closed_drop,
};

int pirn_oneshot_recv_blocking(struct pirn_oneshot *o, const struct pirn_oneshot_type *type,
			       void *msg)
{
	struct pirn_oneshot_recv recv;
	int err;

	must_be_outside(type->place, "recv_blocking inside a poll or on a worker");
	err = pirn_oneshot_try_recv(o, type, msg);
	if (err != -EAGAIN)
		return err;
	recv = pirn_oneshot_recv(o, type, msg);
	return pirn_block_on(&recv.future);
}
