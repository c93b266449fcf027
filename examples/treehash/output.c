/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

/* Held while a write goes on. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stopped;

static int write_all(const char *text, size_t n)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, text, n);

		if (done >= 0) {
			text += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			poll(&out, 1, -1); /* somebody else made it non-blocking */
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int write_block(struct write_block *w)
{
	int err = -ECANCELED;

	progress_hide(); /* this may be the same terminal */
	pthread_mutex_lock(&writing);
	if (!atomic_load(&stopped))
		err = write_all(w->block.text, w->block.size);
	pthread_mutex_unlock(&writing);
	/* Where nobody reads any more, nobody wants to be told. */
	if (err && err != -EPIPE && err != -ECANCELED)
		complain("standard output", err);
	return err;
}

void write_block_release(struct write_block *w)
{
	block_free(&w->block);
}

int close_output(int fd)
{
	int err = close(fd) < 0 ? -errno : 0;

	if (err)
		complain("standard output", err);
	return err;
}

void output_stop(unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	atomic_store(&stopped, true);
	pthread_mutex_timedlock(&writing, &until); /* and is kept */
}
