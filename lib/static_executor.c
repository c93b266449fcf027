/* SPDX-License-Identifier: MIT */
/* The static executor: a loop (loop.c) whose tasks lie in the user's arrays. Freestanding. */
#include "config.h"

#include "pirn_static.h"

#if __STDC_HOSTED__
# include <errno.h>
#endif

#include "loop.h"

_Static_assert(sizeof(struct pirn_static) >= sizeof(struct loop), "a loop lies in it");
_Static_assert(sizeof(struct pirn_static_head) == sizeof(struct loop_task), "it is one");
_Static_assert(sizeof(struct pirn_static_tail) == sizeof(struct loop_tail), "it is one");

static struct loop *loop_of(struct pirn_static *ex)
{
	return (struct loop *)(void *)ex;
}

void pirn_static_init(struct pirn_static *ex, void (*notify)(void *), void *arg)
{
	struct loop *l = loop_of(ex);

	pirn__loop_init(l);
	l->notify = notify;
	l->arg = arg;
}

/* Its task has ended, and neither handle nor waker is left; or it never had one. */
static bool is_free(struct loop_task *t)
{
	/* [F4] Without acquire we could use it while the last one who dropped a waker does. */
	return !t->waker.ops || half_load_acquire(&t->foreign) == LOOP_ENDED;
}

static struct loop_task *room(const struct pirn_static_tasks *tasks)
{
	for (size_t i = 0; i < tasks->count; i++) {
		char *at = (char *)tasks->first + i * tasks->size;

		if (is_free((struct loop_task *)(void *)at))
			return (struct loop_task *)(void *)at;
	}
	return NULL;
}

int pirn_static_spawn_at(struct pirn_static *ex, struct pirn_task **out,
			 const struct pirn_static_tasks *tasks, struct pirn_future *f,
			 const char *place)
{
	struct loop_task *t;
	size_t size;

	if (!f->ops || f->at != 0)
		pirn_trap(place, 0, "spawn of a future that is empty or was polled");
	size = f->ops->size;
	if (size > tasks->size - sizeof(struct loop_task) - sizeof(struct loop_tail))
		pirn_trap(place, 0, "spawn of a future into room for a smaller one");
	t = room(tasks);
	if (!t)
		return -ENOMEM;
	pirn__loop_task_init(loop_of(ex), t, &pirn__loop_interrupt_ops, place, tasks->size, out);
	__builtin_memcpy((void *)loop_future(t), f, size);
	__builtin_memset((void *)f, 0, size);
	if (out)
		*out = (struct pirn_task *)(void *)t;
	pirn__loop_start(loop_of(ex), t);
	return 0;
}

bool pirn_static_poll(struct pirn_static *ex)
{
	return pirn__loop_poll(loop_of(ex));
}

bool pirn_static_idle(struct pirn_static *ex)
{
	return pirn__loop_idle(loop_of(ex));
}
