/* SPDX-License-Identifier: MIT */
/* The cases of pirn-bench, a file for each family, and what they share. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <pirn.h>
#include <pirn_pool.h>

#include "work.h"

/* A pool with run->threads workers; ends the program if there is none to be had. */
struct pirn_executor *bench_pool(struct run *run);

/* Spawns *f on the pool, waits for its end, which must be 0, and drops the handle. */
void bench_run(struct run *run, struct pirn_executor *pool, struct pirn_future *f);

/* An err of 0 is asked for. */
void bench_ok(const struct run *run, int err);

/* spawn.c */
void spawn_ext(struct run *run);
void spawn_int(struct run *run);
void spawn_frame(struct run *run);
void fib(struct run *run);

/* wake.c */
void yield(struct run *run);
void wake_ext(struct run *run);
void wake_ext_200(struct run *run);
void wake_ext_cold(struct run *run);

/* channel.c */
void pingpong(struct run *run);
void chan_spsc(struct run *run);
void chan_mpmc(struct run *run);
void chan_spsc_batch(struct run *run);
void chan_mpmc_batch(struct run *run);
void chan_batch64(struct run *run);
void chan_ends_2(struct run *run);
void chan_ends_8(struct run *run);
void chan_ends_64(struct run *run);
void chan_unbounded(struct run *run);
void chan_rendezvous(struct run *run);

/* kinds.c */
void oneshot(struct run *run);
void watch(struct run *run);
void broadcast(struct run *run);

/* blocking.c */
void blocking_seq(struct run *run);
void blocking_cold(struct run *run);
void blocking_burst(struct run *run);
void blocking_pread_strict(struct run *run);

/* combine.c */
void combine(struct run *run);

/* rest.c */
void mem_task(struct run *run);
void idle(struct run *run);
void startup(struct run *run);

#endif
