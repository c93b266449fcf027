/* SPDX-License-Identifier: MIT */
/*
 * A freestanding build has this file instead of task.c and trap.c: every task is one of a loop, and
 * nobody is there to read what a trap has to say. Not part of libpirn.
 */
#include "config.h"

#include "loop.h"
#include "pirn.h"

__attribute__((weak)) void pirn_trap(const char *file, unsigned line, const char *what)
{
	(void)file;
	(void)line;
	(void)what;
	__builtin_trap();
}

bool pirn_task_is_finished(struct pirn_task *t)
{
	return pirn__loop_is_finished(t);
}

struct pirn_future *pirn_task_future(struct pirn_task *t)
{
	return pirn__loop_future(t);
}

const char *pirn_task_name(const struct pirn_task *t)
{
	const struct pirn_future *f = (const void *)((const struct loop_task *)(const void *)t + 1);

	return f->ops ? f->ops->name : NULL;
}

const char *pirn_task_place(const struct pirn_task *t)
{
	return ((const struct loop_task *)(const void *)t)->place;
}

void pirn_task_detach(struct pirn_task *t)
{
	if (t)
		pirn__loop_detach(t);
}

void pirn_task_abort(struct pirn_task *t)
{
	if (t)
		pirn__loop_abort(t);
}

static void join_drop(struct pirn_future *f)
{
	if (f->at == REGISTERED)
		pirn__loop_stop_waiting(((struct pirn_join *)(void *)f)->task);
}

const struct pirn_future_ops pirn_join_ops = {
	.name = "join",
	.file = __FILE__,
	.size = sizeof(struct pirn_join),
	.poll = pirn__loop_join_poll,
	.drop = join_drop,
};

static void cancel_drop(struct pirn_future *f)
{
	if (f->at == REGISTERED)
		pirn__loop_stop_waiting(((struct pirn_cancel *)(void *)f)->task);
}

const struct pirn_future_ops pirn_cancel_ops = {
	.name = "cancel",
	.file = __FILE__,
	.size = sizeof(struct pirn_cancel),
	.poll = pirn__loop_cancel_poll,
	.drop = cancel_drop,
};
