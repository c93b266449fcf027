/* SPDX-License-Identifier: MIT */
/* The walk: the one task that finds the files, in the order in which they are printed. */
#ifndef TREEHASH_WALK_H
#define TREEHASH_WALK_H

#include <pirn_task.h>

#include "file.h"
#include "options.h"

/*
 * Starts it on an executor. It ends when all is found, or when nobody takes it any more.
 *
 * Takes:    options, borrowed until it has ended; one holder of the end, on success; how many files
 *           to send at a time, at most BUNDLE.
 * Returns:  0 or a negative errno.
 */
int walk_start(struct pirn_executor *ex, struct pirn_task **task, const struct options *options,
	       struct found_sender *tx, size_t bundle);

#endif
