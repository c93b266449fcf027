/* SPDX-License-Identifier: MIT */
/*
 * What every bench program shares, pirn's and the C and C++ peers': the command line, the clocks,
 * the line of JSON. C11 and C++17. The protocol that all of them keep, whatever their language:
 *
 *	PROGRAM --case CASE [--threads P] [--n N] [--lose]
 *
 * prints one line of JSON and exits 0, or says on stderr what was wrong and exits 1. The case
 * counts what was done and compares it with run->expect, which is n; --lose makes it n + 1, as if
 * one op had been lost, to show that the comparison can fail. A case that a runtime cannot do
 * prints "unsupported": true.
 *
 * P workers, main is not one of them. The runtime is started, and a round of at most a tenth of
 * the work has run, before the clock starts.
 */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct run {
	/* the command line */
	const char *name;            /* of the case */
	unsigned threads;            /* workers */
	uint64_t n;                  /* ops */
	uint64_t expect;             /* what the case must count: n */
	double entered, entered_cpu; /* the clocks when main was entered */
	/* filled by the case */
	double seconds, cpu_seconds; /* by run_start and run_stop */
	double ns_per_op;            /* 0: seconds by n */
	char extra[512];             /* more JSON, by run_extra */
};

struct bench_case {
	const char *name;
	uint64_t n;                /* the default */
	void (*run)(struct run *); /* NULL: unsupported */
};

static inline double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double now(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

/* The clocks run from start to stop; several stretches add up. */
static inline void run_start(struct run *run)
{
	run->seconds -= now();
	run->cpu_seconds -= clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void run_stop(struct run *run)
{
	run->seconds += now();
	run->cpu_seconds += clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* The result is wrong, or something failed: ends the program. */
static inline void run_fail(const struct run *run, const char *what)
{
	fprintf(stderr, "%s: %s\n", run->name, what);
	exit(1);
}

/* What was counted must be what was asked for. */
static inline void run_check(const struct run *run, uint64_t counted)
{
	if (counted != run->expect) {
		fprintf(stderr, "%s: %" PRIu64 " ops counted, %" PRIu64 " expected\n", run->name,
			counted, run->expect);
		exit(1);
	}
}

/* One more number in the line of JSON. */
static inline void run_extra(struct run *run, const char *key, double value)
{
	size_t used = strlen(run->extra);

	snprintf(run->extra + used, sizeof(run->extra) - used, ", \"%s\": %.6g", key, value);
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the n latencies, in seconds, and reports p50_us and p99_us. */
static inline void run_latencies(struct run *run, double *latency, size_t n)
{
	qsort(latency, n, sizeof(*latency), compare_doubles);
	run_extra(run, "p50_us", latency[n / 2] * 1e6);
	run_extra(run, "p99_us", latency[n * 99 / 100] * 1e6);
}

/* Resident memory in KiB: now, and at its highest. */
static inline long rss_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		if (fscanf(f, "%*d %ld", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static inline long rss_peak_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f =
		fopen("/proc/self/status", "r"); /* ru_maxrss has the parent's, from before exec */

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Voluntary and other context switches of all threads of this process. */
static inline long context_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* A generator of its own for each user: the same numbers in each run. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t bench_number(const char *option, const char *text)
{
	char *end = NULL;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;

	if (!end || *text < '0' || *text > '9' || *end || n == 0) {
		fprintf(stderr, "%s wants a number of 1 or more\n", option);
		exit(2);
	}
	return n;
}

/* The main of every bench program. cases ends with a name of NULL. */
static inline int bench_main(int argc, char **argv, const char *rt, const char *version,
			     const struct bench_case *cases)
{
	struct run run;
	const struct bench_case *c = cases;
	bool lose = false;

	memset(&run, 0, sizeof(run));
	run.entered = now();
	run.entered_cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	run.name = "";
	run.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--case") == 0 && i + 1 < argc) {
			run.name = argv[++i];
		} else if (strcmp(argv[i], "--threads") == 0) {
			run.threads = (unsigned)bench_number(argv[i], argv[i + 1]);
			i++;
		} else if (strcmp(argv[i], "--n") == 0) {
			run.n = bench_number(argv[i], argv[i + 1]);
			i++;
		} else if (strcmp(argv[i], "--lose") == 0) {
			lose = true;
		} else {
			run.name = "";
			break;
		}
	}
	while (c->name && strcmp(c->name, run.name) != 0)
		c++;
	if (!c->name) {
		fprintf(stderr,
			"Usage: %s --case CASE [--threads P] [--n N] [--lose]\nCases:", argv[0]);
		for (c = cases; c->name; c++)
			fprintf(stderr, " %s", c->name);
		fputc('\n', stderr);
		return 2;
	}
	if (!c->run) {
		printf("{\"case\": \"%s\", \"rt\": \"%s\", \"version\": \"%s\", "
		       "\"unsupported\": true}\n",
		       c->name, rt, version);
		return 0;
	}
	if (run.n == 0)
		run.n = c->n;
	run.expect = run.n + (lose ? 1 : 0);
	c->run(&run);
	if (run.ns_per_op == 0)
		run.ns_per_op = run.seconds * 1e9 / (double)run.n;
	printf("{\"case\": \"%s\", \"rt\": \"%s\", \"version\": \"%s\", \"threads\": %u, "
	       "\"n\": %" PRIu64 ", \"seconds\": %.6f, \"ns_per_op\": %.6g, "
	       "\"cpu_seconds\": %.6f, \"rss_kib\": %ld%s}\n",
	       run.name, rt, version, run.threads, run.n, run.seconds, run.ns_per_op,
	       run.cpu_seconds, rss_peak_kib(), run.extra);
	return 0;
}

#endif
