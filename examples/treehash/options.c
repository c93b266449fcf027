/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pirn.h>

#include "report.h"

#define MOST_THREADS 1024

enum { OPTION_BLOCKING = 256, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
	{ "blocking", required_argument, NULL, OPTION_BLOCKING },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: treehash [-j N] [--blocking N] [--] [PATH ...]\n"
	"Prints the SHA-256 of every regular file below each PATH (default: .), one line each\n"
	"in the format of sha256sum, in byte order of the paths. Symbolic links are not followed.\n"
	"\n"
	"  -j N          workers, which hash: 1 to 1024 (default: PIRN_THREADS, else one for each\n"
	"                processor)\n"
	"  --blocking N  threads that wait for the file system: 1 to 1024 (default: one for two\n"
	"                processors, 1 to 32; a disk that has to be waited for wants more, and a\n"
	"                call that hangs holds up its thread)\n"
	"  --help        this text\n"
	"  --version     the version\n"
	"\n"
	"Status: 0 all hashed, 1 something could not be read or written, 2 wrong usage.\n";

/*
 * The page cache keeps half as many of these threads busy as there are processors, and more of them
 * would take the processors from those who hash: on two, 100,000 small files and a large one took
 * 0.72 of a plain loop's time with one thread, 0.81 with two. A disk that has to be waited for may
 * want more.
 */
static unsigned default_blocking(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 4 ? 1 : processors > 64 ? 32 : (unsigned)processors / 2;
}

static void usage_error(void)
{
	fputs("Try 'treehash --help'.\n", stderr);
	exit(STATUS_USAGE);
}

static unsigned number(const char *option, const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	/* strtol takes spaces and signs as well; we do not. */
	if (text[0] < '0' || text[0] > '9' || *end || errno || n < 1 || n > MOST_THREADS) {
		fprintf(stderr, "treehash: %s wants a number from 1 to %d, not '%s'\n", option,
			MOST_THREADS, text);
		usage_error();
	}
	return (unsigned)n;
}

static void print_and_exit(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout) < 0) {
		complain("standard output", -errno);
		exit(STATUS_TROUBLE);
	}
	exit(STATUS_DONE);
}

void options_parse(struct options *o, int argc, char **argv)
{
	static char here[] = ".";
	static char *const here_alone[] = { here };
	int option;

	o->workers = 0;
	o->blocking = default_blocking();
	while ((option = getopt_long(argc, argv, "j:", long_options, NULL)) != -1) {
		if (option == 'j')
			o->workers = number("-j", optarg);
		else if (option == OPTION_BLOCKING)
			o->blocking = number("--blocking", optarg);
		else if (option == OPTION_HELP)
			print_and_exit(help);
		else if (option == OPTION_VERSION)
			print_and_exit("treehash (pirn) " PIRN_VERSION "\n");
		else
			usage_error(); /* getopt has said what is wrong */
	}
	o->path = argv + optind;
	o->paths = (size_t)(argc - optind);
	if (o->paths == 0) {
		o->path = here_alone;
		o->paths = 1;
	}
}
