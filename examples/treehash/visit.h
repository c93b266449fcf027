/* SPDX-License-Identifier: MIT */
/*
 * The two calls of the walk that block, in plain C: go down into a directory, and back up to one
 * that was closed on the way. walk.c makes futures of them. Both complain themselves.
 */
#ifndef TREEHASH_VISIT_H
#define TREEHASH_VISIT_H

#include <stdbool.h>
#include <stddef.h>

#include "dir.h"

/* The path that the walk stands on. */
struct path {
	char *text; /* with a NUL behind it */
	size_t length, room;
};

/* Appends to a path. Returns 0 or -ENOMEM. */
int path_add(struct path *p, const char *text);

/* Looks what there is, and lists it if it is a directory. */
struct visit {
	struct path path; /* lent: it comes back */
	struct dir
		*above; /* the path from `name` on is seen from here; given back behind the visit */
	size_t name;
	struct dir *leave; /* another one to be given back, or NULL */
	bool top;          /* a PATH of the command line: may be a file, or not be there */
	/* the result */
	bool file;       /* it is a regular file */
	struct dir *dir; /* it is a directory, and not empty */
	struct dir_id id;
	struct listing list;
};

int visit(struct visit *v);
void visit_release(struct visit *v);

/* Opens a directory again, from one below it. */
struct climb {
	struct path path; /* lent; the directory's is as long as */
	size_t length;
	struct dir *from; /* given back behind the climb */
	size_t steps;
	struct dir_id id;
	struct dir *dir; /* the result */
};

int climb(struct climb *c);
void climb_release(struct climb *c);

#endif
