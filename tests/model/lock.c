/* SPDX-License-Identifier: MIT */
/* The lock and the parker: lib/lock.h and lib/park.c, down to the futex. */
#include "config.h"

#include "lock.h"
#include "model.h"
#include "park.h"

struct scene {
	struct lock lock;
	struct parker parker;
	unsigned sum, told;
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	lock_init(&s->lock);
	pirn__parker_init(&s->parker);
	s->sum = s->told = 0;
}

/* ---- the lock ------------------------------------------------------------------------------ */

static void add_two(unsigned i)
{
	(void)i;
	for (int n = 0; n < 2; n++) {
		lock(&s->lock);
		s->sum++;
		unlock(&s->lock);
	}
}

static void added_all(void)
{
	MODEL_CHECK(s->sum == 3 * 2);
}

/* ---- the parker ---------------------------------------------------------------------------- */

static void park_once(unsigned i)
{
	if (i == 0) {
		pirn__park(&s->parker);
		MODEL_CHECK(s->told == 1);
	} else {
		s->told = 1;
		pirn__unpark(&s->parker);
	}
}

static void park_for(unsigned i)
{
	if (i == 1) {
		s->told = 1;
		pirn__unpark(&s->parker);
		return;
	}
	/* As all who park with a time-out: what comes behind it is waited for. */
	if (!pirn__park_for(&s->parker, 1000))
		pirn__park(&s->parker);
	MODEL_CHECK(s->told == 1);
}

const struct model lock_models[] = {
	{ "lock: three threads", 3, 0, 20000, false, make, add_two, added_all },
	{ "lock: park and unpark", 2, 0, 10000, false, make, park_once, NULL },
	{ "lock: park with a time-out, and unpark", 2, 0, 10000, true, make, park_for, NULL },
	{ .name = NULL },
};
