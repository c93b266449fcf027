/* SPDX-License-Identifier: MIT */
/*
 * channel/once.c: three that begin; one that must may give up. And channel/barrier.c: three that
 * meet twice.
 */
#include "config.h"

#include <string.h>

#include "model.h"
#include "pirn_barrier.h"
#include "pirn_once.h"

#define THREADS 3

struct scene {
	struct pirn_once once;
	unsigned done, given_up;
	struct pirn_barrier barrier;
	unsigned number[THREADS], leaders;
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	pirn_barrier_init(&s->barrier, THREADS);
}

static void begin(unsigned i)
{
	struct pirn_once_begin begin = pirn_once_begin(&s->once);

	(void)i;
	MODEL_CHECK(pirn_block_on(&begin.future) == 0);
	if (begin.must) {
		MODEL_CHECK(s->done == 0);
		if (model_choose(3) == 0) {
			s->given_up++;
			pirn_drop(&begin.future);
			return;
		}
		s->done++;
		pirn_once_done(&begin);
	}
	MODEL_CHECK(s->done == 1);
	pirn_drop(&begin.future);
}

static void done_if_not_given_up(void)
{
	MODEL_CHECK(s->done == 1 || s->given_up == THREADS);
}

static void meet_twice(unsigned i)
{
	for (unsigned n = 1; n <= 2; n++) {
		struct pirn_barrier_wait wait = pirn_barrier_wait(&s->barrier);

		if (n == 1)
			s->number[i] = 1;
		MODEL_CHECK(pirn_block_on(&wait.future) == 0);
		for (unsigned k = 0; k < THREADS; k++)
			MODEL_CHECK(s->number[k] == 1);
		if (wait.leader)
			s->leaders++;
	}
}

static void one_has_led_each_time(void)
{
	MODEL_CHECK(s->leaders == 2);
}

const struct model once_models[] = {
	{ "once: three threads", THREADS, 0, 20000, false, make, begin, done_if_not_given_up },
	{ "barrier: three threads", THREADS, 0, 5000, false, make, meet_twice,
	  one_has_led_each_time },
	{ .name = NULL },
};
