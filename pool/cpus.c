/* SPDX-License-Identifier: MIT */
/*
 * How many processors this process may use: the affinity mask, or the CPU quota of its cgroup (or
 * of one above it) rounded up, if that is less. A quota that cannot be read is no quota.
 */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"

#define NO_QUOTA UINT_MAX

static unsigned affinity(void)
{
#ifdef __linux__
	/* The kernel wants room for every processor it could have, not just for those there are. */
	for (int n = 1024; n <= 1 << 20; n *= 2) {
		cpu_set_t *set = CPU_ALLOC(n);
		size_t size = CPU_ALLOC_SIZE(n);
		int count = 0;

		if (!set)
			break;
		if (sched_getaffinity(0, size, set) == 0)
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (count > 0)
			return (unsigned)count;
	}
#endif
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > 0 ? (unsigned)online : 1;
}

/* Reads a small file as a string. False: it is not there. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

static unsigned rounded_up(long long quota, long long period)
{
	long long n;

	if (quota <= 0 || period <= 0)
		return NO_QUOTA;
	n = (quota + period - 1) / period;
	return n < NO_QUOTA ? (unsigned)n : NO_QUOTA;
}

static unsigned quota_v2(const char *dir)
{
	char path[4200], text[64];
	long long quota, period;

	snprintf(path, sizeof(path), "%s/cpu.max", dir);
	if (!read_text(path, text, sizeof(text)) ||
	    sscanf(text, "%lld %lld", &quota, &period) != 2) /* "max 100000": none */
		return NO_QUOTA;
	return rounded_up(quota, period);
}

static unsigned quota_v1(const char *dir)
{
	char path[4200], quota[32], period[32];

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir);
	if (!read_text(path, quota, sizeof(quota)))
		return NO_QUOTA;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir);
	if (!read_text(path, period, sizeof(period)))
		return NO_QUOTA;
	return rounded_up(atoll(quota), atoll(period));
}

/* The least quota from this cgroup up to the root of its hierarchy. */
static unsigned least_quota(const char *mount, char *cgroup, unsigned (*quota)(const char *))
{
	unsigned least = NO_QUOTA;
	char dir[4160];

	for (;;) {
		char *slash;
		unsigned n;

		snprintf(dir, sizeof(dir), "%s%s", mount, cgroup);
		n = quota(dir);
		if (n < least)
			least = n;
		slash = strrchr(cgroup, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Is word one of those in a list with commas? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

/* /proc/self/cgroup has a line "id:controllers:path" for each hierarchy; v2 has no controllers. */
static unsigned cgroup_quota(void)
{
	unsigned least = NO_QUOTA, n;
	char text[4096], *line, *next;

	if (!read_text("/proc/self/cgroup", text, sizeof(text)))
		return NO_QUOTA;
	for (line = text; line; line = next) {
		char *controllers, *path;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		controllers = strchr(line, ':');
		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*controllers++ = '\0';
		*path++ = '\0';
		if (*controllers == '\0')
			n = least_quota("/sys/fs/cgroup", path, quota_v2);
		else if (has_word(controllers, "cpu"))
			n = least_quota("/sys/fs/cgroup/cpu", path, quota_v1);
		else
			continue;
		if (n < least)
			least = n;
	}
	return least;
}

unsigned pirn__cpus(void)
{
	unsigned n = affinity(), quota = cgroup_quota();

	return quota < n ? quota : n;
}
