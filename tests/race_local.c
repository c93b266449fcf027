/* SPDX-License-Identifier: MIT */
/*
 * The owner of a local queue pushes, pops and takes back, thieves steal: each task that went in
 * comes out once, with what was written into it before.
 */
#include "config.h"

#include "local.h"
#include "race.h"

#define THIEVES 2
#define TASKS 512

static struct local q, own[THIEVES];
static struct pirn_task task[TASKS];
static atomic_uint taken[TASKS], done, gone;
static struct race_gate gate = { .n = THIEVES + 1 };
static unsigned long rounds, stolen;

static void got(struct pirn_task *t)
{
	/* A plain field: seen half made, or by two at once, it is a race. */
	RACE_CHECK(t->size == t->entry + 1, "task %u was seen before it was written", t->entry);
	t->size = 0;
	RACE_CHECK(atomic_fetch_add(&taken[t->entry], 1) == 0, "task %u came out twice", t->entry);
	atomic_fetch_add(&gone, 1);
}

static void *thief(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(1 + self);
	unsigned long n = 0;

	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		while (!atomic_load(&done) || atomic_load(&gone) < TASKS) {
			struct pirn_task *t = local_pop(&own[self]);
			struct sight seen;

			if (!t)
				t = local_steal(&q, &own[self]);
			if (!t)
				t = local_steal(&own[1 - self], &own[self]);
			if (t) {
				got(t);
				n++;
			} else if (local_look(&q, &seen)) {
				local_waits(&q, &seen);
			}
			race_linger(&random);
		}
		race_meet(&gate);
	}
	__atomic_fetch_add(&stolen, n, __ATOMIC_RELAXED);
	return NULL;
}

static void push_one(unsigned i, bool back, bool half)
{
	struct pirn_task *many[LOCAL_HALF];

	task[i].entry = i;
	task[i].size = i + 1;
	while (back ? !local_push_back(&q, &task[i]) : !local_push(&q, &task[i])) {
		struct pirn_task *t = half ? NULL : local_pop(&q);

		if (t)
			got(t);
		for (unsigned n = half ? local_take_newer(&q, many) : 0; n > 0; n--)
			got(many[n - 1]);
	}
}

int main(int argc, char **argv)
{
	struct race_random random;
	pthread_t thread[THIEVES];

	rounds = race_begin(argc, argv, 300);
	random = race_stream(0);
	local_init(&q);
	for (unsigned i = 0; i < THIEVES; i++)
		local_init(&own[i]);
	for (unsigned i = 0; i < THIEVES; i++)
		thread[i] = race_thread(thief, (void *)(uintptr_t)i);
	for (unsigned long r = 0; r < rounds; r++) {
		struct pirn_task *t;

		for (unsigned i = 0; i < TASKS; i++)
			atomic_store(&taken[i], 0);
		atomic_store(&gone, 0);
		atomic_store(&done, 0);
		race_meet(&gate);
		for (unsigned i = 0; i < TASKS; i++) {
			push_one(i, race_below(&random, 2), race_below(&random, 2));
			if (race_below(&random, 4) == 0 && (t = local_pop(&q)))
				got(t);
			if (race_below(&random, 8) == 0 && local_take(&q, &task[i]))
				got(&task[i]);
		}
		/* What is left is the thieves' alone, or everybody's. */
		while (r % 2 && (t = local_pop(&q)))
			got(t);
		atomic_store(&done, 1);
		race_await(&gone, TASKS);
		race_meet(&gate);
	}
	for (unsigned i = 0; i < THIEVES; i++)
		pthread_join(thread[i], NULL);
	RACE_CHECK(stolen > 0, "nothing was ever stolen");
	race_say("%lu of %lu stolen", stolen, rounds * TASKS);
	return 0;
}
