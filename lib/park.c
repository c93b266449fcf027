/* SPDX-License-Identifier: MIT */
/*
 * Parking: the one file that puts a thread to sleep, and the slow half of the lock. On Linux both
 * sleep on a futex; elsewhere (and with --enable-posix-park, so that it is tested) the parker is
 * a mutex and a condition variable and the lock is a mutex.
 *
 * A thread lingers awake before it sleeps, if that has paid of late: to sleep and to be woken
 * costs the two threads tens of microseconds, an unpark of one that is awake costs a store. How
 * long it lingers is the thread's own affair (pirn__thread.linger). A park that turns out to have
 * lasted less than LINGER_MAX doubles it, a longer one halves it, down to none: so whoever has
 * nothing to do for longer sleeps at once, and at rest nobody is awake. Between looks it yields,
 * so that on a busy processor it is in nobody's way.
 *
 * Orderings.
 *
 *   tag   writer                       reader                     without it
 *   [P1]  unpark: release on state     park: acquire on state     the parker wakes and does not see
 *                                                                 why it was woken
 */
#include "config.h"

#include "park.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

#include "lock.h"
#include "thread.h"

enum { EMPTY, PARKED, NOTIFIED };

#define SECOND 1000000000u

/* Nanoseconds. To sleep and be woken took 76 us of CPU on the virtual machine it was tuned on. */
#define LINGER_MAX 100000u
#define LINGER_MIN 4000u
#define LINGER_LOOKS 16 /* between two yields: about half a microsecond */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* Waits awake, for as long as is worth it, and not behind the deadline. */
static void linger(struct parker *p, uint64_t start, uint64_t most)
{
	uint64_t ns = pirn__thread.linger < most ? pirn__thread.linger : most;

	while (now_ns() - start < ns) {
		for (unsigned i = 0; i < LINGER_LOOKS; i++) {
			if (half_load_relaxed(&p->state) == NOTIFIED)
				return;
			spin_hint();
		}
		sched_yield();
	}
}

uint64_t pirn__wait_begins(void)
{
	return now_ns();
}

bool pirn__wait_awake(uint64_t start)
{
	return now_ns() - start < pirn__thread.linger;
}

/* How long to linger in the next one. */
void pirn__wait_ends(uint64_t start, bool came)
{
	unsigned ns = pirn__thread.linger;

	if (came && now_ns() - start < LINGER_MAX)
		ns = ns == 0 ? LINGER_MIN : 2 * ns;
	else
		ns /= 2;
	pirn__thread.linger = ns < LINGER_MIN ? 0 : ns > LINGER_MAX ? LINGER_MAX : ns;
}

static struct timespec deadline_in(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ns / SECOND);
	t.tv_nsec += (long)(ns % SECOND);
	if (t.tv_nsec >= (long)SECOND) {
		t.tv_nsec -= SECOND;
		t.tv_sec++;
	}
	return t;
}

#ifndef PIRN_POSIX_PARK

# include <linux/futex.h>
# include <sys/syscall.h>
# include <unistd.h>

/*
 * Who finds a lock held stays away for a while, in which its holder comes back to it many times
 * with the guarded memory in its own cache: on a lock that two threads want all the time, long
 * pauses are four times as fast as short ones.
 */
# define BACKOFF 50 /* pauses before each try: about half a microsecond, to two */
# define TRIES 20

/* deadline NULL: none. Returns false on a time-out; EINTR and a changed word look like a wake. */
static bool futex_wait(struct half *word, uint32_t value, const struct timespec *deadline)
{
	return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline, NULL,
		       FUTEX_BITSET_MATCH_ANY) == 0 ||
	       errno != ETIMEDOUT;
}

static void futex_wake_one(struct half *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void pirn__parker_init(struct parker *p)
{
	half_init(&p->state, EMPTY);
}

void pirn__parker_deinit(struct parker *p)
{
	(void)p;
}

static bool sleep_until(struct parker *p, const struct timespec *deadline)
{
	uint32_t state = EMPTY;

	if (half_cas_relaxed(&p->state, &state, PARKED)) {
		bool in_time = true;

		while (half_load_relaxed(&p->state) == PARKED && in_time)
			in_time = futex_wait(&p->state, PARKED, deadline);
	}
	/* [P1] Without acquire we could miss what was done before the unpark. */
	return half_exchange_acquire(&p->state, EMPTY) == NOTIFIED;
}

void pirn__unpark(struct parker *p)
{
	/* [P1] Without release the parked thread could wake before our writes are there. */
	if (half_exchange_release(&p->state, NOTIFIED) == PARKED)
		futex_wake_one(&p->state);
}

/* After the first sleep the lock is always taken as AWAITED: others may sleep as well. */
void pirn__lock_wait(struct lock *l)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t found = LOCK_FREE;

		for (unsigned k = 0; k < BACKOFF; k++)
			spin_hint();
		if (half_load_relaxed(&l->state) != LOCK_FREE)
			continue;
		/* [L1] As in lock(). */
		if (half_cas_acquire(&l->state, &found, LOCK_HELD))
			return;
	}
	/* [L1] As in lock(). */
	while (half_exchange_acquire(&l->state, LOCK_AWAITED) != LOCK_FREE)
		futex_wait(&l->state, LOCK_AWAITED, NULL);
}

void pirn__lock_wake(struct lock *l)
{
	futex_wake_one(&l->state);
}

#else

void pirn__parker_init(struct parker *p)
{
	pthread_condattr_t attr;

	half_init(&p->state, EMPTY);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->cond, &attr);
	pthread_condattr_destroy(&attr);
}

void pirn__parker_deinit(struct parker *p)
{
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->mutex);
}

static bool sleep_until(struct parker *p, const struct timespec *deadline)
{
	bool in_time = true, notified;

	pthread_mutex_lock(&p->mutex);
	while (half_load_relaxed(&p->state) != NOTIFIED && in_time) {
		if (deadline)
			in_time = pthread_cond_timedwait(&p->cond, &p->mutex, deadline) == 0;
		else
			pthread_cond_wait(&p->cond, &p->mutex);
	}
	notified = half_load_relaxed(&p->state) == NOTIFIED;
	half_store_relaxed(&p->state, EMPTY);
	pthread_mutex_unlock(&p->mutex);
	return notified;
}

void pirn__unpark(struct parker *p)
{
	pthread_mutex_lock(&p->mutex);
	half_store_relaxed(&p->state, NOTIFIED);
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->mutex);
}

#endif

void pirn__park(struct parker *p)
{
	pirn__park_since(p, 0, 0);
}

bool pirn__park_for(struct parker *p, uint64_t ns)
{
	return pirn__park_since(p, ns, 0);
}

bool pirn__park_since(struct parker *p, uint64_t ns, uint64_t start)
{
	struct timespec deadline, *limit = NULL;
	bool notified;

	if (ns > 0) {
		deadline = deadline_in(ns);
		limit = &deadline;
	}
	if (half_load_relaxed(&p->state) == NOTIFIED)
		return sleep_until(p, limit);
	if (start == 0) {
		start = now_ns();
		linger(p, start, ns > 0 ? ns : UINT64_MAX);
	}
	notified = sleep_until(p, limit);
	pirn__wait_ends(start, notified);
	return notified;
}
