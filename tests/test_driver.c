/* SPDX-License-Identifier: MIT */
/* The drop driver itself: bodies with a mistake, which it must find. */
#include "config.h"

#include <criterion/criterion.h>

#include "bodies.h"
#include "driver.h"
#include "pirn.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"

static void is_found(driver_make *make, const char *what)
{
	struct driver_report r = driver_each_drop(make, NULL, NULL);

	cr_assert_not_null(r.wrong);
	cr_assert_str_eq(r.wrong, what);
}

/* Right only where it is not dropped while it naps. */
struct forgetful {
	struct pirn_future future;
	void *own, *answer;
	struct driver *d;
	struct pirn_yield nap;
};

PIRN_ASYNC(forgetful, f)
{
	PIRN_BEGIN(f);
	f->answer = driver_take(f->d);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	driver_give(f->answer);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_forgetful(struct driver *d, void *arg)
{
	static struct forgetful f;

	(void)arg;
	f = (struct forgetful){ PIRN_INIT(forgetful), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(driver, finds_a_finally_part_that_forgets_a_release)
{
	struct driver_report r = driver_each_drop(make_forgetful, NULL, NULL);

	cr_assert_not_null(r.wrong);
	cr_assert_str_eq(r.wrong, "a thing was not given back");
	cr_assert_str_eq(r.run, "root a task, seed 0, jobs taken back, drop at point 1");
	cr_assert_eq(r.runs, 3, "undisturbed it is right, and unpolled");
}

/* Finally drops one of the two branches: right only where the other one won. */
struct careless {
	struct pirn_future future;
	struct napper slow, quick;
	struct pirn_select select;
	struct driver *d;
};

PIRN_ASYNC(careless, f)
{
	PIRN_BEGIN(f);
	f->slow = napper(f->d, 2, 0);
	f->quick = napper(f->d, 1, 0);
	f->select = pirn_select(&f->slow.future, &f->quick.future, NULL, NULL);
	PIRN_AWAIT(f, &f->select.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->slow.future);
	PIRN_END(f);
}

static struct pirn_future *make_careless(struct driver *d, void *arg)
{
	static struct careless f;

	(void)arg;
	f = (struct careless){ PIRN_INIT(careless), .d = d };
	return &f.future;
}

Test(driver, finds_a_loser_that_nobody_drops)
{
	is_found(make_careless, "a thing was not given back");
}

struct eager {
	struct pirn_future future;
	void *own;
	struct pirn_yield nap;
};

PIRN_ASYNC(eager, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	driver_give(f->own);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_eager(struct driver *d, void *arg)
{
	static struct eager f;

	(void)arg;
	f = (struct eager){ PIRN_INIT(eager), .own = driver_take(d) };
	return &f.future;
}

Test(driver, finds_what_is_released_twice)
{
	is_found(make_eager, "a thing was given back twice");
}

/* A leaf that keeps a waker, which nobody wakes, and has no drop, which is another mistake. */
struct sink {
	struct pirn_future future;
	struct pirn_waker *waker;
};

static enum pirn_poll sink_poll(struct pirn_future *f, struct pirn_context *cx)
{
	f->at = 1;
	pirn_waker_keep(&((struct sink *)(void *)f)->waker, cx);
	return PIRN_PENDING;
}

static const struct pirn_future_ops sink_ops = {
	.name = "sink",
	.file = __FILE__,
	.size = sizeof(struct sink),
	.poll = sink_poll,
};

static struct pirn_future *make_sink(struct driver *d, void *arg)
{
	static struct sink f;

	(void)d;
	(void)arg;
	f = (struct sink){ .future = { .ops = &sink_ops } };
	return &f.future;
}

Test(driver, finds_a_future_that_nobody_wakes)
{
	is_found(make_sink, "the root waits for ever");
}

/* The same beside a future that ends. */
struct kitchen {
	struct pirn_future future;
	struct sink sink;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(kitchen, f)
{
	PIRN_BEGIN(f);
	f->sink = (struct sink){ .future = { .ops = &sink_ops } };
	f->nap = pirn_yield();
	f->select = pirn_select(&f->sink.future, &f->nap.future, NULL, NULL);
	PIRN_AWAIT(f, &f->select.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->sink.future);
	PIRN_END(f);
}

static struct pirn_future *make_kitchen(struct driver *d, void *arg)
{
	static struct kitchen f;

	(void)d;
	(void)arg;
	f = (struct kitchen){ PIRN_INIT(kitchen) };
	return &f.future;
}

Test(driver, finds_a_leaf_that_does_not_drop_its_waker)
{
	is_found(make_kitchen, "memory was not given back");
}

struct restless {
	struct pirn_future future;
};

PIRN_ASYNC(restless, f)
{
	PIRN_BEGIN(f);
	for (;;)
		PIRN_YIELD(f);
	PIRN_END(f);
}

static struct pirn_future *make_restless(struct driver *d, void *arg)
{
	static struct restless f;

	(void)d;
	(void)arg;
	f = (struct restless){ PIRN_INIT(restless) };
	return &f.future;
}

Test(driver, finds_a_body_that_goes_round_and_round)
{
	is_found(make_restless, "it goes round and round");
}

/* Right as long as nobody gives the call up while it runs. */
struct lookup {
	struct driver *d;
	void *answer;
};

static int lookup(struct lookup *l)
{
	l->answer = driver_take(l->d);
	return 0;
}

PIRN_UNBLOCK(lookup, NULL);

struct reader {
	struct pirn_future future;
	struct lookup_call call;
	struct driver *d;
};

PIRN_ASYNC(reader, f)
{
	PIRN_BEGIN(f);
	f->call = lookup_call((struct lookup){ .d = f->d });
	PIRN_TRY(f, &f->call.future);
	PIRN_FINALLY(f);
	driver_give(f->call.data.answer);
	PIRN_END(f);
}

static struct pirn_future *make_reader(struct driver *d, void *arg)
{
	static struct reader f;

	(void)arg;
	f = (struct reader){ PIRN_INIT(reader), .d = d };
	return &f.future;
}

Test(driver, finds_a_call_that_leaks_when_it_was_given_up_and_runs)
{
	struct driver_report r = driver_each_drop(make_reader, NULL, NULL);

	cr_assert_not_null(r.wrong);
	cr_assert_str_eq(r.wrong, "a thing was not given back");
	cr_assert_str_eq(r.run, "root a task, seed 0, jobs left to run, drop at point 1");
}

/* Right as long as the spawn succeeds. */
struct optimist {
	struct pirn_future future;
	struct napper work;
};

static void optimist_drop(struct pirn_future *f)
{
	if (f->at == 0)
		pirn_drop(&((struct optimist *)(void *)f)->work.future);
	pirn_async_drop(f);
}

PIRN_ASYNC_DROP(optimist, f, optimist_drop)
{
	PIRN_BEGIN(f);
	pirn_spawn(cx->executor, NULL, &f->work.future);
	PIRN_END(f);
}

static struct pirn_future *make_optimist(struct driver *d, void *arg)
{
	static struct optimist f;

	(void)arg;
	f = (struct optimist){ PIRN_INIT(optimist), .work = napper(d, 1, 0) };
	return &f.future;
}

Test(driver, finds_a_body_that_does_not_bear_a_failed_spawn)
{
	struct driver_report r = driver_each_drop(make_optimist, NULL, NULL);

	cr_assert(!r.wrong, "%s: %s", r.run, r.wrong);
	r = driver_each_failure(make_optimist, NULL, NULL);
	cr_assert_not_null(r.wrong);
	cr_assert_str_eq(r.wrong, "a thing was not given back");
}

static const char *dislikes_all(struct driver *d, void *arg)
{
	(void)d;
	return arg;
}

Test(driver, asks_the_check_about_every_run)
{
	struct driver_report r = driver_each_drop(make_build, dislikes_all, (void *)"no");

	cr_assert_str_eq(r.wrong, "no");
	cr_assert_eq(r.runs, 1);
}

Test(driver, counts_points_and_drops_at_each)
{
	int good = 0;
	struct driver_report r = driver_each_drop(make_napper, NULL, &good);

	/* Undisturbed, unpolled, and behind each of three naps: in seven orders, in four ways. */
	cr_assert_geq(r.runs, 5 * 7 * 4);
	cr_assert_eq(r.drops, r.runs - 7 * 4);
}
