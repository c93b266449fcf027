/* SPDX-License-Identifier: MIT */
/* What the models of a whole pool share: the pool, counted tasks, a task that waits for a flag. */
#ifndef MODEL_POOLS_H
#define MODEL_POOLS_H

#include "model.h"
#include "pool.h"

#define MAX_TASKS 3
#define FLAGS 2

struct scene {
	struct pirn_executor *ex;
	struct pool *pool;
	struct half flag[FLAGS];
	struct link waker[FLAGS]; /* of the task that waits for the flag */
	/* tasks that meet */
	unsigned n;
	struct half come;
	struct parker parker[MAX_TASKS];
	struct word spawned, drops;
	struct half users; /* of the pool: the last one frees it */
};

static struct scene *s;

/* 0 workers: threads that are lent have all the work. */
static inline void make(unsigned workers)
{
	struct pirn_pool_config config = { .threads = workers ? workers : PIRN_NO_THREADS,
					   .lent_threads = 1,
					   .platform = &model_platform };

	s = model_alloc(sizeof(*s));
	s->ex = NULL;
	MODEL_CHECK(pirn_pool_new(&s->ex, &config) == 0);
	s->pool = pool_of(s->ex);
	for (unsigned i = 0; i < FLAGS; i++) {
		half_init(&s->flag[i], 0);
		link_init(&s->waker[i], NULL);
	}
	s->n = workers;
	half_init(&s->come, 0);
	for (unsigned i = 0; i < MAX_TASKS; i++)
		pirn__parker_init(&s->parker[i]);
	word_init(&s->spawned, 0);
	word_init(&s->drops, 0);
	half_init(&s->users, 2);
}

static inline void count_drop(struct pirn_future *f)
{
	(void)f;
	word_add_relaxed(&s->drops, 1);
}

static inline void each_dropped(void)
{
	MODEL_CHECK(word_load_relaxed(&s->drops) == word_load_relaxed(&s->spawned));
}

static inline void join_and_detach(struct pirn_task *t)
{
	struct pirn_join join = pirn_join(t);

	MODEL_CHECK(pirn_block_on(&join.future) == 0);
	pirn_task_detach(t);
}

/* One of two users of the pool needs it no more. */
static inline void leave(void)
{
	if (half_sub_acq_rel(&s->users, 1) == 1)
		pirn_executor_free(s->ex);
}

/* ---- tasks that do nothing, one after another ------------------------------------------------ */

static inline enum pirn_poll nothing_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops nothing_ops = {
	.name = "nothing",
	.file = __FILE__,
	.size = sizeof(struct pirn_future),
	.poll = nothing_poll,
	.drop = count_drop,
};

static inline struct pirn_task *spawn_nothing(void)
{
	struct pirn_future f;
	struct pirn_task *t;

	pirn_future_init(&f, &nothing_ops);
	MODEL_CHECK(pirn_spawn_on(s->ex, &t, &f, "") == 0);
	word_add_relaxed(&s->spawned, 1);
	return t;
}

/* ---- a task that waits for a flag ----------------------------------------------------------- */

struct waits {
	struct pirn_future future;
	unsigned i;
};

/* Its waker lies where who raises the flag finds it. */
static inline enum pirn_poll waits_poll(struct pirn_future *f, struct pirn_context *cx)
{
	unsigned i = ((struct waits *)(void *)f)->i;
	struct pirn_waker *old;

	if (!half_load_acquire(&s->flag[i])) {
		f->at = 1;
		old = link_exchange_acq_rel(&s->waker[i], pirn_waker_clone(cx->waker));
		if (old)
			pirn_waker_drop(old);
		if (!half_load_acquire(&s->flag[i]))
			return PIRN_PENDING;
	}
	f->err = 0;
	return PIRN_READY;
}

static const struct pirn_future_ops waits_ops = {
	.name = "waits",
	.file = __FILE__,
	.size = sizeof(struct waits),
	.poll = waits_poll,
	.drop = count_drop,
};

static inline struct waits waits(unsigned i)
{
	struct waits w;

	pirn_future_init(&w.future, &waits_ops);
	w.i = i;
	word_add_relaxed(&s->spawned, 1);
	return w;
}

/* Refused or not, it is dropped once. */
static inline int spawn_waits(unsigned i, struct pirn_task **t)
{
	struct waits w = waits(i);
	int err = pirn_spawn_on(s->ex, t, &w.future, "");

	pirn_drop(&w.future);
	return err;
}

static inline void raise_flag(unsigned i)
{
	struct pirn_waker *w;

	half_store_release(&s->flag[i], 1);
	w = link_exchange_acq_rel(&s->waker[i], NULL);
	if (w)
		pirn_waker_wake(w);
}

/* In the end: of a task that has ended otherwise. */
static inline void each_dropped_and_waker(void)
{
	for (unsigned i = 0; i < FLAGS; i++) {
		struct pirn_waker *w = link_exchange_acq_rel(&s->waker[i], NULL);

		if (w)
			pirn_waker_drop(w);
	}
	each_dropped();
}

#endif
