/* SPDX-License-Identifier: MIT */
/*
 * How a pool ends. It is open, then draining, then closing, then stopping; draining is left out
 * where nobody asks for it. Each step waits for something, and may be late; then the next call
 * begins there again.
 *
 *	draining	no tasks and calls from outside
 *			until there is no task, then until there is no call
 *	closing		no tasks and calls at all; threads that were lent are sent away; each task
 *			and each queued call is cancelled
 *			until there is no task, then until there is no call
 *	stopping	the workers end
 *
 * Tasks first, since only they spawn in a pool that drains; when none is left there will be none,
 * and calls are made by calls alone. (A thread that was lent, for a future of its own, may add
 * something behind that: it is cancelled.)
 */
#include "config.h"

#include <errno.h>

#include "pool.h"
#include "thread.h"

#define NO_LIMIT UINT64_MAX
#define LOOK_NS UINT64_C(1000000) /* for tasks of a pool without threads; a guess */

bool pirn__late(const struct pirn_platform *platform, uint64_t until)
{
	return until != NO_LIMIT && platform->now(platform) >= until;
}

bool pirn__park_until(struct parker *parker, const struct pirn_platform *platform, uint64_t until)
{
	uint64_t now;

	if (until == NO_LIMIT) {
		pirn__park(parker);
		return true;
	}
	now = platform->now(platform);
	return now < until && pirn__park_for(parker, until - now);
}

/*
 * The pool, for the one who ends it. own: what to say if that is one of its own threads. NULL: it
 * was given up in a child of fork, and nothing is left to end.
 */
static struct pool *begin(struct pirn_executor *ex, const char *own)
{
	struct pool *p = pool_of(ex);
	uint32_t nobody = 0;

	if (ex->ops == &pirn__pool_forked)
		return NULL;
	if (ex->ops->free != pirn__pool_free)
		pirn_trap(NULL, 0, "an executor that is no pool");
	if (pirn__thread.owner == ex || (pirn__thread.worker && pirn__thread.worker->before == ex))
		pirn_trap(NULL, 0, own);
	if (!half_cas_relaxed(&p->ending, &nobody, 1))
		pirn_trap(NULL, 0, "a pool ended by two threads at once, or twice");
	return p;
}

/* It is to be continued. */
static void interrupt(struct pool *p)
{
	half_store_relaxed(&p->ending, 0);
}

/* ---- the steps ----------------------------------------------------------------------------- */

/* For tasks of a pool without threads, while none is lent: to poll them is for us. */
static bool work_and_doze(struct pool *p, uint64_t until)
{
	const struct pirn_platform *platform = p->executor.platform;
	struct parker parker; /* nobody unparks it: nobody tells us of a wake */

	/* Cancelling comes to an end by itself. */
	pirn__pool_help(p, half_load_relaxed(&p->closing) < POOL_CLOSING ? until : NO_LIMIT);
	if (platform->now(platform) >= until)
		return false;
	pirn__parker_init(&parker);
	pirn__park_for(&parker, LOOK_NS);
	pirn__parker_deinit(&parker);
	return true;
}

static bool wait_for_tasks(struct pool *p, uint64_t until)
{
	bool in_time = true;

	/*
	 * A worker that found the injector empty did so before this look under the same lock, and
	 * we see what it had ended, or it does after, and sees `closing`: no park is for ever. So
	 * it is with one that was lent and has left, and the lock of the seats.
	 */
	pirn__injector_some(&p->injector);
	pirn__pool_lent(p);
	while (pirn__pool_tasks(p) > 0) {
		if (!in_time)
			return false;
		/* Workers unpark us when they find no task, or leave. */
		in_time = p->threads == 0
				  ? work_and_doze(p, until)
				  : pirn__park_until(&p->ended, p->executor.platform, until);
	}
	return true;
}

/* False: it is late. */
static bool drain(struct pool *p, uint64_t until)
{
	return pirn__pool_close(p, POOL_DRAINING, until) && wait_for_tasks(p, until) &&
	       pirn__blocking_stop(&p->blocking, until);
}

/*
 * Workers drop what lies in a queue, since the pool is closing. Those that were lent leave first,
 * for until then their own futures may spawn. False: it is late.
 */
static bool cancel(struct pool *p, uint64_t until)
{
	pirn__pool_close(p, POOL_CLOSING, NO_LIMIT); /* all are refused: they leave at once */
	pirn__registry_cancel_all(&p->registry);
	pirn__blocking_cancel(&p->blocking);
	return pirn__pool_send_away(p, until) && wait_for_tasks(p, until) &&
	       pirn__blocking_stop(&p->blocking, until);
}

/* All tasks have ended. A wake may still be on its way out of its push. */
static void stop(struct pool *p)
{
	if (half_load_relaxed(&p->stopping))
		return;
	pirn__pool_wait_for_pushes(p);
	pirn__pool_stop_workers(p, p->threads);
}

static size_t left(struct pool *p)
{
	return pirn__pool_tasks(p) + pirn__blocking_left(&p->blocking) +
	       (half_load_relaxed(&p->leaving) ? pirn__pool_lent(p) : 0);
}

/* Returns how many are left. 0: the threads have ended as well. */
static size_t end(struct pool *p, enum pirn_shutdown how, uint64_t until)
{
	/* Late, but none is left: the last has ended just now, and nothing waits any more. */
	while ((how == PIRN_DRAIN && !drain(p, until)) || !cancel(p, until)) {
		size_t n = left(p);

		if (n > 0)
			return n;
	}
	stop(p);
	return 0;
}

/* ---- for the user -------------------------------------------------------------------------- */

size_t pirn_pool_shutdown(struct pirn_executor *ex, enum pirn_shutdown how, uint64_t ns)
{
	struct pool *p = begin(ex, "a pool shut down on one of its own threads");
	uint64_t now;
	size_t n;

	if (!p)
		return 0;
	now = ex->platform->now(ex->platform);
	n = end(p, how, ns < NO_LIMIT - now ? now + ns : NO_LIMIT);
	if (n > 0 && how == PIRN_CANCEL)
		p->expired = true;
	interrupt(p);
	return n;
}

int pirn__pool_free(struct pirn_executor *ex)
{
	struct pool *p = begin(ex, "an executor freed on one of its own threads");

	if (end(p, PIRN_CANCEL, p->expired ? 0 : NO_LIMIT) > 0) {
		interrupt(p);
		return -EBUSY;
	}
	pirn__default_forget(ex); /* not before: whoever asked for it got -ESHUTDOWN */
	pirn__pool_deinit(p);
	return 0;
}

int pirn_pool_abandon(struct pirn_executor *ex)
{
	struct pool *p = begin(ex, "a pool abandoned on one of its own threads");

	if (!p)
		return 0;
	if (end(p, PIRN_CANCEL, 0) > 0 && pirn__pool_tasks(p) + pirn__pool_lent(p) > 0) {
		interrupt(p);
		return -EBUSY;
	}
	stop(p);
	pirn__default_forget(ex);
	word_add_relaxed(&p->refs, 1); /* [E3] relaxed: we have one; the lock hands it over */
	if (!pirn__blocking_abandon(&p->blocking))
		ex->ops->let_go(ex);
	pirn__pool_deinit(p);
	return 0;
}

/* ---- what is left -------------------------------------------------------------------------- */

struct listing {
	void (*each)(void *arg, const struct pirn_left *left);
	void *arg;
};

static void list_task(void *arg, struct pirn_task *t)
{
	const struct listing *l = arg;
	struct pirn_left task = { .place = t->place };

	task.running = word_load_relaxed(&t->state) & TASK_OWNED;
	l->each(l->arg, &task);
}

void pirn_pool_left(struct pirn_executor *ex, void (*each)(void *arg, const struct pirn_left *left),
		    void *arg)
{
	struct pool *p = begin(ex, "a pool listed on one of its own threads");
	struct listing l = { each, arg };
	const struct pirn_future_ops *of;

	if (!p)
		return;
	pirn__registry_each(&p->registry, list_task, &l);
	for (unsigned n = 0; (of = pirn__blocking_running(&p->blocking, n)); n++) {
		struct pirn_left call = { .call = of->name, .place = of->file, .running = true };

		each(arg, &call);
	}
	interrupt(p);
}
