/* SPDX-License-Identifier: MIT */
/* Bodies of every kind, dropped at each point and refused each thing they ask for. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "bodies.h"
#include "driver.h"
#include "pirn.h"
#include "pirn_blocking.h"
#include "thread.h"

/* ---- awaits: one in a loop, nested ones, a yield, an error --------------------------------- */

Test(drop, of_a_loop_that_awaits)
{
	int good = 0, bad = -EIO;

	survives(make_napper, ends_well, &good);
	survives(make_napper, ends_with_eio, &bad);
}

Test(drop, of_a_body_that_awaits_bodies_and_yields)
{
	int good = 0, bad = -EIO;

	survives(make_nested, ends_well, &good);
	survives(make_nested, ends_with_eio, &bad);
}

/* ---- select and all: what else is pending, finally drops ----------------------------------- */

struct race {
	struct pirn_future future;
	struct driver *d;
	void *own;
	bool fair;
	struct napper slow, quick;
	struct pirn_select select;
	struct pirn_future *other;
	struct pirn_select_of rest;
};

PIRN_ASYNC(race, f)
{
	PIRN_BEGIN(f);
	f->slow = napper(f->d, 4, 0);
	f->quick = napper(f->d, 2, 0);
	f->select = pirn_select(&f->slow.future, &f->quick.future, NULL, NULL);
	f->select.fair = f->fair;
	PIRN_AWAIT(f, &f->select.future);
	f->other = f->select.won == &f->slow.future ? &f->quick.future : &f->slow.future;
	PIRN_YIELD(f); /* the loser is pending, and nobody awaits it */
	f->rest = pirn_select_of(&f->other, 1);
	f->rest.fair = f->fair;
	PIRN_TRY(f, &f->rest.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->slow.future);
	pirn_drop(&f->quick.future);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_race(struct driver *d, void *arg)
{
	static struct race f;

	pirn__thread.turn = 0; /* the same way in each run */
	f = (struct race){ PIRN_INIT(race), .d = d, .own = driver_take(d), .fair = *(bool *)arg };
	return &f.future;
}

Test(drop, of_a_select_whose_losers_finally_drops)
{
	bool fair = true, in_order = false;

	survives(make_race, ends_well, &fair);
	survives(make_race, ends_well, &in_order);
}

struct crowd {
	struct pirn_future future;
	struct driver *d;
	void *own;
	int result;
	struct napper member[3];
	struct pirn_future *branch[3];
	struct pirn_try_all all;
};

PIRN_ASYNC(crowd, f)
{
	PIRN_BEGIN(f);
	for (int i = 0; i < 3; i++) {
		f->member[i] = napper(f->d, i * 2, i == 1 ? f->result : 0);
		f->branch[i] = &f->member[i].future;
	}
	PIRN_YIELD(f); /* made, and not polled yet */
	f->all = pirn_try_all(f->branch, 3);
	PIRN_TRY(f, &f->all.future);
	PIRN_FINALLY(f);
	for (int i = 0; i < 3; i++)
		pirn_drop(&f->member[i].future);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_crowd(struct driver *d, void *arg)
{
	static struct crowd f;

	f = (struct crowd){ PIRN_INIT(crowd), .d = d, .own = driver_take(d),
			    .result = *(int *)arg };
	return &f.future;
}

Test(drop, of_try_all_and_its_branches)
{
	int good = 0, bad = -EIO;

	survives(make_crowd, ends_well, &good);
	survives(make_crowd, ends_with_eio, &bad);
}

/* The same, but only the future over them drops the members. */
enum over { ALL, TRY_ALL, RACE };

struct team {
	struct pirn_future future;
	struct driver *d;
	void *own;
	enum over over;
	int result;
	struct napper member[3];
	struct pirn_future *branch[4];
	struct pirn_all all;
	struct pirn_try_all try_all;
	struct pirn_race race;
};

PIRN_ASYNC(team, f)
{
	static const int naps[] = { 3, 1, 2 };

	PIRN_BEGIN(f);
	for (int i = 0; i < 3; i++) {
		f->member[i] = napper(f->d, naps[i], i == 1 ? f->result : 0);
		f->branch[i] = &f->member[i].future;
	}
	f->all = pirn_all(f->branch, 4);
	f->try_all = pirn_try_all(f->branch, 4);
	f->race = pirn_race(f->branch, 4);
	PIRN_TRY(f, f->over == ALL       ? &f->all.future
		    : f->over == TRY_ALL ? &f->try_all.future
					 : &f->race.future);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

struct team_spec {
	enum over over;
	int result;
};

static struct pirn_future *make_team(struct driver *d, void *arg)
{
	struct team_spec *spec = arg;
	static struct team f;

	f = (struct team){ PIRN_INIT(team), .d = d, .own = driver_take(d), .over = spec->over,
			   .result = spec->result };
	return &f.future;
}

Test(drop, of_those_that_drop_their_branches)
{
	for (enum over over = ALL; over <= RACE; over++) {
		struct team_spec good = { over, 0 }, bad = { over, -EIO };

		survives(make_team, ends_well, &good);
		survives(make_team, ends_with_eio, &bad);
	}
}

/* ---- a result that owns something ---------------------------------------------------------- */

Test(drop, of_a_body_whose_result_nobody_takes)
{
	survives(make_build, ends_well, NULL);
}

struct owner {
	struct pirn_future future;
	void *own, *taken;
	struct build build;
	struct pirn_yield nap;
	struct driver *d;
};

PIRN_ASYNC(owner, f)
{
	PIRN_BEGIN(f);
	f->build = build(f->d);
	PIRN_TRY(f, &f->build.future);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future); /* READY, and not taken */
	f->taken = f->build.result;
	f->build.result = NULL;
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future); /* taken */
	PIRN_FINALLY(f);
	pirn_drop(&f->build.future);
	driver_give(f->taken);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_owner(struct driver *d, void *arg)
{
	static struct owner f;

	(void)arg;
	f = (struct owner){ PIRN_INIT(owner), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_a_body_that_takes_a_result)
{
	survives(make_owner, ends_well, NULL);
}

/* ---- blocking calls ------------------------------------------------------------------------ */

struct fetch {
	struct driver *d;
	void *question, *answer;
};

static int fetch(struct fetch *f)
{
	f->answer = driver_take(f->d);
	return f->answer ? 0 : -ENOMEM;
}

static void fetch_release(struct fetch *f)
{
	driver_give(f->question);
	driver_give(f->answer);
}

PIRN_UNBLOCK(fetch, fetch_release);

static int thrice(int n)
{
	return 3 * n;
}

PIRN_UNBLOCK_FN(int, thrice, int);

struct caller {
	struct pirn_future future;
	struct driver *d;
	void *own, *answer;
	struct thrice_call first;
	struct fetch_call second;
};

PIRN_ASYNC(caller, f)
{
	PIRN_BEGIN(f);
	f->first = thrice_call(14);
	PIRN_TRY(f, &f->first.future);
	if (!f->first.call.ran || f->first.result != 42)
		PIRN_RETURN(f, -EBADMSG);
	f->second = fetch_call((struct fetch){ .d = f->d, .question = driver_take(f->d) });
	PIRN_YIELD(f); /* made, and not started yet */
	PIRN_TRY(f, &f->second.future);
	PIRN_YIELD(f); /* READY, and not taken */
	f->answer = f->second.data.answer;
	f->second.data.answer = NULL;
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->second.future);
	driver_give(f->answer);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_caller(struct driver *d, void *arg)
{
	static struct caller f;

	(void)arg;
	f = (struct caller){ PIRN_INIT(caller), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_blocking_calls)
{
	survives(make_caller, ends_well, NULL);
}

/* Three calls at once, one of which is waited for no longer when the others are there. */
struct callers {
	struct pirn_future future;
	struct driver *d;
	void *own;
	struct fetch_call call[3];
	struct pirn_select select;
	int i;
};

PIRN_ASYNC(callers, f)
{
	PIRN_BEGIN(f);
	for (int i = 0; i < 3; i++)
		f->call[i] = fetch_call((struct fetch){ .d = f->d, .question = driver_take(f->d) });
	for (f->i = 0; f->i < 2; f->i++) {
		struct pirn_future *left[3];

		for (int i = 0; i < 3; i++) {
			bool ended = f->call[i].future.at == PIRN_AT_READY;

			left[i] = ended ? NULL : &f->call[i].future;
		}
		f->select = pirn_select(left[0], left[1], left[2], NULL);
		PIRN_TRY(f, &f->select.future);
	}
	PIRN_FINALLY(f);
	for (int i = 0; i < 3; i++)
		pirn_drop(&f->call[i].future);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_callers(struct driver *d, void *arg)
{
	static struct callers f;

	(void)arg;
	f = (struct callers){ PIRN_INIT(callers), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_many_blocking_calls_of_which_one_is_given_up)
{
	survives(make_callers, ends_well, NULL);
}

/* A call is a future of its own: dropped while it is queued, while it runs, and when it has run. */
static struct pirn_future *make_call(struct driver *d, void *arg)
{
	static struct fetch_call f;

	(void)arg;
	f = fetch_call((struct fetch){ .d = d, .question = driver_take(d) });
	return &f.future;
}

Test(drop, of_a_blocking_call_by_itself)
{
	survives(make_call, ends_well, NULL);
}

Test(call, keeps_no_copy_of_its_data_while_the_job_has_it)
{
	struct driver d;
	struct fetch_call f;

	driver_init(&d);
	f = fetch_call((struct fetch){ .d = &d, .question = driver_take(&d) });
	cr_assert_eq(driver_poll(&d, &f.future), PIRN_PENDING);
	cr_assert_null(f.data.question);
	driver_run(&d);
	cr_assert(d.woken);
	cr_assert_eq(driver_poll(&d, &f.future), PIRN_READY);
	cr_assert_not_null(f.data.question);
	cr_assert_not_null(f.data.answer);
	pirn_drop(&f.future);
	cr_assert_null(driver_end(&d), "%s", d.wrong);
}

Test(call, that_was_not_run_says_so_and_has_its_data_back)
{
	struct driver d;
	struct fetch_call f;

	driver_init(&d);
	f = fetch_call((struct fetch){ .d = &d, .question = driver_take(&d) });
	d.fail_at = d.asked + 2; /* the submission, behind the job's memory */
	cr_assert_eq(driver_poll(&d, &f.future), PIRN_READY);
	cr_assert_eq(f.future.err, -EAGAIN);
	cr_assert_not(f.call.ran);
	cr_assert_not_null(f.data.question);
	pirn_drop(&f.future);
	cr_assert_null(driver_end(&d), "%s", d.wrong);
}

Test(call, that_is_queued_when_the_executor_ends_is_ecanceled)
{
	struct driver d;
	struct fetch_call f;

	driver_init(&d);
	f = fetch_call((struct fetch){ .d = &d, .question = driver_take(&d) });
	cr_assert_eq(driver_poll(&d, &f.future), PIRN_PENDING);
	d.closing = true;
	driver_run(&d);
	cr_assert_eq(driver_poll(&d, &f.future), PIRN_READY);
	cr_assert_eq(f.future.err, -ECANCELED);
	cr_assert_not(f.call.ran);
	pirn_drop(&f.future);
	cr_assert_null(driver_end(&d), "%s", d.wrong);
}
