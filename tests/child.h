/* SPDX-License-Identifier: MIT */
/* What the suites about tasks run: a child that does what the test says, on the driver. */
#ifndef CHILD_H
#define CHILD_H

#include <criterion/criterion.h>

#include "driver.h"
#include "pirn.h"
#include "pirn_pool.h"

/* What a child is told to do, and what became of it. */
struct life {
	bool end;        /* the next poll is READY */
	int err, value;  /* with these */
	bool keep_waker; /* a poll keeps it in waker; the test drops it */
	struct pirn_waker *waker;
	struct pirn_task *handle;
	void (*in_poll)(struct life *, struct pirn_context *);
	int polls, drops;
};

struct child {
	struct pirn_future future;
	struct life *life;
	long value; /* no padding behind it: tests compare bytes */
};

static inline enum pirn_poll child_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct child *c = (struct child *)(void *)f;
	struct life *me = c->life;

	c->future.at = 1;
	me->polls++;
	if (me->keep_waker)
		pirn_waker_keep(&me->waker, cx);
	if (me->in_poll)
		me->in_poll(me, cx);
	if (!me->end)
		return PIRN_PENDING;
	c->value = me->value;
	c->future.err = me->err;
	return PIRN_READY;
}

static inline void child_drop(struct pirn_future *f)
{
	((struct child *)(void *)f)->life->drops++;
}

static const struct pirn_future_ops child_ops = {
	.name = "child",
	.file = __FILE__,
	.size = sizeof(struct child),
	.poll = child_poll,
	.drop = child_drop,
};

static inline struct child child(struct life *of)
{
	struct child c = { .life = of };

	pirn_future_init(&c.future, &child_ops);
	return c;
}

static struct driver d;
static struct life life; /* static: the executor is ended behind the test */

static inline void begin(void)
{
	driver_init(&d);
}

/* Every test ends with an executor that has everything back. */
static inline void end(void)
{
	const char *wrong = driver_end(&d);

	cr_expect_null(wrong, "%s", wrong ? wrong : "");
}

static inline struct pirn_task *spawn(struct life *of)
{
	struct child c = child(of);
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(&d.executor, &t, &c.future), 0);
	return t;
}

static inline void spawn_detached(struct life *of)
{
	struct child c = child(of);

	cr_assert_eq(pirn_spawn(&d.executor, NULL, &c.future), 0);
}

static inline bool all_zero(const void *memory, size_t size)
{
	const unsigned char *p = memory;

	while (size--)
		if (*p++)
			return false;
	return true;
}

#endif
