/* SPDX-License-Identifier: MIT */
/* The command line. */
#ifndef TREEHASH_OPTIONS_H
#define TREEHASH_OPTIONS_H

#include <stddef.h>

enum status {
	STATUS_DONE = 0,
	STATUS_TROUBLE = 1, /* something could not be read or written; it was named */
	STATUS_USAGE = 2    /* nothing was hashed */
};

struct options {
	unsigned workers;  /* 0: as many as the pool thinks right */
	unsigned blocking; /* threads for file-system calls */
	char *const *path; /* what to hash, one or more */
	size_t paths;
};

/* Ends the program on --help, --version and on what it does not understand. */
void options_parse(struct options *o, int argc, char **argv);

#endif
