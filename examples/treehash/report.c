/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ERASE "\r\033[K"

/* Whoever writes to the terminal holds it; drawn: the progress line stands there. */
static pthread_mutex_t terminal = PTHREAD_MUTEX_INITIALIZER;
static bool drawn;

/* Constant once there are threads. */
static bool wanted;
static double began;

static atomic_bool trouble;
static atomic_uint_least64_t files, bytes; /* done */

/* What cannot be written to standard error cannot be complained about either. */
static void write_error(const char *text, size_t n)
{
	ssize_t done;

	while (n > 0 && ((done = write(STDERR_FILENO, text, n)) > 0 || errno == EINTR)) {
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
}

/* Under the lock. */
static void erase(void)
{
	if (drawn)
		write_error(ERASE, strlen(ERASE));
	drawn = false;
}

/* A name may hold anything, also what would move the cursor; a complaint is one line. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void complain_text(const char *name, const char *reason)
{
	static const char format[] = "treehash: %s: %s\n";
	int n = snprintf(NULL, 0, format, name, reason);
	char *line = malloc((size_t)n + 1);

	atomic_store(&trouble, true);
	pthread_mutex_lock(&terminal);
	erase();
	if (line) {
		snprintf(line, (size_t)n + 1, format, name, reason);
		line[n - 1] = '\0';
		make_printable(line);
		line[n - 1] = '\n';
		write_error(line, (size_t)n); /* in one piece: other programs write there too */
	} else {
		dprintf(STDERR_FILENO, format, name, reason);
	}
	pthread_mutex_unlock(&terminal);
	free(line);
}

void complain(const char *name, int err)
{
	char reason[128];

	errno = -err;
	snprintf(reason, sizeof(reason), "%m"); /* unlike strerror, safe with threads everywhere */
	complain_text(name, reason);
}

bool complained(void)
{
	return atomic_load(&trouble);
}

void progress(size_t more_files, size_t more_bytes)
{
	atomic_fetch_add_explicit(&files, more_files, memory_order_relaxed);
	atomic_fetch_add_explicit(&bytes, more_bytes, memory_order_relaxed);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Who draws also waits for Ctrl-C, and must not wait for the terminal instead. */
static bool take_terminal(void)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (pthread_mutex_trylock(&terminal) != 0)
		return false;
	if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
		return true;
	pthread_mutex_unlock(&terminal);
	return false;
}

bool progress_begin(void)
{
	began = seconds_now();
	wanted = isatty(STDERR_FILENO);
	return wanted;
}

void progress_draw(void)
{
	uint64_t n = atomic_load_explicit(&files, memory_order_relaxed);
	double mb = (double)atomic_load_explicit(&bytes, memory_order_relaxed) / 1e6;
	double passed = seconds_now() - began;
	char line[100];
	int length;

	if (!take_terminal())
		return;
	length = snprintf(line, sizeof(line), ERASE "%llu files, %.0f MB, %.0f MB/s",
			  (unsigned long long)n, mb, mb / passed);
	write_error(line, (size_t)length);
	drawn = true;
	pthread_mutex_unlock(&terminal);
}

void progress_abandon(void)
{
	if (!take_terminal())
		return;
	if (drawn)
		write_error("\n", 1);
	drawn = false;
	pthread_mutex_unlock(&terminal);
}

void progress_hide(void)
{
	if (!wanted)
		return;
	pthread_mutex_lock(&terminal);
	erase();
	pthread_mutex_unlock(&terminal);
}
