/* SPDX-License-Identifier: MIT */
/*
 * GLib: GThreadPool with P threads; a second one for what blocks, with up to 10, which is what
 * GTask has for that. It has no handles: a countdown tells of the end, GAsyncQueue carries what is
 * sent back. What waits for messages is a GThread. GAsyncQueue has no bound, so of the channels it
 * has the unbounded one only.
 */
#include "work.h"

#include <glib.h>

#define BLOCKING_THREADS 10

/* What main, or a task, waits for until so many have been counted. */
struct countdown {
	gint left;
	GMutex lock;
	GCond none_left;
};

static struct countdown countdown;
static guint64 counter;

static void countdown_set(struct countdown *c, uint64_t n)
{
	g_atomic_int_set(&c->left, (gint)n);
}

static void countdown_step(struct countdown *c)
{
	if (!g_atomic_int_dec_and_test(&c->left))
		return;
	g_mutex_lock(&c->lock);
	g_cond_broadcast(&c->none_left);
	g_mutex_unlock(&c->lock);
}

static void countdown_wait(struct countdown *c)
{
	g_mutex_lock(&c->lock);
	while (g_atomic_int_get(&c->left) > 0)
		g_cond_wait(&c->none_left, &c->lock);
	g_mutex_unlock(&c->lock);
}

static uint64_t counted(void)
{
	return __atomic_load_n(&counter, __ATOMIC_RELAXED);
}

static void count(uint64_t n)
{
	__atomic_fetch_add(&counter, n, __ATOMIC_RELAXED);
}

static void count_reset(void)
{
	__atomic_store_n(&counter, 0, __ATOMIC_RELAXED);
}

static GThreadPool *pool_new(GFunc func, gpointer arg, guint threads)
{
	GError *error = NULL;
	GThreadPool *pool = g_thread_pool_new(func, arg, (gint)threads, TRUE, &error);

	if (!pool)
		g_error("g_thread_pool_new: %s", error->message);
	return pool;
}

/* Grows on demand, and keeps its threads. */
static GThreadPool *blocking_pool_new(GFunc func, gpointer arg)
{
	GError *error = NULL;
	GThreadPool *pool = g_thread_pool_new(func, arg, BLOCKING_THREADS, FALSE, &error);

	if (!pool)
		g_error("g_thread_pool_new: %s", error->message);
	g_thread_pool_set_max_unused_threads(BLOCKING_THREADS);
	return pool;
}

static void pool_free(GThreadPool *pool)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void push(GThreadPool *pool, gpointer task)
{
	g_thread_pool_push(pool, task, NULL);
}

/* The whole case as one task of the pool. */
static void measure_task(gpointer measure, gpointer run)
{
	((void (*)(struct run *))measure)(run);
}

static void measure_inside(struct run *run, void (*measure)(struct run *))
{
	GThreadPool *pool = pool_new(measure_task, run, run->threads);

	push(pool, measure);
	pool_free(pool);
}

/* Tasks */

static void add_one(gpointer task, gpointer unused)
{
	(void)task;
	(void)unused;
	count(1);
	countdown_step(&countdown);
}

static void spawn_round(GThreadPool *pool, uint64_t n)
{
	countdown_set(&countdown, n);
	for (uint64_t i = 0; i < n; i++)
		push(pool, &countdown);
	countdown_wait(&countdown);
}

static void spawn_ext(struct run *run)
{
	GThreadPool *pool = pool_new(add_one, NULL, run->threads);

	spawn_round(pool, run->n / ROUNDS);
	count_reset();
	run_start(run);
	for (unsigned i = 0; i < ROUNDS; i++)
		spawn_round(pool, share(run->n, ROUNDS, i));
	run_stop(run);
	run_check(run, counted());
	pool_free(pool);
}

/* A task that waited would keep its thread: the last of a round calls the spawner again. */
struct spawner {
	GThreadPool *pool;
	uint64_t n;
	unsigned round;
	bool frame;
	gint left; /* of the round */
	struct countdown end;
};

static void spawner_task(gpointer task, gpointer arg)
{
	struct spawner *spawner = arg;

	if (task != spawner) {
		count(spawner->frame ? one_by_locals() : 1);
		if (g_atomic_int_dec_and_test(&spawner->left))
			push(spawner->pool, spawner);
		return;
	}

	uint64_t n = 0;

	while (n == 0 && spawner->round < ROUNDS)
		n = share(spawner->n, ROUNDS, spawner->round++);
	if (n == 0) {
		countdown_step(&spawner->end);
		return;
	}
	g_atomic_int_set(&spawner->left, (gint)n);
	for (uint64_t i = 0; i < n; i++)
		push(spawner->pool, &spawner->n);
}

static void spawner_run(struct spawner *spawner, uint64_t n)
{
	spawner->n = n;
	spawner->round = 0;
	countdown_set(&spawner->end, 1);
	push(spawner->pool, spawner);
	countdown_wait(&spawner->end);
}

static void spawn_inside(struct run *run, bool frame)
{
	static struct spawner spawner;

	spawner.frame = frame;
	spawner.pool = pool_new(spawner_task, &spawner, run->threads);
	spawner_run(&spawner, run->n / 10);
	count_reset();
	run_start(run);
	spawner_run(&spawner, run->n);
	run_stop(run);
	run_check(run, counted());
	pool_free(spawner.pool);
}

static void spawn_int(struct run *run)
{
	spawn_inside(run, false);
}

static void spawn_frame(struct run *run)
{
	spawn_inside(run, true);
}

struct yielder {
	uint64_t left, yields;
};

static GThreadPool *yielding;

static void yield_step(gpointer task, gpointer unused)
{
	struct yielder *yielder = task;

	(void)unused;
	if (yielder->left == 0) {
		countdown_step(&countdown);
		return;
	}
	yielder->left--;
	yielder->yields++;
	push(yielding, yielder);
}

static uint64_t yield_round(uint64_t n)
{
	static struct yielder yielder[YIELDERS];
	uint64_t yields = 0;

	countdown_set(&countdown, YIELDERS);
	for (unsigned i = 0; i < YIELDERS; i++) {
		yielder[i] = (struct yielder){ .left = share(n, YIELDERS, i) };
		push(yielding, &yielder[i]);
	}
	countdown_wait(&countdown);
	for (unsigned i = 0; i < YIELDERS; i++)
		yields += yielder[i].yields;
	return yields;
}

static void yield(struct run *run)
{
	uint64_t yields;

	yielding = pool_new(yield_step, NULL, run->threads);
	yield_round(run->n / 10);
	run_start(run);
	yields = yield_round(run->n);
	run_stop(run);
	run_check(run, yields);
	pool_free(yielding);
}

/* Request and answer: a message is a number of 1 or more, or else the end. */

#define END GSIZE_TO_POINTER(G_MAXSIZE)

static GAsyncQueue *requests, *answers;

static gpointer answer(gpointer unused)
{
	gpointer message;

	(void)unused;
	while ((message = g_async_queue_pop(requests)) != END)
		g_async_queue_push(answers, GSIZE_TO_POINTER(GPOINTER_TO_SIZE(message) + 1));
	return NULL;
}

/* last: the last answer, which the next request repeats. */
static bool ask(void *last)
{
	const gsize request = *(gsize *)last;

	g_async_queue_push(requests, GSIZE_TO_POINTER(request));
	*(gsize *)last = GPOINTER_TO_SIZE(g_async_queue_pop(answers));
	return *(gsize *)last == request + 1;
}

static GThread *answer_start(void)
{
	requests = g_async_queue_new();
	answers = g_async_queue_new();
	return g_thread_new("answer", answer, NULL);
}

static void answer_stop(GThread *thread)
{
	g_async_queue_push(requests, END);
	g_thread_join(thread);
	g_async_queue_unref(requests);
	g_async_queue_unref(answers);
}

struct asker {
	uint64_t rounds, good;
};

static gpointer ask_all(gpointer arg)
{
	struct asker *asker = arg;
	gsize last = 1;

	for (uint64_t i = 0; i < asker->rounds; i++)
		asker->good += ask(&last);
	return NULL;
}

static void pingpong(struct run *run)
{
	GThread *answering = answer_start();
	struct asker warm = { run->n / 10, 0 }, asker = { run->n, 0 };

	g_thread_join(g_thread_new("ask", ask_all, &warm));
	run_start(run);
	g_thread_join(g_thread_new("ask", ask_all, &asker));
	run_stop(run);
	run_check(run, asker.good);
	answer_stop(answering);
}

/* Numbers from 1 on, then the end. */
static gpointer produce(gpointer arg)
{
	const uint64_t n = *(uint64_t *)arg;

	for (uint64_t i = 1; i <= n; i++)
		g_async_queue_push(requests, GSIZE_TO_POINTER(i));
	g_async_queue_push(requests, END);
	return NULL;
}

/* Leaves how many came in their order. */
static gpointer consume(gpointer arg)
{
	uint64_t good = 0;
	gpointer message;

	while ((message = g_async_queue_pop(requests)) != END)
		good += GPOINTER_TO_SIZE(message) == good + 1;
	*(uint64_t *)arg = good;
	return NULL;
}

static uint64_t channel_round(uint64_t n)
{
	GThread *consumer, *producer;
	uint64_t good = 0;

	requests = g_async_queue_new();
	consumer = g_thread_new("consume", consume, &good);
	producer = g_thread_new("produce", produce, &n);
	g_thread_join(producer);
	g_thread_join(consumer);
	g_async_queue_unref(requests);
	return good;
}

static void chan_unbounded(struct run *run)
{
	uint64_t good;

	channel_round(run->n / 10);
	run_start(run);
	good = channel_round(run->n);
	run_stop(run);
	run_check(run, good);
}

static void wake(struct run *run, enum gap gap)
{
	GThread *answering = answer_start();
	gsize last = 1;

	latencies_measure(run, gap, ask, &last);
	answer_stop(answering);
}

static void wake_ext(struct run *run)
{
	wake(run, GAP_NONE);
}

static void wake_ext_200(struct run *run)
{
	wake(run, GAP_TICK);
}

static void wake_ext_cold(struct run *run)
{
	wake(run, GAP_COLD);
}

/* Blocking calls: each sends back that it is done. */

static GThreadPool *blockers;
static GAsyncQueue *done;

static void block(gpointer task, gpointer unused)
{
	(void)unused;
	count(1);
	g_async_queue_push(done, task);
}

static void block_start(void)
{
	done = g_async_queue_new();
	blockers = blocking_pool_new(block, NULL);
}

static void block_stop(void)
{
	pool_free(blockers);
	g_async_queue_unref(done);
}

static void block_round(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		push(blockers, done);
		g_async_queue_pop(done);
	}
}

static void blocking_seq_inside(struct run *run)
{
	block_round(run->n / 10);
	count_reset();
	run_start(run);
	block_round(run->n);
	run_stop(run);
	run_check(run, counted());
}

static void blocking_seq(struct run *run)
{
	block_start();
	measure_inside(run, blocking_seq_inside);
	block_stop();
}

static bool block_once(void *unused)
{
	const uint64_t before = counted();

	(void)unused;
	block_round(1);
	return counted() == before + 1;
}

static void blocking_cold_inside(struct run *run)
{
	latencies_measure(run, GAP_COLD, block_once, NULL);
}

static void blocking_cold(struct run *run)
{
	block_start();
	measure_inside(run, blocking_cold_inside);
	block_stop();
}

static void blocking_burst_inside(struct run *run)
{
	spawn_round(blockers, run->n / 10);
	count_reset();
	run_start(run);
	spawn_round(blockers, run->n);
	run_stop(run);
	run_check(run, counted());
}

static void blocking_burst(struct run *run)
{
	blockers = blocking_pool_new(add_one, NULL);
	measure_inside(run, blocking_burst_inside);
	pool_free(blockers);
}

static struct reads reads;

static void read_step(gpointer task, gpointer unused)
{
	struct reader *reader = task;

	(void)unused;
	if (!reader_next(reader)) {
		countdown_step(&countdown);
		return;
	}
	reader_pread(reader, reads.fd);
	push(blockers, reader);
}

static void read_all(uint64_t n)
{
	reads_deal(&reads, n);
	countdown_set(&countdown, READERS);
	for (unsigned i = 0; i < READERS; i++)
		push(blockers, &reads.reader[i]);
	countdown_wait(&countdown);
}

static void blocking_pread(struct run *run)
{
	reads_open(run, &reads);
	blockers = blocking_pool_new(read_step, NULL);
	read_all(run->n / 10);
	run_start(run);
	read_all(run->n);
	run_stop(run);
	reads_check(run, &reads);
	pool_free(blockers);
}

/* Threads that wait */

static GMutex event_lock;
static GCond event_fired;
static bool event;

static gpointer wait_for_event(gpointer unused)
{
	g_mutex_lock(&event_lock);
	while (!event)
		g_cond_wait(&event_fired, &event_lock);
	g_mutex_unlock(&event_lock);
	count(1);
	return unused;
}

static void idle(struct run *run)
{
	GThread **thread = allocate(run, run->n * sizeof(*thread));

	for (uint64_t i = 0; i < run->n; i++)
		thread[i] = g_thread_new("parked", wait_for_event, NULL);
	idle_measure(run);
	g_mutex_lock(&event_lock);
	event = true;
	g_cond_broadcast(&event_fired);
	g_mutex_unlock(&event_lock);
	for (uint64_t i = 0; i < run->n; i++)
		g_thread_join(thread[i]);
	run_check(run, counted());
	free(thread);
}

static void startup(struct run *run)
{
	GThreadPool *pool = pool_new(add_one, NULL, run->threads);
	double began;

	spawn_round(pool, 1);
	startup_done(run);
	run_check(run, counted());
	began = now();
	pool_free(pool);
	run_extra(run, "exit_seconds", now() - began);
}

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {
		{ "spawn_ext", 0, spawn_ext },
		{ "spawn_int", 0, spawn_int },
		{ "spawn_frame", 0, spawn_frame },
		{ "yield", 0, yield },
		{ "pingpong", 0, pingpong },
		{ "chan_unbounded", 0, chan_unbounded },
		{ "blocking_seq", 0, blocking_seq },
		{ "blocking_burst", 0, blocking_burst },
		{ "blocking_cold", 0, blocking_cold },
		{ "blocking_pread", 0, blocking_pread },
		{ "blocking_pread_strict", 0, blocking_pread },
		{ "wake_ext", 0, wake_ext },
		{ "wake_ext_200", 0, wake_ext_200 },
		{ "wake_ext_cold", 0, wake_ext_cold },
		{ "idle", 0, idle },
		{ "startup", 0, startup },
		{ NULL, 0, NULL },
	};

	return work_main(argc, argv, "glib",
			 G_STRINGIFY(GLIB_MAJOR_VERSION) "." G_STRINGIFY(
				 GLIB_MINOR_VERSION) "." G_STRINGIFY(GLIB_MICRO_VERSION),
			 cases);
}
