/* SPDX-License-Identifier: MIT */
/*
 * No thread to be had at each place of a whole program: the n-th pthread_create fails with
 * EAGAIN, once or from then on. A pool is not made, or made whole; calls are served by the
 * threads there are, or end with -EAGAIN; nobody tries in a loop, and no job is lost.
 */
#include "config.h"

#include "faulty_program.h"

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 5);
	unsigned ended = 0, failed = 0, most_asked = 0;
	struct faulty host;

	for (unsigned long r = 0; r < rounds; r++) {
		for (unsigned threads = 1; threads <= 3; threads++) {
			for (unsigned n = 1; n <= threads + 3; n++) {
				unsigned count = r % 2 ? 1000000 : 1, asked;
				int sum, err;

				faulty_init(&host);
				faulty_fail_thread(&host, n, count);
				err = program_run(&host, threads, &sum);
				asked = atomic_load(&host.threads);
				RACE_CHECK(err == 0 || err == -EAGAIN, "thread %u of %u: err %d", n,
					   threads, err);
				RACE_CHECK(n > threads || err == -EAGAIN,
					   "a pool without thread %u", n);
				RACE_CHECK(n <= threads + 1 || err == 0,
					   "thread %u of %u: a call failed although one ran", n,
					   threads);
				program_check(&host, err, sum, "thread", n);
				*(err ? &failed : &ended) += 1;
				if (asked > most_asked)
					most_asked = asked;
				/* One for each job that comes and one for each that is served. */
				RACE_CHECK(asked <= threads + 2 * NUMBERS, "%u threads asked for",
					   asked);
			}
		}
	}
	RACE_CHECK(failed > 0 && ended > 0, "%u failed, %u ended well", failed, ended);
	race_say("%u runs failed, %u ended well; at most %u threads were asked for", failed, ended,
		 most_asked);
	return 0;
}
