/* SPDX-License-Identifier: MIT */
/* The built-in platform. */
#include "config.h"

#include "pirn_platform.h"

#include <stdlib.h>
#include <time.h>

#ifdef HAVE_JEMALLOC
# include <jemalloc/jemalloc.h>

/* Smaller sizes would be aligned to 8. */
static size_t aligned(size_t size)
{
	return size < 16 ? 16 : size;
}

/* Its explicit interface: a program that links us keeps its own malloc. */
static void *memory_alloc(const struct pirn_memory *memory, size_t size)
{
	(void)memory;
	return mallocx(aligned(size), 0);
}

static void memory_free(const struct pirn_memory *memory, void *block, size_t size)
{
	(void)memory;
	sdallocx(block, aligned(size), 0);
}

#else

static void *memory_alloc(const struct pirn_memory *memory, size_t size)
{
	(void)memory;
	return malloc(size);
}

static void memory_free(const struct pirn_memory *memory, void *block, size_t size)
{
	(void)memory;
	(void)size;
	free(block);
}

#endif

static int thread_create(const struct pirn_platform *platform, pthread_t *thread, size_t stack_size,
			 void *(*body)(void *), void *arg)
{
	pthread_attr_t attr;
	int err = -pthread_attr_init(&attr);

	(void)platform;
	if (err)
		return err;
	if (stack_size > 0)
		err = -pthread_attr_setstacksize(&attr, stack_size);
	if (err == 0)
		err = -pthread_create(thread, &attr, body, arg);
	pthread_attr_destroy(&attr);
	return err;
}

static uint64_t now(const struct pirn_platform *platform)
{
	struct timespec t;

	(void)platform;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const struct pirn_platform builtin = {
	.memory = { .alloc = memory_alloc, .free = memory_free },
	.thread_create = thread_create,
	.now = now,
};

const struct pirn_platform *pirn_platform_default(void)
{
	return &builtin;
}
