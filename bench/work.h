/* SPDX-License-Identifier: MIT */
/*
 * What pirn's bench program and the C and C++ peers share beside bench.h: the list of all cases
 * with their default n, and whatever in a case has nothing to do with the runtime: the
 * arithmetic, the file, the sleeps. C11 and C++17.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Rounds of the spawn cases; tasks of the yield case; producers and consumers of chan_mpmc. */
#define ROUNDS 10
#define YIELDERS 1000
#define SIDES 4
#define CHANNEL_SIZE 1024

/*
 * The main of a program. mine lists the cases that its runtime has and ends with a name of NULL;
 * its n is not looked at: the defaults are here, the same for all.
 */
static inline int work_main(int argc, char **argv, const char *rt, const char *version,
			    const struct bench_case *mine)
{
	static struct bench_case all[] = {
		{ "spawn_ext", 1000000, NULL },
		{ "spawn_int", 1000000, NULL },
		{ "spawn_frame", 1000000, NULL },
		{ "yield", 1000000, NULL },
		{ "pingpong", 500000, NULL },
		{ "chan_spsc", 5000000, NULL },
		{ "chan_spsc_batch", 5000000, NULL },
		{ "chan_mpmc", 4000000, NULL },
		{ "chan_mpmc_batch", 4000000, NULL },
		{ "chan_batch64", 5000000, NULL },
		{ "chan_ends_2", 4000000, NULL },
		{ "chan_ends_8", 4000000, NULL },
		{ "chan_ends_64", 4000000, NULL },
		{ "chan_unbounded", 5000000, NULL },
		{ "chan_rendezvous", 500000, NULL },
		{ "oneshot", 500000, NULL },
		{ "watch", 500000, NULL },
		{ "broadcast", 4000000, NULL },
		{ "fib", 30, NULL },
		{ "combine", 64, NULL },
		{ "forkjoin", 36, NULL },
		{ "pfor_fine", 20000, NULL },
		{ "pfor_big", 10, NULL },
		{ "blocking_seq", 100000, NULL },
		{ "blocking_inplace", 100000, NULL },
		{ "blocking_burst", 200000, NULL },
		{ "blocking_batch", 200000, NULL },
		{ "blocking_cold", 1000, NULL },
		{ "blocking_pread", 400000, NULL },
		{ "blocking_pread_strict", 400000, NULL },
		{ "file_read", 400000, NULL },
		{ "mem_task", 1000000, NULL },
		{ "timers", 1000000, NULL },
		{ "timeout_cancel", 2000000, NULL },
		{ "wake_ext", 20000, NULL },
		{ "wake_ext_200", 2000, NULL },
		{ "wake_ext_cold", 1000, NULL },
		{ "idle", 1000, NULL },
		{ "tcp_echo", 300000, NULL },
		{ "startup", 1, NULL },
		{ NULL, 0, NULL },
	};

	for (; mine->name; mine++) {
		struct bench_case *c = all;

		while (c->name && strcmp(c->name, mine->name) != 0)
			c++;
		if (!c->name) {
			fprintf(stderr, "%s: no such case: %s\n", rt, mine->name);
			return 2;
		}
		c->run = mine->run;
	}
	return bench_main(argc, argv, rt, version, all);
}

/* Part i of n, dealt out to so many parts. */
static inline uint64_t share(uint64_t n, uint64_t parts, uint64_t i)
{
	return n / parts + (i < n % parts);
}

static inline void *allocate(const struct run *run, size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		run_fail(run, "out of memory");
	return memory;
}

/* What a task of spawn_frame adds: 1, by way of 96 bytes of locals that are alive at once. */
static inline uint64_t one_by_locals(void)
{
	uint64_t locals[12], sum = 0;

	for (unsigned i = 0; i < 12; i++)
		locals[i] = i;
	__asm__ volatile("" : : "r"(locals) : "memory");
	for (unsigned i = 0; i < 12; i++)
		sum += locals[i];
	return sum - 65;
}

/* fib and forkjoin: the value is checked, the calls are what is counted. */
static inline uint64_t fib_value(uint64_t n)
{
	uint64_t a = 0, b = 1;

	while (n--) {
		uint64_t next = a + b;

		a = b;
		b = next;
	}
	return a;
}

static inline void fib_check(struct run *run, uint64_t value)
{
	if (value != fib_value(run->expect))
		run_fail(run, "the value is wrong");
	run->ns_per_op = run->seconds * 1e9 / (double)(2 * fib_value(run->n + 1) - 1);
}

/* A channel's messages are 0 to n - 1: all there, and the sum says that none came twice. */
static inline void channel_check(const struct run *run, uint64_t count, uint64_t sum)
{
	run_check(run, count);
	if (sum != run->n * (run->n - 1) / 2)
		run_fail(run, "the sum is wrong");
}

/* The first line of main to the end of the first task. */
static inline void startup_done(struct run *run)
{
	run->seconds = now() - run->entered;
	run->cpu_seconds = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - run->entered_cpu;
}

/*
 * The parallel loops. x is 0, y begins as 2^120, so that each loop halves it exactly: y tells how
 * many loops each element has seen. Before it runs out, it is set again, outside of the clock.
 */
#define PFOR_START 0x1p120f
#define PFOR_LOOPS 200
#define PFOR_FINE 1000
#define PFOR_BIG 100000000

static inline void pfor_body(float *y, const float *x, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		y[i] = y[i] * 0.5f + x[i];
}

static inline void pfor_fill(float *array, size_t size, float value)
{
	for (size_t i = 0; i < size; i++)
		array[i] = value;
}

/* 0 when the elements have not all seen the same number. */
static inline uint64_t pfor_count(const float *y, size_t size)
{
	uint64_t loops = 0;

	for (size_t i = 1; i < size; i++) {
		if (y[i] != y[0])
			return 0;
	}
	for (float value = y[0]; value < PFOR_START && loops <= PFOR_LOOPS; value *= 2)
		loops++;
	return loops;
}

/*
 * To be called where the peer's loops are called from; loop does one over size elements. Returns
 * how many have been done.
 */
static inline uint64_t pfor_measure(struct run *run, size_t size,
				    void (*loop)(float *y, const float *x, size_t size))
{
	float *x = (float *)allocate(run, size * sizeof(*x));
	float *y = (float *)allocate(run, size * sizeof(*y));
	volatile float zero = 0; /* the pages must be there, whatever the compiler knows */
	uint64_t counted = 0, left = run->n;

	pfor_fill(x, size, zero);
	pfor_fill(y, size, PFOR_START);
	for (uint64_t i = 0; i < run->n / 10 && i < PFOR_LOOPS; i++)
		loop(y, x, size);
	while (left > 0) {
		uint64_t loops = left < PFOR_LOOPS ? left : PFOR_LOOPS;

		pfor_fill(y, size, PFOR_START);
		run_start(run);
		for (uint64_t i = 0; i < loops; i++)
			loop(y, x, size);
		run_stop(run);
		counted += pfor_count(y, size);
		left -= loops;
	}
	free(x);
	free(y);
	return counted;
}

/*
 * The reads: READERS chains, each of one read after the other, of blocks of a file in the page
 * cache whose word i holds i.
 */
#define READERS 64
#define READ_SIZE 4096
#define READ_FILE_SIZE (256l << 20)

struct reader {
	uint64_t random, left, good;
	off_t offset;
	uint64_t block[READ_SIZE / sizeof(uint64_t)];
};

struct reads {
	int fd;
	double direct_seconds;
	struct reader reader[READERS];
};

/* Chooses the reader's next block; false when it has done its share. */
static inline bool reader_next(struct reader *reader)
{
	if (reader->left == 0)
		return false;
	reader->left--;
	reader->offset =
		(off_t)(random_next(&reader->random) % (READ_FILE_SIZE / READ_SIZE)) * READ_SIZE;
	return true;
}

static inline void reader_check(struct reader *reader, ssize_t size)
{
	reader->good += size == READ_SIZE && reader->block[0] == (uint64_t)reader->offset / 8;
}

static inline void reader_pread(struct reader *reader, int fd)
{
	reader_check(reader, pread(fd, reader->block, READ_SIZE, reader->offset));
}

/* Gives each reader its share of n reads. */
static inline void reads_deal(struct reads *reads, uint64_t n)
{
	for (unsigned i = 0; i < READERS; i++) {
		reads->reader[i].random = i + 1;
		reads->reader[i].left = share(n, READERS, i);
		reads->reader[i].good = 0;
	}
}

static inline void read_file_make(const struct run *run, const char *path)
{
	static uint64_t words[1 << 17];
	const uint64_t count = sizeof(words) / sizeof(*words);
	char temporary[4096];
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		run_fail(run, "cannot make the file to read");
	for (uint64_t first = 0; first < READ_FILE_SIZE / 8; first += count) {
		for (uint64_t i = 0; i < count; i++)
			words[i] = first + i;
		if (write(fd, words, sizeof(words)) != (ssize_t)sizeof(words))
			run_fail(run, "cannot write the file to read");
	}
	close(fd);
	if (rename(temporary, path) != 0)
		run_fail(run, "cannot name the file to read");
}

/* Opens the file, made if need be, reads it once, then measures the same n reads done in a loop. */
static inline void reads_open(struct run *run, struct reads *reads)
{
	const char *path = getenv("PIRN_BENCH_FILE"), *directory = getenv("TMPDIR");
	char own[4000];
	struct stat status;
	double began;

	if (!path) {
		snprintf(own, sizeof(own), "%s/pirn-bench.dat", directory ? directory : "/tmp");
		path = own;
	}
	if (stat(path, &status) != 0 || status.st_size != READ_FILE_SIZE)
		read_file_make(run, path);
	reads->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reads->fd < 0)
		run_fail(run, "cannot open the file to read");
	for (off_t at = 0; at < READ_FILE_SIZE; at += READ_SIZE) {
		if (pread(reads->fd, reads->reader[0].block, READ_SIZE, at) != READ_SIZE)
			run_fail(run, "cannot read the file");
	}

	reads_deal(reads, run->n);
	began = now();
	for (unsigned i = 0; i < READERS; i++) {
		while (reader_next(&reads->reader[i]))
			reader_pread(&reads->reader[i], reads->fd);
	}
	reads->direct_seconds = now() - began;
}

static inline void reads_check(struct run *run, struct reads *reads)
{
	uint64_t good = 0;

	for (unsigned i = 0; i < READERS; i++)
		good += reads->reader[i].good;
	run_check(run, good);
	run_extra(run, "direct_seconds", reads->direct_seconds);
	run_extra(run, "x_direct", run->seconds / reads->direct_seconds);
	close(reads->fd);
}

/* What stands before each op that is timed by itself. */
enum gap {
	GAP_NONE,
	GAP_TICK, /* each begins at the next 200 us */
	GAP_COLD, /* 2 ms of nothing */
};

static inline void gap_wait(enum gap gap, struct timespec *next)
{
	const long tick = 200000, second = 1000000000;
	const struct timespec cold = { 0, 2000000 };

	if (gap == GAP_TICK) {
		do {
			next->tv_nsec += tick;
			if (next->tv_nsec >= second) {
				next->tv_nsec -= second;
				next->tv_sec++;
			}
		} while ((double)next->tv_sec + (double)next->tv_nsec / 1e9 < now());
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
	} else if (gap == GAP_COLD) {
		nanosleep(&cold, NULL);
	}
}

/* The n latencies, which it frees: their mean, p50 and p99. */
static inline void latencies_report(struct run *run, double *latency)
{
	double sum = 0;

	for (uint64_t i = 0; i < run->n; i++)
		sum += latency[i];
	run->ns_per_op = sum * 1e9 / (double)run->n;
	run_latencies(run, latency, run->n);
	free(latency);
}

/* Calls op n times: latencies, and the CPU of it all. op says whether it went well. */
static inline void latencies_measure(struct run *run, enum gap gap, bool (*op)(void *), void *arg)
{
	double *latency = (double *)allocate(run, run->n * sizeof(*latency));
	uint64_t good = 0;
	struct timespec next;

	for (uint64_t i = 0; i < run->n / 10; i++)
		op(arg);
	clock_gettime(CLOCK_MONOTONIC, &next);
	run_start(run);
	for (uint64_t i = 0; i < run->n; i++) {
		double began;

		gap_wait(gap, &next);
		began = now();
		good += op(arg);
		latency[i] = now() - began;
	}
	run_stop(run);
	run_check(run, good);
	latencies_report(run, latency);
}

/* Two seconds of nothing, after a moment for all to come to rest. */
static inline void idle_measure(struct run *run)
{
	const struct timespec rest = { 0, 200000000 }, nothing = { 2, 0 };
	long switches;

	nanosleep(&rest, NULL);
	switches = context_switches();
	run_start(run);
	nanosleep(&nothing, NULL);
	run_stop(run);
	switches = context_switches() - switches - 1; /* that one is main's */
	run_extra(run, "cpu_ms", run->cpu_seconds * 1e3);
	run_extra(run, "ctx_switches", (double)switches);
}

#endif
