/* SPDX-License-Identifier: MIT */
/* Where threads sleep: unparks are kept, time-outs are told, and staying awake must pay. */
#include "config.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "park.h"
#include "thread.h"

#define MS UINT64_C(1000000)

static void *unpark(void *parker)
{
	pirn__unpark(parker);
	return NULL;
}

Test(park, an_unpark_that_comes_first_is_kept)
{
	struct parker p;

	pirn__parker_init(&p);
	pirn__unpark(&p);
	pirn__unpark(&p); /* two count as one */
	pirn__park(&p);
	cr_assert_not(pirn__park_for(&p, MS));
	pirn__parker_deinit(&p);
}

Test(park, another_thread_ends_it)
{
	struct parker p;
	pthread_t thread;

	pirn__parker_init(&p);
	cr_assert_eq(pthread_create(&thread, NULL, unpark, &p), 0);
	pirn__park(&p);
	pthread_join(thread, NULL);
	pirn__parker_deinit(&p);
}

Test(park, who_lingers_sees_an_unpark)
{
	struct parker p;
	pthread_t thread;

	pirn__parker_init(&p);
	for (int i = 0; i < 100; i++) {
		pirn__thread.linger = 100000;
		cr_assert_eq(pthread_create(&thread, NULL, unpark, &p), 0);
		pirn__park(&p);
		pthread_join(thread, NULL);
	}
	pirn__parker_deinit(&p);
}

/* At rest nobody is awake: a few waits that were long, and the next one sleeps at once. */
Test(park, long_waits_end_the_lingering)
{
	struct parker p;

	pirn__parker_init(&p);
	pirn__thread.linger = 100000;
	for (int i = 0; i < 5; i++)
		cr_assert_not(pirn__park_for(&p, MS));
	cr_assert_eq(pirn__thread.linger, 0);
	pirn__parker_deinit(&p);
}
