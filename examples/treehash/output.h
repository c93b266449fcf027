/* SPDX-License-Identifier: MIT */
/* Standard output, in plain blocking C. One write at a time; main may put an end to it. */
#ifndef TREEHASH_OUTPUT_H
#define TREEHASH_OUTPUT_H

#include "line.h"

struct write_block {
	struct block block;
};

/*
 * Writes all of it. Returns 0, -EPIPE, -ECANCELED (output has been stopped), or another negative
 * errno, which was complained about.
 */
int write_block(struct write_block *w);
void write_block_release(struct write_block *w);

/* The last call: some file systems only now tell that there was no room. Returns as above. */
int close_output(int fd);

/* No write begins any more; waits so many milliseconds for one that is going on. */
void output_stop(unsigned ms);

#endif
