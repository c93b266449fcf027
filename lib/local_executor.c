/* SPDX-License-Identifier: MIT */
/* The local executor: a loop (loop.c) with memory, a parker, and the operations of an executor. */
#include "config.h"

#include "pirn_local.h"

#include <errno.h>
#include <sched.h>

#include "executor.h"
#include "loop.h"
#include "park.h"
#include "thread.h"

#define IN_PLACE 32768 /* bytes of stack, for joins: what also a thread with a small one has */

struct local_executor {
	struct pirn_executor executor; /* first: a handle is a pointer to it */
	struct loop loop;
	struct parker parker; /* of the owner, when nothing is runnable */
	void (*notify)(void *);
	void *arg;
	bool closing;
};

/* What pirn_spawn_on makes, and what is read of either kind, is the same in both. */
_Static_assert(sizeof(struct loop_task) == sizeof(struct pirn_task), "the frame is behind both");
_Static_assert(offsetof(struct loop_task, place) == offsetof(struct pirn_task, place), "as above");
_Static_assert(offsetof(struct loop_task, size) == offsetof(struct pirn_task, size), "as above");

static struct local_executor *of_executor(struct pirn_executor *ex)
{
	return container_of(ex, struct local_executor, executor);
}

static void must_be_own(struct local_executor *e, const char *place, const char *what)
{
	if (e->loop.owner != &pirn__thread)
		pirn_trap(place, 0, what);
}

/* The loop's. The owner does not park while it wakes, but a handler may have interrupted that. */
static void notify(void *arg)
{
	struct local_executor *e = arg;

	if (e->loop.owner != &pirn__thread || pirn__thread.in_handler)
		pirn__unpark(&e->parker);
	if (e->notify)
		e->notify(e->arg);
}

/* ---- tasks --------------------------------------------------------------------------------- */

static int local_admit(struct pirn_executor *ex, struct pirn_task *newest, size_t n)
{
	struct local_executor *e = of_executor(ex);

	(void)n;
	must_be_own(e, newest->place, "a spawn on a local executor from another thread");
	return e->closing ? -ESHUTDOWN : 0;
}

/* What was made as a pool's task becomes one of ours. */
static struct loop_task *convert(struct loop *l, struct pirn_task *made)
{
	bool handle = word_load_relaxed(&made->state) & TASK_HANDLE;
	struct loop_task *t = (struct loop_task *)(void *)made;
	const char *place = made->place;
	size_t size = made->size;

	pirn__loop_task_init(l, t, &pirn__loop_thread_ops, place, size, handle);
	return t;
}

static void local_start(struct pirn_executor *ex, struct pirn_task *newest,
			struct pirn_task *oldest)
{
	struct loop *l = &of_executor(ex)->loop;
	struct pirn_task *t, *next, *turned = NULL;

	(void)oldest;
	for (t = newest; t; t = next) {
		next = t->at.next;
		t->at.next = turned;
		turned = t;
	}
	for (t = turned; t; t = next) {
		next = t->at.next;
		pirn__loop_start(l, convert(l, t));
	}
}

/* ---- running ------------------------------------------------------------------------------- */

static void begin_to_run(struct local_executor *e)
{
	must_be_own(e, NULL, "a local executor run on another thread");
	must_be_outside(NULL, "an executor run inside a poll or on a worker");
	e->loop.floor = (uintptr_t)__builtin_frame_address(0) - IN_PLACE;
}

static int local_tick(struct pirn_executor *ex, bool wait)
{
	struct local_executor *e = of_executor(ex);

	begin_to_run(e);
	while (!pirn__loop_poll(&e->loop)) {
		if (!wait)
			return 0;
		if (pirn__loop_empty(&e->loop))
			return -EDEADLK;
		pirn__park(&e->parker);
	}
	return 1;
}

/* What the caller runs to its end is a task like the others, whose future lies with the caller. */
struct root {
	struct pirn_future future;
	struct pirn_future *borrowed;
	bool *ended;
};

static enum pirn_poll root_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct root *root = (struct root *)(void *)f;

	f->at = 1;
	if (pirn_poll(root->borrowed, cx) == PIRN_PENDING)
		return PIRN_PENDING;
	*root->ended = true;
	return PIRN_READY;
}

static const struct pirn_future_ops root_ops = {
	.name = "run",
	.file = __FILE__,
	.size = sizeof(struct root),
	.poll = root_poll,
};

static int local_run(struct pirn_executor *ex, struct pirn_future *f)
{
	struct local_executor *e = of_executor(ex);
	bool ended = false;
	struct root root = { .borrowed = f, .ended = &ended };
	int err;

	begin_to_run(e);
	if (!f) {
		while (pirn__loop_poll(&e->loop))
			;
		return 0;
	}
	pirn_future_init(&root.future, &root_ops);
	err = pirn_spawn_on(ex, NULL, &root.future, f->ops ? f->ops->file : NULL);
	if (err)
		return err;
	while (!ended)
		if (!pirn__loop_poll(&e->loop))
			pirn__park(&e->parker);
	/* Who was told that something is runnable expects to find nothing now, or to be told. */
	if (e->notify && !pirn__loop_idle(&e->loop))
		e->notify(e->arg);
	return f->err;
}

/* ---- the end ------------------------------------------------------------------------------- */

static int local_free(struct pirn_executor *ex)
{
	const struct pirn_memory *memory = &ex->platform->memory;
	struct local_executor *e = of_executor(ex);

	must_be_own(e, NULL, "a local executor freed on another thread");
	if (pirn__thread.poll)
		pirn_trap(NULL, 0, "an executor freed inside a poll");
	e->closing = true;
	pirn__loop_cancel_all(&e->loop);
	/* A wake into an empty inbox unparks us: no park is for ever. */
	while (!pirn__loop_take_strays(&e->loop))
		pirn__park(&e->parker);
	while (!pirn__loop_left(&e->loop))
		sched_yield();
	pirn__parker_deinit(&e->parker);
	memory->free(memory, e, sizeof(*e));
	return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

static const struct pirn_executor_ops local_ops = {
	.admit = local_admit,
	.start = local_start,
	.run = local_run,
	.tick = local_tick,
	.free = local_free,
};

int pirn_local_new(struct pirn_executor **out, const struct pirn_local_config *config)
{
	static const struct pirn_local_config defaults;
	const struct pirn_platform *platform;
	struct local_executor *e;

	if (!config)
		config = &defaults;
	platform = config->platform ? config->platform : pirn_platform_default();
	e = platform->memory.alloc(&platform->memory, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->executor.ops = &local_ops;
	e->executor.platform = platform;
	e->executor.tail = sizeof(struct loop_tail);
	pirn__loop_init(&e->loop);
	e->loop.memory = &platform->memory;
	e->loop.executor = &e->executor;
	e->loop.notify = notify;
	e->loop.arg = e;
	pirn__parker_init(&e->parker);
	e->notify = config->notify;
	e->arg = config->arg;
	e->closing = false;
	*out = &e->executor;
	return 0;
}
