/* SPDX-License-Identifier: MIT */
/*
 * The edges of the state word: lib/task.c, on an executor that orders nothing but a push before
 * the take of the same task. A task waits for flags that others raise, without order, and wake it
 * for: a wake that does not publish is one that the task sleeps through.
 */
#include "config.h"

#include <errno.h>

#include "executor.h"
#include "model.h"
#include "park.h"
#include "registry.h"
#include "waker.h"

#define RUNNERS 2
#define FLAGS 2
#define RESULT 42

struct scene {
	struct pirn_executor executor;
	struct registry registry;
	bool with_registry; /* else it does nothing, and orders nothing */
	unsigned runners;
	struct half closing, ended;
	struct runner {
		struct link task; /* what was pushed for it */
		struct parker parker;
	} runner[RUNNERS];
	struct half flag[FLAGS];
	struct pirn_waker *waker[FLAGS];
	struct pirn_task *task;
	unsigned raised; /* how many wakers there are */
	unsigned drops;
};

static struct scene *s;

/* ---- the future ---------------------------------------------------------------------------- */

struct waits {
	struct pirn_future future;
	unsigned flags; /* how many to wait for */
	unsigned polls; /* written in each poll, so that polls must be ordered */
	bool woke_itself;
	int result;
};

static enum pirn_poll waits_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct waits *w = (struct waits *)(void *)f;

	f->at = 1;
	/* The first, and one for each wake at most. */
	MODEL_CHECK(++w->polls <= 1 + s->raised + w->woke_itself);
	if (!w->woke_itself && model_choose(4) == 0) {
		w->woke_itself = true;
		pirn_waker_wake_by_ref(cx->waker);
		return PIRN_PENDING;
	}
	for (unsigned i = 0; i < w->flags; i++)
		if (!half_load_relaxed(&s->flag[i]))
			return PIRN_PENDING;
	w->result = RESULT;
	f->err = 0;
	return PIRN_READY;
}

static void waits_drop(struct pirn_future *f)
{
	struct waits *w = (struct waits *)(void *)f;

	MODEL_CHECK(f->at != PIRN_AT_READY || w->result == RESULT);
	w->polls++;
	s->drops++;
}

static const struct pirn_future_ops waits_ops = {
	.name = "waits",
	.file = __FILE__,
	.size = sizeof(struct waits),
	.poll = waits_poll,
	.drop = waits_drop,
};

/* ---- the executor -------------------------------------------------------------------------- */

static int admit(struct pirn_executor *ex, struct pirn_task *newest, size_t n)
{
	(void)ex;
	(void)newest;
	return registry_admit(&s->registry, &s->registry.shard[0], n);
}

static void push(struct pirn_executor *ex, struct pirn_task *t)
{
	struct runner *r = &s->runner[model_choose(s->runners)];

	(void)ex;
	MODEL_CHECK(!link_exchange_release(&r->task, t));
	pirn__unpark(&r->parker);
}

/* In a spawn: nobody can wake the task yet. */
static void start(struct pirn_executor *ex, struct pirn_task *t, struct pirn_task *oldest)
{
	(void)oldest;
	for (unsigned i = 0; i < s->raised; i++)
		s->waker[i] = pirn_waker_clone(&t->waker);
	push(ex, t);
}

static bool linked(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	return s->with_registry && pirn__registry_link(&s->registry, 0, t);
}

/* The one task ends. */
static void unlinked(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	if (s->with_registry)
		registry_end(&s->registry, &s->registry.shard[0], t);
	half_store_relaxed(&s->ended, 1);
	for (unsigned i = 0; i < RUNNERS; i++)
		pirn__unpark(&s->runner[i].parker);
}

static const struct pirn_executor_ops executor_ops = {
	.admit = admit,
	.start = start,
	.push = push,
	.again = push,
	.link = linked,
	.unlink = unlinked,
};

/* As a worker does. */
static void run(unsigned i)
{
	struct runner *r = &s->runner[i];

	for (;;) {
		struct pirn_task *t = link_exchange_acquire(&r->task, NULL);

		if (t) {
			if (half_load_relaxed(&s->closing))
				pirn__task_cancel(t);
			if (pirn__task_run(t, &s->executor, false))
				push(&s->executor, t);
		} else if (half_load_relaxed(&s->ended)) {
			return;
		} else {
			pirn__park(&r->parker);
		}
	}
}

/* ---- what they have in common -------------------------------------------------------------- */

enum { DETACHED, HANDLE };

/* Spawns a task that waits for some of the flags; raised: so many will be, by the model. */
static void make(unsigned runners, unsigned flags, unsigned raised, bool handle)
{
	struct waits w = { .flags = flags };

	s = model_alloc(sizeof(*s));
	s->executor.ops = &executor_ops;
	s->executor.platform = &model_platform;
	s->executor.tail = 0;
	s->runners = runners;
	half_init(&s->closing, 0);
	half_init(&s->ended, 0);
	for (unsigned i = 0; i < RUNNERS; i++) {
		link_init(&s->runner[i].task, NULL);
		pirn__parker_init(&s->runner[i].parker);
	}
	for (unsigned i = 0; i < FLAGS; i++)
		half_init(&s->flag[i], 0);
	s->raised = raised;
	s->drops = 0;
	pirn__registry_init(&s->registry, &model_platform.memory, 1);
	pirn_future_init(&w.future, &waits_ops);
	MODEL_CHECK(pirn_spawn_on(&s->executor, handle ? &s->task : NULL, &w.future, "") == 0);
}

static void raise_flag(unsigned i)
{
	half_store_relaxed(&s->flag[i], 1);
	if (model_choose(2)) {
		pirn_waker_wake(s->waker[i]);
	} else {
		pirn_waker_wake_by_ref(s->waker[i]);
		pirn_waker_drop(s->waker[i]);
	}
}

static void dropped_once(void)
{
	MODEL_CHECK(s->drops == 1);
	pirn__registry_deinit(&s->registry);
}

/* ---- two wakers, and polls that end -------------------------------------------------------- */

static void make_two_wakers(void)
{
	make(2, 2, 2, DETACHED);
}

static void two_wakers(unsigned i)
{
	if (i < RUNNERS)
		run(i);
	else
		raise_flag(i - RUNNERS);
}

/* ---- abort, detach ------------------------------------------------------------------------- */

/* It waits for no flag, or one, or for one more that is never raised. */
static void make_with_handle(void)
{
	make(2, model_choose(3), 1, HANDLE);
}

static void abort_it(unsigned i)
{
	if (i < RUNNERS)
		run(i);
	else if (i == RUNNERS)
		pirn_task_abort(s->task);
	else
		raise_flag(0);
}

static void make_for_one_runner(void)
{
	make(1, 1, 1, HANDLE);
}

static void detach_it(unsigned i)
{
	if (i == 1)
		pirn_task_detach(s->task);
	else if (i == 2)
		raise_flag(0);
	else
		run(0);
}

/* ---- join ---------------------------------------------------------------------------------- */

static void take_result(void)
{
	struct waits *w = (struct waits *)(void *)pirn_task_future(s->task);

	MODEL_CHECK(w && w->result == RESULT);
	pirn_task_detach(s->task);
}

static void make_for_join(void)
{
	make(2, 1, 1, HANDLE);
}

static void join_it(unsigned i)
{
	struct pirn_join join;

	if (i < RUNNERS) {
		run(i);
		return;
	}
	if (i == RUNNERS + 1) {
		raise_flag(0);
		return;
	}
	join = pirn_join(s->task);
	MODEL_CHECK(pirn_block_on(&join.future) == 0);
	take_result();
}

/* Without a join: it looks until it sees the result. */
static void look_at_it(unsigned i)
{
	if (i == 0) {
		run(0);
		return;
	}
	if (i == 2) {
		raise_flag(0);
		return;
	}
	while (!pirn_task_future(s->task))
		model_yield();
	take_result();
}

/* The join goes from waker to waker, or is dropped and asked for anew. */
static void join_moves(unsigned i)
{
	struct pirn_join join;

	if (i == 0) {
		run(0);
		return;
	}
	if (i == 2) {
		raise_flag(0);
		return;
	}
	join = pirn_join(s->task);
	if (poll_with_a_waker(&join.future, NULL) == PIRN_PENDING &&
	    (model_choose(2) || poll_with_a_waker(&join.future, NULL) == PIRN_PENDING)) {
		if (model_choose(2)) {
			pirn_drop(&join.future);
			join = pirn_join(s->task);
		}
		MODEL_CHECK(pirn_block_on(&join.future) == 0);
	}
	pirn_drop(&join.future);
	take_result();
}

/* ---- cancel: by the handle, by the registry ------------------------------------------------ */

static void cancel_it(unsigned i)
{
	struct pirn_cancel cancel;

	if (i < RUNNERS) {
		run(i);
		return;
	}
	if (i == RUNNERS + 1) {
		raise_flag(0);
		return;
	}
	cancel = pirn_cancel(s->task);
	MODEL_CHECK(pirn_block_on(&cancel.future) == 0);
	MODEL_CHECK(pirn_task_future(s->task) || s->drops == 1);
	pirn_task_detach(s->task);
}

static void make_for_registry(void)
{
	make(1, 2, 1, DETACHED);
	s->with_registry = true;
}

/* As the end of a pool does. */
static void cancel_by_registry(unsigned i)
{
	if (i == 0) {
		run(0);
	} else if (i == 1) {
		half_store_relaxed(&s->closing, 1);
		pirn__registry_cancel_all(&s->registry);
	} else {
		raise_flag(0);
	}
}

const struct model task_models[] = {
	{ "task: two wakers, and polls that end", 4, 0, 20000, false, make_two_wakers, two_wakers,
	  dropped_once },
	{ "task: abort, a wake, and polls", 4, 0, 20000, false, make_with_handle, abort_it,
	  dropped_once },
	{ "task: detach, and the end", 3, 0, 20000, false, make_for_one_runner, detach_it,
	  dropped_once },
	{ "task: join, and the end", 4, 0, 20000, false, make_for_join, join_it, dropped_once },
	{ "task: a look at the result, and the end", 3, 0, 20000, false, make_for_one_runner,
	  look_at_it, dropped_once },
	{ "task: a join that moves, and the end", 3, 0, 20000, false, make_for_one_runner,
	  join_moves, dropped_once },
	{ "task: cancel, a wake, and polls", 4, 0, 20000, false, make_with_handle, cancel_it,
	  dropped_once },
	{ "task: cancel by the registry, and the end", 3, 0, 20000, false, make_for_registry,
	  cancel_by_registry, dropped_once },
	{ .name = NULL },
};
