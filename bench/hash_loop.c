/* SPDX-License-Identifier: MIT */
/*
 * hash-loop [PATH ...]: what treehash is measured against. One plain thread walks, opens, reads
 * and hashes, one file after the other: the same calls, one buffer, one context. The lines are
 * the same, but in the order in which the directories give the names, and odd names are not
 * escaped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#define DIGEST_SIZE 32

static unsigned char buffer[128 * 1024];
static EVP_MD *algorithm;
static EVP_MD_CTX *context;
static bool trouble;

/* The path of what is in hand: grows and shrinks with the recursion. */
static char *path;
static size_t length, room;

static void complain(void)
{
	fprintf(stderr, "hash-loop: %s: %m\n", path);
	trouble = true;
}

static void out_of_memory(void)
{
	fputs("hash-loop: out of memory\n", stderr);
	exit(1);
}

static void path_add(const char *text)
{
	size_t n = strlen(text);

	if (n >= room - length) {
		room = 2 * room + n + 256;
		path = realloc(path, room);
		if (!path)
			out_of_memory();
	}
	memcpy(path + length, text, n + 1);
	length += n;
}

static void path_cut(size_t to)
{
	length = to;
	path[length] = '\0';
}

static void print_line(const unsigned char *digest)
{
	static const char hex[] = "0123456789abcdef";
	char text[2 * DIGEST_SIZE + 2];

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 15];
	}
	text[2 * DIGEST_SIZE] = text[2 * DIGEST_SIZE + 1] = ' ';
	fwrite_unlocked(text, 1, sizeof(text), stdout);
	fwrite_unlocked(path, 1, length, stdout);
	putc_unlocked('\n', stdout);
}

static bool hash_content(int fd, off_t left, unsigned char *digest)
{
	ssize_t n;

	if (!EVP_DigestInit_ex2(context, algorithm, NULL))
		return false;
	do {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 || !EVP_DigestUpdate(context, buffer, (size_t)n))
			return false;
		left -= n;
		/* Like treehash, it does not ask again where the end was seen before. */
	} while (n > 0 && !(left == 0 && (size_t)n < sizeof(buffer)));
	return EVP_DigestFinal_ex(context, digest, NULL);
}

static void hash_file(int dir, const char *name)
{
	unsigned char digest[DIGEST_SIZE];
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		complain();
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && hash_content(fd, st.st_size, digest))
		print_line(digest);
	else
		complain();
	close(fd);
}

static unsigned char kind_of(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static void hash_dir(int above, const char *name)
{
	int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t here;

	if (!stream) {
		complain();
		return;
	}
	if (path[length - 1] != '/')
		path_add("/");
	here = length;
	while ((entry = readdir(stream))) {
		unsigned char kind = kind_of(fd, entry);

		path_cut(here);
		path_add(entry->d_name);
		if (kind == DT_REG)
			hash_file(fd, entry->d_name);
		else if (kind == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0)
			hash_dir(fd, entry->d_name);
	}
	closedir(stream);
}

static void hash_path(const char *name)
{
	struct stat st;

	length = 0;
	path_add(name);
	if (fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		complain();
	else if (S_ISREG(st.st_mode))
		hash_file(AT_FDCWD, name);
	else if (S_ISDIR(st.st_mode))
		hash_dir(AT_FDCWD, name);
}

int main(int argc, char **argv)
{
	static char out[64 * 1024];

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	context = EVP_MD_CTX_new();
	if (!algorithm || !context)
		out_of_memory();
	if (argc < 2)
		hash_path(".");
	for (int i = 1; i < argc; i++)
		hash_path(argv[i]);
	EVP_MD_CTX_free(context);
	EVP_MD_free(algorithm);
	free(path);
	return fflush(stdout) < 0 || trouble;
}
