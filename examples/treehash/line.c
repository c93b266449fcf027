/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct block *b, size_t size)
{
	size_t room = b->size + size < BLOCK_SIZE + 4096 ? BLOCK_SIZE + 4096 : b->size + size;
	char *text;

	if (size <= b->room - b->size)
		return 0;
	text = realloc(b->text, room);
	if (!text)
		return -ENOMEM;
	b->text = text;
	b->room = room;
	return 0;
}

static char *add_digest(char *out, const unsigned char *digest)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		*out++ = hex[digest[i] >> 4];
		*out++ = hex[digest[i] & 15];
	}
	return out;
}

/* What would end the line early is written with a backslash, and so is the backslash. */
static char *add_escaped(char *out, const char *path)
{
	for (; *path; path++) {
		if (*path == '\\' || *path == '\n' || *path == '\r')
			*out++ = '\\';
		*out++ = *path == '\n' ? 'n' : *path == '\r' ? 'r' : *path;
	}
	return out;
}

int block_add(struct block *b, const struct file *file)
{
	size_t length = strlen(file->path);
	bool escaped = file->path[strcspn(file->path, "\\\n\r")] != '\0';
	char *out;

	if (make_room(b, 1 + 2 * DIGEST_SIZE + 2 + (escaped ? 2 : 1) * length + 1) < 0)
		return -ENOMEM;
	out = b->text + b->size;
	if (escaped)
		*out++ = '\\'; /* tells the reader to undo it */
	out = add_digest(out, file->digest);
	*out++ = ' ';
	*out++ = ' ';
	if (escaped)
		out = add_escaped(out, file->path);
	else
		out = (char *)memcpy(out, file->path, length) + length;
	*out++ = '\n';
	b->size = (size_t)(out - b->text);
	return 0;
}

void block_free(struct block *b)
{
	free(b->text);
	b->text = NULL;
	b->size = b->room = 0;
}
