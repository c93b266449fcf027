/* SPDX-License-Identifier: MIT */
/*
 * What the suites with the drop driver share. Each frame owns a thing from the start, which its
 * finally part gives back: so this part ran once.
 */
#ifndef BODIES_H
#define BODIES_H

#include <criterion/criterion.h>
#include <errno.h>

#include "driver.h"
#include "pirn.h"

static inline void survives(driver_make *make, driver_check *check, void *arg)
{
	struct driver_report r = driver_each_drop(make, check, arg);

	cr_assert(!r.wrong, "%s: %s", r.run, r.wrong);
	cr_assert_gt(r.drops, 0);
	r = driver_each_failure(make, check, arg);
	cr_assert(!r.wrong, "%s: %s", r.run, r.wrong);
	cr_assert_gt(r.failures, 0);
}

static inline const char *ends_well(struct driver *d, void *arg)
{
	(void)arg;
	if (d->dropped || d->fail_at)
		return NULL;
	return d->ended && d->err == 0 ? NULL : "it should have ended with 0";
}

static inline const char *ends_with_eio(struct driver *d, void *arg)
{
	(void)arg;
	if (d->dropped || d->fail_at)
		return NULL;
	return d->ended && d->err == -EIO ? NULL : "it should have ended with -EIO";
}

/* Awaits in a loop. */
struct napper {
	struct pirn_future future;
	void *own;
	int naps, result;
	struct pirn_yield nap;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	while (f->naps-- > 0) {
		f->nap = pirn_yield();
		PIRN_AWAIT(f, &f->nap.future);
	}
	PIRN_RETURN(f, f->result);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

static inline struct napper napper(struct driver *d, int naps, int result)
{
	return (struct napper){ PIRN_INIT(napper), .own = driver_take(d), .naps = naps,
				.result = result };
}

static inline struct pirn_future *make_napper(struct driver *d, void *arg)
{
	static struct napper f;

	f = napper(d, 3, *(int *)arg);
	return &f.future;
}

/* Awaits bodies, and yields. */
struct nested {
	struct pirn_future future;
	struct driver *d;
	void *own;
	int result, i;
	struct napper inner;
};

PIRN_ASYNC(nested, f)
{
	PIRN_BEGIN(f);
	for (f->i = 0; f->i < 2; f->i++) {
		PIRN_YIELD(f);
		f->inner = napper(f->d, 2, f->i == 1 ? f->result : 0);
		PIRN_TRY(f, &f->inner.future);
	}
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

static inline struct pirn_future *make_nested(struct driver *d, void *arg)
{
	static struct nested f;

	f = (struct nested){ PIRN_INIT(nested), .d = d, .own = driver_take(d),
			     .result = *(int *)arg };
	return &f.future;
}

/* Has a result that owns something. */
struct build {
	struct pirn_future future;
	struct driver *d;
	void *own, *result;
	struct napper work;
};

static inline void build_drop(struct pirn_future *f)
{
	struct build *b = (struct build *)(void *)f;

	pirn_async_drop(f);
	driver_give(b->result);
	b->result = NULL;
}

PIRN_ASYNC_DROP(build, f, build_drop)
{
	PIRN_BEGIN(f);
	f->work = napper(f->d, 2, 0);
	PIRN_TRY(f, &f->work.future);
	f->result = driver_take(f->d);
	if (!f->result)
		PIRN_RETURN(f, -ENOMEM);
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

static inline struct build build(struct driver *d)
{
	return (struct build){ PIRN_INIT(build), .d = d, .own = driver_take(d) };
}

static inline struct pirn_future *make_build(struct driver *d, void *arg)
{
	static struct build f;

	(void)arg;
	f = build(d);
	return &f.future;
}

#endif
