/* SPDX-License-Identifier: MIT */
/* pool/runner.c: a thread that is lent to a pool which has none of its own, or one. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "pirn_event.h"
#include "pools.h"

static void make_none(void)
{
	make(0);
}

static void make_some(void)
{
	make(model_choose(2));
}

/* It waits for the flag, and polls a task meanwhile; the other thread brings both. */
static void run_or_bring(unsigned i)
{
	struct waits w;

	if (i == 0) {
		w = waits(0);
		MODEL_CHECK(pirn_executor_run(s->ex, &w.future) == 0);
		pirn_drop(&w.future);
	} else if (model_choose(2)) {
		pirn_task_detach(spawn_nothing());
		raise_flag(0);
	} else {
		raise_flag(0);
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

/* It waits for two things: who brings one notifies, who brings the other one signals. */
static struct event_and_things {
	struct pirn_event event;
	struct half things;
} * e;

static void make_event(void)
{
	make_none();
	half_add_relaxed(&s->users, 1);
	e = model_alloc(sizeof(*e));
	memset(&e->event, 0, sizeof(e->event));
	half_init(&e->things, 0);
}

struct both {
	struct pirn_future future;
	struct pirn_event_wait wait;
};

PIRN_ASYNC(both, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->wait = pirn_event_wait(&e->event);
		if (half_load_acquire(&e->things) == 2)
			break;
		PIRN_AWAIT(f, &f->wait.future);
	}
	PIRN_END(f);
}

static void run_or_tell(unsigned i)
{
	struct both both = { PIRN_INIT(both) };

	if (i == 0) {
		MODEL_CHECK(pirn_executor_run(s->ex, &both.future) == 0);
	} else {
		half_add_acq_rel(&e->things, 1);
		if (i == 1)
			pirn_event_notify(&e->event, PIRN_EVENT_ALL);
		else
			pirn_event_signal(&e->event);
	}
	leave();
}

const struct model lent_models[] = {
	{ "lent: it waits for a flag", 2, 1, 10000, true, make_some, run_or_bring,
	  each_dropped_and_waker },
	{ "lent: it ticks", 2, 0, 6000, false, make_none, tick_or_spawn, each_dropped_and_waker },
	{ "lent: the pool is freed", 2, 1, 6000, false, make_to_be_freed, run_or_free,
	  each_dropped_and_waker },
	{ "lent: notified and signalled at once", 3, 0, 10000, false, make_event, run_or_tell,
	  each_dropped_and_waker },
	{ .name = NULL },
};
