/* SPDX-License-Identifier: MIT */
/*
 * The one place where a thread of pirn sleeps: a parker belongs to one thread, which parks; any
 * thread unparks it. An unpark that comes first is kept, so that the next park returns at once;
 * two of them count as one.
 */
#ifndef PIRN_PARK_H
#define PIRN_PARK_H

#include <stdbool.h>
#include <stdint.h>

#include "atomic.h"

#if !defined(__linux__) && !defined(PIRN_POSIX_PARK)
# define PIRN_POSIX_PARK 1
#endif

#ifdef PIRN_POSIX_PARK
# include <pthread.h>
#endif

struct parker {
	struct half state;
#ifdef PIRN_POSIX_PARK
	pthread_mutex_t mutex;
	pthread_cond_t cond;
#endif
};

void pirn__parker_init(struct parker *p);
void pirn__parker_deinit(struct parker *p);

/* Sleeps until unparked. Sees what the unparking thread did before. */
void pirn__park(struct parker *p);

/* The same, for at most ns nanoseconds. False: time-out, nobody unparked. */
bool pirn__park_for(struct parker *p, uint64_t ns);

/*
 * The same for a thread that has waited awake since start, so that it does not linger. ns 0: no
 * limit; start 0: it has not waited.
 */
bool pirn__park_since(struct parker *p, uint64_t ns, uint64_t start);

/*
 * For who waits awake first, for something else than an unpark: begins; asks whether it still pays;
 * says whether it came. Nothing to say where it ends in a park.
 */
uint64_t pirn__wait_begins(void);
bool pirn__wait_awake(uint64_t start);
void pirn__wait_ends(uint64_t start, bool came);

/*
 * Ends the park in progress, or the next one. The parker may be looked at until this returns: the
 * caller holds a reference to the memory it lies in.
 */
void pirn__unpark(struct parker *p);

#endif
