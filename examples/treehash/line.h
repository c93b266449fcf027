/* SPDX-License-Identifier: MIT */
/* A block of whole lines in the format of sha256sum. */
#ifndef TREEHASH_LINE_H
#define TREEHASH_LINE_H

#include "file.h"

#define BLOCK_SIZE (128 * 1024) /* from here on a block is full; it ends with the line */

struct block {
	char *text;
	size_t size, room;
};

/* Appends the line of a file. Returns 0 or -ENOMEM. */
int block_add(struct block *b, const struct file *file);

void block_free(struct block *b);

#endif
