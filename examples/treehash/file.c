/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <stdlib.h>
#include <string.h>

struct file *file_new(struct dir *dir, const char *path, size_t length, size_t name)
{
	struct file *file = malloc(sizeof(*file) + length + 1);

	if (!file)
		return NULL;
	file->dir = dir;
	file->name = name;
	memcpy(file->path, path, length);
	file->path[length] = '\0';
	return file;
}

void file_leave_dir(struct file *file)
{
	file->dir = dir_unref(file->dir);
}

void bundle_add(struct bundle *b, struct file *file)
{
	b->file[b->n++] = file;
}

void bundle_forget(struct bundle *b, size_t k)
{
	b->turn += k;
	b->n -= k;
	memmove(b->file, b->file + k, b->n * sizeof(struct file *));
}

struct bundle bundle_take(struct bundle *b)
{
	struct bundle taken = *b;

	b->n = 0;
	return taken;
}

void found_release(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->file[i])
			file_leave_dir(b->file[i]);
	hashed_release(b);
}

void hashed_release(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->file[i]);
	b->n = 0;
}
