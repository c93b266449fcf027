/* SPDX-License-Identifier: MIT */
/*
 * Where results wait for their turn: a queue with holes. While the first file is a big one, all
 * the others may wait here, so a place takes no more than a pointer.
 */
#ifndef TREEHASH_ORDER_H
#define TREEHASH_ORDER_H

#include <stdbool.h>

#include "file.h"

struct order {
	uint64_t turn; /* of the next to be taken */
	struct places *first, *last;
};

/* Takes a file, or NULL for one whose turn has to be passed over. Returns 0 or -ENOMEM. */
int order_put(struct order *o, uint64_t turn, struct file *file);

/*
 * Takes out what is next, if it is there: a file, which is the caller's, or NULL.
 *
 * Takes:    skip: no more will come, so one that is missing is passed over.
 */
bool order_take(struct order *o, struct file **file, bool skip);

/* Releases what waits. */
void order_deinit(struct order *o);

#endif
