/* SPDX-License-Identifier: MIT */
/* How tasks are made: of a future, of many, or with room to build one in place. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "executor.h"
#include "task.h"

/*
 * Rounded to the sizes that jemalloc serves fast and glibc does not mind: 64, 96, 128, 192, 256,
 * 384, 512.
 */
static size_t block_size(size_t size)
{
	size_t step = size <= 128 ? 32 : size <= 256 ? 64 : size <= 512 ? 128 : 16;

	return (size + step - 1) / step * step;
}

/* Moves a future into its task, and leaves nothing but zeroes. */
static void move(struct pirn_task *t, struct pirn_future *f, size_t size)
{
	memcpy((void *)task_future(t), f, size);
	memset((void *)f, 0, size);
}

/* A task with room for a future of this size; NULL: out of memory. */
static struct pirn_task *make(struct pirn_executor *ex, size_t frame)
{
	const struct pirn_memory *memory = &ex->platform->memory;
	size_t size = block_size(sizeof(struct pirn_task) + frame + ex->tail);
	struct pirn_task *t = NULL;

	if (frame < UINT32_MAX - 256)
		t = memory->alloc(memory, size);
	if (!t)
		return NULL;
	t->waker.ops = &pirn__task_waker_ops;
	t->joiner = NULL;
	t->entry = 0;
	t->size = (uint32_t)size;
	return t;
}

static void be_born(struct pirn_task *t, bool handle, const char *place)
{
	word_init(&t->state, TASK_OWNED | TASK_FRESH | TASK_REF | (handle ? TASK_HANDLE : 0));
	t->place = place;
}

static void unmake(const struct pirn_memory *memory, struct pirn_task *t)
{
	memory->free(memory, t, t->size);
}

static void must_be_there(const struct pirn_executor *ex, const char *place)
{
	if (!ex)
		pirn_trap(place, 0, "a spawn without an executor: pirn_spawn has a default");
}

static void must_be_new(const struct pirn_future *f, const char *place)
{
	if (!f->ops || f->at != 0)
		pirn_trap(place, 0, "spawn of a future that is empty or was polled");
}

int pirn_spawn_on(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
		  const char *place)
{
	struct pirn_task *t;
	size_t frame;
	int err;

	must_be_there(ex, place);
	must_be_new(f, place);
	frame = f->ops->size;
	t = make(ex, frame);
	if (!t)
		return -ENOMEM;
	be_born(t, out, place);
	t->at.next = NULL;
	err = ex->ops->admit(ex, t, 1);
	if (err) {
		unmake(&ex->platform->memory, t);
		return err;
	}
	move(t, f, frame);
	if (out)
		*out = t;
	ex->ops->start(ex, t, t);
	return 0;
}

static struct pirn_future *nth(struct pirn_future *f, size_t n, size_t size)
{
	return (struct pirn_future *)(void *)((char *)f + n * size);
}

int pirn_spawn_many_on(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
		       size_t n, const char *place)
{
	struct pirn_task *newest = NULL, *oldest = NULL;
	size_t frame;
	int err = 0;

	if (n == 0)
		return 0;
	must_be_there(ex, place);
	must_be_new(f, place);
	frame = f->ops->size;
	for (size_t i = 0; i < n && err == 0; i++) {
		struct pirn_future *source = nth(f, i, frame);
		struct pirn_task *t;

		must_be_new(source, place);
		if (source->ops != f->ops)
			pirn_trap(place, 0, "spawn_many of futures of different types");
		t = make(ex, frame);
		if (t) {
			be_born(t, out, place);
			t->at.next = newest;
			newest = t;
			oldest = oldest ? oldest : t;
		} else {
			err = -ENOMEM;
		}
	}
	if (err == 0)
		err = ex->ops->admit(ex, newest, n);
	if (err) {
		while (newest) {
			struct pirn_task *next = newest->at.next;

			unmake(&ex->platform->memory, newest);
			newest = next;
		}
		return err;
	}
	for (struct pirn_task *t = newest; t; t = t->at.next) {
		move(t, nth(f, --n, frame), frame);
		if (out)
			out[n] = t;
	}
	ex->ops->start(ex, newest, oldest);
	return 0;
}

/* ---- built in place ------------------------------------------------------------------------ */

static struct pirn_task *task_of(struct pirn_future *f)
{
	return (struct pirn_task *)(void *)f - 1;
}

void *pirn_task_new(struct pirn_executor *ex, const struct pirn_future_ops *ops)
{
	struct pirn_task *t;

	must_be_there(ex, ops->file);
	t = make(ex, ops->size);
	if (!t)
		return NULL;
	t->at.executor = ex;
	memset(task_future(t), 0, ops->size);
	pirn_future_init(task_future(t), ops);
	return task_future(t);
}

int pirn_task_start_at(struct pirn_task **out, struct pirn_future *f, const char *place)
{
	struct pirn_task *t = task_of(f);
	struct pirn_executor *ex = t->at.executor;
	int err;

	must_be_new(f, place);
	be_born(t, out, place);
	t->at.next = NULL;
	err = ex->ops->admit(ex, t, 1);
	if (err) {
		t->at.executor = ex;
		return err;
	}
	if (out)
		*out = t;
	ex->ops->start(ex, t, t);
	return 0;
}

void pirn_task_discard(struct pirn_future *f)
{
	if (!f)
		return;
	pirn_drop(f);
	unmake(&task_of(f)->at.executor->platform->memory, task_of(f));
}
