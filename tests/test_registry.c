/* SPDX-License-Identifier: MIT */
/* The registry alone: workers here are numbers, and all of them are this thread. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "executor.h"
#include "faulty.h"
#include "registry.h"

static struct faulty host;
static struct registry r;
static int64_t live; /* what the registry should know */

static void begin(unsigned workers)
{
	faulty_init(&host);
	live = 0;
	cr_assert_eq(pirn__registry_init(&r, &host.platform.memory, workers), 0);
}

static void end(void)
{
	pirn__registry_deinit(&r);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static struct shard *last(void)
{
	return &r.shard[r.shards - 1];
}

static uint64_t capacity(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r.shards; i++)
		sum += word_load_relaxed(&r.shard[i].capacity);
	return sum;
}

static uint32_t left(void)
{
	uint32_t lower;

	return pirn__registry_left(&r, &lower);
}

/* What registry.c stands on: nets add up to the live tasks, and no net exceeds its shard. */
static void adds_up(void)
{
	uint32_t given = (uint32_t)(word_load_relaxed(&r.outside) / REGISTRY_NUMBER);
	int64_t net = (int32_t)(given - (uint32_t)word_load_relaxed(&r.back)), sum = net;

	cr_assert_leq(net, (int64_t)word_load_relaxed(&last()->capacity));
	for (unsigned i = 0; i < r.shards - 1; i++) {
		sum += r.shard[i].net;
		cr_assert_leq(r.shard[i].net, (int64_t)word_load_relaxed(&r.shard[i].capacity));
	}
	cr_assert_eq(sum, live, "%lld counted, %lld live", (long long)sum, (long long)live);
	cr_assert_eq(left(), live);
}

static int admit(unsigned worker, size_t n)
{
	int err = registry_admit(&r, &r.shard[worker], n);

	live += err ? 0 : (int64_t)n;
	return err;
}

/* As the pool does it. */
static int admit_outside(size_t n)
{
	uint64_t coming = n * REGISTRY_NUMBER;
	uint64_t outside = word_add_relaxed(&r.outside, coming) + coming;
	int err = pirn__registry_admit_outside(&r, outside);

	if (err)
		word_sub_relaxed(&r.outside, coming);
	live += err ? 0 : (int64_t)n;
	return err;
}

static void end_task(unsigned worker, struct pirn_task *t)
{
	registry_end(&r, &r.shard[worker], t);
	t->entry = 0;
	live--;
}

/* ---- counting -------------------------------------------------------------------------------- */

Test(registry, is_empty_when_as_many_have_ended_as_were_admitted)
{
	struct pirn_task t = { .entry = 0 };

	begin(2);
	adds_up();
	cr_assert_eq(admit(0, 1), 0);
	adds_up();
	cr_assert_eq(admit_outside(2), 0);
	adds_up();
	end_task(1, &t); /* not where it was admitted */
	adds_up();
	cr_assert_not(pirn__registry_link(&r, 1, &t));
	adds_up();
	end_task(0, &t);
	adds_up();
	end_task(0, &t);
	adds_up();
	cr_expect_eq(left(), 0);
	end();
}

/* One worker spawns for ever, another one ends: numbers go round by way of the last shard. */
Test(registry, does_not_grow_when_one_spawns_and_another_ends)
{
	enum { AT_A_TIME = 100, ALL = 1000000 };
	static struct pirn_task task[AT_A_TIME];

	begin(2);
	for (unsigned i = 0; i < ALL + AT_A_TIME; i++) {
		struct pirn_task *t = &task[i % AT_A_TIME];

		if (i >= AT_A_TIME)
			end_task(1, t);
		if (i < ALL)
			cr_assert_eq(admit(0, 1), 0);
		if (i < ALL && i % 3)
			pirn__registry_link(&r, i % 2, t);
		if (i % 1000 == 0)
			adds_up();
	}
	adds_up();
	cr_expect_eq(left(), 0);
	/* A first chunk of the one that spawns; two of the last shard: what it lends and is due. */
	cr_expect_leq(capacity(), 3 * REGISTRY_FIRST, "%lu places", (unsigned long)capacity());
	end();
}

Test(registry, does_not_grow_when_others_spawn_from_outside)
{
	struct pirn_task t = { .entry = 0 };

	begin(3);
	for (unsigned i = 0; i < 1000000; i++) {
		cr_assert_eq(admit_outside(1), 0);
		end_task(i % 3, &t);
	}
	adds_up();
	/* Each of the three may owe nearly REGISTRY_SETTLE. */
	cr_expect_leq(capacity(), 4 * REGISTRY_FIRST, "%lu places", (unsigned long)capacity());
	end();
}

Test(registry, counts_on_where_its_numbers_start_again)
{
	const uint32_t near = UINT32_MAX - 1000;
	struct pirn_task t = { .entry = 0 };

	begin(2);
	word_init(&r.outside, near * REGISTRY_NUMBER);
	word_init(&r.back, near);
	word_init(&r.shard[0].ended, near);
	adds_up();
	for (unsigned i = 0; i < 3000; i++) {
		cr_assert_eq(admit_outside(2), 0);
		adds_up();
		end_task(0, &t);
		end_task(1, &t);
		adds_up();
	}
	cr_expect_leq(capacity(), 4 * REGISTRY_FIRST, "%lu places", (unsigned long)capacity());
	cr_assert_eq(admit_outside(5000), 0);
	adds_up(); /* so there are places for them */
	while (live > 0)
		end_task(0, &t);
	adds_up();
	end();
}

/* ---- places ---------------------------------------------------------------------------------- */

Test(registry, gives_each_linked_task_a_place_of_its_own)
{
	enum { MANY = 2000 }; /* four chunks */
	static struct pirn_task task[MANY];
	static bool seen[4 * MANY];
	uint64_t before = 0;

	begin(1);
	for (int round = 0; round < 3; round++) {
		memset(seen, 0, sizeof(seen));
		cr_assert_eq(admit(0, MANY), 0);
		for (int i = 0; i < MANY; i++) {
			pirn__registry_link(&r, 0, &task[i]);
			cr_assert_gt(task[i].entry, 0);
			cr_assert_lt(task[i].entry, 4 * MANY);
			cr_assert_not(seen[task[i].entry]);
			seen[task[i].entry] = true;
		}
		for (int i = 0; i < MANY; i++)
			end_task(0, &task[i * 7 % MANY]);
		adds_up();
		cr_assert(round == 0 || capacity() == before, "places are used again");
		before = capacity();
	}
	end();
}

Test(registry, finds_a_place_in_another_shard_where_the_own_one_has_none)
{
	static struct pirn_task inside[REGISTRY_FIRST], outside[REGISTRY_FIRST];

	begin(3);
	cr_assert_eq(admit(0, REGISTRY_FIRST), 0);
	cr_assert_eq(admit_outside(REGISTRY_FIRST), 0);
	cr_assert_eq(capacity(), 2 * REGISTRY_FIRST);
	/* Worker 2 has no places at all. It fills the last shard's, then those of worker 0. */
	for (unsigned i = 0; i < REGISTRY_FIRST; i++) {
		pirn__registry_link(&r, 2, &outside[i]);
		pirn__registry_link(&r, 2, &inside[i]);
	}
	for (unsigned i = 0; i < REGISTRY_FIRST; i++) {
		end_task(1, &outside[i]);
		end_task(1, &inside[i]);
	}
	adds_up();
	cr_expect_eq(capacity(), 2 * REGISTRY_FIRST);
	end();
}

/* ---- no more to be had ----------------------------------------------------------------------- */

Test(registry, admits_all_or_none_without_memory)
{
	struct pirn_task t = { .entry = 0 };

	begin(2);
	host.fail_alloc = FAULTY_ALWAYS;
	cr_assert_eq(admit(0, 1), -ENOMEM);
	cr_assert_eq(admit_outside(1), -ENOMEM);
	adds_up();
	host.fail_alloc = 0;
	cr_assert_eq(admit_outside(REGISTRY_FIRST), 0);
	cr_assert_eq(admit(0, REGISTRY_FIRST), 0);
	host.fail_alloc = FAULTY_ALWAYS;
	cr_assert_eq(admit_outside(1), -ENOMEM);
	cr_assert_eq(admit(0, 1), -ENOMEM);
	adds_up();
	end_task(0, &t);
	cr_assert_eq(admit(0, 1), 0, "for one that has ended another one may come");
	cr_assert_eq(admit(0, 1), -ENOMEM);
	adds_up();
	/* Some of those from outside end on worker 1, which gives their numbers back at once. */
	for (int i = 0; i < REGISTRY_SETTLE; i++)
		end_task(1, &t);
	cr_assert_eq(admit(0, REGISTRY_SETTLE), 0);
	cr_assert_eq(admit(0, 1), -ENOMEM);
	cr_assert_eq(admit_outside(1), -ENOMEM);
	adds_up();
	host.fail_alloc = 0;
	cr_assert_eq(admit(0, 1), 0);
	adds_up();
	while (live > 0)
		end_task(1, &t);
	adds_up();
	end();
}

Test(registry, takes_no_more_than_an_entry_can_number)
{
	const uint64_t most = 1u << 21; /* of each of 1024 shards: 2^32 would be one too many */
	struct pirn_task t = { .entry = 0 };

	begin(1023);
	cr_assert_eq(admit_outside(most), 0);
	cr_assert_eq(word_load_relaxed(&last()->capacity), most);
	cr_assert_eq(admit_outside(1), -ENOMEM);
	adds_up();
	last()->places = (uint32_t)most - 1; /* as if all but one were taken */
	pirn__registry_link(&r, 1022, &t);
	cr_assert_eq(t.entry, (most - 1) * 1024 + 1023 + 1);
	end_task(0, &t);
	cr_assert_neq(last()->free, 0, "its place was found by its number");
	cr_assert_eq(admit_outside(1), -ENOMEM, "its number is settled later");
	adds_up();
	end();
}

/* ---- the end of the pool --------------------------------------------------------------------- */

/* An executor that only takes what was cancelled, and does what the test says then. */
static struct pirn_task *pushed[64];
static int pushes;
static void (*on_push)(struct pirn_task *t);

static void take_pushed(struct pirn_executor *ex, struct pirn_task *t)
{
	(void)ex;
	cr_assert_lt(pushes, 64);
	pushed[pushes++] = t;
	if (on_push)
		on_push(t);
}

static const struct pirn_executor_ops taker_ops = { .push = take_pushed };
static struct pirn_executor taker;

static struct pirn_task *idle_task(unsigned worker)
{
	struct pirn_task *t = host.platform.memory.alloc(&host.platform.memory, sizeof(*t));

	word_init(&t->state, TASK_REF);
	t->at.executor = &taker;
	t->entry = 0;
	t->size = sizeof(*t);
	cr_assert_eq(admit(worker, 1), 0);
	cr_assert_not(pirn__registry_link(&r, worker, t));
	return t;
}

/* As `finish` would; the block goes with the last reference. */
static void end_and_unref(struct pirn_task *t)
{
	end_task(0, t);
	t->at.memory = &host.platform.memory;
	pirn__task_unref(t);
}

static void begin_with_taker(void)
{
	begin(2);
	taker = (struct pirn_executor){ .ops = &taker_ops, .platform = &host.platform };
	pushes = 0;
	on_push = NULL;
}

Test(registry, cancels_every_idle_task_and_not_those_that_have_ended)
{
	struct pirn_task *task[12];

	begin_with_taker();
	for (int i = 0; i < 12; i++)
		task[i] = idle_task((unsigned)i % 2);
	for (int i = 0; i < 12; i += 3)
		end_and_unref(task[i]);
	pirn__registry_cancel_all(&r);
	cr_assert_eq(pushes, 8);
	for (int i = 0; i < pushes; i++) {
		cr_assert(word_load_relaxed(&pushed[i]->state) & TASK_CANCELLED);
		cr_assert_eq(word_load_relaxed(&pushed[i]->state) / TASK_REF, 1);
		end_and_unref(pushed[i]);
	}
	adds_up();
	end();
}

Test(registry, lets_a_task_end_while_it_cancels_it)
{
	begin_with_taker();
	for (int i = 0; i < 12; i++)
		idle_task((unsigned)i % 2);
	on_push = end_and_unref;
	pirn__registry_cancel_all(&r);
	cr_assert_eq(pushes, 12);
	adds_up();
	end();
}

static struct pirn_task late[64];
static int told;

/* In a shard that was looked through already, and in one that is to come. */
static void link_two_more(struct pirn_task *t)
{
	(void)t;
	for (unsigned worker = 0; worker < 2; worker++) {
		struct pirn_task *new = &late[2 * pushes - 1 - (int)worker];

		word_init(&new->state, TASK_OWNED | TASK_REF);
		cr_assert_eq(admit(worker, 1), 0);
		told += pirn__registry_link(&r, worker, new);
	}
}

Test(registry, tells_those_that_link_later_that_they_are_to_end)
{
	begin_with_taker();
	for (int i = 0; i < 8; i++)
		idle_task((unsigned)i % 2);
	told = 0;
	on_push = link_two_more;
	pirn__registry_cancel_all(&r);
	cr_assert_eq(pushes, 8);
	cr_assert_eq(told, 16);
	for (int i = 0; i < 8; i++)
		end_and_unref(pushed[i]);
	for (int i = 0; i < 16; i++)
		end_task(0, &late[i]);
	adds_up();
	end();
}
