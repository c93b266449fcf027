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
	/* waits that are polled by hand */
	struct pirn_waker waker, first_waker;
	struct half wakes, first_wakes;
	struct pirn_event_wait wait, first;
	uint32_t made; /* the count behind its making */
	bool ended;
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	half_init(&s->wakes, 0);
	half_init(&s->first_wakes, 0);
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

/* A wait is polled by hand, once, while two signals come. */
static struct pirn_waker *same(struct pirn_waker *w)
{
	return w;
}

static void count_wake(struct pirn_waker *w)
{
	half_add_relaxed(w == &s->waker ? &s->wakes : &s->first_wakes, 1);
}

static void nothing(struct pirn_waker *w)
{
	(void)w;
}

static const struct pirn_waker_ops counting = { same, count_wake, count_wake, nothing };

/* One is in line already, so that each signal wants the lock. */
static void make_one(void)
{
	struct pirn_context cx;

	make();
	s->waker.ops = s->first_waker.ops = &counting;
	pirn_context_init(&cx, &s->first_waker, NULL);
	s->first = pirn_event_wait(&s->event);
	MODEL_CHECK(pirn_poll(&s->first.future, &cx) == PIRN_PENDING);
}

static void poll_or_signal(unsigned i)
{
	struct pirn_context cx;

	if (i > 0) {
		pirn_event_signal(&s->event);
		return;
	}
	pirn_context_init(&cx, &s->waker, NULL);
	s->wait = pirn_event_wait(&s->event);
	s->made = pirn_event_count(&s->event);
	s->ended = pirn_poll(&s->wait.future, &cx) == PIRN_READY;
}

static void no_signal_was_missed(void)
{
	MODEL_CHECK(s->made == pirn_event_count(&s->event) || s->ended ||
		    half_load_relaxed(&s->wakes) > 0);
	MODEL_CHECK(half_load_relaxed(&s->first_wakes) == 1);
	pirn_drop(&s->wait.future);
	pirn_drop(&s->first.future);
}

const struct model event_models[] = {
	{ "event: two waits, and a notification", 3, 0, 10000, false, make, wait_or_tell, NULL },
	{ "event: two waits, and a signal", 3, 0, 20000, false, make_for_signal, wait_or_tell,
	  NULL },
	{ "event: a wait, and two signals", 3, 0, 100000, false, make_one, poll_or_signal,
	  no_signal_was_missed },
	{ .name = NULL },
};
