/* SPDX-License-Identifier: MIT */
/*
 * cores [P]: how many cores the machine gives at this moment. P threads (2) only spin, for 50 ms;
 * prints their CPU seconds per wall second. A virtual machine may give less than it shows, and
 * nothing in /proc tells.
 */
#include <pthread.h>

#include "bench.h"

static double end;

static void *spin(void *unused)
{
	(void)unused;
	while (now() < end)
		;
	return NULL;
}

int main(int argc, char **argv)
{
	struct run run = { 0 };
	uint64_t threads = argc > 1 ? bench_number("cores", argv[1]) : 2;
	pthread_t *thread = calloc(threads, sizeof(*thread));

	if (!thread)
		return 1;
	run_start(&run);
	end = now() + 0.05;
	for (uint64_t i = 1; i < threads; i++) {
		if (pthread_create(&thread[i], NULL, spin, NULL) != 0)
			return 1;
	}
	spin(NULL);
	for (uint64_t i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	run_stop(&run);
	printf("%.2f\n", run.cpu_seconds / run.seconds);
	free(thread);
	return 0;
}
