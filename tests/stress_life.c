/* SPDX-License-Identifier: MIT */
/*
 * Everything that may be done to a task, in every order: foreign threads and the tasks themselves
 * spawn, wake, clone and drop wakers, join, cancel, detach, abort, ask for the end and read the
 * result, of tasks of whoever made them, while the pool is freed, and behind that. Each future is
 * dropped once, and nothing is left.
 *
 * A handle travels in a *parcel*, with the join or cancel that may be pending on it; who takes a
 * parcel off a shelf is the one who may use it. A pending one goes on with another waker where it
 * is polled next, on a thread or in a task.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

#define THREADS 3
#define LIVES 250 /* tasks, or more, in the life of a pool */
#define SHELVES 6
#define MAGIC 0x600d1eafu

static struct faulty host;
static struct pirn_executor *pool;
static _Atomic(struct parcel *) parcels[SHELVES];
static _Atomic(struct pirn_waker *) wakers[SHELVES];
static struct race_gate gate = { .n = THREADS };
static atomic_bool freed;
static atomic_uint freer, lives; /* of this pool; relaxed */
static unsigned long pools;
static atomic_ulong made, dropped, things; /* things: heap blocks of this file, not given back */

/* What was done: all of it should have been, and often. Relaxed. */
enum done {
	SPAWNED,
	REFUSED,
	WOKEN,
	CLONED,
	JOIN_ENDED,
	JOIN_DROPPED,
	CANCEL_ENDED,
	CANCEL_DROPPED,
	MOVED,
	BLOCKED_ON,
	DETACHED,
	ABORTED,
	READ,
	TICKED,
	BEHIND_THE_POOL,
	KINDS
};
static const char *const done_name[KINDS] = {
	"spawned",       "refused",         "woken",
	"wakers cloned", "joins ended",     "joins dropped",
	"cancels ended", "cancels dropped", "moved to another waker",
	"waited for",    "detached",        "aborted",
	"results read",  "ticks",           "done behind the pool's end",
};
static atomic_ulong done[KINDS];

static void did(enum done what)
{
	atomic_fetch_add_explicit(&done[what], 1, memory_order_relaxed);
}

/* A block that knows whether it is there. */
struct thing {
	unsigned magic;
};

static void *take(size_t size)
{
	struct thing *t = calloc(1, size);

	RACE_CHECK(t, "no memory");
	t->magic = MAGIC;
	atomic_fetch_add_explicit(&things, 1, memory_order_relaxed);
	return t;
}

static void give(void *thing)
{
	struct thing *t = thing;

	RACE_CHECK(t->magic == MAGIC, "given back twice");
	t->magic = 0;
	free(t);
	atomic_fetch_sub_explicit(&things, 1, memory_order_relaxed);
}

/* ---- a thread's waker: a counted block, unlike a bell on the stack --------------------------- */

struct ticket {
	struct thing thing;
	struct pirn_waker waker;
	atomic_uint refs, wakes;
};

static struct ticket *ticket_of(struct pirn_waker *w)
{
	return (struct ticket *)(void *)((char *)w - offsetof(struct ticket, waker));
}

static struct pirn_waker *ticket_clone(struct pirn_waker *w)
{
	atomic_fetch_add_explicit(&ticket_of(w)->refs, 1, memory_order_relaxed);
	return w;
}

static void ticket_wake_by_ref(struct pirn_waker *w)
{
	atomic_fetch_add_explicit(&ticket_of(w)->wakes, 1, memory_order_relaxed);
}

static void ticket_drop(struct pirn_waker *w)
{
	if (atomic_fetch_sub_explicit(&ticket_of(w)->refs, 1, memory_order_acq_rel) == 1)
		give(ticket_of(w));
}

static void ticket_wake(struct pirn_waker *w)
{
	ticket_wake_by_ref(w);
	ticket_drop(w);
}

static const struct pirn_waker_ops ticket_ops = {
	.clone = ticket_clone,
	.wake = ticket_wake,
	.wake_by_ref = ticket_wake_by_ref,
	.drop = ticket_drop,
};

/* ---- wakers on shelves ----------------------------------------------------------------------- */

static void use_waker_up(struct pirn_waker *w, struct race_random *random)
{
	if (!w)
		return;
	if (race_below(random, 2)) {
		did(WOKEN);
		pirn_waker_wake(w);
	} else {
		pirn_waker_drop(w);
	}
}

static void shelve_waker(struct pirn_waker *w, struct race_random *random)
{
	use_waker_up(atomic_exchange(&wakers[race_below(random, SHELVES)], w), random);
}

static void use_some_waker(struct race_random *random)
{
	struct pirn_waker *w = atomic_exchange(&wakers[race_below(random, SHELVES)], NULL);

	if (!w)
		return;
	for (unsigned n = race_below(random, 4); n > 0; n--) {
		did(WOKEN);
		pirn_waker_wake_by_ref(w);
		race_linger(random);
	}
	if (race_below(random, 2)) {
		did(CLONED);
		shelve_waker(pirn_waker_clone(w), random);
	}
	if (race_below(random, 2))
		shelve_waker(w, random);
	else
		use_waker_up(w, random);
}

/* ---- parcels --------------------------------------------------------------------------------- */

/* The task of every handle here; its body comes below. */
struct subject {
	struct pirn_future future;
	struct race_random random;
	struct thing *own;
	struct thing *result;  /* from READY on */
	struct parcel *parcel; /* of another one, that it waits for */
	unsigned steps;
};

struct parcel {
	struct thing thing;
	struct pirn_task *task;
	enum { NOTHING, JOIN, CANCEL } pending; /* which future was made and has not ended */
	bool polled;
	struct pirn_join join;
	struct pirn_cancel cancel;
};

static void drop_pending(struct parcel *p)
{
	if (p->pending == JOIN) {
		pirn_drop(&p->join.future);
		did(JOIN_DROPPED);
	} else if (p->pending == CANCEL) {
		pirn_drop(&p->cancel.future);
		did(CANCEL_DROPPED);
	}
	p->pending = NOTHING;
}

static void end_parcel(struct parcel *p, struct race_random *random)
{
	if (!p)
		return;
	drop_pending(p);
	if (race_below(random, 2)) {
		pirn_task_abort(p->task);
		did(ABORTED);
	} else {
		pirn_task_detach(p->task);
		did(DETACHED);
	}
	give(p);
}

static void shelve(struct parcel *p, struct race_random *random)
{
	end_parcel(atomic_exchange(&parcels[race_below(random, SHELVES)], p), random);
}

static struct parcel *take_parcel(struct race_random *random)
{
	return atomic_exchange(&parcels[race_below(random, SHELVES)], NULL);
}

/* The result is there from the end on, unless the task was cancelled. */
static void look(struct parcel *p)
{
	bool finished = pirn_task_is_finished(p->task);
	struct subject *s = (struct subject *)(void *)pirn_task_future(p->task);

	RACE_CHECK(strstr(pirn_task_place(p->task), "stress_life.c:"), "no place");
	if (!s)
		return;
	RACE_CHECK(finished || pirn_task_is_finished(p->task), "a result before the end");
	RACE_CHECK(s->result->magic == MAGIC, "not a result");
	did(READ);
}

static struct pirn_future *pending_of(struct parcel *p, struct race_random *random)
{
	if (p->pending == NOTHING) {
		p->pending = race_below(random, 4) ? JOIN : CANCEL;
		p->polled = false;
		if (p->pending == JOIN)
			p->join = pirn_join(p->task);
		else
			p->cancel = pirn_cancel(p->task);
	}
	return p->pending == JOIN ? &p->join.future : &p->cancel.future;
}

static void check_ended(struct parcel *p)
{
	bool result = pirn_task_future(p->task);
	int err = p->pending == JOIN ? p->join.future.err : p->cancel.future.err;

	RACE_CHECK(pirn_task_is_finished(p->task), "reported an end that was none");
	RACE_CHECK(err == (p->pending == JOIN && !result ? -ECANCELED : 0), "err %d", err);
	did(p->pending == JOIN ? JOIN_ENDED : CANCEL_ENDED);
	p->pending = NOTHING;
}

/* Polls what is pending, or something new. True: that has ended. */
static bool poll_parcel(struct parcel *p, struct pirn_context *cx, struct race_random *random)
{
	struct pirn_future *f = pending_of(p, random);

	if (p->polled)
		did(MOVED);
	p->polled = true;
	if (pirn_poll(f, cx) == PIRN_PENDING)
		return false;
	check_ended(p);
	return true;
}

static void poll_with_ticket(struct parcel *p, struct race_random *random)
{
	struct ticket *ticket = take(sizeof(*ticket));
	struct pirn_context cx;

	ticket->waker.ops = &ticket_ops;
	atomic_init(&ticket->refs, 1);
	atomic_init(&ticket->wakes, 0);
	pirn_context_init(&cx, &ticket->waker, NULL);
	for (unsigned n = 1 + race_below(random, 3); n > 0; n--) {
		if (poll_parcel(p, &cx, random))
			break;
		race_linger(random);
	}
	pirn_waker_drop(&ticket->waker);
}

/* Only a cancel: a join may never end. */
static void wait_for_end(struct parcel *p)
{
	drop_pending(p);
	p->pending = CANCEL;
	p->cancel = pirn_cancel(p->task);
	RACE_CHECK(pirn_block_on(&p->cancel.future) == 0, "a cancel failed");
	check_ended(p);
	did(BLOCKED_ON);
}

static void use_some_parcel(struct race_random *random)
{
	struct parcel *p = take_parcel(random);

	if (!p)
		return;
	look(p);
	switch (race_below(random, 8)) {
	case 0:
		wait_for_end(p);
		look(p);
		break;
	case 1:
		drop_pending(p);
		break;
	case 2:
		end_parcel(p, random);
		return;
	default:
		poll_with_ticket(p, random);
	}
	shelve(p, random);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static const struct pirn_future_ops subject_ops;

/* Its handle, or NULL: it has none, or was refused. */
static struct parcel *spawn(struct race_random *random)
{
	struct subject s = { { .ops = &subject_ops }, .random = { race_next(random) } };
	struct parcel *p = race_below(random, 8) ? take(sizeof(*p)) : NULL;
	int err;

	s.own = take(sizeof(*s.own));
	s.steps = race_below(random, 6);
	atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed);
	err = pirn_spawn(pool, p ? &p->task : NULL, &s.future);
	RACE_CHECK(err == 0 || err == -ESHUTDOWN, "spawn gave %d", err);
	did(err ? REFUSED : SPAWNED);
	pirn_drop(&s.future); /* empty, if it was spawned */
	if (p && err) {
		give(p);
		p = NULL;
	}
	return p;
}

static void spawn_and_shelve(struct race_random *random)
{
	struct parcel *p = spawn(random);

	if (p)
		shelve(p, random);
}

static bool wait_for_another(struct subject *s, struct pirn_context *cx)
{
	if (!s->parcel) /* a new one may be run in place */
		s->parcel = race_below(&s->random, 2) ? spawn(&s->random) : take_parcel(&s->random);
	if (!s->parcel)
		return false;
	if (poll_parcel(s->parcel, cx, &s->random) || race_below(&s->random, 2)) {
		shelve(s->parcel, &s->random); /* pending or not: somebody else goes on */
		s->parcel = NULL;
		return false;
	}
	return true;
}

static enum pirn_poll subject_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct subject *s = (struct subject *)(void *)f;

	RACE_CHECK(s->own->magic == MAGIC, "polled behind its drop");
	f->at = 1;
	switch (race_below(&s->random, 8)) {
	case 0:
		spawn_and_shelve(&s->random);
		break;
	case 1:
	case 2:
		if (wait_for_another(s, cx))
			return PIRN_PENDING;
		break;
	case 3:
		use_some_waker(&s->random);
		break;
	default:
		shelve_waker(pirn_waker_clone(cx->waker), &s->random);
	}
	race_linger(&s->random);
	if (s->steps-- == 0) {
		end_parcel(s->parcel, &s->random);
		s->parcel = NULL;
		s->result = take(sizeof(*s->result));
		return PIRN_READY;
	}
	if (race_below(&s->random, 2))
		pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

static void subject_drop(struct pirn_future *f)
{
	struct subject *s = (struct subject *)(void *)f;

	RACE_CHECK(!s->result == (f->at != PIRN_AT_READY), "a result where there is none");
	if (s->result)
		give(s->result);
	end_parcel(s->parcel, &s->random);
	s->parcel = NULL;
	give(s->own);
	/* Dropped unfinished: on a worker, perhaps of a pool that is being freed. */
	if (f->at == 1 && race_below(&s->random, 8) == 0)
		spawn_and_shelve(&s->random);
	atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

static const struct pirn_future_ops subject_ops = {
	.name = "subject",
	.file = __FILE__,
	.size = sizeof(struct subject),
	.poll = subject_poll,
	.drop = subject_drop,
};

/* ---- threads --------------------------------------------------------------------------------- */

/* What needs no pool. */
static void do_something(struct race_random *random)
{
	if (race_below(random, 2))
		use_some_waker(random);
	else
		use_some_parcel(random);
}

static void work_with_pool(struct race_random *random)
{
	while (atomic_load_explicit(&lives, memory_order_relaxed) < LIVES) {
		switch (race_below(random, 8)) {
		case 0:
			RACE_CHECK(pirn_executor_try_tick(pool) >= 0, "no tick");
			did(TICKED);
			break;
		case 1:
		case 2:
			spawn_and_shelve(random);
			break;
		default:
			do_something(random);
		}
	}
}

static void end_pool(unsigned me, struct race_random *random)
{
	if (me == atomic_load_explicit(&freer, memory_order_relaxed)) {
		for (unsigned n = race_below(random, 8); n > 0; n--)
			race_linger(random);
		pirn_executor_free(pool);
		atomic_store_explicit(&freed, true, memory_order_relaxed);
	} else {
		while (!atomic_load_explicit(&freed, memory_order_relaxed))
			do_something(random);
	}
	for (unsigned n = race_below(random, 32); n > 0; n--) {
		do_something(random);
		did(BEHIND_THE_POOL);
	}
}

/* Nothing is left of the pool, nor of its tasks; then the next one. */
static void next_pool(struct race_random *random, bool more)
{
	struct pirn_pool_config config = { .platform = &host.platform };

	for (int i = 0; pool && i < SHELVES; i++) {
		end_parcel(atomic_exchange(&parcels[i], NULL), random);
		use_waker_up(atomic_exchange(&wakers[i], NULL), random);
	}
	RACE_CHECK(made == dropped, "%lu futures made, %lu dropped", made, dropped);
	RACE_CHECK(things == 0, "%lu blocks left by the tasks", things);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	if (!more)
		return;
	config.threads = 1 + race_below(random, 3);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	atomic_store(&freed, false);
	atomic_store(&lives, 0);
	atomic_store(&freer, race_below(random, THREADS));
}

static void *play(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(me + 1);

	for (unsigned long i = 0; i < pools; i++) {
		race_meet(&gate);
		work_with_pool(&random);
		race_meet(&gate); /* who frees the pool knows that nobody else uses it */
		end_pool(me, &random);
		race_meet(&gate);
		if (me == 0)
			next_pool(&random, i + 1 < pools);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];
	struct race_random random;

	pools = race_begin(argc, argv, 400);
	random = race_stream(0);
	faulty_init(&host);
	next_pool(&random, true);
	for (uintptr_t i = 0; i < THREADS; i++)
		thread[i] = race_thread(play, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	race_say("%lu pools, %lu tasks", pools, atomic_load(&made));
	for (int i = 0; i < KINDS; i++) {
		race_say("%lu %s", atomic_load(&done[i]), done_name[i]);
		RACE_CHECK(atomic_load(&done[i]) > 0, "none %s", done_name[i]);
	}
	return 0;
}
