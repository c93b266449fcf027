/* SPDX-License-Identifier: MIT */
/* channel/injector.c: pushers, consumers who share a lock, and what an empty take promises. */
#include "config.h"

#include "injector.h"
#include "model.h"

#define PUSHERS 2
#define EACH 2
#define TASKS (PUSHERS * EACH)

struct scene {
	struct injector q;
	struct pirn_task task[TASKS + PUSHERS];
	unsigned taken[TASKS];
	struct half asleep, left;
	bool seen;
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	pirn__injector_init(&s->q);
	for (unsigned i = 0; i < TASKS; i++)
		s->taken[i] = s->task[i].entry = 0;
	half_init(&s->asleep, 0);
	half_init(&s->left, TASKS);
	s->seen = false;
}

static void got(struct pirn_task *t)
{
	unsigned i = (unsigned)(t - s->task);

	MODEL_CHECK(t->entry == i + 1);
	t->entry = 0;
	s->taken[i]++;
	half_sub_acq_rel(&s->left, 1);
}

/* EACH tasks, one by one or all at once. */
static void push(unsigned first)
{
	struct pirn_task *many[EACH];
	bool one_by_one = model_choose(2);

	for (unsigned n = 0; n < EACH; n++) {
		many[n] = &s->task[first + n];
		many[n]->entry = first + n + 1;
		if (one_by_one)
			pirn__injector_push(&s->q, many[n], many[n]);
	}
	if (!one_by_one)
		pirn__injector_push_many(&s->q, many, EACH);
}

static void push_or_take(unsigned i)
{
	if (i < PUSHERS) {
		push(i * EACH);
		return;
	}
	while (half_load_relaxed(&s->left) > 0) {
		struct pirn_task *rest = NULL, *t;
		bool more;

		t = pirn__injector_take(&s->q, model_choose(3), &rest, &more);
		if (!t) {
			model_yield();
			continue;
		}
		got(t);
		while (rest) {
			struct pirn_task *next = rest->at.next;

			got(rest);
			rest = next;
		}
	}
}

static void each_once(void)
{
	for (unsigned i = 0; i < TASKS; i++)
		MODEL_CHECK(s->taken[i] == 1);
}

/* What one pusher pushes comes out in that order, whoever pushes beside it. */
static void push_in_order(unsigned i)
{
	struct pirn_task *many[EACH];

	if (i < PUSHERS) {
		pirn__injector_push(&s->q, &s->task[i * 3], &s->task[i * 3]);
		for (unsigned n = 0; n < EACH; n++)
			many[n] = &s->task[i * 3 + 1 + n];
		pirn__injector_push_many(&s->q, many, EACH);
		return;
	}
	for (unsigned got = 0, next[PUSHERS] = { 0 }; got < PUSHERS * 3; got++) {
		struct pirn_task *rest = NULL, *t;
		unsigned from, n;
		bool more;

		while (!(t = pirn__injector_take(&s->q, 0, &rest, &more)))
			model_yield();
		n = (unsigned)(t - s->task);
		from = n / 3;
		MODEL_CHECK(n % 3 == next[from]);
		next[from]++;
	}
}

/* Says that it sleeps, then looks; the pusher pushes, then asks: one of them sees the other. */
static void sleep_or_push(unsigned i)
{
	struct pirn_task *rest = NULL;
	bool more;

	if (i == 0) {
		half_store_relaxed(&s->asleep, 1);
		if (model_choose(2) ? pirn__injector_some(&s->q)
				    : pirn__injector_take(&s->q, 0, &rest, &more) != NULL)
			s->seen = true;
	} else {
		struct pirn_task *many[1] = { &s->task[0] };

		if (model_choose(2))
			pirn__injector_push(&s->q, many[0], many[0]);
		else
			pirn__injector_push_many(&s->q, many, 1);
		if (half_load_relaxed(&s->asleep))
			half_store_relaxed(&s->left, 0);
	}
}

static void one_saw(void)
{
	MODEL_CHECK(s->seen || half_load_relaxed(&s->left) == 0);
}

const struct model injector_models[] = {
	{ "injector: pushers and consumers", 4, 0, 10000, false, make, push_or_take, each_once },
	{ "injector: in order", 3, 0, 10000, false, make, push_in_order, NULL },
	{ "injector: an empty take, and a push", 2, 0, 10000, false, make, sleep_or_push, one_saw },
	{ .name = NULL },
};
