/* SPDX-License-Identifier: MIT */
/*
 * treehash: prints the SHA-256 of every file below some directories, as sha256sum does, but reads
 * and hashes many files at a time. This file is its plain half: the command line, the pool, the
 * signals.
 *
 * Main does not take part in the work, so that it can answer to Ctrl-C at any time, also while
 * every thread hangs in some call of the file system. It waits for signals; the root's end is
 * one, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <pirn.h>
#include <pirn_pool.h>

#include "options.h"
#include "output.h"
#include "report.h"
#include "root.h"

#define ENDED SIGUSR1
#define DRAW_EVERY (200 * 1000 * 1000) /* nanoseconds */
#define GRACE 50                       /* milliseconds for a write that is going on */

static pthread_t main_thread;
static atomic_bool root_has_ended;

/* On a worker. The signal is blocked everywhere: it stays pending until main takes it. */
static void root_ended(void)
{
	atomic_store(&root_has_ended, true);
	pthread_kill(main_thread, ENDED);
}

/*
 * If we were started without standard output, the first file would be opened in its place. Writing
 * to this one fails as it should.
 */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			exit(STATUS_TROUBLE);
}

/* From here on they end us at once. */
static void unblock_interrupts(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* As if we had never caught the signal, but not in the middle of a line. */
static void die(int sig)
{
	output_stop(GRACE);
	progress_abandon();
	signal(sig, SIG_DFL);
	unblock_interrupts();
	raise(sig);
}

static void wait_for_end(const sigset_t *awaited, bool draw)
{
	static const struct timespec tick = { .tv_nsec = DRAW_EVERY };

	while (!atomic_load(&root_has_ended)) {
		int sig = draw ? sigtimedwait(awaited, NULL, &tick) : sigwaitinfo(awaited, NULL);

		if (sig == SIGINT || sig == SIGTERM)
			die(sig);
		else if (sig < 0 && errno == EAGAIN)
			progress_draw();
	}
	progress_hide();
}

/* Runs the root to its end. Returns its err. */
static int run(struct pirn_executor *pool, const struct options *options, const EVP_MD *algorithm,
	       const sigset_t *awaited)
{
	struct pirn_task *root;
	bool draw = progress_begin();
	int err = root_start(pool, &root, options, algorithm, root_ended);

	if (err) {
		complain("cannot start", err);
		return err;
	}
	wait_for_end(awaited, draw);
	unblock_interrupts();
	err = pirn_join_blocking(root);
	pirn_task_detach(root);
	return err;
}

/* Ends the program if there is no pool to be had. */
static struct pirn_executor *make_pool(const struct options *options)
{
	struct pirn_pool_config config = {
		.threads = options->workers,
		.blocking_threads = options->blocking,
	};
	struct pirn_executor *pool;
	int err = pirn_pool_new(&pool, &config);

	if (err == -EINVAL) {
		fputs("treehash: PIRN_THREADS must be a number from 1 to 1024\n", stderr);
		exit(STATUS_USAGE);
	} else if (err) {
		complain("cannot start", err);
		exit(STATUS_TROUBLE);
	}
	return pool;
}

int main(int argc, char **argv)
{
	struct options options;
	struct pirn_executor *pool;
	EVP_MD *algorithm;
	sigset_t awaited;
	int err;

	fill_standard_descriptors();
	options_parse(&options, argc, argv);
	signal(SIGPIPE, SIG_IGN); /* the write fails instead */
	main_thread = pthread_self();
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, ENDED);
	pthread_sigmask(SIG_BLOCK, &awaited, NULL); /* before the pool: its threads inherit it */

	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!algorithm) {
		complain_text("libcrypto", "has no SHA-256");
		return STATUS_TROUBLE;
	}
	pool = make_pool(&options);
	err = run(pool, &options, algorithm, &awaited);
	pirn_executor_free(pool);
	EVP_MD_free(algorithm);
	return err || complained() ? STATUS_TROUBLE : STATUS_DONE;
}
