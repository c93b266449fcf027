/* SPDX-License-Identifier: MIT */
/* How a pool makes its threads. */
#include "config.h"

#include "threads.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- processors ---------------------------------------------------------------------------- */

#ifdef __linux__

/* There may be more processors than cpu_set_t has room for; the kernel then says so. */
static int get_processors(struct thread_setup *s)
{
	if (s->affinity && sched_getaffinity(0, sizeof(s->cpus), &s->cpus) < 0)
		return -ENOTSUP;
	return 0;
}

int pirn__thread_pin(const struct thread_setup *s, pthread_t thread, unsigned number)
{
	unsigned n, cpu = 0;
	cpu_set_t one;

	if (!s->affinity)
		return 0;
	n = number % (unsigned)CPU_COUNT(&s->cpus);
	while (!CPU_ISSET(cpu, &s->cpus) || n-- > 0)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return -pthread_setaffinity_np(thread, sizeof(one), &one);
}

/* A worker may have made this thread, which then is where that one is. */
static void unpin(const struct thread_setup *s)
{
	if (s->affinity)
		pthread_setaffinity_np(pthread_self(), sizeof(s->cpus), &s->cpus);
}

#else

static int get_processors(struct thread_setup *s)
{
	return s->affinity ? -ENOTSUP : 0;
}

int pirn__thread_pin(const struct thread_setup *s, pthread_t thread, unsigned number)
{
	(void)s;
	(void)thread;
	(void)number;
	return 0;
}

static void unpin(const struct thread_setup *s)
{
	(void)s;
}

#endif

/* ---- threads ------------------------------------------------------------------------------- */

int pirn__thread_setup(struct thread_setup *s, const struct pirn_pool_config *config,
		       const struct pirn_platform *platform)
{
	memset(s, 0, sizeof(*s));
	s->platform = platform;
	s->stack_size = config->stack_size;
	s->started = config->thread_started;
	s->stopping = config->thread_stopping;
	s->arg = config->hook_arg;
	s->affinity = config->affinity;
	snprintf(s->name, sizeof(s->name), "%s", config->name ? config->name : "pirn");
	return get_processors(s);
}

int pirn__thread_start(const struct thread_setup *s, pthread_t *thread, void *(*body)(void *),
		       void *arg)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPROF };
	sigset_t blocked, before;
	int err;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		sigdelset(&blocked, open[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	err = s->platform->thread_create(s->platform, thread, s->stack_size, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

void pirn__thread_begin(const struct thread_setup *s, bool blocking, unsigned number)
{
	char end[NAME_ROOM], name[NAME_ROOM];
	size_t length = (size_t)snprintf(end, sizeof(end), "-%c%u", blocking ? 'b' : 'w', number);
	size_t at = strlen(s->name);

	if (at > NAME_ROOM - 1 - length)
		at = NAME_ROOM - 1 - length;
	memcpy(name, s->name, at);
	memcpy(name + at, end, length + 1);
	pthread_setname_np(pthread_self(), name);
	if (blocking)
		unpin(s);
	else
		pirn__thread_pin(s, pthread_self(), number);
	if (s->started)
		s->started(s->arg, blocking, number);
}

void pirn__thread_end(const struct thread_setup *s, bool blocking, unsigned number)
{
	if (s->stopping)
		s->stopping(s->arg, blocking, number);
}
