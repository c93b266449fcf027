/* SPDX-License-Identifier: MIT */
/*
 * A platform that counts, and fails on command: the n-th allocation, or the n-th thread. Each
 * block remembers its size, so that a wrong size at its end is found; blocks are aligned to 16
 * and never to more, which is all that pirn may ask for. The counts are relaxed, so that they
 * order nothing that pirn should have ordered.
 *
 *	struct faulty host;
 *
 *	faulty_init(&host);
 *	host.fail_alloc = 3;
 *	... pirn_pool_new(&pool, &(struct pirn_pool_config){ .platform = &host.platform });
 *	cr_assert_eq(faulty_left(&host), 0);
 */
#ifndef FAULTY_H
#define FAULTY_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn_platform.h"

#define FAULTY_ALWAYS (~0u)

struct faulty {
	struct pirn_platform platform; /* first, and its memory is first in it */
	/* orders: the n-th from 1; 0: none; ALWAYS: each. Set while nobody asks. */
	unsigned fail_alloc, fail_thread;
	/* with fail_thread = n: this many fail from the n-th on; 0: one */
	unsigned fail_threads;
	/* the outcome */
	atomic_uint allocs, threads; /* asked for */
	atomic_long blocks, bytes;   /* not given back */
	atomic_uint running;         /* threads made and not at their end */
	atomic_uint most;            /* running at the same time */
};

/* Right in front of each block. */
struct faulty_block {
	void *whole;
	size_t size;
};

static inline struct faulty *faulty_of(const void *platform)
{
	return (struct faulty *)(void *)(uintptr_t)platform;
}

static inline void *faulty_alloc(const struct pirn_memory *memory, size_t size)
{
	struct faulty *host = faulty_of(memory);
	unsigned n = atomic_fetch_add_explicit(&host->allocs, 1, memory_order_relaxed) + 1;
	struct faulty_block *b;
	char *whole, *block;

	if (host->fail_alloc == FAULTY_ALWAYS || host->fail_alloc == n)
		return NULL;
	whole = malloc(size + 160);
	if (!whole)
		return NULL;
	block = whole + 32;
	block += (16 + 64 - (uintptr_t)block % 64) % 64; /* 16 mod 64 */
	memset(block, 0x5a, size);
	b = (struct faulty_block *)(void *)(block - 32);
	b->whole = whole;
	b->size = size;
	atomic_fetch_add_explicit(&host->blocks, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&host->bytes, (long)size, memory_order_relaxed);
	return block;
}

static inline void faulty_free(const struct pirn_memory *memory, void *block, size_t size)
{
	struct faulty *host = faulty_of(memory);
	struct faulty_block *b = (struct faulty_block *)(void *)((char *)block - 32);

	if (b->size != size) {
		fprintf(stderr, "freed with size %zu, allocated with %zu\n", size, b->size);
		abort();
	}
	atomic_fetch_sub_explicit(&host->bytes, (long)size, memory_order_relaxed);
	atomic_fetch_sub_explicit(&host->blocks, 1, memory_order_relaxed);
	b->size = ~size;
	free(b->whole);
}

struct faulty_start {
	struct faulty *host;
	void *(*body)(void *);
	void *arg;
};

static inline void *faulty_thread(void *arg)
{
	struct faulty_start start = *(struct faulty_start *)arg;
	void *result;

	free(arg);
	result = start.body(start.arg);
	atomic_fetch_sub(&start.host->running, 1);
	return result;
}

static inline int faulty_thread_create(const struct pirn_platform *platform, pthread_t *thread,
				       size_t stack_size, void *(*body)(void *), void *arg)
{
	struct faulty *host = faulty_of(platform);
	unsigned n = atomic_fetch_add(&host->threads, 1) + 1, running, most;
	unsigned last = host->fail_thread + (host->fail_threads ? host->fail_threads - 1 : 0);
	struct faulty_start *start;
	int err;

	if (host->fail_thread == FAULTY_ALWAYS ||
	    (host->fail_thread && n >= host->fail_thread && n <= last))
		return -EAGAIN;
	start = malloc(sizeof(*start));
	if (!start)
		return -EAGAIN;
	*start = (struct faulty_start){ host, body, arg };
	running = atomic_fetch_add(&host->running, 1) + 1;
	most = atomic_load(&host->most);
	while (running > most && !atomic_compare_exchange_weak(&host->most, &most, running))
		;
	err = pirn_platform_default()->thread_create(platform, thread, stack_size, faulty_thread,
						     start);
	if (err) {
		atomic_fetch_sub(&host->running, 1);
		free(start);
	}
	return err;
}

static inline void faulty_init(struct faulty *host)
{
	memset(host, 0, sizeof(*host));
	host->platform = *pirn_platform_default();
	host->platform.memory.alloc = faulty_alloc;
	host->platform.memory.free = faulty_free;
	host->platform.thread_create = faulty_thread_create;
}

/* Orders the n-th from here on to fail. */
static inline void faulty_fail_alloc(struct faulty *host, unsigned n)
{
	host->fail_alloc = 0;
	atomic_store(&host->allocs, 0);
	host->fail_alloc = n;
}

static inline void faulty_fail_thread(struct faulty *host, unsigned n, unsigned count)
{
	host->fail_thread = 0;
	atomic_store(&host->threads, 0);
	host->fail_threads = count;
	host->fail_thread = n;
}

/* Blocks and threads that were not given back. */
static inline long faulty_left(struct faulty *host)
{
	return atomic_load(&host->blocks) + (long)atomic_load(&host->running);
}

#endif
