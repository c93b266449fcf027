/* SPDX-License-Identifier: MIT */
/* The root: the task that starts all others and sees them end. */
#ifndef TREEHASH_ROOT_H
#define TREEHASH_ROOT_H

#include <openssl/evp.h>

#include <pirn_task.h>

#include "options.h"

/*
 * Starts it on an executor. It ends with 0 when all is hashed and written as far as it can be,
 * and with an error when it could not begin or not write.
 *
 * Takes:    what it borrows until the executor is freed: options, algorithm. ended: called at its
 *           end, on a worker.
 * Returns:  0 or a negative errno.
 */
int root_start(struct pirn_executor *ex, struct pirn_task **task, const struct options *options,
	       const EVP_MD *algorithm, void (*ended)(void));

#endif
