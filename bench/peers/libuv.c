/* SPDX-License-Identifier: MIT */
/*
 * libuv: main runs the loop, its thread pool has P threads (UV_THREADPOOL_SIZE). A task is a work
 * request, and its end is when the loop hears of it. Where main must be outside (wake_ext, idle),
 * the loop has a thread of its own. libuv has no tasks that wait, no channels and no fork and join.
 */
#include "work.h"
#include "echo_load.h"

#include <stdatomic.h>

#include <uv.h>

static uv_loop_t loop;
static atomic_uint_fast64_t counter; /* by the work itself */

static void check(int status, const char *what)
{
	if (status < 0) {
		fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
		exit(1);
	}
}

static void start(const struct run *run)
{
	char threads[16];

	snprintf(threads, sizeof(threads), "%u", run->threads);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
	check(uv_loop_init(&loop), "uv_loop_init");
}

static void stop(void)
{
	check(uv_loop_close(&loop), "uv_loop_close");
	uv_library_shutdown();
}

/* Tasks */

static void add_one(uv_work_t *work)
{
	(void)work;
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
}

static void add_frame(uv_work_t *work)
{
	(void)work;
	atomic_fetch_add_explicit(&counter, one_by_locals(), memory_order_relaxed);
}

static void work_done(uv_work_t *work, int status)
{
	(void)work;
	check(status, "work");
}

static void queue_work(uv_work_t *work, uv_work_cb run, uv_after_work_cb done)
{
	check(uv_queue_work(&loop, work, run, done), "uv_queue_work");
}

/* Hands over n requests, then runs the loop until it has heard of them all. */
static void work_round(uv_work_t *work, uv_work_cb run, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		queue_work(&work[i], run, work_done);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void work_measure(struct run *run, unsigned rounds)
{
	uv_work_t *work = allocate(run, share(run->n, rounds, 0) * sizeof(*work));

	start(run);
	work_round(work, add_one, run->n / 10);
	atomic_store(&counter, 0);
	run_start(run);
	for (unsigned i = 0; i < rounds; i++)
		work_round(work, add_one, share(run->n, rounds, i));
	run_stop(run);
	run_check(run, atomic_load(&counter));
	stop();
	free(work);
}

static void spawn_ext(struct run *run)
{
	work_measure(run, ROUNDS);
}

/* The same from within the loop: the last of a round to end begins the next. */
struct rounds {
	uv_work_t *work;
	uv_work_cb run;
	uint64_t n;
	unsigned round;
	uint64_t left; /* of the round */
};

static void rounds_next(struct rounds *rounds);

static void rounds_work_done(uv_work_t *work, int status)
{
	struct rounds *rounds = work->data;

	check(status, "work");
	if (--rounds->left == 0)
		rounds_next(rounds);
}

static void rounds_next(struct rounds *rounds)
{
	while (rounds->left == 0 && rounds->round < ROUNDS)
		rounds->left = share(rounds->n, ROUNDS, rounds->round++);
	for (uint64_t i = 0, n = rounds->left; i < n; i++) {
		rounds->work[i].data = rounds;
		queue_work(&rounds->work[i], rounds->run, rounds_work_done);
	}
}

static void rounds_begin(uv_timer_t *timer)
{
	rounds_next(timer->data);
	uv_close((uv_handle_t *)timer, NULL);
}

static void rounds_run(uv_work_t *work, uv_work_cb run, uint64_t n)
{
	struct rounds rounds = { work, run, n, 0, 0 };
	uv_timer_t timer = { .data = &rounds };

	check(uv_timer_init(&loop, &timer), "uv_timer_init");
	check(uv_timer_start(&timer, rounds_begin, 0, 0), "uv_timer_start");
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void spawn_inside(struct run *run, uv_work_cb add)
{
	uv_work_t *work = allocate(run, share(run->n, ROUNDS, 0) * sizeof(*work));

	start(run);
	rounds_run(work, add, run->n / 10);
	atomic_store(&counter, 0);
	run_start(run);
	rounds_run(work, add, run->n);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	stop();
	free(work);
}

static void spawn_int(struct run *run)
{
	spawn_inside(run, add_one);
}

static void spawn_frame(struct run *run)
{
	spawn_inside(run, add_frame);
}

/* Blocking calls */

static void blocking_burst(struct run *run)
{
	work_measure(run, 1);
}

struct sequence {
	uint64_t left;
};

static void sequence_work_done(uv_work_t *work, int status)
{
	struct sequence *sequence = work->data;

	check(status, "work");
	if (--sequence->left > 0)
		queue_work(work, add_one, sequence_work_done);
}

static void sequence_run(uint64_t n)
{
	struct sequence sequence = { n };
	uv_work_t work = { .data = &sequence };

	if (n == 0)
		return;
	queue_work(&work, add_one, sequence_work_done);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void blocking_seq(struct run *run)
{
	start(run);
	sequence_run(run->n / 10);
	atomic_store(&counter, 0);
	run_start(run);
	sequence_run(run->n);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	stop();
}

static bool block_once(void *unused)
{
	const uint64_t before = atomic_load(&counter);

	(void)unused;
	sequence_run(1);
	return atomic_load(&counter) == before + 1;
}

static void blocking_cold(struct run *run)
{
	start(run);
	latencies_measure(run, GAP_COLD, block_once, NULL);
	stop();
}

static struct reads reads;

static void pread_work(uv_work_t *work)
{
	reader_pread(work->data, reads.fd);
}

static void pread_done(uv_work_t *work, int status)
{
	check(status, "work");
	if (reader_next(work->data))
		queue_work(work, pread_work, pread_done);
}

static void pread_all(uint64_t n)
{
	uv_work_t work[READERS];

	reads_deal(&reads, n);
	for (unsigned i = 0; i < READERS; i++) {
		work[i].data = &reads.reader[i];
		if (reader_next(work[i].data))
			queue_work(&work[i], pread_work, pread_done);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void read_done(uv_fs_t *request);

static void read_next(uv_fs_t *request, struct reader *reader)
{
	const uv_buf_t buffer = uv_buf_init((char *)reader->block, READ_SIZE);

	if (!reader_next(reader))
		return;
	request->data = reader;
	check(uv_fs_read(&loop, request, reads.fd, &buffer, 1, reader->offset, read_done),
	      "uv_fs_read");
}

static void read_done(uv_fs_t *request)
{
	struct reader *reader = request->data;

	reader_check(reader, request->result);
	uv_fs_req_cleanup(request);
	read_next(request, reader);
}

static void read_all(uint64_t n)
{
	uv_fs_t request[READERS];

	reads_deal(&reads, n);
	for (unsigned i = 0; i < READERS; i++)
		read_next(&request[i], &reads.reader[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void reads_measure(struct run *run, void (*all)(uint64_t n))
{
	reads_open(run, &reads);
	start(run);
	all(run->n / 10);
	run_start(run);
	all(run->n);
	run_stop(run);
	reads_check(run, &reads);
	stop();
}

static void blocking_pread(struct run *run)
{
	reads_measure(run, pread_all);
}

static void file_read(struct run *run)
{
	reads_measure(run, read_all);
}

/* Timers */

struct sleeper {
	uv_timer_t timer;
	double due;
};

static uint64_t slept;
static double early, late;

static void wake_up(uv_timer_t *timer)
{
	const double off = now() - ((struct sleeper *)timer)->due;

	if (off > late)
		late = off;
	if (-off > early)
		early = -off;
	slept++;
	uv_close((uv_handle_t *)timer, NULL);
}

/* The loop's idea of the time is only as new as its last turn: each timer brings it up to date. */
static void sleep_all(struct sleeper *sleepers, uint64_t n)
{
	uint64_t random = 1;

	for (uint64_t i = 0; i < n; i++) {
		const uint64_t delay = random_next(&random) % 1001;

		sleepers[i].due = now() + (double)delay / 1e3;
		uv_update_time(&loop);
		check(uv_timer_init(&loop, &sleepers[i].timer), "uv_timer_init");
		check(uv_timer_start(&sleepers[i].timer, wake_up, delay, 0), "uv_timer_start");
	}
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void timers(struct run *run)
{
	struct sleeper *sleepers = allocate(run, run->n * sizeof(*sleepers));

	start(run);
	sleep_all(sleepers, run->n / 10);
	slept = 0;
	late = early = 0;
	run_start(run);
	sleep_all(sleepers, run->n);
	run_stop(run);
	run_check(run, slept);
	if (early > 2e-3) /* its clock counts whole milliseconds */
		run_fail(run, "a timer was early");
	run_extra(run, "late_ms_max", late * 1e3);
	stop();
	free(sleepers);
}

#define IN_FLIGHT 1000

static void time_out(uv_timer_t *timer)
{
	fprintf(stderr, "a time-out of 10 s has run out: %p\n", (void *)timer);
	exit(1);
}

/* How many were alive when they were dropped. */
static uint64_t timeouts(uv_timer_t *timer, uint64_t n)
{
	uint64_t alive = 0;

	uv_update_time(&loop);
	for (uint64_t i = 0; i < n + IN_FLIGHT; i++) {
		uv_timer_t *t = &timer[i % IN_FLIGHT];

		if (i >= IN_FLIGHT) {
			alive += uv_is_active((uv_handle_t *)t) != 0;
			check(uv_timer_stop(t), "uv_timer_stop");
		}
		if (i < n)
			check(uv_timer_start(t, time_out, 10000, 0), "uv_timer_start");
	}
	return alive;
}

static void timeout_cancel(struct run *run)
{
	static uv_timer_t timer[IN_FLIGHT];
	uint64_t alive;

	start(run);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		check(uv_timer_init(&loop, &timer[i]), "uv_timer_init");
	timeouts(timer, run->n / 10);
	run_start(run);
	alive = timeouts(timer, run->n);
	run_stop(run);
	run_check(run, alive);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		uv_close((uv_handle_t *)&timer[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	stop();
}

/* The loop in a thread of its own: request and answer */

static void run_loop(void *unused)
{
	(void)unused;
	uv_run(&loop, UV_RUN_DEFAULT);
}

struct exchange {
	uv_async_t request;
	uv_sem_t answered;
	uint64_t message;
	bool end;
};

static void answer(uv_async_t *async)
{
	struct exchange *exchange = (struct exchange *)async;

	if (exchange->end) {
		uv_close((uv_handle_t *)async, NULL);
		return;
	}
	exchange->message++;
	uv_sem_post(&exchange->answered);
}

static bool ask(void *arg)
{
	struct exchange *exchange = arg;
	const uint64_t before = exchange->message;

	uv_async_send(&exchange->request);
	uv_sem_wait(&exchange->answered);
	return exchange->message == before + 1;
}

static void wake(struct run *run, enum gap gap)
{
	struct exchange exchange = { .message = 0 };
	uv_thread_t thread;

	start(run);
	check(uv_async_init(&loop, &exchange.request, answer), "uv_async_init");
	check(uv_sem_init(&exchange.answered, 0), "uv_sem_init");
	check(uv_thread_create(&thread, run_loop, NULL), "uv_thread_create");
	latencies_measure(run, gap, ask, &exchange);
	exchange.end = true;
	uv_async_send(&exchange.request);
	uv_thread_join(&thread);
	uv_sem_destroy(&exchange.answered);
	stop();
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

/* What is parked are handles that nobody has signalled. */
static void end_parked(uv_async_t *async)
{
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
	uv_close((uv_handle_t *)async, NULL);
}

static void idle(struct run *run)
{
	uv_async_t *parked = allocate(run, run->n * sizeof(*parked));
	uv_thread_t thread;

	start(run);
	for (uint64_t i = 0; i < run->n; i++)
		check(uv_async_init(&loop, &parked[i], end_parked), "uv_async_init");
	check(uv_thread_create(&thread, run_loop, NULL), "uv_thread_create");
	idle_measure(run);
	for (uint64_t i = 0; i < run->n; i++)
		uv_async_send(&parked[i]);
	uv_thread_join(&thread);
	run_check(run, atomic_load(&counter));
	stop();
	free(parked);
}

#include "libuv_echo.h"

static void startup(struct run *run)
{
	double began;

	start(run);
	sequence_run(1);
	startup_done(run);
	run_check(run, atomic_load(&counter));
	began = now();
	stop();
	run_extra(run, "exit_seconds", now() - began);
}

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {
		{ "spawn_ext", 0, spawn_ext },
		{ "spawn_int", 0, spawn_int },
		{ "spawn_frame", 0, spawn_frame },
		{ "blocking_seq", 0, blocking_seq },
		{ "blocking_burst", 0, blocking_burst },
		{ "blocking_cold", 0, blocking_cold },
		{ "blocking_pread", 0, blocking_pread },
		{ "blocking_pread_strict", 0, blocking_pread },
		{ "file_read", 0, file_read },
		{ "timers", 0, timers },
		{ "timeout_cancel", 0, timeout_cancel },
		{ "wake_ext", 0, wake_ext },
		{ "wake_ext_200", 0, wake_ext_200 },
		{ "wake_ext_cold", 0, wake_ext_cold },
		{ "idle", 0, idle },
		{ "tcp_echo", 0, tcp_echo },
		{ "startup", 0, startup },
		{ NULL, 0, NULL },
	};

	return work_main(argc, argv, "libuv", uv_version_string(), cases);
}
