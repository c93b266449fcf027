/* SPDX-License-Identifier: MIT */
/* The host of the library in a model: host.h gives these functions their names. */
#include "config.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "model.h"

/* ---- memory -------------------------------------------------------------------------------- */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	model_touch(from, n, false);
	model_touch(to, n, true);
	return __builtin_memcpy(to, from, n);
}

void *memset(void *p, int c, size_t n)
{
	model_touch(p, n, true);
	return __builtin_memset(p, c, n);
}

static void *memory_alloc(const struct pirn_memory *memory, size_t size)
{
	(void)memory;
	return model_memory_alloc(size);
}

static void memory_free(const struct pirn_memory *memory, void *p, size_t size)
{
	(void)memory;
	model_memory_free(p, size);
}

/* ---- threads ------------------------------------------------------------------------------- */

/* A thread that stands ready for the library to start it. */
enum { READY, STARTED, ENDED, NOT_NEEDED };

struct ready {
	struct half state;
	void *(*body)(void *);
	void *arg;
};

/* Fibers of one thread run all this, so what these count needs no order. */
static struct ready *ready;
static unsigned own, first, in_all, started;

void model_host_begin(unsigned threads, unsigned made)
{
	own = first = threads;
	in_all = made;
	started = 0;
	ready = model_alloc(made * sizeof(*ready));
	for (unsigned i = 0; i < made; i++)
		half_init(&ready[i].state, READY);
}

static void change(struct ready *r, uint32_t state)
{
	half_store_release(&r->state, state);
	model_wake(&r->state);
}

void model_host_ended(void)
{
	if (--own == 0)
		for (unsigned i = started; i < in_all; i++)
			change(&ready[i], NOT_NEEDED);
}

void model_host_serve(unsigned i)
{
	struct ready *r = &ready[i];

	while (half_load_acquire(&r->state) == READY)
		model_wait(&r->state, sizeof(r->state), READY, false);
	if (half_load_acquire(&r->state) == STARTED) {
		r->body(r->arg);
		change(r, ENDED);
	}
}

static int thread_create(const struct pirn_platform *platform, pthread_t *thread, size_t stack_size,
			 void *(*body)(void *), void *arg)
{
	struct ready *r = &ready[started];

	(void)platform;
	(void)stack_size;
	if (started == in_all)
		return -EAGAIN;
	*thread = started++;
	r->body = body;
	r->arg = arg;
	change(r, STARTED);
	return 0;
}

int pthread_join(pthread_t thread, void **result)
{
	struct ready *r = &ready[thread];
	uint32_t state;

	(void)result;
	while ((state = half_load_acquire(&r->state)) != ENDED)
		model_wait(&r->state, sizeof(r->state), state, false);
	return 0;
}

/* Asked by the library's threads, which have the numbers behind the model's. */
pthread_t pthread_self(void)
{
	return model_self() - first;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	return 0;
}

int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	(void)how;
	(void)set;
	(void)old;
	return 0;
}

/* Fibers have 64 KiB. The worker that asks is at the beginning of its stack. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	(void)thread;
	(void)attr;
	return 0;
}

int pthread_attr_getstack(const pthread_attr_t *restrict attr, void **restrict low,
			  size_t *restrict size)
{
	(void)attr;
	*size = 48 * 1024;
	*low = (char *)__builtin_frame_address(0) - *size;
	return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
	(void)attr;
	return 0;
}

int sched_yield(void)
{
	model_yield();
	return 0;
}

/* ---- time ---------------------------------------------------------------------------------- */

static uint64_t now(const struct pirn_platform *platform)
{
	(void)platform;
	return model_time();
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	uint64_t ns = model_time();

	(void)clock;
	t->tv_sec = (time_t)(ns / 1000000000u);
	t->tv_nsec = (long)(ns % 1000000000u);
	return 0;
}

/* ---- the futex ----------------------------------------------------------------------------- */

static long wait(void *word, uint32_t value, bool timed)
{
	switch (model_wait(word, sizeof(value), value, timed)) {
	case MODEL_WOKEN:
		return 0;
	case MODEL_CHANGED:
		errno = EAGAIN;
		return -1;
	case MODEL_TIMED_OUT:
		errno = ETIMEDOUT;
		return -1;
	}
	return -1;
}

long syscall(long number, ...)
{
	const struct timespec *deadline;
	uint32_t value;
	void *word;
	va_list args;
	int op;

	va_start(args, number);
	word = va_arg(args, void *);
	op = va_arg(args, int);
	value = va_arg(args, uint32_t);
	deadline = va_arg(args, const struct timespec *);
	va_end(args);
	if (number == SYS_futex && op == FUTEX_WAIT_BITSET_PRIVATE)
		return wait(word, value, deadline != NULL);
	if (number != SYS_futex || op != FUTEX_WAKE_PRIVATE)
		model_fail("a system call that the models do not know");
	model_wake(word);
	return 0;
}

/* ---- pirn's own ---------------------------------------------------------------------------- */

const struct pirn_platform model_platform = {
	.memory = { .alloc = memory_alloc, .free = memory_free },
	.thread_create = thread_create,
	.now = now,
};

const struct pirn_platform *pirn_platform_default(void)
{
	return &model_platform;
}

void pirn_trap(const char *file, unsigned line, const char *what)
{
	(void)file;
	(void)line;
	model_fail(what);
}
