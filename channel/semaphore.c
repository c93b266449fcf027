/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: free permits, a line of requests that want more than there are, a lock around
 * both.
 *
 * Whoever brings permits back, or takes the first request off the line, serves those who come
 * first now: each gets its permits and is taken off, and then is granted. So permits are free
 * only where nobody waits, or the first one wants more; and who is granted has them, whether it
 * was polled since or not.
 *
 * Linearisation: under the lock. An acquire takes effect where its permits go off `free`, in its
 * own poll or in the call of another that serves it. Progress: all wait for the lock. Orderings:
 * the lock does it all; who gives permits back has held it before whoever gets them.
 *
 * A request that was granted, and its guard, may be gone behind the unlock: its waker was taken
 * out before. The semaphore must outlive the call: an unlock may still wake one who sleeps on the
 * lock, and where more than one batch can be served the lock is taken again.
 */
#include "config.h"

#include "permits.h"

#include <errno.h>
#include <string.h>

#include "list.h"

#define BATCH 16u /* requests granted under one lock */

enum { NEW, WAITED }; /* future.at of a guard */

static void lock_semaphore(struct semaphore *s, size_t first)
{
	lock(&s->lock);
	if (!s->line.head.next) {
		waiters_init(&s->line);
		s->free += first;
	}
}

/* ---- under the lock ------------------------------------------------------------------------ */

static struct pirn_request *first_in_line(struct semaphore *s)
{
	struct pirn_waiter *first = s->line.head.next;

	if (!first || first == &s->line.head)
		return NULL;
	return container_of(first, struct pirn_request, waiter);
}

/* Nobody overtakes. */
static bool take(struct semaphore *s, size_t n)
{
	if (first_in_line(s) || s->free < n)
		return false;
	s->free -= n;
	return true;
}

static void give(struct semaphore *s, size_t n)
{
	if (n > SIZE_MAX - s->free)
		pirn_trap(__FILE__, 0, "more permits than a semaphore can have");
	s->free += n;
}

/* One who waits, and one who was granted what it asked for, knows itself where it lies. */
static void must_not_have_moved(const struct pirn_future *f, const struct pirn_request *r)
{
	if (waiter_listed(&r->waiter) ? !in_noted_place(f) : !pirn_request_granted(r))
		pirn_trap(f->ops->file, 0, "a guard that was moved, or a copy, holds nothing");
}

static bool has_got_it(struct semaphore *s, struct pirn_future *f, struct pirn_request *r)
{
	if (f->at == WAITED) {
		must_not_have_moved(f, r);
		return pirn_request_granted(r);
	}
	if (!take(s, r->n))
		return false;
	request_grant(r);
	return true;
}

/* In line with this waker. Returns one to drop after the unlock, or NULL. */
static struct pirn_waker *wait_with(struct semaphore *s, struct pirn_future *f,
				    struct pirn_request *r, struct pirn_waker *waker)
{
	struct pirn_waker *old = r->waiter.waker;

	if (f->at == WAITED)
		r->waiter.waker = waker;
	else
		pirn__waiters_add(&s->line, &r->waiter, waker, false);
	f->at = WAITED;
	note_place(f);
	return old;
}

static struct pirn_request *next_to_serve(struct semaphore *s)
{
	struct pirn_request *first = first_in_line(s);

	return first && first->n <= s->free ? first : NULL;
}

/* Called with the lock held, returns without. */
static void serve_and_unlock(struct semaphore *s)
{
	struct pirn_waker *waker[BATCH];
	struct pirn_request *r;

	for (;;) {
		unsigned n = 0;

		while ((r = next_to_serve(s)) && n < BATCH) {
			s->free -= r->n;
			waker[n++] = pirn__waiter_remove(&r->waiter);
			request_grant(r);
		}
		unlock(&s->lock);
		for (unsigned i = 0; i < n; i++)
			pirn_waker_wake(waker[i]);
		if (!r)
			return;
		lock(&s->lock);
	}
}

/* ---- what guards do ------------------------------------------------------------------------ */

/* One that has waited may have been granted: no budget keeps it from using that. */
enum pirn_poll pirn__semaphore_poll(struct semaphore *s, size_t first, struct pirn_future *f,
				    struct pirn_request *r, struct pirn_context *cx)
{
	struct pirn_waker *waker = NULL;
	bool got;

	if (f->at == NEW && out_of_budget(cx))
		return PIRN_PENDING;
	lock_semaphore(s, first);
	got = has_got_it(s, f, r);
	if (!got && r->waiter.waker != cx->waker) {
		unlock(&s->lock);
		waker = pirn_waker_clone(cx->waker);
		lock(&s->lock);
		got = has_got_it(s, f, r);
		if (!got)
			waker = wait_with(s, f, r, waker);
	}
	unlock(&s->lock);
	if (waker)
		pirn_waker_drop(waker);
	if (!got)
		return PIRN_PENDING;
	spend_budget(cx);
	f->err = 0;
	return PIRN_READY;
}

void pirn__semaphore_drop(struct semaphore *s, struct pirn_future *f, struct pirn_request *r)
{
	struct pirn_waker *waker = NULL;

	if (f->at == NEW)
		return;
	lock(&s->lock);
	must_not_have_moved(f, r);
	if (waiter_listed(&r->waiter))
		waker = pirn__waiter_remove(&r->waiter);
	else
		give(s, r->n);
	serve_and_unlock(s); /* also where it waited: those behind it may want less */
	if (waker)
		pirn_waker_drop(waker);
}

bool pirn__semaphore_take(struct semaphore *s, size_t first, size_t n)
{
	bool taken;

	lock_semaphore(s, first);
	taken = take(s, n);
	unlock(&s->lock);
	return taken;
}

void pirn__semaphore_give(struct semaphore *s, size_t n)
{
	lock(&s->lock);
	give(s, n);
	serve_and_unlock(s);
}

/* ---- a semaphore as such ------------------------------------------------------------------- */

void pirn_semaphore_init(struct pirn_semaphore *s, size_t permits)
{
	memset(s, 0, sizeof(*s));
	s->permits = permits;
}

void pirn_semaphore_release(struct pirn_semaphore *s, size_t n)
{
	pirn__semaphore_give(of_semaphore(s), n);
}

int pirn_semaphore_try_acquire(struct pirn_semaphore *s, size_t n,
			       struct pirn_semaphore_acquire *guard)
{
	if (!pirn__semaphore_take(of_semaphore(s), 0, n))
		return -EAGAIN;
	*guard = pirn_semaphore_acquire(s, n);
	guard_taken(&guard->future, &guard->request);
	return 0;
}

void pirn_semaphore_forget(struct pirn_semaphore_acquire *guard)
{
	if (!guard_holds(&guard->future, &guard->request, &pirn_semaphore_acquire_ops))
		pirn_trap(__FILE__, 0, "a guard forgets permits that it does not hold");
	guard->future.ops = NULL;
}

static enum pirn_poll acquire_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_semaphore_acquire *a = (struct pirn_semaphore_acquire *)(void *)f;

	return pirn__semaphore_poll(of_semaphore(a->semaphore), 0, f, &a->request, cx);
}

static void acquire_drop(struct pirn_future *f)
{
	struct pirn_semaphore_acquire *a = (struct pirn_semaphore_acquire *)(void *)f;

	pirn__semaphore_drop(of_semaphore(a->semaphore), f, &a->request);
}

const struct pirn_future_ops pirn_semaphore_acquire_ops = {
	.name = "semaphore acquire",
	.file = __FILE__,
	.size = sizeof(struct pirn_semaphore_acquire),
	.poll = acquire_poll,
	.drop = acquire_drop,
};
