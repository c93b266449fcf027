/* SPDX-License-Identifier: MIT */
/*
 * A worker: takes a task, polls it, puts it back if it was woken meanwhile; sleeps.
 *
 * Where it looks, in this order: its own queue; the injector, from which it takes some at once;
 * the queues of others. Every TURN polls the injector has its turn, and one of the others. From
 * those it takes only what it has seen wait for STEAL_NS: a task that its worker gets to in time
 * costs less where it is than on another processor. What has waited that long shows a worker that
 * does not keep up, and is stolen from at once until nothing is left.
 */
#include "config.h"

#include <sched.h>

#include "pool.h"
#include "thread.h"

#define TURN 61u          /* polls, after which the injector and the others have their turn */
#define INJECTOR_TAKE 32u /* tasks at a time, into the own ring */
#define STEAL_NS 20000u   /* a fifth of what it costs here to have a thread woken */
#define LOOKS 16u         /* between two readings of the clock */
#define IN_PLACE 262144   /* bytes of stack */

/* Nanoseconds that the timed one sleeps: doubled while it looks in vain. */
#define DOZE_FIRST 125000u
#define DOZE_LAST 1000000u

/*
 * The oldest task of the injector; some that follow go into the own ring, where others find them.
 * *more: there are more, in either. Sent back by an overflow they might never be polled.
 */
static struct pirn_task *take_injected(struct worker *w, bool *more)
{
	unsigned room = local_room(&w->local);
	struct pirn_task *rest = NULL, *t;

	t = pirn__injector_take(&w->pool->injector, room < INJECTOR_TAKE ? room : INJECTOR_TAKE,
				&rest, more);
	while (rest) {
		struct pirn_task *next = rest->at.next;

		local_push_back(&w->local, rest);
		local_keep(&w->local);
		*more = true;
		rest = next;
	}
	return t;
}

/* Watches what was seen in the queue of another. True: it has waited there for STEAL_NS. */
static bool waits_long(struct pool *p, struct worker *v, const struct sight *seen)
{
	const struct pirn_platform *platform = p->executor.platform;
	uint64_t start = platform->now(platform);

	do {
		for (unsigned i = 0; i < LOOKS; i++) {
			if (!local_waits(&v->local, seen))
				return false;
			spin_hint();
		}
		if (pirn__injector_hint(&p->injector))
			return false;
	} while (platform->now(platform) - start < STEAL_NS);
	return true;
}

static struct pirn_task *steal(struct worker *w)
{
	struct pool *p = w->pool;
	unsigned self = (unsigned)(w - p->worker);
	struct pirn_task *t = w->victim ? local_steal(&w->victim->local, &w->local) : NULL;

	if (t)
		return t;
	w->victim = NULL;
	for (unsigned i = 1, n = half_load_relaxed(&p->used); i < n && !t; i++) {
		struct worker *v = &p->worker[(self + i) % n];
		struct sight seen;

		if (!local_look(&v->local, &seen) || !waits_long(p, v, &seen))
			continue;
		t = local_steal(&v->local, &w->local);
		w->victim = v;
	}
	return t;
}

/* Found a task; *more: there was another one. Sees to it that somebody comes for the others. */
static void go_to_work(struct worker *w, bool more)
{
	struct pool *p = w->pool;

	w->doze = DOZE_FIRST;
	if (w->searching) {
		w->searching = false;
		pirn__sleep_stop_search(&p->sleep);
		more = more || pirn__injector_some(&p->injector);
	}
	if (more)
		pirn__sleep_notify(&p->sleep);
}

/* Has it something else to do than to sleep? */
static bool is_called(struct worker *w)
{
	struct half *goodbye = w->taken ? &w->pool->leaving : &w->pool->stopping;

	/* Whoever calls, or says goodbye, does so before an unpark, which orders it. */
	return half_load_relaxed(goodbye) || (w->called && half_load_relaxed(w->called));
}

/*
 * Searches for as long as that pays. A push sees it and notifies nobody, which is cheaper for both
 * than a bed. since: when it began; 0: it did not.
 */
static struct pirn_task *wait_awake(struct worker *w, bool *more, uint64_t *since)
{
	struct pool *p = w->pool;
	struct pirn_task *t = NULL;

	*since = 0;
	if (pirn__thread.linger == 0)
		return NULL;
	if (!w->searching)
		w->searching = pirn__sleep_search(&p->sleep);
	if (!w->searching)
		return NULL;
	*since = pirn__wait_begins();
	while (!t && !is_called(w) && pirn__wait_awake(*since)) {
		for (unsigned i = 0; i < LOOKS && !pirn__injector_hint(&p->injector); i++)
			spin_hint();
		if (pirn__injector_hint(&p->injector))
			t = take_injected(w, more);
		else
			t = steal(w);
		if (!t)
			sched_yield();
	}
	if (t)
		pirn__wait_ends(*since, true);
	return t;
}

/* Lies down, but for a last look. The task that it found then; NULL: it slept. */
static struct pirn_task *sleep_unless(struct worker *w, bool *more, uint64_t since)
{
	struct pool *p = w->pool;
	bool searched = w->searching, timed, called;
	struct pirn_task *t;

	if (half_load_relaxed(&p->closing))
		pirn__unpark(&p->ended);
	timed = pirn__sleep_lie_down(&p->sleep, &w->bed, searched);
	t = take_injected(w, more);
	called = is_called(w);
	if (t || called) {
		w->searching = pirn__sleep_get_up(&p->sleep, &w->bed);
		/* It stopped searching when it lay down: the look that is due then. */
		if (t && searched && !w->searching)
			*more = *more || pirn__injector_some(&p->injector);
		return t;
	}
	w->searching = pirn__sleep_stay(&p->sleep, &w->bed, timed ? w->doze : 0, since);
	if (timed && w->doze < DOZE_LAST)
		w->doze *= 2;
	return NULL;
}

/* A task from outside of the own queue, which is empty. NULL: as pirn__worker_next. */
static struct pirn_task *find_task(struct worker *w, bool wait)
{
	for (;;) {
		bool more = false;
		uint64_t since = 0;
		struct pirn_task *t = take_injected(w, &more);

		if (!t)
			t = steal(w);
		if (!t && !wait && pirn__injector_hint(&w->pool->injector))
			t = take_injected(w, &more); /* it has come while we looked elsewhere */
		if (!t && wait)
			t = wait_awake(w, &more, &since);
		if (!t && wait && !is_called(w))
			t = sleep_unless(w, &more, since);
		if (t || !wait || is_called(w)) {
			go_to_work(w, more);
			return t;
		}
	}
}

/*
 * One that has work of its own looks at the others as well, one at a time, so that nothing waits
 * behind a long poll for as long as all others are busy.
 */
static struct pirn_task *steal_in_passing(struct worker *w)
{
	const struct pirn_platform *platform = w->pool->executor.platform;
	struct worker *v = &w->pool->worker[w->watched];
	uint64_t now = platform->now(platform);

	if (w->watches && local_waits(&v->local, &w->sight))
		return now - w->since < STEAL_NS ? NULL : local_steal(&v->local, NULL);
	w->watched = (w->watched + 1) % half_load_relaxed(&w->pool->used);
	v = &w->pool->worker[w->watched];
	w->watches = v != w && local_look(&v->local, &w->sight);
	w->since = now;
	return NULL;
}

static struct pirn_task *take_turn(struct worker *w)
{
	struct pirn_task *t = NULL;
	bool more = false;

	if (pirn__injector_hint(&w->pool->injector))
		t = take_injected(w, &more);
	if (more)
		pirn__sleep_notify(&w->pool->sleep);
	return t ? t : steal_in_passing(w);
}

struct pirn_task *pirn__worker_next(struct worker *w, bool wait)
{
	struct pirn_task *t = ++w->polls % TURN == 0 ? take_turn(w) : NULL;

	if (!t)
		t = local_pop(&w->local);
	return t ? t : find_task(w, wait);
}

void pirn__worker_run(struct worker *w, struct pirn_task *t)
{
	if (half_load_relaxed(&w->pool->closing) >= POOL_CLOSING)
		pirn__task_cancel(t);
	if (pirn__task_run(t, &w->pool->executor, false))
		pirn__worker_push(w, t, true);
}

/*
 * The ring is full. A new task takes the newer half of it along into the injector, since more will
 * follow. One that was polled goes by itself: with as many tasks as that, all of which yield,
 * halves would be carried to and fro.
 */
static void overflow(struct worker *w, struct pirn_task *t, bool back)
{
	struct pirn_task *task[LOCAL_HALF + 1];
	unsigned n = back ? 0 : local_take_newer(&w->local, task);

	task[n] = t;
	pirn__injector_push_many(&w->pool->injector, task, n + 1);
	pirn__sleep_notify(&w->pool->sleep);
}

/* Takes a task into the own queue; behind all others if it was polled just now. */
void pirn__worker_push(struct worker *w, struct pirn_task *t, bool back)
{
	if (back ? local_push_back(&w->local, t) : local_push(&w->local, t))
		pirn__sleep_notify_own(&w->pool->sleep);
	else
		overflow(w, t, back);
}

/*
 * Takes the tasks of one spawn, linked from the newest to the oldest. What does not fit goes into
 * the injector at once.
 */
void pirn__worker_push_many(struct worker *w, struct pirn_task *newest, struct pirn_task *oldest)
{
	struct pool *p = w->pool;
	struct pirn_task *t;
	size_t n = 0;

	for (t = newest; t != oldest; t = t->at.next)
		n++; /* all but the one that it gets to itself */
	for (t = newest; t;) {
		struct pirn_task *next = t == oldest ? NULL : t->at.next;

		if (!local_push(&w->local, t)) {
			pirn__injector_push(&p->injector, t, oldest);
			break;
		}
		t = next;
	}
	pirn__sleep_notify_many(&p->sleep, n);
}

/* The middle of this thread's stack; where that cannot be had, here. To ask may read a file. */
static char *middle_of_stack(void)
{
	char *middle = (char *)__builtin_frame_address(0);
	pthread_attr_t attr;
	void *low;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return middle;
	if (pthread_attr_getstack(&attr, &low, &size) == 0)
		middle = (char *)low + size / 2;
	pthread_attr_destroy(&attr);
	return middle;
}

/* Joins in place may use what there is down to here: IN_PLACE bytes, and half of the stack. */
static char *floor_of_stack(void)
{
	char *floor = (char *)__builtin_frame_address(0) - IN_PLACE;

	if (!pirn__thread.middle)
		pirn__thread.middle = middle_of_stack();
	return floor < pirn__thread.middle ? pirn__thread.middle : floor;
}

void pirn__worker_begin(struct worker *w)
{
	w->before = pirn__thread.owner;
	pirn__thread.owner = &w->pool->executor;
	pirn__thread.worker = w;
	pirn__thread.floor = floor_of_stack();
	w->doze = DOZE_FIRST;
}

void pirn__worker_end(struct worker *w)
{
	struct pool *p = w->pool;
	struct pirn_task *t;
	bool some = false;

	while ((t = local_pop(&w->local))) {
		pirn__injector_push(&p->injector, t, t);
		some = true;
	}
	w->victim = NULL;
	w->watches = false;
	pirn__thread.owner = w->before;
	pirn__thread.worker = NULL;
	pirn__thread.floor = NULL;
	if (some)
		pirn__sleep_notify(&p->sleep);
}

void *pirn__worker(void *arg)
{
	struct worker *w = arg;
	const struct thread_setup *setup = &w->pool->setup;
	unsigned number = (unsigned)(w - w->pool->worker);
	struct pirn_task *t;

	pirn__thread.owner = &w->pool->executor;
	pirn__thread_begin(setup, false, number);
	pirn__worker_begin(w);
	while ((t = pirn__worker_next(w, true)))
		pirn__worker_run(w, t);
	pirn__worker_end(w);
	pirn__thread_end(setup, false, number);
	return NULL;
}
