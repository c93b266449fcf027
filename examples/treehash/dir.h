/* SPDX-License-Identifier: MIT */
/*
 * Directories: an open one is counted, since the files found in it are opened relative to it; its
 * listing is sorted. Everything here calls the file system, so only blocking jobs use it.
 */
#ifndef TREEHASH_DIR_H
#define TREEHASH_DIR_H

#include <stddef.h>
#include <sys/types.h>

/* An open directory. NULL stands for the current one. */
struct dir;

/* What tells a directory from all others, to know it again. */
struct dir_id {
	dev_t device;
	ino_t number;
};

struct dir *dir_ref(struct dir *dir);

/* The last one closes it. NULL is fine. Returns NULL. */
struct dir *dir_unref(struct dir *dir);

/* For openat and its like. */
int dir_fd(const struct dir *dir);

/*
 * The regular files and the subdirectories in a directory, in the byte order of the paths below
 * it. The name of a subdirectory ends in a slash: that is what makes it so ("a/x" comes before
 * "a0", but behind "a!"), and what tells the two kinds apart.
 */
struct listing {
	char **name;
	size_t n;
	char *text; /* the names themselves */
};

void listing_free(struct listing *l);

/*
 * Opens a directory and lists it. `name` is seen from parent; a symbolic link is not followed.
 * When there is nothing in it, *out is NULL: nobody will need it.
 *
 * Returns 0 or a negative errno.
 */
int dir_read(struct dir *parent, const char *name, struct dir **out, struct dir_id *id,
	     struct listing *list);

/*
 * Opens the directory so many steps above.
 *
 * Returns 0 or a negative errno: -ENOENT if it is not the one expected, because something was
 * moved.
 */
int dir_climb(struct dir *from, size_t steps, struct dir_id expected, struct dir **out);

#endif
