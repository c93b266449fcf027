/* SPDX-License-Identifier: MIT */
/* pirn-bench: every workload, by pirn's public headers. bench.h says how it is used. */
#include "cases.h"

struct pirn_executor *bench_pool(struct run *run)
{
	struct pirn_pool_config config = { .threads = run->threads };
	struct pirn_executor *pool;

	bench_ok(run, pirn_pool_new(&pool, &config));
	return pool;
}

void bench_run(struct run *run, struct pirn_executor *pool, struct pirn_future *f)
{
	struct pirn_task *task;
	struct pirn_join join;

	bench_ok(run, pirn_spawn(pool, &task, f));
	join = pirn_join(task);
	bench_ok(run, pirn_block_on(&join.future));
	pirn_task_detach(task);
}

void bench_ok(const struct run *run, int err)
{
	if (err)
		run_fail(run, strerror(-err));
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
		{ "chan_mpmc", 0, chan_mpmc },
		{ "chan_spsc_batch", 0, chan_spsc_batch },
		{ "chan_mpmc_batch", 0, chan_mpmc_batch },
		{ "chan_batch64", 0, chan_batch64 },
		{ "chan_ends_2", 0, chan_ends_2 },
		{ "chan_ends_8", 0, chan_ends_8 },
		{ "chan_ends_64", 0, chan_ends_64 },
		{ "chan_unbounded", 0, chan_unbounded },
		{ "chan_rendezvous", 0, chan_rendezvous },
		{ "oneshot", 0, oneshot },
		{ "watch", 0, watch },
		{ "broadcast", 0, broadcast },
		{ "fib", 0, fib },
		{ "combine", 0, combine },
		{ "blocking_seq", 0, blocking_seq },
		{ "blocking_cold", 0, blocking_cold },
		{ "blocking_burst", 0, blocking_burst },
		{ "blocking_pread_strict", 0, blocking_pread_strict },
		{ "mem_task", 0, mem_task },
		{ "wake_ext", 0, wake_ext },
		{ "wake_ext_200", 0, wake_ext_200 },
		{ "wake_ext_cold", 0, wake_ext_cold },
		{ "idle", 0, idle },
		{ "startup", 0, startup },
		{ NULL, 0, NULL },
	};

	return work_main(argc, argv, "pirn", PIRN_VERSION, cases);
}
