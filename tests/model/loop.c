/* SPDX-License-Identifier: MIT */
/*
 * lib/loop.c: the owner against two who have wakers of its tasks, on the local executor and on the
 * static one. A task waits for flags that the others raise, without order, and wake it for: a wake
 * that does not publish is one that the task sleeps through.
 *
 * All threads of a model share the one pirn__thread, whose address says who the owner is; so the
 * others are told apart by in_handler, as a handler is that has interrupted the owner.
 */
#include "config.h"

#include <errno.h>

#include "atomic.h"
#include "model.h"
#include "park.h"
#include "pirn_local.h"
#include "pirn_static.h"
#include "thread.h"

#define OTHERS 2 /* threads 1 and 2; 0 is the owner */
#define TASKS 2
#define RESULT 42

struct scene {
	struct pirn_executor *ex;
	struct pirn_task *task;
	struct half flag[OTHERS];
	struct pirn_waker *waker[TASKS][OTHERS];
	struct link handed[OTHERS]; /* wakers that others made for the owner */
	unsigned received, drops, tasks;
};

static struct scene *s;

/* ---- the future ---------------------------------------------------------------------------- */

#define NEVER (OTHERS + 1) /* so many flags are not raised */

struct waits {
	struct pirn_future future;
	unsigned number, flags; /* which task; how many flags to wait for */
	unsigned polls, woke_itself;
	int result;
};

/* Those that are there: the owner drops what it has not cloned. */
static void receive(void)
{
	for (unsigned i = 0; i < OTHERS; i++) {
		struct pirn_waker *w = link_exchange_acquire(&s->handed[i], NULL);

		if (!w)
			continue;
		pirn_waker_drop(w);
		s->received++;
	}
}

static enum pirn_poll waits_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct waits *w = (struct waits *)(void *)f;

	w->polls++;
	if (f->at == 0) {
		f->at = 1;
		for (unsigned i = 0; i < OTHERS; i++)
			s->waker[w->number][i] = pirn_waker_clone(cx->waker);
		if (w->flags == 0) {
			w->woke_itself++;
			pirn_waker_wake_by_ref(cx->waker);
		}
		return PIRN_PENDING;
	}
	/* One for each wake at most, of which each of the others has two. */
	MODEL_CHECK(w->polls <= 1 + w->woke_itself + 2 * OTHERS);
	receive();
	if (w->woke_itself == 0 && model_choose(4) == 0) {
		w->woke_itself++;
		pirn_waker_wake(pirn_waker_clone(cx->waker));
		return PIRN_PENDING;
	}
	for (unsigned i = 0; i < w->flags; i++)
		if (i >= OTHERS || !half_load_relaxed(&s->flag[i]))
			return PIRN_PENDING;
	w->result = RESULT;
	f->err = 0;
	return PIRN_READY;
}

static void waits_drop(struct pirn_future *f)
{
	MODEL_CHECK(f->at != PIRN_AT_READY || ((struct waits *)(void *)f)->result == RESULT);
	s->drops++;
}

static const struct pirn_future_ops waits_ops = {
	.name = "waits",
	.file = __FILE__,
	.size = sizeof(struct waits),
	.poll = waits_poll,
	.drop = waits_drop,
};

static struct waits waits(unsigned number, unsigned flags)
{
	struct waits w = { .number = number, .flags = flags };

	pirn_future_init(&w.future, &waits_ops);
	return w;
}

/* ---- what they have in common -------------------------------------------------------------- */

static void make_scene(unsigned tasks)
{
	s = model_alloc(sizeof(*s));
	s->received = s->drops = 0;
	s->tasks = tasks;
	for (unsigned i = 0; i < OTHERS; i++) {
		half_init(&s->flag[i], 0);
		link_init(&s->handed[i], NULL);
	}
}

/* Each task has been polled once, and the others have their wakers. */
static void make(unsigned tasks, unsigned flags, bool handle)
{
	make_scene(tasks);
	MODEL_CHECK(pirn_local_new(&s->ex, NULL) == 0);
	for (unsigned i = 0; i < tasks; i++) {
		struct waits w = waits(i, flags);

		MODEL_CHECK(pirn_spawn_on(s->ex, handle ? &s->task : NULL, &w.future, "") == 0);
		MODEL_CHECK(pirn_executor_try_tick(s->ex) == 1);
	}
}

static void use(struct pirn_waker *w, unsigned choices)
{
	switch (model_choose(choices)) {
	case 0:
		pirn_waker_wake(w);
		break;
	case 1:
		pirn_waker_wake_by_ref(w);
		pirn_waker_drop(w);
		break;
	case 2:
		pirn_waker_wake(pirn_waker_clone(w));
		pirn_waker_drop(w);
		break;
	case 3:
		pirn_waker_wake_by_ref(w);
		pirn_waker_wake(w);
		break;
	default: /* for whom no task waits */
		pirn_waker_drop(w);
	}
}

enum { WAKES = 4, WAKES_OR_NOT };

static void be_another(void)
{
	pirn__thread.in_handler = true;
}

/* In the order of the tasks, or the other way round. */
static void raise_flag(unsigned i, unsigned choices)
{
	unsigned first = model_choose(s->tasks);

	half_store_relaxed(&s->flag[i], 1);
	for (unsigned n = 0; n < s->tasks; n++)
		use(s->waker[first ^ n][i], choices);
}

static void run_to_the_end(void)
{
	int err;

	while ((err = pirn_executor_tick(s->ex)) == 1)
		;
	MODEL_CHECK(err == -EDEADLK);
	MODEL_CHECK(s->drops == s->tasks);
}

static void each_dropped_once(void)
{
	MODEL_CHECK(s->drops == s->tasks);
}

/* ---- wakes, and polls that end ------------------------------------------------------------- */

static void make_one(void)
{
	make(1, OTHERS, false);
}

static void make_two(void)
{
	make(2, OTHERS, false);
}

static void wake_it(unsigned i)
{
	if (i == 0) {
		run_to_the_end();
		pirn_executor_free(s->ex);
		return;
	}
	be_another();
	raise_flag(i - 1, WAKES);
}

/* ---- wakes, and the end of the task -------------------------------------------------------- */

/* It waits for one of the two, or for none. */
static void make_one_that_ends(void)
{
	make(1, model_choose(2), false);
}

static void end_it(unsigned i)
{
	if (i == 0) {
		run_to_the_end();
		if (model_choose(2)) /* a stray may come in by a poll, or by the free */
			MODEL_CHECK(pirn_executor_try_tick(s->ex) == 0);
		pirn_executor_free(s->ex);
		return;
	}
	be_another();
	raise_flag(i - 1, i == 1 ? WAKES : WAKES_OR_NOT);
}

static void make_with_handle(void)
{
	make(1, model_choose(2), true);
}

static void end_and_keep_it(unsigned i)
{
	struct pirn_join join;
	struct waits *w;

	if (i > 0) {
		be_another();
		raise_flag(i - 1, i == 1 ? WAKES : WAKES_OR_NOT);
		return;
	}
	if (model_choose(3) == 0) {
		pirn_task_abort(s->task);
	} else {
		join = pirn_join(s->task);
		MODEL_CHECK(pirn_executor_run(s->ex, &join.future) == 0);
		w = (struct waits *)(void *)pirn_task_future(s->task);
		MODEL_CHECK(w && w->result == RESULT);
		pirn_task_detach(s->task);
	}
	run_to_the_end();
	pirn_executor_free(s->ex);
}

/* ---- wakes, and the end of the executor ---------------------------------------------------- */

static void make_endless(void)
{
	make(1 + model_choose(2), NEVER, false);
}

static void free_it(unsigned i)
{
	if (i == 0) {
		for (unsigned n = model_choose(3); n > 0; n--)
			pirn_executor_try_tick(s->ex);
		pirn_executor_free(s->ex);
		return;
	}
	be_another();
	raise_flag(i - 1, WAKES_OR_NOT);
}

/* ---- wakers that others clone and the owner drops ------------------------------------------ */

static void hand_on(unsigned i)
{
	if (i == 0) {
		run_to_the_end();
		if (model_choose(2)) {
			pirn_executor_free(s->ex);
			s->ex = NULL;
		}
		for (receive(); s->received < OTHERS; receive())
			model_yield();
		if (s->ex)
			pirn_executor_free(s->ex);
		return;
	}
	be_another();
	link_exchange_release(&s->handed[i - 1], pirn_waker_clone(s->waker[0][i - 1]));
	raise_flag(i - 1, WAKES);
}

/* ---- static: the room of a task that has ended --------------------------------------------- */

/* clang-format off */
struct room {
	struct pirn_static_head head;
	struct waits frame;
	struct pirn_static_tail tail;
};
/* clang-format on */

struct static_scene {
	struct pirn_static ex;
	struct parker parker;
	struct room room;
	struct pirn_static_tasks tasks;
};

static struct static_scene *st;

static void notify(void *arg)
{
	(void)arg;
	pirn__unpark(&st->parker);
}

static void make_static(void)
{
	struct waits w = waits(0, model_choose(OTHERS + 1));

	make_scene(1);
	st = model_alloc(sizeof(*st));
	st->room.head.operations = NULL;
	st->tasks = (struct pirn_static_tasks){ &st->room, sizeof(st->room), 1 };
	pirn__parker_init(&st->parker);
	pirn_static_init(&st->ex, notify, NULL);
	MODEL_CHECK(pirn_static_spawn_at(&st->ex, NULL, &st->tasks, &w.future, "") == 0);
	MODEL_CHECK(pirn_static_poll(&st->ex));
}

static enum pirn_poll next_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)f;
	(void)cx;
	return PIRN_READY;
}

static const struct pirn_future_ops next_ops = {
	.name = "next",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = next_poll,
};

static void use_room_again(unsigned i)
{
	struct pirn_future next;

	if (i > 0) {
		be_another();
		raise_flag(i - 1, WAKES);
		return;
	}
	while (s->drops == 0)
		if (!pirn_static_poll(&st->ex))
			pirn__park(&st->parker);
	pirn_future_init(&next, &next_ops);
	while (pirn_static_spawn_at(&st->ex, NULL, &st->tasks, &next, "") == -ENOMEM) {
		pirn_static_poll(&st->ex);
		model_yield();
	}
	while (pirn_static_poll(&st->ex))
		;
}

const struct model loop_models[] = {
	{ "loop: wakes, and polls that end", 3, 0, 20000, false, make_one, wake_it,
	  each_dropped_once },
	{ "loop: wakes of two tasks", 3, 0, 20000, false, make_two, wake_it, each_dropped_once },
	{ "loop: wakes, and the end of the task", 3, 0, 20000, false, make_one_that_ends, end_it,
	  each_dropped_once },
	{ "loop: wakes, and the end and its handle", 3, 0, 20000, false, make_with_handle,
	  end_and_keep_it, each_dropped_once },
	{ "loop: wakes, and the end of the executor", 3, 0, 20000, false, make_endless, free_it,
	  each_dropped_once },
	{ "loop: wakers that change hands", 3, 0, 20000, false, make_one, hand_on,
	  each_dropped_once },
	{ "loop: static, room that is used again", 3, 0, 20000, false, make_static, use_room_again,
	  each_dropped_once },
	{ .name = NULL },
};
