/* SPDX-License-Identifier: MIT */
#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct dir {
	atomic_uint refs;
	int fd;
};

/* ---- the open directory -------------------------------------------------------------------- */

/* Takes fd: it is closed on failure. */
static int dir_new(struct dir **out, int fd)
{
	struct dir *dir = malloc(sizeof(*dir));

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	atomic_init(&dir->refs, 1);
	dir->fd = fd;
	*out = dir;
	return 0;
}

struct dir *dir_ref(struct dir *dir)
{
	if (dir)
		atomic_fetch_add_explicit(&dir->refs, 1, memory_order_relaxed);
	return dir;
}

struct dir *dir_unref(struct dir *dir)
{
	/* Release and acquire: all use of the descriptor comes before the close. */
	if (dir && atomic_fetch_sub_explicit(&dir->refs, 1, memory_order_acq_rel) == 1) {
		close(dir->fd);
		free(dir);
	}
	return NULL;
}

int dir_fd(const struct dir *dir)
{
	return dir ? dir->fd : AT_FDCWD;
}

/* ---- the listing --------------------------------------------------------------------------- */

/* A listing that grows: names one behind the other, each with its NUL. */
struct names {
	char *text;
	size_t size, room;
	size_t n;
};

void listing_free(struct listing *l)
{
	free(l->name);
	free(l->text);
	l->name = NULL;
	l->text = NULL;
	l->n = 0;
}

static int add_name(struct names *names, const char *name, bool directory)
{
	size_t length = strlen(name), need = names->size + length + 2;

	if (need > names->room) {
		size_t room = need + names->room / 2 + 1024;
		char *text = realloc(names->text, room);

		if (!text)
			return -ENOMEM;
		names->text = text;
		names->room = room;
	}
	memcpy(names->text + names->size, name, length);
	names->size += length;
	if (directory)
		names->text[names->size++] = '/';
	names->text[names->size++] = '\0';
	names->n++;
	return 0;
}

/* Some file systems do not tell the kind of an entry. What is gone again is of no kind. */
static unsigned char kind_of(int fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static int read_names(DIR *stream, struct names *names)
{
	for (;;) {
		struct dirent *entry;
		unsigned char kind;
		int err;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		kind = kind_of(dirfd(stream), entry);
		if (kind != DT_REG && kind != DT_DIR)
			continue;
		err = add_name(names, entry->d_name, kind == DT_DIR);
		if (err)
			return err;
	}
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Makes a sorted listing of the names; their text becomes the listing's. */
static int sort_names(struct names *names, struct listing *list)
{
	char *text = names->text;

	list->name = malloc(names->n * sizeof(*list->name));
	if (!list->name)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++) {
		list->name[i] = text;
		text += strlen(text) + 1;
	}
	qsort(list->name, names->n, sizeof(*list->name), by_bytes);
	list->n = names->n;
	list->text = names->text;
	names->text = NULL;
	return 0;
}

/* closedir takes the stream's descriptor with it; those who open files here need one. */
static int keep_open(DIR *stream, struct dir **out, struct dir_id *id)
{
	struct stat st;
	int fd;

	if (fstat(dirfd(stream), &st) < 0)
		return -errno;
	fd = fcntl(dirfd(stream), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	id->device = st.st_dev;
	id->number = st.st_ino;
	return dir_new(out, fd);
}

int dir_read(struct dir *parent, const char *name, struct dir **out, struct dir_id *id,
	     struct listing *list)
{
	struct names names = { .n = 0 };
	DIR *stream;
	int fd, err;

	fd = openat(dir_fd(parent), name, OPEN_DIRECTORY);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		err = -errno;
		close(fd);
		return err;
	}
	*out = NULL;
	err = read_names(stream, &names);
	if (err == 0 && names.n > 0)
		err = keep_open(stream, out, id);
	if (err == 0 && names.n > 0)
		err = sort_names(&names, list);
	if (err)
		*out = dir_unref(*out);
	free(names.text);
	closedir(stream);
	return err;
}

/* ---- back up ------------------------------------------------------------------------------- */

int dir_climb(struct dir *from, size_t steps, struct dir_id expected, struct dir **out)
{
	int fd = dir_fd(from);
	struct stat st;

	for (size_t i = 0; i < steps; i++) {
		int above = openat(fd, "..", OPEN_DIRECTORY), err = -errno;

		if (i > 0)
			close(fd);
		if (above < 0)
			return err;
		fd = above;
	}
	if (fstat(fd, &st) < 0 || st.st_dev != expected.device || st.st_ino != expected.number) {
		close(fd);
		return -ENOENT;
	}
	return dir_new(out, fd);
}
