/* SPDX-License-Identifier: MIT */
/*
 * A whole pool at work, from its queues down to the futex: who sleeps is woken where there is
 * work. Where timers are off, nothing gets up by itself.
 */
#include "config.h"

#include <errno.h>

#include "pools.h"

static void make_one(void)
{
	make(1);
}

static void make_two(void)
{
	make(2);
}

static void make_three(void)
{
	make(3);
}

static void one_after_another(unsigned i)
{
	(void)i;
	for (unsigned n = 0; n < 2; n++)
		join_and_detach(spawn_nothing());
	leave();
}

/* ---- tasks that meet: each holds its worker until all have come ----------------------------- */

struct meets {
	struct pirn_future future;
	unsigned i;
};

static enum pirn_poll meets_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct meets *m = (struct meets *)(void *)f;

	(void)cx;
	if (half_add_acq_rel(&s->come, 1) + 1 == s->n) {
		for (unsigned i = 0; i < s->n; i++)
			if (i != m->i)
				pirn__unpark(&s->parker[i]);
	} else {
		pirn__park(&s->parker[m->i]);
	}
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops meets_ops = {
	.name = "meets",
	.file = __FILE__,
	.size = sizeof(struct meets),
	.poll = meets_poll,
	.drop = count_drop,
};

static struct meets meets(unsigned i)
{
	struct meets m;

	pirn_future_init(&m.future, &meets_ops);
	m.i = i;
	word_add_relaxed(&s->spawned, 1);
	return m;
}

/* Those from the first one on, one by one or at once. */
static void spawn_meets(unsigned first, struct pirn_task **t)
{
	struct meets m[MAX_TASKS];
	bool at_once = model_choose(2);

	for (unsigned i = first; i < s->n; i++) {
		m[i] = meets(i);
		if (!at_once)
			MODEL_CHECK(pirn_spawn_on(s->ex, &t[i], &m[i].future, "") == 0);
	}
	if (at_once)
		MODEL_CHECK(pirn_spawn_many_on(s->ex, &t[first], &m[first].future, s->n - first,
					       "") == 0);
}

/*
 * All pushed from outside: as many workers must get up as there are tasks. A worker may take
 * several at once into its own queue, so it may need a timer, as below.
 */
static void meet(unsigned i)
{
	struct pirn_task *t[MAX_TASKS];

	(void)i;
	spawn_meets(0, t);
	for (i = 0; i < s->n; i++)
		join_and_detach(t[i]);
	pirn_executor_free(s->ex);
}

/* The same, pushed from two threads, and behind a task that has somebody up already. */
static void meet_from_two(unsigned i)
{
	struct meets m = meets(i);
	struct pirn_task *t;

	if (i == 0)
		pirn_task_detach(spawn_nothing());
	MODEL_CHECK(pirn_spawn_on(s->ex, &t, &m.future, "") == 0);
	join_and_detach(t);
	leave();
}

/* The first one spawns the others, into its worker's own queue, and stays: who finds them? */
struct hides {
	struct pirn_future future;
	struct pirn_task **t;
};

static enum pirn_poll hides_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct meets m = { .i = 0 };

	spawn_meets(1, ((struct hides *)(void *)f)->t);
	meets_poll(&m.future, cx);
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops hides_ops = {
	.name = "hides",
	.file = __FILE__,
	.size = sizeof(struct hides),
	.poll = hides_poll,
	.drop = count_drop,
};

static void hide(unsigned i)
{
	struct pirn_task **t = model_alloc(MAX_TASKS * sizeof(*t));
	struct pirn_task *hider;
	struct hides h;

	(void)i;
	pirn_future_init(&h.future, &hides_ops);
	h.t = t;
	MODEL_CHECK(pirn_spawn_on(s->ex, &hider, &h.future, "") == 0);
	word_add_relaxed(&s->spawned, 1);
	join_and_detach(hider); /* and sees what it has put into t */
	for (i = 1; i < s->n; i++)
		join_and_detach(t[i]);
	pirn_executor_free(s->ex);
}

/* ---- a wake, and a join in place ------------------------------------------------------------ */

static void wake_and_join(unsigned i)
{
	struct pirn_task *t;

	if (i == 1) {
		raise_flag(0);
		return;
	}
	MODEL_CHECK(spawn_waits(0, &t) == 0);
	join_and_detach(t);
	pirn_executor_free(s->ex);
}

/* Gives its waker away and ends: it is reached by others while it finishes. */
static enum pirn_poll gives_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_waker *none = link_exchange_acq_rel(&s->waker[1], pirn_waker_clone(cx->waker));

	MODEL_CHECK(!none);
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops gives_ops = {
	.name = "gives",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = gives_poll,
	.drop = count_drop,
};

static int spawn_gives(struct pirn_task **t)
{
	struct pirn_future f;
	int err;

	word_add_relaxed(&s->spawned, 1);
	pirn_future_init(&f, &gives_ops);
	err = pirn_spawn_on(s->ex, t, &f, "");
	pirn_drop(&f);
	return err;
}

struct forks {
	struct pirn_future future;
	struct pirn_task *child;
	struct pirn_join join;
};

static enum pirn_poll forks_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct forks *k = (struct forks *)(void *)f;

	if (!k->child) {
		f->at = 1;
		if ((model_choose(2) ? spawn_waits(0, &k->child) : spawn_gives(&k->child)) != 0) {
			f->err = -ESHUTDOWN;
			return PIRN_READY;
		}
		k->join = pirn_join(k->child);
	}
	if (pirn_poll(&k->join.future, cx) == PIRN_PENDING)
		return PIRN_PENDING;
	f->err = k->join.future.err;
	pirn_task_detach(k->child);
	k->child = NULL;
	return PIRN_READY;
}

static void forks_drop(struct pirn_future *f)
{
	struct forks *k = (struct forks *)(void *)f;

	if (!k->child)
		return;
	pirn_drop(&k->join.future);
	pirn_task_abort(k->child);
}

static const struct pirn_future_ops forks_ops = {
	.name = "forks",
	.file = __FILE__,
	.size = sizeof(struct forks),
	.poll = forks_poll,
	.drop = forks_drop,
};

static void fork_and_join(unsigned i)
{
	struct pirn_task *t;
	struct forks k;

	if (i == 1) {
		raise_flag(0);
		for (unsigned n = 0; n < 8 && !link_load_relaxed(&s->waker[1]); n++)
			model_yield();
		raise_flag(1);
		return;
	}
	pirn_future_init(&k.future, &forks_ops);
	k.child = NULL;
	MODEL_CHECK(pirn_spawn_on(s->ex, &t, &k.future, "") == 0);
	if (model_choose(2))
		join_and_detach(t);
	else
		pirn_task_detach(t);
	pirn_executor_free(s->ex);
}

const struct model pool_models[] = {
	{ "pool: tasks one after another, from two threads", 2, 2, 6000, false, make_two,
	  one_after_another, each_dropped },
	{ "pool: two tasks that meet", 1, 2, 6000, true, make_two, meet, each_dropped },
	{ "pool: three tasks that meet", 1, 3, 6000, true, make_three, meet, each_dropped },
	{ "pool: two tasks that meet, from two threads", 2, 2, 6000, true, make_two, meet_from_two,
	  each_dropped },
	{ "pool: two tasks, one hidden behind the other", 1, 2, 4000, true, make_two, hide,
	  each_dropped },
	{ "pool: three tasks, two hidden", 1, 3, 4000, true, make_three, hide, each_dropped },
	{ "pool: a wake, and a join", 2, 2, 8000, false, make_two, wake_and_join,
	  each_dropped_and_waker },
	{ "pool: a join in place", 2, 1, 10000, false, make_one, fork_and_join,
	  each_dropped_and_waker },
	{ .name = NULL },
};
