/* SPDX-License-Identifier: MIT */
/* Bodies that wait for each kind of lock, and hold it across an await, dropped at each point. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "bodies.h"
#include "driver.h"
#include "pirn.h"
#include "pirn_mutex.h"
#include "pirn_once.h"
#include "pirn_rwlock.h"
#include "pirn_semaphore.h"

#define VISITORS 3

static struct {
	struct pirn_semaphore two;
	struct pirn_rwlock rw;
	struct pirn_once once;
	struct pirn_mutex mutex;
	struct pirn_condition free;
	bool busy; /* under the mutex */
	/* how many hold it */
	int permits, readers, writers, users;
	const char *wrong;
} place;

static void check(bool good, const char *wrong)
{
	if (!good && !place.wrong)
		place.wrong = wrong;
}

/* What it has entered, it leaves in its finally part at the latest. */
static void enter(int **now, int *count, int most)
{
	*now = count;
	check(++*count <= most, "too many at once");
}

static void leave(int **now)
{
	if (*now)
		--**now;
	*now = NULL;
}

/* ---- a semaphore --------------------------------------------------------------------------- */

struct guest {
	struct pirn_future future;
	void *own;
	int *in;
	struct pirn_semaphore_acquire permit;
};

PIRN_ASYNC(guest, f)
{
	PIRN_BEGIN(f);
	f->permit = pirn_semaphore_acquire(&place.two, 1);
	PIRN_YIELD(f); /* made, and not polled yet */
	PIRN_AWAIT(f, &f->permit.future);
	enter(&f->in, &place.permits, 2);
	PIRN_YIELD(f);
	leave(&f->in);
	pirn_drop(&f->permit.future);
	PIRN_YIELD(f);
	f->permit = pirn_semaphore_acquire(&place.two, 2);
	PIRN_AWAIT(f, &f->permit.future);
	enter(&f->in, &place.permits, 1);
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	leave(&f->in);
	pirn_drop(&f->permit.future);
	driver_give(f->own);
	PIRN_END(f);
}

/* ---- an rwlock ----------------------------------------------------------------------------- */

struct reader {
	struct pirn_future future;
	void *own;
	int *in;
	struct pirn_rwlock_lock lock;
};

PIRN_ASYNC(reader, f)
{
	PIRN_BEGIN(f);
	f->lock = pirn_rwlock_read(&place.rw);
	PIRN_AWAIT(f, &f->lock.future);
	enter(&f->in, &place.readers, VISITORS);
	check(place.writers == 0, "a reader beside a writer");
	PIRN_YIELD(f);
	leave(&f->in);
	pirn_rwlock_unlock(&f->lock);
	f->lock = pirn_rwlock_write(&place.rw);
	PIRN_AWAIT(f, &f->lock.future);
	enter(&f->in, &place.writers, 1);
	check(place.readers == 0, "a writer beside a reader");
	PIRN_YIELD(f);
	leave(&f->in);
	pirn_rwlock_downgrade(&f->lock);
	enter(&f->in, &place.readers, VISITORS);
	PIRN_YIELD(f);
	check(place.writers == 0, "a writer has come in between");
	PIRN_FINALLY(f);
	leave(&f->in);
	pirn_rwlock_unlock(&f->lock);
	driver_give(f->own);
	PIRN_END(f);
}

/* ---- what must be done once ---------------------------------------------------------------- */

struct user {
	struct pirn_future future;
	void *own;
	struct pirn_once_begin begin;
};

PIRN_ASYNC(user, f)
{
	PIRN_BEGIN(f);
	f->begin = pirn_once_begin(&place.once);
	PIRN_AWAIT(f, &f->begin.future);
	if (f->begin.must) {
		check(place.users == 0, "done twice");
		PIRN_YIELD(f);
		place.users = 1;
		pirn_once_done(&f->begin);
	}
	check(place.users == 1, "not done");
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->begin.future);
	driver_give(f->own);
	PIRN_END(f);
}

/* ---- a mutex and a condition --------------------------------------------------------------- */

/* Makes a lock of both, and waits for it without holding the mutex. */
struct taker {
	struct pirn_future future;
	void *own;
	bool mine;
	struct pirn_mutex_lock lock;
	struct pirn_condition_wait wait;
};

PIRN_ASYNC(taker, f)
{
	PIRN_BEGIN(f);
	f->lock = pirn_mutex_lock(&place.mutex);
	PIRN_AWAIT(f, &f->lock.future);
	while (place.busy) {
		f->wait = pirn_condition_wait(&place.free, &f->lock);
		PIRN_AWAIT(f, &f->wait.future);
	}
	place.busy = f->mine = true;
	PIRN_YIELD(f);
	pirn_mutex_unlock(&f->lock);
	PIRN_YIELD(f);
	f->lock = pirn_mutex_lock(&place.mutex);
	PIRN_AWAIT(f, &f->lock.future);
	check(place.busy, "it was taken away");
	place.busy = f->mine = false;
	pirn_condition_notify(&place.free, 1);
	PIRN_YIELD(f); /* who was notified waits for the mutex */
	PIRN_FINALLY(f);
	if (f->mine) {
		place.busy = false; /* all is on one thread */
		pirn_condition_notify(&place.free, 1);
	}
	pirn_mutex_unlock(&f->lock);
	driver_give(f->own);
	PIRN_END(f);
}

/* ---- some of one kind at once: one is the root, the others are tasks ----------------------- */

/* What all frames begin with. */
struct visitor {
	struct pirn_future future;
	void *own;
};

static union {
	struct visitor visitor;
	struct guest guest;
	struct reader reader;
	struct user user;
	struct taker taker;
} frame;

static struct pirn_future *make_visitor(struct driver *d, const struct pirn_future_ops *ops)
{
	memset(&frame, 0, sizeof(frame));
	frame.visitor.future.ops = ops;
	frame.visitor.own = driver_take(d);
	return &frame.visitor.future;
}

static struct pirn_future *make_visitors(struct driver *d, void *arg)
{
	const struct pirn_future_ops *ops = arg;

	memset(&place, 0, sizeof(place));
	pirn_semaphore_init(&place.two, 2);
	for (int i = 1; i < VISITORS; i++) {
		struct pirn_future *f = make_visitor(d, ops);

		if (pirn_spawn_on(&d->executor, NULL, f, "a visitor") != 0)
			pirn_drop(f);
	}
	return make_visitor(d, ops);
}

static const char *leaves_nothing(struct driver *d, void *arg)
{
	struct pirn_semaphore_acquire both;
	struct pirn_rwlock_lock rw;
	struct pirn_mutex_lock lock;
	struct pirn_once_begin begin;

	check(pirn_semaphore_try_acquire(&place.two, 2, &both) == 0, "a permit was kept");
	check(pirn_rwlock_try_write(&place.rw, &rw) == 0, "an rwlock was kept");
	check(pirn_mutex_try_lock(&place.mutex, &lock) == 0 && !place.busy, "a mutex was kept");
	check(pirn_once_try_begin(&place.once, &begin) == 0, "somebody is at it for ever");
	check(place.permits == 0 && place.readers == 0 && place.writers == 0, "somebody is in");
	return place.wrong ? place.wrong : ends_well(d, arg);
}

Test(drop, of_bodies_with_a_semaphore)
{
	survives(make_visitors, leaves_nothing, (void *)&guest_ops);
}

Test(drop, of_bodies_with_an_rwlock)
{
	survives(make_visitors, leaves_nothing, (void *)&reader_ops);
}

Test(drop, of_bodies_with_what_must_be_done_once)
{
	survives(make_visitors, leaves_nothing, (void *)&user_ops);
}

Test(drop, of_bodies_with_a_mutex_and_a_condition)
{
	survives(make_visitors, leaves_nothing, (void *)&taker_ops);
}
