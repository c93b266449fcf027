/* SPDX-License-Identifier: MIT */
/* lib/block_on.c: a thread that waits for two flags, and two that raise them and wake it. */
#include "config.h"

#include "atomic.h"
#include "model.h"

#define FLAGS 2

struct scene {
	struct half flag[FLAGS];
	struct link waker[FLAGS];
	unsigned told[FLAGS];
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	for (unsigned i = 0; i < FLAGS; i++) {
		half_init(&s->flag[i], 0);
		link_init(&s->waker[i], NULL);
		s->told[i] = 0;
	}
}

static enum pirn_poll flags_poll(void *arg, struct pirn_context *cx, int *err)
{
	bool pending = false;

	(void)arg;
	for (unsigned i = 0; i < FLAGS; i++) {
		struct pirn_waker *old, *clone;

		if (half_load_acquire(&s->flag[i]))
			continue;
		clone = pirn_waker_clone(cx->waker);
		old = link_exchange_acq_rel(&s->waker[i], clone);
		if (old)
			pirn_waker_drop(old);
		if (!half_load_acquire(&s->flag[i]))
			pending = true;
	}
	if (pending)
		return PIRN_PENDING;
	MODEL_CHECK(s->told[0] && s->told[1]);
	*err = 0;
	return PIRN_READY;
}

static void wait_or_raise(unsigned i)
{
	struct pirn_poll_fn flags = pirn_poll_fn(flags_poll, NULL);
	struct pirn_waker *w;

	if (i < FLAGS) {
		s->told[i] = 1;
		half_store_release(&s->flag[i], 1);
		w = link_exchange_acq_rel(&s->waker[i], NULL);
		if (w)
			pirn_waker_wake(w);
		return;
	}
	MODEL_CHECK(pirn_block_on(&flags.future) == 0);
	for (i = 0; i < FLAGS; i++)
		if ((w = link_exchange_acq_rel(&s->waker[i], NULL)))
			pirn_waker_drop(w);
}

const struct model block_on_models[] = {
	{ "block_on: two wakers, and the end", 3, 0, 10000, false, make, wait_or_raise, NULL },
	{ .name = NULL },
};
