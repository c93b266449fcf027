/* SPDX-License-Identifier: MIT */
/* channel/event.c: two that wait for a thing, and who brings it and tells them, once. */
#include "config.h"

#include <string.h>

#include "atomic.h"
#include "model.h"
#include "pirn_event.h"

#define WAITERS 2

struct scene {
	struct pirn_event event;
	unsigned thing;
	bool by_signal;
	struct half things;
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	half_init(&s->things, 0);
}

static void make_for_signal(void)
{
	make();
	s->by_signal = true;
}

static void wait_or_tell(unsigned i)
{
	struct pirn_event_wait wait;

	if (i == WAITERS) {
		s->thing = 1;
		if (s->by_signal)
			pirn_event_signal(&s->event);
		else
			pirn_event_notify(&s->event, PIRN_EVENT_ALL);
		return;
	}
	wait = pirn_event_wait(&s->event);
	if (pirn_event_count(&s->event) == 0)
		MODEL_CHECK(pirn_block_on(&wait.future) == 0);
	MODEL_CHECK(s->thing == 1);
}

/* One waits for two things, and looks again behind each wait. */
static void wait_or_signal(unsigned i)
{
	struct pirn_event_wait wait;

	if (i > 0) {
		half_add_acq_rel(&s->things, 1);
		pirn_event_signal(&s->event);
		return;
	}
	for (;;) {
		wait = pirn_event_wait(&s->event);
		if (half_load_acquire(&s->things) == 2)
			break;
		MODEL_CHECK(pirn_block_on(&wait.future) == 0);
	}
}

const struct model event_models[] = {
	{ "event: two waits, and a notification", 3, 0, 10000, false, make, wait_or_tell, NULL },
	{ "event: two waits, and a signal", 3, 0, 20000, false, make_for_signal, wait_or_tell,
	  NULL },
	{ "event: one that waits again, and two signals", 3, 0, 20000, false, make, wait_or_signal,
	  NULL },
	{ .name = NULL },
};
