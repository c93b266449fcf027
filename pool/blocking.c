/* SPDX-License-Identifier: MIT */
/*
 * One lock around the queue, the idle threads and the counts, so that "is there a free thread, or
 * is one to be made" is one decision. User code, the platform's functions and system calls come
 * outside it, but for the very last unpark.
 *
 * Threads rise one at a time: a job that comes in notifies an idle thread, or makes one, only if
 * none is rising already; a thread that comes up and sees more jobs behind its own sends for the
 * next. So a burst of short jobs is served by the few threads that come up before it is over, and
 * jobs that block get a thread each, up to the maximum.
 *
 * A thread that cannot be made: the threads that run will serve the queue. It is tried again when
 * the next job comes in or the next thread takes one, but not within RETRY_NS. Where no thread
 * runs at all, every queued job ends with the error.
 *
 * A thread that ends is joined by the next one that ends, the last one by stop. Its record is
 * used again, and freed only with the pool: who notified it may still be looking at its parker.
 * (The last one of a pool that was abandoned is joined by nobody, and may free the pool.)
 */
#include "config.h"

#include "blocking.h"

#include <errno.h>
#include <string.h>

#include "pool.h"
#include "thread.h"

#define DEFAULT_MAX 256u
#define IDLE_NS UINT64_C(1000000000)
#define RETRY_NS UINT64_C(100000000)

struct blocking_thread {
	struct list node; /* on busy, on idle, or on records */
	struct parker parker;
	pthread_t thread; /* written by itself, read by who joins it */
	struct blocking *blocking;
	unsigned number;
	const struct pirn_future_ops *runs; /* while on busy */
};

void pirn__blocking_init(struct blocking *b, struct pirn_executor *ex,
			 const struct thread_setup *setup, unsigned max)
{
	memset(b, 0, sizeof(*b));
	b->executor = ex;
	b->platform = ex->platform;
	b->setup = setup;
	b->max = max ? max : DEFAULT_MAX;
	lock_init(&b->lock);
	list_init(&b->queue);
	list_init(&b->busy);
	list_init(&b->idle);
	list_init(&b->records);
}

void pirn__blocking_deinit(struct blocking *b)
{
	const struct pirn_memory *memory = &b->platform->memory;
	struct list *node;

	while ((node = list_pop_front(&b->records))) {
		struct blocking_thread *t = container_of(node, struct blocking_thread, node);

		pirn__parker_deinit(&t->parker);
		memory->free(memory, t, sizeof(*t));
	}
	lock_deinit(&b->lock);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *thread_body(void *arg);

static struct blocking_thread *record_new(struct blocking *b, unsigned number)
{
	const struct pirn_memory *memory = &b->platform->memory;
	struct blocking_thread *t = memory->alloc(memory, sizeof(*t));

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	pirn__parker_init(&t->parker);
	t->blocking = b;
	t->number = number;
	return t;
}

/* Makes a thread. Called, and returns, with the lock held; lets go of it. Returns 0 or -errno. */
static int make_thread(struct blocking *b)
{
	struct list *node = list_pop_front(&b->records);
	unsigned number = b->numbers;
	struct blocking_thread *t = NULL;
	uint64_t retry_at = 0;
	pthread_t thread;
	int err = -ENOMEM;

	b->threads++;
	b->rising++;
	if (!node)
		b->numbers++;
	unlock(&b->lock);
	t = node ? container_of(node, struct blocking_thread, node) : record_new(b, number);
	if (t)
		err = pirn__thread_start(b->setup, &thread, thread_body, t);
	if (err)
		retry_at = b->platform->now(b->platform) + RETRY_NS;
	lock(&b->lock);
	if (err) {
		if (t)
			list_push_front(&b->records, &t->node);
		else
			b->numbers--; /* still the last one: threads are made one at a time */
		b->threads--;
		b->rising--;
		b->retry_at = retry_at;
		if (b->threads == 0 && b->empty)
			pirn__unpark(b->empty);
	}
	return err;
}

/* With the lock held; lets go of it. False: the failure is long ago, and forgotten. */
static bool too_early(struct blocking *b)
{
	uint64_t retry_at = b->retry_at, now;

	unlock(&b->lock);
	now = b->platform->now(b->platform);
	lock(&b->lock);
	if (now < retry_at)
		return true;
	if (b->retry_at == retry_at)
		b->retry_at = 0;
	return false;
}

/*
 * If jobs wait and nobody is on the way to them, sends for a thread. Called, and returns, with
 * the lock held; lets go of it. An error: none could be made (those that run serve the queue, if
 * any do).
 */
static int send_for_thread(struct blocking *b)
{
	struct list *node;
	int err;

	if (list_empty(&b->queue) || b->rising > 0)
		return 0;
	node = list_pop_front(&b->idle);
	if (node) {
		b->rising++;
		unlock(&b->lock);
		pirn__unpark(&container_of(node, struct blocking_thread, node)->parker);
		lock(&b->lock);
		return 0;
	}
	if (b->threads >= b->max)
		return 0;
	if (b->threads > 0 && b->retry_at > 0) {
		if (too_early(b))
			return 0;
		return send_for_thread(b);
	}
	err = make_thread(b);
	/* Somebody may have lain down meanwhile, and others relied on us: then that one gets up. */
	return err && !list_empty(&b->idle) ? send_for_thread(b) : err;
}

/* Lies idle until notified or for IDLE_NS. With the lock held. False: it may end. */
static bool wait_for_job(struct blocking *b, struct blocking_thread *t)
{
	bool in_time;

	list_push_front(&b->idle, &t->node);
	unlock(&b->lock);
	in_time = pirn__park_for(&t->parker, IDLE_NS);
	lock(&b->lock);
	if (list_linked(&t->node)) {
		list_remove(&t->node);
		return !list_empty(&b->queue);
	}
	if (!in_time) {
		/* Notified behind the time-out: wait until the notifier is done with the parker. */
		unlock(&b->lock);
		pirn__park(&t->parker);
		lock(&b->lock);
	}
	b->rising--;
	return true;
}

/* With the lock held. */
static void serve(struct blocking *b, struct blocking_thread *t)
{
	struct list *node;

	b->rising--;
	for (;;) {
		node = list_pop_front(&b->queue);
		if (node) {
			struct pirn_job *job = container_of(node, struct pirn_job, node);

			t->runs = job->of;
			list_push_front(&b->busy, &t->node);
			send_for_thread(b); /* it runs itself, so an error loses nothing */
			unlock(&b->lock);
			pirn__job_run(job);
			lock(&b->lock);
			list_remove(&t->node);
		} else if (b->stopping || !wait_for_job(b, t)) {
			return;
		}
	}
}

static void join_ended(struct blocking *b, struct blocking_thread *t)
{
	pthread_join(t->thread, NULL);
	lock(&b->lock);
	list_push_front(&b->records, &t->node);
	unlock(&b->lock);
}

/* In the same locked section in which it was found that there is nothing to do. Unlocks. */
static void end_thread(struct blocking *b, struct blocking_thread *t)
{
	const struct thread_setup setup = *b->setup; /* what follows may free the pool */
	struct blocking_thread *before = b->ended;
	struct pirn_executor *ex = b->executor;
	unsigned number = t->number;
	bool last;

	b->ended = t;
	b->threads--;
	last = b->threads == 0 && b->abandoned;
	if (last) {
		b->ended = NULL;
		list_push_front(&b->records, &t->node);
	}
	if (b->threads == 0 && b->empty)
		pirn__unpark(b->empty);
	unlock(&b->lock);
	if (before)
		join_ended(b, before);
	if (last) {
		pthread_detach(pthread_self());
		pirn__thread.owner = NULL; /* the hook's next pool may lie where this one lay */
		ex->ops->let_go(ex);
	}
	pirn__thread_end(&setup, true, number);
}

static void *thread_body(void *arg)
{
	struct blocking_thread *t = arg;
	struct blocking *b = t->blocking;

	t->thread = pthread_self();
	pirn__thread.owner = b->executor;
	pirn__thread_begin(b->setup, true, t->number);
	lock(&b->lock);
	serve(b, t);
	end_thread(b, t);
	return NULL;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

/* Ends the oldest job unrun. With the lock held; lets go of it. False: there is none. */
static bool fail_one(struct blocking *b, int err)
{
	struct list *node = list_pop_front(&b->queue);

	if (!node)
		return false;
	unlock(&b->lock);
	pirn__job_fail(container_of(node, struct pirn_job, node), err);
	lock(&b->lock);
	return true;
}

int pirn__blocking_submit(struct blocking *b, struct pirn_job *job)
{
	int err;
	bool ours;

	lock(&b->lock);
	list_push_back(&b->queue, &job->node);
	if (b->empty)
		pirn__unpark(b->empty); /* it waits for threads only, and is to know of a job */
	err = send_for_thread(b);
	/* Ours may have been served, or failed, by others meanwhile: then it was queued. */
	ours = err && b->threads == 0 && list_linked(&job->node);
	if (ours)
		list_remove(&job->node);
	while (err && b->threads == 0 && fail_one(b, err))
		;
	unlock(&b->lock);
	return ours ? err : 0;
}

bool pirn__blocking_withdraw(struct blocking *b, struct pirn_job *job)
{
	bool queued;

	lock(&b->lock);
	queued = list_linked(&job->node);
	if (queued)
		list_remove(&job->node);
	unlock(&b->lock);
	return queued;
}

void pirn__blocking_cancel(struct blocking *b)
{
	lock(&b->lock);
	while (fail_one(b, -ECANCELED))
		;
	unlock(&b->lock);
}

/* ---- the end ------------------------------------------------------------------------------- */

static size_t length(const struct list *head)
{
	size_t n = 0;

	for (const struct list *node = head->next; node != head; node = node->next)
		n++;
	return n;
}

/* With the lock held; lets go of it. */
static void get_all_up(struct blocking *b)
{
	struct list *node;

	while ((node = list_pop_front(&b->idle))) {
		b->rising++;
		unlock(&b->lock);
		pirn__unpark(&container_of(node, struct blocking_thread, node)->parker);
		lock(&b->lock);
	}
}

/* Threads that run no job are on their way out: for those there is no limit. */
bool pirn__blocking_stop(struct blocking *b, uint64_t until)
{
	struct blocking_thread *last = NULL;
	bool in_time = true, stopped;
	struct parker parker;

	pirn__parker_init(&parker);
	lock(&b->lock);
	b->stopping = true;
	get_all_up(b);
	b->empty = &parker;
	while (b->threads > 0) {
		bool jobs = !list_empty(&b->queue) || !list_empty(&b->busy);

		if (jobs && !in_time)
			break;
		unlock(&b->lock);
		in_time = pirn__park_until(&parker, b->platform, jobs ? until : UINT64_MAX);
		lock(&b->lock);
	}
	b->empty = NULL;
	stopped = b->threads == 0;
	if (stopped) {
		last = b->ended;
		b->ended = NULL;
	}
	unlock(&b->lock);
	if (last)
		join_ended(b, last);
	pirn__parker_deinit(&parker);
	return stopped;
}

bool pirn__blocking_abandon(struct blocking *b)
{
	bool any;

	lock(&b->lock);
	b->stopping = true;
	get_all_up(b);
	any = b->threads > 0;
	b->abandoned = any;
	unlock(&b->lock);
	if (!any)
		pirn__blocking_stop(b, 0); /* joins the last one */
	return any;
}

size_t pirn__blocking_left(struct blocking *b)
{
	size_t n;

	lock(&b->lock);
	n = length(&b->queue) + length(&b->busy);
	unlock(&b->lock);
	return n;
}

const struct pirn_future_ops *pirn__blocking_running(struct blocking *b, unsigned n)
{
	const struct pirn_future_ops *of = NULL;
	struct list *node;

	lock(&b->lock);
	node = b->busy.next;
	while (node != &b->busy && n-- > 0)
		node = node->next;
	if (node != &b->busy)
		of = container_of(node, struct blocking_thread, node)->runs;
	unlock(&b->lock);
	return of;
}
