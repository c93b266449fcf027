/* SPDX-License-Identifier: MIT */
/* The printer: the task that brings results into order and writes them out. */
#ifndef TREEHASH_PRINT_H
#define TREEHASH_PRINT_H

#include <pirn_task.h>

#include "file.h"

/*
 * Starts it on an executor. It ends with 0 when all is written, or with the error of the write
 * that failed: then it does not take results any more.
 *
 * Takes:    one holder of the end, on success.
 * Returns:  0 or a negative errno.
 */
int printer_start(struct pirn_executor *ex, struct pirn_task **task, struct hashed_receiver *rx);

#endif
