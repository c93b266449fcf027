/* SPDX-License-Identifier: MIT */
/*
 * Threads of the user's, lent to a pool: each sits down at a place of its own, works as the pool's
 * own workers do, and leaves what it has queued to the others when it goes.
 *
 * The future that it waits for has a waker of its own, a counted block: a waker may be woken long
 * after the thread has left, and the pool is freed. While the thread is there, a wake calls it.
 *
 * Orderings.
 *
 *   tag   writer                        reader                      without it
 *   [U1]  wake: release on called       run: acquire on called      the poll that the wake asked
 *                                                                   for misses what was written
 *                                                                   before the wake
 *   [U2]  unref: release on refs        last unref: acquire         the block is freed while
 *                                                                   another thread uses it
 *   [U3]  wake in a handler: missed     unlock, then look at        both miss each other: the
 *         := 1, then try the lock       missed (all acq_rel)        thread sleeps on
 */
#include "config.h"

#include <errno.h>

#include "pool.h"
#include "thread.h"

/* ---- who waits ----------------------------------------------------------------------------- */

struct runner {
	struct pirn_waker waker;
	struct word refs; /* run 1, each waker 1 */
	struct half called;
	struct half missed; /* a handler came that found the lock held */
	struct lock lock;
	struct parker *parker; /* NULL: the thread has left; guarded by the lock */
	const struct pirn_memory *memory;
};

static struct runner *from_waker(struct pirn_waker *w)
{
	return container_of(w, struct runner, waker);
}

static void runner_unref(struct runner *r)
{
	/* [U2] Release: our use comes before the free. Acquire: the free comes after all use. */
	if (word_sub_acq_rel(&r->refs, 1) != 1)
		return;
	lock_deinit(&r->lock);
	r->memory->free(r->memory, r, sizeof(*r));
}

static struct pirn_waker *runner_clone(struct pirn_waker *w)
{
	word_add_relaxed(&from_waker(w)->refs, 1); /* [U2] relaxed: the caller has one already */
	return w;
}

/* A handler only tries the lock, and leaves `missed` set for whoever has it. */
static bool take_lock(struct runner *r)
{
	if (!pirn__thread.in_handler) {
		lock(&r->lock);
		return true;
	}
	/* [U3] With less, the holder of the lock could miss us. */
	half_exchange_acq_rel(&r->missed, 1);
	return try_lock(&r->lock);
}

static void runner_wake_by_ref(struct pirn_waker *w)
{
	struct runner *r = from_waker(w);

	/* [U1] Without release the poll could miss what was done before the wake. */
	if (half_exchange_release(&r->called, 1) || !take_lock(r))
		return;
	do {
		/* [U3] Without acquire we could unpark for less than is asked for by now. */
		half_exchange_acq_rel(&r->missed, 0);
		if (r->parker)
			pirn__unpark(r->parker);
		unlock(&r->lock);
		/* [U3] With less, a handler could find the lock held and we could miss it. */
	} while (half_add_acq_rel(&r->missed, 0) > 0 && try_lock(&r->lock));
}

static void runner_drop(struct pirn_waker *w)
{
	runner_unref(from_waker(w));
}

static void runner_wake(struct pirn_waker *w)
{
	runner_wake_by_ref(w);
	runner_drop(w);
}

static const struct pirn_waker_ops runner_ops = {
	.clone = runner_clone,
	.wake = runner_wake,
	.wake_by_ref = runner_wake_by_ref,
	.drop = runner_drop,
};

static struct runner *runner_new(struct worker *w)
{
	const struct pirn_memory *memory = &w->pool->executor.platform->memory;
	struct runner *r = memory->alloc(memory, sizeof(*r));

	if (!r)
		return NULL;
	r->waker.ops = &runner_ops;
	word_init(&r->refs, 1);
	half_init(&r->called, 1); /* the first poll is due */
	half_init(&r->missed, 0);
	lock_init(&r->lock);
	r->parker = &w->bed.parker;
	r->memory = memory;
	return r;
}

static void runner_end(struct runner *r)
{
	lock(&r->lock);
	r->parker = NULL;
	unlock(&r->lock);
	runner_unref(r);
}

/* ---- a place to work at -------------------------------------------------------------------- */

/* NULL: all are taken. */
static struct worker *free_place(struct pool *p)
{
	for (unsigned i = p->threads; i < p->places; i++) {
		if (p->worker[i].taken)
			continue;
		if (half_load_relaxed(&p->used) <= i)
			half_store_relaxed(&p->used, i + 1);
		return &p->worker[i];
	}
	return NULL;
}

/* helping: for who frees the pool, when all others have left. Returns 0, -EBUSY, -ESHUTDOWN. */
static int sit_down(struct pool *p, bool helping, struct worker **out)
{
	struct worker *w = NULL;
	int err = 0;

	must_be_outside(NULL, "an executor run inside a poll or on a worker");
	lock(&p->seats);
	if (half_load_relaxed(&p->leaving) && !helping)
		err = -ESHUTDOWN;
	else if (!(w = free_place(p)))
		err = -EBUSY;
	if (w) {
		w->taken = true;
		pirn__pool_hold(p);
	}
	unlock(&p->seats);
	if (err)
		return err;
	w->called = NULL;
	pirn__sleep_join(&p->sleep);
	pirn__worker_begin(w);
	*out = w;
	return 0;
}

static void stand_up(struct worker *w)
{
	struct pool *p = w->pool;

	pirn__worker_end(w);
	pirn__sleep_leave(&p->sleep);
	lock(&p->seats);
	w->taken = false;
	unlock(&p->seats);
	if (half_load_relaxed(&p->closing)) /* the lock orders it */
		pirn__unpark(&p->ended);
	pirn__pool_let_go(p);
}

unsigned pirn__pool_lent(struct pool *p)
{
	unsigned n = 0;

	lock(&p->seats);
	for (unsigned i = p->threads; i < p->places; i++)
		n += p->worker[i].taken;
	unlock(&p->seats);
	return n;
}

bool pirn__pool_send_away(struct pool *p, uint64_t until)
{
	bool in_time = true;

	lock(&p->seats);
	half_store_relaxed(&p->leaving, 1); /* the lock, and the unpark, order it */
	for (unsigned i = p->threads; i < p->places; i++)
		if (p->worker[i].taken)
			pirn__unpark(&p->worker[i].bed.parker);
	unlock(&p->seats);
	while (pirn__pool_lent(p) > 0) {
		if (!in_time)
			return false;
		in_time = pirn__park_until(&p->ended, p->executor.platform, until);
	}
	return true;
}

/* ---- work ---------------------------------------------------------------------------------- */

static bool poll_called(struct pirn_executor *ex, struct runner *r, struct pirn_future *f)
{
	struct pirn_context cx;
	enum pirn_poll poll;

	if (!half_load_relaxed(&r->called))
		return false;
	/* [U1] Without acquire we could miss what was done before the wake. */
	half_exchange_acquire(&r->called, 0);
	pirn_context_init(&cx, &r->waker, ex);
	pirn__thread.poll = &cx;
	poll = pirn_poll(f, &cx);
	pirn__thread.poll = NULL;
	return poll == PIRN_READY;
}

static int run_until(struct worker *w, struct pirn_future *f)
{
	struct pool *p = w->pool;
	struct runner *r = runner_new(w);
	bool worked = false;
	struct pirn_task *t;
	int err = 0;

	if (!r)
		return -ENOMEM;
	w->called = &r->called;
	while (!poll_called(&p->executor, r, f)) {
		if (half_load_relaxed(&p->leaving)) {
			err = -ESHUTDOWN;
			break;
		}
		t = pirn__worker_next(w, true);
		if (t)
			pirn__worker_run(w, t);
		else if (half_load_relaxed(&p->closing)) /* its own future keeps it busy */
			pirn__unpark(&p->ended);
		worked = worked || t;
	}
	/* Futures that are READY at once, one after the other, do not starve the tasks. */
	if (!worked && !err && (t = pirn__worker_next(w, false)))
		pirn__worker_run(w, t);
	w->called = NULL;
	runner_end(r);
	return err ? err : f->err;
}

/* Polls what there is to poll, until then. */
static void run_dry(struct worker *w, uint64_t until)
{
	const struct pirn_platform *platform = w->pool->executor.platform;
	struct pirn_task *t;

	while ((until == UINT64_MAX || platform->now(platform) < until) &&
	       (t = pirn__worker_next(w, false)))
		pirn__worker_run(w, t);
}

int pirn__pool_run(struct pirn_executor *ex, struct pirn_future *f)
{
	struct worker *w;
	int err = sit_down(pool_of(ex), false, &w);

	if (err)
		return err;
	if (f)
		err = run_until(w, f);
	else
		run_dry(w, UINT64_MAX);
	stand_up(w);
	return err;
}

void pirn__pool_help(struct pool *p, uint64_t until)
{
	struct worker *w;

	if (sit_down(p, true, &w) == 0) {
		run_dry(w, until);
		stand_up(w);
	}
}

int pirn__pool_tick(struct pirn_executor *ex, bool wait)
{
	struct pirn_task *t;
	struct worker *w;
	int err = sit_down(pool_of(ex), false, &w);

	if (err)
		return err;
	t = pirn__worker_next(w, wait);
	if (t)
		pirn__worker_run(w, t);
	stand_up(w);
	if (t)
		return 1;
	return wait ? -ESHUTDOWN : 0;
}
