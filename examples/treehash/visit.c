/* SPDX-License-Identifier: MIT */
#include "visit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"

int path_add(struct path *p, const char *text)
{
	size_t n = strlen(text);

	if (n >= p->room - p->length) {
		size_t room = 2 * p->room + n + 256;
		char *grown = realloc(p->text, room);

		if (!grown)
			return -ENOMEM;
		p->text = grown;
		p->room = room;
	}
	memcpy(p->text + p->length, text, n + 1);
	p->length += n;
	return 0;
}

/* A PATH of the command line. Returns 0: it is a directory; 1: there is nothing more to do. */
static int look_at_top(struct visit *v)
{
	struct stat st;

	if (fstatat(AT_FDCWD, v->path.text, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		complain(v->path.text, -errno);
		return 1;
	}
	v->file = S_ISREG(st.st_mode);
	if (!v->file && !S_ISDIR(st.st_mode))
		complain_text(v->path.text, S_ISLNK(st.st_mode)
						    ? "symbolic link, not followed"
						    : "neither a regular file nor a directory");
	return !S_ISDIR(st.st_mode);
}

int visit(struct visit *v)
{
	int err = 0;

	if (!v->top || look_at_top(v) == 0)
		err = dir_read(v->above, v->path.text + v->name, &v->dir, &v->id, &v->list);
	if (err)
		complain(v->path.text, err);
	v->above = dir_unref(v->above);
	v->leave = dir_unref(v->leave);
	return err;
}

void visit_release(struct visit *v)
{
	free(v->path.text);
	dir_unref(v->above);
	dir_unref(v->leave);
	dir_unref(v->dir);
	listing_free(&v->list);
}

int climb(struct climb *c)
{
	int err = dir_climb(c->from, c->steps, c->id, &c->dir);

	if (err) {
		char last = c->path.text[c->length];

		c->path.text[c->length] = '\0';
		complain(c->path.text, err);
		c->path.text[c->length] = last;
	}
	c->from = dir_unref(c->from);
	return err;
}

void climb_release(struct climb *c)
{
	free(c->path.text);
	dir_unref(c->from);
	dir_unref(c->dir);
}
