/* SPDX-License-Identifier: MIT */
/* The futures and bodies of the examples, dropped at each point. */
#include "config.h"

int basic_main(void);
#define main basic_main
#include "../examples/basic.c"
#undef main

int parallel_main(void);
#define main parallel_main
#include "../examples/parallel.c"
#undef main

#include <criterion/criterion.h>

#include "bodies.h"

/* ---- basic: somebody must ring the bell ---------------------------------------------------- */

struct ringer {
	struct pirn_future future;
	const struct pirn_future *listener;
};

PIRN_ASYNC(ringer, f)
{
	PIRN_BEGIN(f);
	while (f->listener->at != PIRN_AT_READY) {
		ring_bell();
		PIRN_YIELD(f);
	}
	PIRN_END(f);
}

struct tower {
	struct pirn_future future;
	struct pirn_future ring;
	struct guest guest;
	struct ringer ringer;
	struct pirn_future *branch[2];
	struct pirn_try_all all;
	bool by_hand;
};

PIRN_ASYNC(tower, f)
{
	PIRN_BEGIN(f);
	pirn_future_init(&f->ring, &ring_ops);
	f->guest = (struct guest){ PIRN_INIT(guest) };
	f->branch[0] = f->by_hand ? &f->ring : &f->guest.future;
	f->ringer = (struct ringer){ PIRN_INIT(ringer), .listener = f->branch[0] };
	f->branch[1] = &f->ringer.future;
	f->all = pirn_try_all(f->branch, 2);
	PIRN_TRY(f, &f->all.future);
	PIRN_END(f);
}

static struct pirn_future *make_tower(struct driver *d, void *arg)
{
	static struct tower f;

	(void)d;
	f = (struct tower){ PIRN_INIT(tower), .by_hand = *(bool *)arg };
	return &f.future;
}

static const char *bell_is_silent(struct driver *d, void *arg)
{
	if (bell)
		return "a waker was left in the bell";
	return ends_well(d, arg);
}

Test(drop, of_basic)
{
	bool by_hand = true, by_macros = false;

	survives(make_tower, bell_is_silent, &by_hand);
	survives(make_tower, bell_is_silent, &by_macros);
}

/* ---- parallel ------------------------------------------------------------------------------ */

static struct pirn_future *make_part(struct driver *d, void *arg)
{
	static struct part f;

	(void)d;
	f = (struct part){ PIRN_INIT(part) };
	if (*(bool *)arg)
		f.future.ops = &by_hand_ops;
	return &f.future;
}

Test(drop, of_parallel)
{
	bool by_hand = true, by_macros = false;

	survives(make_part, ends_well, &by_hand);
	survives(make_part, ends_well, &by_macros);
}
