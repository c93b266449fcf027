/* SPDX-License-Identifier: MIT */
/* The hashers: tasks that take a bundle of files, one after the other, and hash it. */
#ifndef TREEHASH_HASH_H
#define TREEHASH_HASH_H

#include <openssl/evp.h>

#include <pirn_task.h>

#include "file.h"

/*
 * Starts one on an executor; it ends when the walk has, or when nobody wants results any more. It
 * takes one more holder of both ends.
 *
 * Returns 0 or a negative errno; *task is then not touched.
 */
int hasher_start(struct pirn_executor *ex, struct pirn_task **task, const EVP_MD *algorithm,
		 struct found_receiver *found_rx, struct hashed_sender *hashed_tx);

#endif
