/* SPDX-License-Identifier: MIT */
/*
 * Out of memory at each place of a whole program: the n-th allocation fails, for every n until
 * none does. The program ends with -ENOMEM, or with the right answer where pirn could do without;
 * it never hangs, and nothing is left behind. Then: memory that stays away from the n-th on.
 */
#include "config.h"

#include "faulty_program.h"

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 2);
	unsigned ended = 0, failed = 0, asked = 0;
	struct faulty host;

	for (unsigned long r = 0; r < rounds; r++) {
		for (unsigned n = 1;; n++) {
			int sum, err;

			faulty_init(&host);
			faulty_fail_alloc(&host, n);
			err = program_run(&host, 1 + n % 2, &sum);
			RACE_CHECK(err == 0 || err == -ENOMEM, "allocation %u: err %d", n, err);
			program_check(&host, err, sum, "allocation", n);
			*(err ? &failed : &ended) += 1;
			asked = atomic_load(&host.allocs);
			if (asked < n)
				break;
		}
	}
	RACE_CHECK(failed > 8, "only %u failures", failed);
	race_say("%u runs failed, %u ended well; %u allocations in the last one", failed, ended,
		 asked);
	return 0;
}
