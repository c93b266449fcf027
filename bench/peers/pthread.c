/* SPDX-License-Identifier: MIT */
/*
 * The pool that a C programmer writes by hand: a queue under a mutex, a condition variable that the
 * workers wait on, and tasks that can be joined, each with a mutex and a condition variable of its
 * own. What blocks goes to a second pool that grows up to 256 threads on demand. What talks over
 * channels (a ring under a mutex, two condition variables) or serves a connection is a thread.
 */
#include "work.h"
#include "echo_load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <gnu/libc-version.h>

#include "pthread_pool.h"

/* The pools that a case has. */
static struct pool workers, blockers;

static void start(const struct run *run)
{
	pool_start(&workers, run->threads, run->threads);
	pool_start(&blockers, 0, BLOCKING_THREADS);
}

static void stop(void)
{
	pool_stop(&blockers);
	pool_stop(&workers);
}

/* The whole case as one task of the pool. */
static void measure_inside(struct run *run, bool (*measure)(void *run))
{
	start(run);
	join(submit(&workers, measure, run));
	stop();
}

/* Tasks */

static bool add_one(void *unused)
{
	(void)unused;
	atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
	return true;
}

static bool add_frame(void *unused)
{
	(void)unused;
	atomic_fetch_add_explicit(&counter, one_by_locals(), memory_order_relaxed);
	return true;
}

static void spawn_round(struct pool *pool, bool (*add)(void *), struct task **tasks, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		tasks[i] = submit(pool, add, NULL);
	for (uint64_t i = 0; i < n; i++)
		join(tasks[i]);
}

static void spawn(struct run *run, struct pool *pool, bool (*add)(void *))
{
	struct task **tasks = allocate(run, share(run->n, ROUNDS, 0) * sizeof(*tasks));

	spawn_round(pool, add, tasks, run->n / ROUNDS);
	atomic_store(&counter, 0);
	run_start(run);
	for (unsigned i = 0; i < ROUNDS; i++)
		spawn_round(pool, add, tasks, share(run->n, ROUNDS, i));
	run_stop(run);
	run_check(run, atomic_load(&counter));
	free(tasks);
}

static void spawn_ext(struct run *run)
{
	start(run);
	spawn(run, &workers, add_one);
	stop();
}

static bool spawn_int_inside(void *run)
{
	spawn(run, &workers, add_one);
	return true;
}

static void spawn_int(struct run *run)
{
	measure_inside(run, spawn_int_inside);
}

static bool spawn_frame_inside(void *run)
{
	spawn(run, &workers, add_frame);
	return true;
}

static void spawn_frame(struct run *run)
{
	measure_inside(run, spawn_frame_inside);
}

struct yielder {
	uint64_t left, yields;
};

static bool yield_step(void *arg)
{
	struct yielder *yielder = arg;

	if (yielder->left == 0)
		return true;
	yielder->left--;
	yielder->yields++;
	return false;
}

static uint64_t yield_round(uint64_t n)
{
	static struct yielder yielder[YIELDERS];
	struct task *tasks[YIELDERS];
	uint64_t yields = 0;

	for (unsigned i = 0; i < YIELDERS; i++) {
		yielder[i] = (struct yielder){ .left = share(n, YIELDERS, i) };
		tasks[i] = submit(&workers, yield_step, &yielder[i]);
	}
	for (unsigned i = 0; i < YIELDERS; i++) {
		join(tasks[i]);
		yields += yielder[i].yields;
	}
	return yields;
}

static void yield(struct run *run)
{
	uint64_t yields;

	start(run);
	yield_round(run->n / 10);
	run_start(run);
	yields = yield_round(run->n);
	run_stop(run);
	run_check(run, yields);
	stop();
}

struct fib {
	uint64_t n, value;
};

static bool fib_task(void *arg)
{
	struct fib *fib = arg, left = { fib->n - 1, 0 }, right = { fib->n - 2, 0 };
	struct task *task;

	if (fib->n < 2) {
		fib->value = fib->n;
		return true;
	}
	task = submit(&workers, fib_task, &left);
	fib_task(&right);
	join(task);
	fib->value = left.value + right.value;
	return true;
}

static bool fib_inside(void *arg)
{
	struct run *run = arg;
	struct fib warm = { run->n > 6 ? run->n - 6 : 1, 0 }, fib = { run->n, 0 };

	fib_task(&warm);
	run_start(run);
	fib_task(&fib);
	run_stop(run);
	fib_check(run, fib.value);
	return true;
}

static void fib(struct run *run)
{
	measure_inside(run, fib_inside);
}

/* Parallel loops: the caller does the first part. */

struct part {
	float *y;
	const float *x;
	size_t begin, end;
};

static bool part_run(void *arg)
{
	struct part *part = arg;

	pfor_body(part->y, part->x, part->begin, part->end);
	return true;
}

static void pfor_loop(float *y, const float *x, size_t size)
{
	const unsigned parts = workers.threads;
	struct part own = { y, x, 0, size / parts }, part[parts];
	struct task *task[parts];

	for (unsigned i = 1; i < parts; i++) {
		part[i] = (struct part){ y, x, size * i / parts, size * (i + 1) / parts };
		task[i] = submit(&workers, part_run, &part[i]);
	}
	part_run(&own);
	for (unsigned i = 1; i < parts; i++)
		join(task[i]);
}

static bool pfor_fine_inside(void *run)
{
	run_check(run, pfor_measure(run, PFOR_FINE, pfor_loop));
	return true;
}

static void pfor_fine(struct run *run)
{
	measure_inside(run, pfor_fine_inside);
}

static bool pfor_big_inside(void *run)
{
	run_check(run, pfor_measure(run, PFOR_BIG, pfor_loop));
	return true;
}

static void pfor_big(struct run *run)
{
	measure_inside(run, pfor_big_inside);
}

#include "pthread_channels.h"

/* Blocking calls */

static bool blocking_seq_inside(void *arg)
{
	struct run *run = arg;

	for (uint64_t i = 0; i < run->n / 10; i++)
		join(submit(&blockers, add_one, NULL));
	atomic_store(&counter, 0);
	run_start(run);
	for (uint64_t i = 0; i < run->n; i++)
		join(submit(&blockers, add_one, NULL));
	run_stop(run);
	run_check(run, atomic_load(&counter));
	return true;
}

static void blocking_seq(struct run *run)
{
	measure_inside(run, blocking_seq_inside);
}

static bool blocking_burst_inside(void *arg)
{
	struct run *run = arg;
	struct task **tasks = allocate(run, run->n * sizeof(*tasks));

	spawn_round(&blockers, add_one, tasks, run->n / 10);
	atomic_store(&counter, 0);
	run_start(run);
	spawn_round(&blockers, add_one, tasks, run->n);
	run_stop(run);
	run_check(run, atomic_load(&counter));
	free(tasks);
	return true;
}

static void blocking_burst(struct run *run)
{
	measure_inside(run, blocking_burst_inside);
}

static bool block_once(void *unused)
{
	const uint64_t before = atomic_load(&counter);

	(void)unused;
	join(submit(&blockers, add_one, NULL));
	return atomic_load(&counter) == before + 1;
}

static bool blocking_cold_inside(void *run)
{
	latencies_measure(run, GAP_COLD, block_once, NULL);
	return true;
}

static void blocking_cold(struct run *run)
{
	measure_inside(run, blocking_cold_inside);
}

static struct reads reads;

/* A task whose reads are each handed to the pool again by the one before. */
static bool read_step(void *arg)
{
	struct reader *reader = arg;

	if (!reader_next(reader))
		return true;
	reader_pread(reader, reads.fd);
	return false;
}

static void read_all(uint64_t n)
{
	struct task *tasks[READERS];

	reads_deal(&reads, n);
	for (unsigned i = 0; i < READERS; i++)
		tasks[i] = submit(&blockers, read_step, &reads.reader[i]);
	for (unsigned i = 0; i < READERS; i++)
		join(tasks[i]);
}

static void blocking_pread(struct run *run)
{
	reads_open(run, &reads);
	start(run);
	read_all(run->n / 10);
	run_start(run);
	read_all(run->n);
	run_stop(run);
	reads_check(run, &reads);
	stop();
}

/* Threads that wait */

static pthread_mutex_t event_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t event_fired = PTHREAD_COND_INITIALIZER;
static bool event;

static void *wait_for_event(void *unused)
{
	pthread_mutex_lock(&event_lock);
	while (!event)
		pthread_cond_wait(&event_fired, &event_lock);
	pthread_mutex_unlock(&event_lock);
	add_one(unused);
	return NULL;
}

static void idle(struct run *run)
{
	pthread_t *thread = allocate(run, run->n * sizeof(*thread));

	for (uint64_t i = 0; i < run->n; i++)
		thread[i] = thread_start(wait_for_event, NULL);
	idle_measure(run);
	pthread_mutex_lock(&event_lock);
	event = true;
	pthread_cond_broadcast(&event_fired);
	pthread_mutex_unlock(&event_lock);
	for (uint64_t i = 0; i < run->n; i++)
		pthread_join(thread[i], NULL);
	run_check(run, atomic_load(&counter));
	free(thread);
}

/* A server with a thread for each connection. */

static void *serve(void *arg)
{
	const int fd = (int)(intptr_t)arg, on = 1;
	char buffer[4096];
	ssize_t size;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
		if (write(fd, buffer, (size_t)size) != size)
			break;
	}
	close(fd);
	return NULL;
}

static void *serve_all(void *listener)
{
	int fd;

	while ((fd = accept(*(int *)listener, NULL, NULL)) >= 0)
		pthread_detach(thread_start(serve, (void *)(intptr_t)fd));
	return NULL;
}

static void tcp_echo(struct run *run)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	pthread_t thread;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
	    listen(listener, ECHO_CONNECTIONS) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		die("cannot listen");
	thread = thread_start(serve_all, &listener);
	echo_measure(run, ntohs(address.sin_port));
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
}

static void startup(struct run *run)
{
	double began;

	pool_start(&workers, run->threads, run->threads);
	join(submit(&workers, add_one, NULL));
	startup_done(run);
	run_check(run, atomic_load(&counter));
	began = now();
	pool_stop(&workers);
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
		{ "chan_spsc", 0, chan_spsc },
		{ "chan_spsc_batch", 0, chan_spsc_batch },
		{ "chan_mpmc", 0, chan_mpmc },
		{ "chan_mpmc_batch", 0, chan_mpmc_batch },
		{ "chan_batch64", 0, chan_batch64 },
		{ "chan_ends_2", 0, chan_spsc },
		{ "chan_ends_8", 0, chan_mpmc },
		{ "fib", 0, fib },
		{ "pfor_fine", 0, pfor_fine },
		{ "pfor_big", 0, pfor_big },
		{ "blocking_seq", 0, blocking_seq },
		{ "blocking_burst", 0, blocking_burst },
		{ "blocking_cold", 0, blocking_cold },
		{ "blocking_pread", 0, blocking_pread },
		{ "blocking_pread_strict", 0, blocking_pread },
		{ "wake_ext", 0, wake_ext },
		{ "wake_ext_200", 0, wake_ext_200 },
		{ "wake_ext_cold", 0, wake_ext_cold },
		{ "idle", 0, idle },
		{ "tcp_echo", 0, tcp_echo },
		{ "startup", 0, startup },
		{ NULL, 0, NULL },
	};

	return work_main(argc, argv, "pthread", gnu_get_libc_version(), cases);
}
