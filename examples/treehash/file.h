/* SPDX-License-Identifier: MIT */
/*
 * Files on their way through the program, and the two channels they travel on: `found` takes them
 * from the walk to a hasher, `hashed` from there to the printer. They travel a few at a time:
 * most files are so small that handing one over costs as much as hashing it.
 */
#ifndef TREEHASH_FILE_H
#define TREEHASH_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <pirn_channel.h>

#include "dir.h"

#define DIGEST_SIZE 32

/* A result that waits for its turn is this and nothing more: there may be a million of them. */
struct file {
	union {
		/* until it is opened; then dir is NULL */
		struct {
			struct dir *dir; /* the path from `name` on is seen from here */
			size_t name;
		};
		/* once it is hashed */
		unsigned char digest[DIGEST_SIZE];
	};
	char path[]; /* in full, as it is printed */
};

/* A file that is not open yet: takes one of the holders of dir. NULL: out of memory. */
struct file *file_new(struct dir *dir, const char *path, size_t length, size_t name);

/* Lets go of the directory: the file is open, or nobody will open it. */
void file_leave_dir(struct file *file);

#define BUNDLE 16

/* Files whose lines come one behind the other. */
struct bundle {
	uint64_t turn; /* of the first one's line */
	size_t n;
	struct file *file[BUNDLE]; /* NULL: it could not be read, and has been complained about */
};

void bundle_add(struct bundle *b, struct file *file);

/* Forgets the first k: they have gone elsewhere. */
void bundle_forget(struct bundle *b, size_t k);

/* Takes all that is in it. */
struct bundle bundle_take(struct bundle *b);

void found_release(struct bundle *b);
void hashed_release(struct bundle *b);

PIRN_CHANNEL(found, struct bundle, found_release);
PIRN_CHANNEL(hashed, struct bundle, hashed_release);

#endif
