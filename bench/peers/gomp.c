/* SPDX-License-Identifier: MIT */
/*
 * OpenMP by gcc's libgomp. Unlike in the other peers, main is one of the P threads of the team:
 * OpenMP knows no work from outside of one. Its taskyield does nothing here, and it has no tasks
 * that wait for anything but tasks, so what is left are tasks and loops. While more than 64 tasks a
 * thread have not ended, libgomp (GOMP_task) queues none but calls each new one at once: so it goes
 * with most tasks of spawn_int and spawn_frame, as ../goals.json notes.
 */
#include "work.h"

#include <omp.h>

static uint64_t counter;

/* Tasks, from one task of the team */

static void spawn_round(uint64_t n, bool frame)
{
	for (uint64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(frame) default(shared)
		{
			const uint64_t one = frame ? one_by_locals() : 1;

#pragma omp atomic
			counter += one;
		}
	}
#pragma omp taskwait
}

static void spawn(struct run *run, bool frame)
{
#pragma omp parallel num_threads(run->threads)
#pragma omp single
	{
		spawn_round(run->n / ROUNDS, frame);
		counter = 0;
		run_start(run);
		for (unsigned i = 0; i < ROUNDS; i++)
			spawn_round(share(run->n, ROUNDS, i), frame);
		run_stop(run);
	}
	run_check(run, counter);
}

static void spawn_int(struct run *run)
{
	spawn(run, false);
}

static void spawn_frame(struct run *run)
{
	spawn(run, true);
}

static uint64_t fib_task(uint64_t n)
{
	uint64_t left, right;

	if (n < 2)
		return n;
#pragma omp task shared(left) firstprivate(n)
	left = fib_task(n - 1);
	right = fib_task(n - 2);
#pragma omp taskwait
	return left + right;
}

static void fib(struct run *run)
{
	uint64_t value;

#pragma omp parallel num_threads(run->threads)
#pragma omp single
	{
		fib_task(run->n > 6 ? run->n - 6 : 1);
		run_start(run);
		value = fib_task(run->n);
		run_stop(run);
	}
	fib_check(run, value);
}

/* Parallel loops: the runtime keeps its team between them. */

static void pfor_loop(float *y, const float *x, size_t size)
{
#pragma omp parallel for simd schedule(static)
	for (size_t i = 0; i < size; i++)
		y[i] = y[i] * 0.5f + x[i];
}

static void pfor_fine(struct run *run)
{
	omp_set_num_threads((int)run->threads);
	run_check(run, pfor_measure(run, PFOR_FINE, pfor_loop));
}

static void pfor_big(struct run *run)
{
	omp_set_num_threads((int)run->threads);
	run_check(run, pfor_measure(run, PFOR_BIG, pfor_loop));
}

static void startup(struct run *run)
{
	double began;

#pragma omp parallel num_threads(run->threads)
#pragma omp single
	{
		spawn_round(1, false);
		startup_done(run);
	}
	run_check(run, counter);
	began = now();
	if (omp_pause_resource_all(omp_pause_hard) != 0)
		run_fail(run, "the threads have not ended");
	run_extra(run, "exit_seconds", now() - began);
}

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {
		{ "spawn_int", 0, spawn_int },
		{ "spawn_frame", 0, spawn_frame },
		{ "fib", 0, fib },
		{ "pfor_fine", 0, pfor_fine },
		{ "pfor_big", 0, pfor_big },
		{ "startup", 0, startup },
		{ NULL, 0, NULL },
	};

	return work_main(argc, argv, "libgomp", __VERSION__, cases);
}
