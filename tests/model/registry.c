/* SPDX-License-Identifier: MIT */
/*
 * pool/registry.c: who asks whether all tasks have ended is not told so while one lives. That a
 * task becomes idle while all are cancelled is in task.c here.
 */
#include "config.h"

#include "model.h"
#include "registry.h"

#define WORKERS 2

enum { WORKER, ASKER };

struct scene {
	struct registry r;
	struct pirn_task task;
};

static struct scene *s;

static unsigned live; /* the truth: the fibers of all threads run on one thread */

static void admit_outside(unsigned n)
{
	uint64_t coming = n * REGISTRY_NUMBER;
	uint64_t outside = word_add_acq_rel(&s->r.outside, coming) + coming;

	live += n;
	MODEL_CHECK(pirn__registry_admit_outside(&s->r, outside) == 0);
}

static void admit(unsigned self, unsigned n)
{
	live += n;
	MODEL_CHECK(registry_admit(&s->r, &s->r.shard[self], n) == 0);
}

static void end(unsigned self, unsigned n)
{
	while (n-- > 0) {
		live--;
		registry_end(&s->r, &s->r.shard[self], &s->task);
	}
}

static void make(void)
{
	s = model_alloc(sizeof(*s));
	s->task.entry = 0;
	live = 0;
	MODEL_CHECK(pirn__registry_init(&s->r, &model_platform.memory, WORKERS) == 0);
}

static void make_one(void)
{
	make();
	admit_outside(1);
}

static void ask(void)
{
	uint32_t lower;

	for (unsigned n = 0; n < 3; n++)
		MODEL_CHECK(pirn__registry_left(&s->r, &lower) > 0 || live == 0);
}

static void all_ended(void)
{
	uint32_t lower;

	MODEL_CHECK(live == 0 && pirn__registry_left(&s->r, &lower) == 0);
	pirn__registry_deinit(&s->r);
}

/* A task spawns another and ends, then that one does so on another worker. */
static void spawn_or_ask(unsigned i)
{
	if (i == ASKER) {
		ask();
		return;
	}
	admit(0, 1);
	end(0, 1);
	admit(1, 1);
	end(1, 2);
}

/* Tasks from outside have ended on one worker; the other has as many, and no place left. */
static void make_many(void)
{
	make();
	admit_outside(REGISTRY_SETTLE);
	end(1, REGISTRY_SETTLE);
	admit(0, REGISTRY_FIRST);
}

/* It has them counted with those from outside, to spawn one more. */
static void lend_or_ask(unsigned i)
{
	if (i == ASKER) {
		ask();
		return;
	}
	admit(0, 1);
	MODEL_CHECK(word_load_relaxed(&s->r.shard[0].lent) == REGISTRY_SETTLE);
}

/* The rest outside of the search: they are many. */
static void end_all(void)
{
	end(0, REGISTRY_FIRST + 1);
	all_ended();
}

const struct model registry_models[] = {
	{ "registry: tasks that spawn, and who waits for them", 2, 0, 10000, false, make_one,
	  spawn_or_ask, all_ended },
	{ "registry: numbers that are lent", 2, 0, 4000, false, make_many, lend_or_ask, end_all },
	{ .name = NULL },
};
