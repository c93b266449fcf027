/* SPDX-License-Identifier: MIT */
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

#define SHORT 3 /* files: they take about as long as a part of a large one */

static atomic_uint large_files; /* open, and longer than a part */

void read_part_close(struct read_part *part)
{
	if (part->open)
		close(part->fd);
	part->open = false;
	if (part->large)
		atomic_fetch_sub(&large_files, 1);
	part->large = false;
}

/* There is more of it than fits into this part. */
static void keep_open(struct read_part *part)
{
	if (!part->large)
		atomic_fetch_add(&large_files, 1);
	part->large = true;
}

/*
 * It was a regular file when the directory was read, but names can be given to something else at
 * any time: so no link is followed, and what turns out to be a FIFO does not wait for its other
 * end.
 */
static int open_file(struct read_part *part, struct file *file)
{
	struct stat st;

	part->fd = openat(dir_fd(file->dir), file->path + file->name,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (part->fd < 0)
		return -errno;
	part->open = true;
	if (fstat(part->fd, &st) < 0)
		return -errno;
	part->left = st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -ENXIO;
}

/* Reads until the file ends, and is closed, or the part is full. */
static int read_file(struct read_part *part)
{
	while (part->size < PART_SIZE) {
		size_t room = PART_SIZE - part->size;
		ssize_t n = read(part->fd, part->data + part->size, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		part->size += (size_t)n;
		part->left -= n;
		/* Less than there was room for, where the end was seen before: that is all. */
		if (n == 0 || (part->left == 0 && (size_t)n < room)) {
			read_part_close(part);
			return 0;
		}
	}
	return 0;
}

static void complain_about(const struct file *file, int err)
{
	if (err == -ENXIO) /* what open says of a socket */
		complain_text(file->path, "no longer a regular file");
	else
		complain(file->path, err);
}

int read_part(struct read_part *part)
{
	size_t most = atomic_load(&large_files) > 0 ? SHORT : BUNDLE, i = 0;

	part->size = 0;
	part->ended.n = 0;
	part->ended.turn = part->files.turn;
	for (; i < part->files.n && i < most && part->size < PART_SIZE; i++) {
		struct file *file = part->files.file[i];
		int err = 0;

		if (!part->open) {
			err = open_file(part, file);
			file_leave_dir(file);
		}
		if (err == 0)
			err = read_file(part);
		if (err == 0 && part->open) {
			keep_open(part);
			break;
		}
		if (err) {
			read_part_close(part);
			complain_about(file, err);
			free(file);
			file = NULL;
		}
		part->end[part->ended.n] = part->size;
		bundle_add(&part->ended, file);
	}
	bundle_forget(&part->files, i);
	return 0;
}

void read_part_release(struct read_part *part)
{
	read_part_close(part);
	found_release(&part->files);
	found_release(&part->ended);
	free(part->data);
}
