/* SPDX-License-Identifier: MIT */
/* Who of the workers sleeps, and who is timed. All of them are this thread, which never waits. */
#include "config.h"

#include <criterion/criterion.h>

#include "sleep.h"

#define WORKERS 4

static struct sleep s;
static struct bed bed[WORKERS];

static void begin(void)
{
	pirn__sleep_init(&s, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		pirn__parker_init(&bed[i].parker);
}

static void end(void)
{
	for (int i = 0; i < WORKERS; i++)
		pirn__parker_deinit(&bed[i].parker);
	pirn__sleep_deinit(&s);
}

TestSuite(sleep, .init = begin, .fini = end);

static bool asleep(int i)
{
	return list_linked(&bed[i].node);
}

/* It was sent for: the sleep ends at once. */
static void gets_up(int i)
{
	cr_assert_not(asleep(i));
	cr_assert(pirn__sleep_stay(&s, &bed[i], 0, 0), "who was notified searches");
}

/* Its time was up. */
static void gets_up_by_itself(int i)
{
	cr_assert(asleep(i));
	cr_assert(pirn__sleep_stay(&s, &bed[i], 1, 0));
}

Test(sleep, times_one_of_those_who_sleep_while_others_run)
{
	cr_expect(pirn__sleep_lie_down(&s, &bed[0], false));
	cr_expect_not(pirn__sleep_lie_down(&s, &bed[1], false));
	cr_expect_not(pirn__sleep_lie_down(&s, &bed[2], false));
	gets_up_by_itself(0);
	cr_expect(pirn__sleep_lie_down(&s, &bed[0], true), "there is none else");
}

Test(sleep, times_nobody_where_nobody_runs)
{
	for (int i = 0; i < WORKERS; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	gets_up_by_itself(0);
	cr_expect_not(pirn__sleep_lie_down(&s, &bed[0], true));
}

Test(sleep, notifies_the_last_who_lay_down_and_the_timed_one_last_of_all)
{
	for (int i = 0; i < 3; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	gets_up_by_itself(0);
	cr_assert(pirn__sleep_lie_down(&s, &bed[0], true));
	for (int i = 2; i >= 0; i--) {
		pirn__sleep_notify(&s);
		gets_up(i);
		pirn__sleep_stop_search(&s);
	}
}

Test(sleep, notifies_nobody_while_somebody_searches)
{
	pirn__sleep_lie_down(&s, &bed[0], false);
	pirn__sleep_lie_down(&s, &bed[1], false);
	pirn__sleep_notify(&s);
	pirn__sleep_notify(&s);
	cr_expect(asleep(0));
	gets_up(1);
	pirn__sleep_notify(&s);
	cr_expect(asleep(0));
	pirn__sleep_stop_search(&s);
	pirn__sleep_notify(&s);
	gets_up(0);
}

Test(sleep, lets_one_search_that_nobody_has_notified)
{
	pirn__sleep_lie_down(&s, &bed[0], false);
	cr_expect(pirn__sleep_search(&s));
	cr_expect_not(pirn__sleep_search(&s), "one is enough");
	pirn__sleep_notify(&s);
	cr_expect(asleep(0), "it will see the work");
	pirn__sleep_lie_down(&s, &bed[1], true);
	pirn__sleep_notify(&s);
	gets_up(1);
}

Test(sleep, leaves_work_in_the_own_queue_to_the_timed_one)
{
	pirn__sleep_lie_down(&s, &bed[0], false);
	pirn__sleep_lie_down(&s, &bed[1], false);
	pirn__sleep_notify_own(&s);
	cr_expect(asleep(0) && asleep(1));
}

/* All slept when the timed one lay down again, and it is the one that comes to run. */
Test(sleep, notifies_of_work_in_the_own_queue_where_nobody_is_timed)
{
	for (int i = 0; i < WORKERS; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	gets_up_by_itself(0);
	pirn__sleep_lie_down(&s, &bed[0], true);
	pirn__sleep_notify(&s);
	gets_up(0);
	pirn__sleep_stop_search(&s);
	cr_expect(asleep(1) && asleep(2) && asleep(3));
	pirn__sleep_notify_own(&s);
	gets_up(3);
}

Test(sleep, gets_another_one_up_where_the_timed_one_does_not_stay_down)
{
	for (int i = 0; i < 3; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	cr_expect_not(pirn__sleep_get_up(&s, &bed[0]), "its last look found something");
	gets_up(2);
	cr_expect(pirn__sleep_lie_down(&s, &bed[2], true), "it finds nothing, and is the next");
	cr_expect(asleep(1));
}

Test(sleep, gets_another_one_up_where_the_timed_one_goes_to_work)
{
	for (int i = 0; i < 3; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	gets_up_by_itself(0);
	cr_expect(asleep(1) && asleep(2), "while it searches nobody else need to");
	pirn__sleep_stop_search(&s);
	gets_up(2);
	cr_expect(pirn__sleep_lie_down(&s, &bed[2], true), "it finds nothing, and is the next");
	cr_expect(asleep(1));
}

Test(sleep, gets_nobody_up_where_one_alone_goes_to_work)
{
	for (int i = 0; i < WORKERS; i++)
		pirn__sleep_lie_down(&s, &bed[i], false);
	pirn__sleep_notify(&s);
	gets_up(3);
	pirn__sleep_stop_search(&s);
	for (int i = 0; i < 3; i++)
		cr_expect(asleep(i));
	pirn__sleep_notify_own(&s);
	cr_expect(asleep(1) && asleep(2) && asleep(0), "one is timed still");
}
