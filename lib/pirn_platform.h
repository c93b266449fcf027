/* SPDX-License-Identifier: MIT */
/*
 * What pirn asks of its host: memory, threads, a clock, and what happens to a broken contract.
 *
 * Every object keeps the platform (or the memory part) it was made with. The structs must outlive
 * all objects made with them, wakers included: they are static in practice. To change one
 * function, copy *pirn_platform_default() and put yours in; embed the struct in one of your own
 * to add state.
 */
#ifndef PIRN_PLATFORM_H
#define PIRN_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
# include <pthread.h>
#else /* freestanding: see pirn_static.h */
# ifdef __has_include
#  if __has_include(<errno.h>)
#   include <errno.h>
#  endif
# endif
# ifndef ENOMEM
#  define ENOMEM 12 /* as on Linux */
# endif
# ifndef ECANCELED
#  define ECANCELED 125
# endif
#endif

#if defined(__GNUC__)
# define PIRN_API __attribute__((visibility("default")))
# define PIRN_NORETURN __attribute__((noreturn))
# define PIRN_UNUSED __attribute__((unused))
#else
# define PIRN_API
# define PIRN_NORETURN
# define PIRN_UNUSED
#endif

#ifdef __cplusplus
# define PIRN_STATIC_ASSERT static_assert
# define PIRN_ALIGNOF(type) alignof(type)
extern "C" {
#else
# define PIRN_STATIC_ASSERT _Static_assert
# define PIRN_ALIGNOF(type) _Alignof(type)
#endif

/* Called from any thread, often from two at once. */
struct pirn_memory {
	/* size bytes aligned to 16, contents undefined; NULL when there are none */
	void *(*alloc)(const struct pirn_memory *, size_t size);
	/* gives back what alloc returned for this size; never called with NULL */
	void (*free)(const struct pirn_memory *, void *block, size_t size);
};

#if __STDC_HOSTED__

struct pirn_platform {
	struct pirn_memory memory;
	/*
	 * as pthread_create, with a stack of so many bytes (0: as usual), but returns 0 or a
	 * negative errno. pirn joins what it creates, or detaches it (pirn_pool_abandon)
	 */
	int (*thread_create)(const struct pirn_platform *, pthread_t *, size_t stack_size,
			     void *(*body)(void *), void *arg);
	/* nanoseconds on a clock that never goes back; threads sleep by CLOCK_MONOTONIC */
	uint64_t (*now)(const struct pirn_platform *);
};

/*
 * The built-in platform: jemalloc where pirn was built with it, else malloc; pthread_create with
 * default attributes but for the stack's size; CLOCK_MONOTONIC.
 *
 * Returns:  a static struct.
 * Threads:  any.
 */
PIRN_API const struct pirn_platform *pirn_platform_default(void);

#endif

/*
 * Ends the process over a broken contract: one line on descriptor 2, then abort. Nothing else in
 * pirn ever prints. (Freestanding: a trap instruction; define it yourself to do more.)
 *
 * Takes:    the source place to blame (file NULL: unknown; line 0: none, or it is in file) and what
 *           was wrong, in a few words.
 * Threads:  any.
 */
PIRN_API PIRN_NORETURN void pirn_trap(const char *file, unsigned line, const char *what);

#ifdef __cplusplus
}
#endif
#endif
