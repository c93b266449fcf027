/* SPDX-License-Identifier: MIT */
/* How much memory a stress program has; SLOW is 1 where a sanitizer keeps what was freed. */
#ifndef RESIDENT_H
#define RESIDENT_H

#ifdef HAVE_JEMALLOC
# include <jemalloc/jemalloc.h>
#else
# include <malloc.h>
#endif

#include "race.h"

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SLOW 1
# endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SLOW 1
#endif
#ifndef SLOW
# define SLOW 0
#endif

/* Kilobytes of the process in memory, without what the allocator keeps for later. */
static inline long resident(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long pages = 0;

#ifdef HAVE_JEMALLOC
	mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	mallctl("arena." PIRN_TEXT(MALLCTL_ARENAS_ALL) ".purge", NULL, NULL, NULL, 0);
#else
	malloc_trim(0);
#endif
	RACE_CHECK(statm && fscanf(statm, "%*d %ld", &pages) == 1, "no /proc/self/statm");
	fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
