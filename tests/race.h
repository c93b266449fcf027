/* SPDX-License-Identifier: MIT */
/*
 * What the race and stress programs share. Each is a main of its own: status 0, or 1 and a line
 * that says what was wrong. The default is short; argv[1] or PIRN_STRESS multiplies the rounds.
 * The seed is printed; PIRN_SEED sets it.
 *
 *	int main(int argc, char **argv)
 *	{
 *		unsigned long rounds = race_begin(argc, argv, 2000);
 *		...
 *		RACE_CHECK(polls == 3, "%d polls", polls);
 *		race_say("%lu of %lu times the end came first", first, rounds);
 *		return 0;
 *	}
 */
#ifndef RACE_H
#define RACE_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bell.h"
#include "pirn.h"

#define RACE_SECONDS 100 /* a hang is a failure that comes after this many */

/* clang-format off */
#define RACE_CHECK(condition, ...)								\
	do {											\
		if (!(condition))								\
			race_fail(__FILE__, __LINE__, __VA_ARGS__);				\
	} while (0)
/* clang-format on */

static uint64_t race_seed;
static unsigned long race_scale = 1;

/* clang-format off */
__attribute__((format(printf, 3, 4), noreturn)) static inline void
race_fail(const char *file, int line, const char *format, ...)
/* clang-format on */
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (seed %llu)\n", (unsigned long long)race_seed);
	fflush(stderr);
	_exit(1);
}

__attribute__((format(printf, 1, 2))) static inline void race_say(const char *format, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static inline void race_hang(int signal)
{
	static const char text[] = "a hang: a wake or a job was lost\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* Returns the number of rounds to do. */
static inline unsigned long race_begin(int argc, char **argv, unsigned long rounds)
{
	const char *scale = argc > 1 ? argv[1] : getenv("PIRN_STRESS"), *seed = getenv("PIRN_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	race_seed = (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
	if (seed)
		race_seed = strtoull(seed, NULL, 10);
	if (scale && atol(scale) > 0)
		race_scale = (unsigned long)atol(scale);
	race_say("seed %llu, %lu rounds", (unsigned long long)race_seed, rounds * race_scale);
	signal(SIGALRM, race_hang);
	alarm((unsigned)(RACE_SECONDS * race_scale));
	return rounds * race_scale;
}

/* ---- random ---- */

/* A stream of its own for each thread. */
struct race_random {
	uint64_t state;
};

static inline struct race_random race_stream(unsigned long n)
{
	return (struct race_random){ race_seed + n * UINT64_C(0xd1342543de82ef95) };
}

static inline uint64_t race_next(struct race_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline unsigned race_below(struct race_random *r, unsigned n)
{
	return (unsigned)(race_next(r) % n);
}

/* A moment of random length, now and then long enough for another thread to run. */
static inline void race_linger(struct race_random *r)
{
	unsigned n = race_below(r, 64);

	if (n == 63) {
		sched_yield();
		return;
	}
	if (n >= 48)
		n *= 16;
	for (volatile unsigned i = 0; i < n; i++)
		;
}

/* ---- threads ---- */

/* Where n threads meet, so that they go on at the same moment. */
struct race_gate {
	unsigned n;
	atomic_uint arrived, opened;
};

static inline void race_meet(struct race_gate *gate)
{
	unsigned opened = atomic_load(&gate->opened);

	if (atomic_fetch_add(&gate->arrived, 1) + 1 == gate->n) {
		atomic_store(&gate->arrived, 0);
		atomic_fetch_add(&gate->opened, 1);
		return;
	}
	for (unsigned spins = 0; atomic_load(&gate->opened) == opened; spins++)
		if (spins % 256 == 255)
			sched_yield();
}

static inline pthread_t race_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	RACE_CHECK(pthread_create(&thread, NULL, body, arg) == 0, "no thread to be had");
	return thread;
}

/* Waits until *n is at least so much; a hang ends in the watchdog. */
static inline void race_await(atomic_uint *n, unsigned least)
{
	while (atomic_load_explicit(n, memory_order_acquire) < least)
		sched_yield();
}

#endif
