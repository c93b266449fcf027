/* SPDX-License-Identifier: MIT */
/* pool/runner.c: a thread that is lent to a pool which has none of its own, or one. */
#include "config.h"

#include <errno.h>

#include "pools.h"
#include "thread.h"

static void make_none(void)
{
	make(0);
}

static void make_some(void)
{
	make(model_choose(2));
}

/* The flag itself orders nothing: only the wake says that it is there. */
static enum pirn_poll flag_poll(void *arg, struct pirn_context *cx, int *err)
{
	bool *asked = arg;

	if (!*asked) {
		*asked = true;
		link_exchange_acq_rel(&s->waker[0], pirn_waker_clone(cx->waker));
	}
	if (!half_load_relaxed(&s->flag[0]))
		return PIRN_PENDING;
	*err = 0;
	return PIRN_READY;
}

static void raise_silently(void)
{
	struct pirn_waker *w;

	half_store_relaxed(&s->flag[0], 1);
	w = link_exchange_acq_rel(&s->waker[0], NULL);
	if (w)
		pirn_waker_wake(w);
}

/* It waits for the flag, and polls tasks meanwhile; the other thread brings both. */
static void run_or_bring(unsigned i)
{
	bool asked = false;
	struct pirn_poll_fn flag = pirn_poll_fn(flag_poll, &asked);

	if (i == 0) {
		MODEL_CHECK(pirn_executor_run(s->ex, &flag.future) == 0);
	} else {
		pirn_task_detach(spawn_nothing());
		if (model_choose(2))
			pirn_task_detach(spawn_nothing());
		raise_silently();
		if (model_choose(2))
			pirn_task_detach(spawn_nothing());
	}
	leave();
}

/* It runs one task after the other, until it has run what there was. */
static void tick_or_spawn(unsigned i)
{
	if (i == 1) {
		join_and_detach(spawn_nothing());
		join_and_detach(spawn_nothing());
	} else {
		MODEL_CHECK(pirn_executor_tick(s->ex) == 1);
		MODEL_CHECK(pirn_executor_tick(s->ex) == 1);
	}
	leave();
}

/* Nobody raises the flag: it is sent away, if it was there at all. */
static void make_to_be_freed(void)
{
	make_some();
	word_add_relaxed(&s->pool->refs, 1);
}

static void run_or_free(unsigned i)
{
	struct waits w;

	if (i == 1) {
		pirn_executor_free(s->ex);
		return;
	}
	w = waits(0);
	MODEL_CHECK(pirn_executor_run(s->ex, &w.future) == -ESHUTDOWN);
	pirn_drop(&w.future);
	s->ex->ops->let_go(s->ex);
}

/* It waits for two things; one of the two who bring them is a signal handler. */
static struct half *things;

static void make_two(void)
{
	make_none();
	half_add_acq_rel(&s->users, 1);
	things = model_alloc(sizeof(*things));
	half_init(things, 0);
}

static enum pirn_poll two_poll(struct pirn_future *f, struct pirn_context *cx)
{
	for (unsigned i = 0; i < FLAGS && f->at == 0; i++)
		link_exchange_acq_rel(&s->waker[i], pirn_waker_clone(cx->waker));
	f->at = 1;
	return half_load_acquire(things) == 2 ? PIRN_READY : PIRN_PENDING;
}

static const struct pirn_future_ops two_ops = { "two", __FILE__, sizeof(struct pirn_future),
						two_poll, NULL };

static void run_or_wake(unsigned i)
{
	struct pirn_future two = { .ops = &two_ops };
	struct pirn_waker *waker;

	if (i == 0) {
		MODEL_CHECK(pirn_executor_run(s->ex, &two) == 0);
		leave();
		return;
	}
	while (!(waker = link_exchange_acq_rel(&s->waker[i - 1], NULL)))
		model_yield();
	half_add_acq_rel(things, 1);
	pirn__thread.in_handler = i == 1;
	pirn_waker_wake_by_ref(waker);
	pirn__thread.in_handler = false;
	pirn_waker_drop(waker);
	leave();
}

const struct model lent_models[] = {
	{ "lent: it waits for a flag", 2, 1, 20000, true, make_some, run_or_bring,
	  each_dropped_and_waker },
	{ "lent: it ticks", 2, 0, 6000, false, make_none, tick_or_spawn, each_dropped_and_waker },
	{ "lent: the pool is freed", 2, 1, 6000, false, make_to_be_freed, run_or_free,
	  each_dropped_and_waker },
	{ "lent: woken, and woken in a handler", 3, 0, 40000, false, make_two, run_or_wake,
	  each_dropped_and_waker },
	{ .name = NULL },
};
