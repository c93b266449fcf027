/* SPDX-License-Identifier: MIT */
/* The end of a pool, while others spawn, wake and call. */
#include "config.h"

#include "pirn_blocking.h"
#include "pools.h"
#include "waker.h"

static void make_one(void)
{
	make(1);
}

static void make_two(void)
{
	make(2);
}

/* Who comes late still finds the pool's block, as if a call was on its way. */
static void make_to_be_freed(void)
{
	make(1);
	word_add_relaxed(&s->pool->refs, 1);
}

/* ---- wakes ---------------------------------------------------------------------------------- */

static void wake_and_free(unsigned i)
{
	if (i == 1) {
		raise_flag(0);
		return;
	}
	MODEL_CHECK(spawn_waits(0, NULL) == 0);
	pirn_executor_free(s->ex);
}

/* Two, so that one can come behind the other in the injector. */
static void wake_two_and_free(unsigned i)
{
	if (i == 1) {
		raise_flag(1);
		return;
	}
	MODEL_CHECK(spawn_waits(0, NULL) == 0);
	MODEL_CHECK(spawn_waits(1, NULL) == 0);
	raise_flag(0);
	pirn_executor_free(s->ex);
}

/* ---- spawns --------------------------------------------------------------------------------- */

static void spawn_and_free(unsigned i)
{
	if (i == 0) {
		pirn_executor_free(s->ex);
		return;
	}
	spawn_waits(0, NULL);
	s->ex->ops->let_go(s->ex);
}

/* It may have ended before the end begins, or end meanwhile. */
static void spawn_then_free(unsigned i)
{
	(void)i;
	pirn_task_detach(spawn_nothing());
	pirn_executor_free(s->ex);
}

/* A task that never ends by itself, and is never idle. */
static enum pirn_poll yields_poll(struct pirn_future *f, struct pirn_context *cx)
{
	f->at = 1;
	pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

static const struct pirn_future_ops yields_ops = {
	.name = "yields",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = yields_poll,
	.drop = count_drop,
};

static void yields_and_free(unsigned i)
{
	struct pirn_future f;

	(void)i;
	word_add_relaxed(&s->spawned, 1);
	pirn_future_init(&f, &yields_ops);
	MODEL_CHECK(pirn_spawn_on(s->ex, NULL, &f, "") == 0);
	pirn_executor_free(s->ex);
}

/* A task that spawns another and ends. */
static enum pirn_poll parent_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	spawn_waits(0, NULL);
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops parent_ops = {
	.name = "parent",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = parent_poll,
};

static void parent_and_free(unsigned i)
{
	struct pirn_future f;

	(void)i;
	pirn_future_init(&f, &parent_ops);
	MODEL_CHECK(pirn_spawn_on(s->ex, NULL, &f, "") == 0);
	pirn_executor_free(s->ex);
}

/* ---- a blocking call ------------------------------------------------------------------------ */

struct work {
	int in, out;
};

static int work(struct work *w)
{
	w->out = w->in + 1;
	return 0;
}

static void work_release(struct work *w)
{
	(void)w;
	word_add_relaxed(&s->drops, 1);
}

PIRN_UNBLOCK(work, work_release);

/* On a thread that is none of the pool's: a call, which is given up, while the pool is freed. */
static void call_and_free(unsigned i)
{
	struct work_call call;

	if (i == 0) {
		pirn_executor_free(s->ex);
		return;
	}
	word_add_relaxed(&s->spawned, 1);
	call = work_call((struct work){ .in = 1 });
	if (poll_with_a_waker(&call.future, s->ex) == PIRN_PENDING && model_choose(2))
		poll_with_a_waker(&call.future, s->ex);
	pirn_drop(&call.future);
	s->ex->ops->let_go(s->ex);
}

const struct model pool_end_models[] = {
	{ "end: a wake", 2, 2, 6000, false, make_two, wake_and_free, each_dropped_and_waker },
	{ "end: two wakes", 2, 1, 10000, false, make_one, wake_two_and_free,
	  each_dropped_and_waker },
	{ "end: a spawn before", 1, 1, 10000, false, make_one, spawn_then_free, each_dropped },
	{ "end: a spawn meanwhile", 2, 1, 20000, false, make_to_be_freed, spawn_and_free,
	  each_dropped_and_waker },
	{ "end: a task that spawns", 1, 2, 6000, false, make_two, parent_and_free,
	  each_dropped_and_waker },
	{ "end: a task that yields for ever", 1, 2, 4000, false, make_two, yields_and_free,
	  each_dropped },
	{ "end: a call", 2, 2, 6000, false, make_to_be_freed, call_and_free, each_dropped },
	{ .name = NULL },
};
