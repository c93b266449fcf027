/* SPDX-License-Identifier: MIT */
/*
 * A pool is freed while a blocking call of its own goes on spawning, and is refused: the call holds
 * the pool, so it may; and who is refused at the wrong moment holds up no end.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"
#include "race.h"

static struct pirn_executor *pool;
static atomic_uint calling;
static unsigned long spawned, refused; /* by the call */

/* Goes on until it has been refused so often: the tasks have ended long before. */
static int spawn_on(int refusals)
{
	atomic_store(&calling, 1);
	while (refusals > 0) {
		struct pirn_ready ready = pirn_ready(0);
		int err = pirn_spawn(pool, NULL, &ready.future);

		RACE_CHECK(err == 0 || err == -ESHUTDOWN, "spawn gave %d", err);
		spawned += err == 0;
		refused += err != 0;
		refusals -= err != 0;
	}
	return 0;
}
PIRN_UNBLOCK_FN(int, spawn_on, int);

/* Awaits the call, and is cancelled. */
struct caller {
	struct pirn_future future;
	struct spawn_on_call call;
};

PIRN_ASYNC(caller, f)
{
	PIRN_BEGIN(f);
	f->call = spawn_on_call(100000);
	PIRN_TRY(f, &f->call.future);
	PIRN_END(f);
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 200);
	struct race_random random = race_stream(0);
	struct faulty host;

	faulty_init(&host);
	for (unsigned long i = 0; i < rounds; i++) {
		struct pirn_pool_config config = { .threads = 1 + race_below(&random, 2),
						   .platform = &host.platform };
		struct caller caller = { PIRN_INIT(caller) };

		atomic_store(&calling, 0);
		RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
		RACE_CHECK(pirn_spawn(pool, NULL, &caller.future) == 0, "no task");
		race_await(&calling, 1);
		race_linger(&random);
		pirn_executor_free(pool);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left",
			   faulty_left(&host));
	}
	race_say("%lu pools, %lu spawned, %lu refused", rounds, spawned, refused);
	return 0;
}
