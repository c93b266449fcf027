/* SPDX-License-Identifier: MIT */
/*
 * What must be done once: a semaphore with one permit, which means "must", and a word that says
 * whether it is done. Done, there are permits for everybody, and they mean nothing any more.
 *
 * Linearisation: it is done where the word is set. Progress: who finds it done is wait-free, all
 * else waits for the lock of the semaphore.
 *
 * Orderings (and the lock of the semaphore, for who has waited).
 *
 *   tag   writer                    reader                      without it
 *   [ON1] done: release of done     begin: acquire of done      who finds it done does not see
 *                                                               what was done
 */
#include "config.h"

#include "pirn_once.h"

#include <errno.h>

#include "atomic.h"
#include "permits.h"

struct once {
	struct semaphore one;
	struct half done;
};

_Static_assert(sizeof(struct once) <= sizeof(struct pirn_once), "it fits");

/*
 * From READY on `must` lies where the request had its place in line: NULL, and so false, until it
 * is set, and NULL again before the permit goes back.
 */
_Static_assert(offsetof(struct pirn_once_begin, must) ==
		       offsetof(struct pirn_once_begin, request.waiter.next),
	       "no use of a request's that is READY");

#define FIRST 1 /* permit */
#define FOR_ALL (SIZE_MAX / 2)

static struct once *of(struct pirn_once *once)
{
	return (struct once *)(void *)once;
}

static bool is_done(struct once *o)
{
	/* [ON1] Without acquire we could look at what was done before it is there. */
	return half_load_acquire(&o->done) != 0;
}

int pirn_once_try_begin(struct pirn_once *once, struct pirn_once_begin *begin)
{
	struct once *o = of(once);
	bool done = is_done(o);

	if (!done && !pirn__semaphore_take(&o->one, FIRST, 1))
		return -EAGAIN;
	*begin = pirn_once_begin(once);
	guard_taken(&begin->future, &begin->request);
	begin->must = !done && !is_done(o);
	return 0;
}

void pirn_once_done(struct pirn_once_begin *begin)
{
	struct once *o = of(begin->once);

	if (!guard_holds(&begin->future, &begin->request, &pirn_once_begin_ops) || !begin->must)
		pirn_trap(__FILE__, 0, "done by one who need not do it");
	begin->must = false;
	/* [ON1] Without release others could see that it is done before what was done. */
	half_store_release(&o->done, 1);
	pirn__semaphore_give(&o->one, FOR_ALL);
}

static enum pirn_poll once_begin_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_once_begin *begin = (struct pirn_once_begin *)(void *)f;
	struct once *o = of(begin->once);

	if (f->at == 0 && is_done(o)) { /* not in line */
		if (out_of_budget(cx))
			return PIRN_PENDING;
		spend_budget(cx);
		return PIRN_READY;
	}
	if (pirn__semaphore_poll(&o->one, FIRST, f, &begin->request, cx) == PIRN_PENDING)
		return PIRN_PENDING;
	begin->must = !is_done(o);
	return PIRN_READY;
}

/* Ended, it holds something only if it must. */
static void once_begin_drop(struct pirn_future *f)
{
	struct pirn_once_begin *begin = (struct pirn_once_begin *)(void *)f;

	if (f->at == PIRN_AT_READY) {
		if (!begin->must)
			return;
		begin->request.waiter.next = NULL;
	}
	pirn__semaphore_drop(&of(begin->once)->one, f, &begin->request);
}

const struct pirn_future_ops pirn_once_begin_ops = {
	.name = "once begin",
	.file = __FILE__,
	.size = sizeof(struct pirn_once_begin),
	.poll = once_begin_poll,
	.drop = once_begin_drop,
};
