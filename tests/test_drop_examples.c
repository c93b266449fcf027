/* SPDX-License-Identifier: MIT */
/* The examples as they are, and their futures and bodies dropped at each point. */
#include "config.h"

int basic_main(void);
#define main basic_main
#include "../examples/basic.c"
#undef main

int mailer_main(void);
#define main mailer_main
#include "../examples/mailer.c"
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

/* ---- mailer: two letters, a new pace, and nobody who writes more ---------------------------- */

static struct pace_sender *office;

static struct pirn_future *make_courier(struct driver *d, void *arg)
{
	static struct courier f;
	static int delivered;
	struct letter_sender *writer;
	struct letter_receiver *desk;
	int pace = 0;

	(void)arg;
	if (letter_channel_in(&writer, &desk, 2, &d->platform.memory))
		return NULL;
	for (int i = 0; i < 2; i++)
		letter_try_send(writer, &i);
	letter_sender_unref(writer);
	f = (struct courier){ PIRN_INIT(courier), .desk = desk, .delivered = &delivered };
	f.board = pace_subscribe(office);
	f.closed = pirn_event_wait(&closing);
	pace_send(office, &pace);
	return &f.future;
}

static const char *lines_are_free(struct driver *d, void *arg)
{
	struct pirn_semaphore_acquire all;

	if (pirn_semaphore_try_acquire(&lines, LINES, &all) < 0)
		return "a line is still in use";
	pirn_drop(&all.future);
	return ends_well(d, arg);
}

Test(drop, of_mailer)
{
	struct pace_receiver board;
	int pace = 0;

	cr_assert_eq(pace_watch(&office, &board, &pace), 0);
	survives(make_courier, lines_are_free, NULL);
	pace_receiver_drop(&board);
	pace_sender_unref(office);
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

/* ---- all of them --------------------------------------------------------------------------- */

Test(examples, end_well)
{
	cr_expect_eq(basic_main(), 0);
	cr_expect_eq(mailer_main(), 0);
	cr_expect_eq(parallel_main(), 0);
}
