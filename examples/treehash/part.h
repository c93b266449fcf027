/* SPDX-License-Identifier: MIT */
/*
 * Reading files, part by part, in plain blocking C. A part is a buffer full: a piece of one large
 * file, or several small files one behind the other. hash.c makes futures of these calls.
 */
#ifndef TREEHASH_PART_H
#define TREEHASH_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "file.h"

#define PART_SIZE (128 * 1024)

struct read_part {
	struct bundle files; /* to be read; what does not fit into this part stays here */
	bool open;           /* the first of them is, as fd: it goes on in the next part */
	bool large;          /* that one takes more than this part */
	int fd;
	off_t left; /* of it, as it was when it was opened */
	/* the part */
	unsigned char *data; /* room for PART_SIZE bytes */
	size_t size;
	struct bundle ended; /* the files that end in it */
	size_t end[BUNDLE];  /* and where */
};

/*
 * Reads the next part. Opens one file after the other, checks that it is a regular file, reads
 * what there is room for, and closes it if that was all. What cannot be read is complained about.
 * While large files are being read, anywhere, a part of small ones is short: so the next part of a
 * large one, which all that follow it wait for, does not wait long for a thread.
 *
 * Returns 0.
 */
int read_part(struct read_part *part);

/* Closes the file that goes on in the next part, if there is one: it will not be read. */
void read_part_close(struct read_part *part);

/* Gives back whatever is there, at any point. */
void read_part_release(struct read_part *part);

#endif
