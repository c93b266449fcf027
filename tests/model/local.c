/* SPDX-License-Identifier: MIT */
/* pool/local.c: the owner against two thieves; each task comes out once, and as it was put in. */
#include "config.h"

#include "local.h"
#include "model.h"

#define THIEVES 2
#define TASKS 4

struct scene {
	struct local q, own[THIEVES];
	struct pirn_task task[LOCAL_RING + TASKS];
	unsigned taken[LOCAL_RING + TASKS];
	struct half left;
	unsigned first; /* tasks below were in the ring before */
	bool back;
};

static struct scene *s;

static void make_empty(void)
{
	s = model_alloc(sizeof(*s));
	local_init(&s->q);
	for (unsigned i = 0; i < THIEVES; i++)
		local_init(&s->own[i]);
	for (unsigned i = 0; i < LOCAL_RING + TASKS; i++)
		s->taken[i] = s->task[i].entry = 0;
	half_init(&s->left, TASKS);
	s->first = 0;
	s->back = false;
}

static void make_for_ring(void)
{
	make_empty();
	s->back = true;
}

/* So that the first push has to wait for a thief, and goes to a place that one has emptied. */
static void make_full(void)
{
	make_for_ring();
	for (unsigned i = 0; i < LOCAL_RING; i++) {
		s->task[i].entry = i + 1;
		local_push_back(&s->q, &s->task[i]);
	}
	s->first = LOCAL_RING;
	half_init(&s->left, LOCAL_RING + TASKS);
}

static void got(struct pirn_task *t)
{
	unsigned i = (unsigned)(t - s->task);

	MODEL_CHECK(t->entry == i + 1);
	t->entry = 0;
	s->taken[i]++;
	half_sub_acq_rel(&s->left, 1);
}

static void got_all(struct local *q)
{
	struct pirn_task *t;

	while ((t = local_pop(q)))
		got(t);
}

/* True: got something. What comes over into the own ring is left for the other thief, or is not. */
static bool steal(unsigned i)
{
	struct local *own = &s->own[i - 1];
	struct pirn_task *t = local_steal(&s->q, own);

	if (!t)
		t = local_steal(&s->own[THIEVES - i], own);
	if (t)
		got(t);
	if (!t || model_choose(2))
		got_all(own);
	return t;
}

/* It is full: wait for a thief, or make room. */
static void make_room(void)
{
	struct pirn_task *half[LOCAL_HALF];
	unsigned n = model_choose(2) ? local_take_newer(&s->q, half) : 0;

	for (unsigned i = 0; i < n; i++)
		got(half[i]);
	if (n == 0)
		model_yield();
}

static void push_and_pop(void)
{
	for (unsigned n = s->first; n < s->first + TASKS; n++) {
		struct pirn_task *t = &s->task[n];

		t->entry = n + 1;
		while (!(s->back ? local_push_back(&s->q, t) : local_push(&s->q, t)))
			make_room();
		if (model_choose(2) && local_take(&s->q, t))
			got(t);
		else if (model_choose(4) == 0 && (t = local_pop(&s->q)))
			got(t);
	}
}

static void own_or_steal(unsigned i)
{
	struct pirn_task *t;

	if (i == 0)
		push_and_pop();
	while (half_load_relaxed(&s->left) > 0) {
		struct sight seen;

		if (i > 0 && model_choose(2) && local_look(&s->q, &seen))
			local_waits(&s->q, &seen);
		if (i == 0 && (t = local_pop(&s->q)))
			got(t);
		else if (i == 0 || !steal(i))
			model_yield();
	}
}

/* Some are stolen; the owner fills their places. */
static void fill_or_steal(unsigned i)
{
	if (i == 0) {
		push_and_pop();
		return;
	}
	for (unsigned n = 0; n < 2 * TASKS / THIEVES; n++)
		steal(i);
}

static void each_once(void)
{
	for (unsigned i = 0; i < s->first + TASKS; i++)
		MODEL_CHECK(s->taken[i] == 1);
}

/* Those that are left come out now. */
static void rest_once(void)
{
	got_all(&s->q);
	for (unsigned i = 0; i < THIEVES; i++)
		got_all(&s->own[i]);
	each_once();
}

const struct model local_models[] = {
	{ "local: the stack, and thieves", 3, 0, 10000, false, make_empty, own_or_steal,
	  each_once },
	{ "local: the ring, and thieves", 3, 0, 10000, false, make_for_ring, own_or_steal,
	  each_once },
	{ "local: a full ring, and thieves", 3, 0, 1000, false, make_full, fill_or_steal,
	  rest_once },
	{ .name = NULL },
};
