/* SPDX-License-Identifier: MIT */
/*
 * Who sleeps, and whom to wake. A worker is running, searching (it was notified and has not found
 * work yet), or asleep. Notify does nothing while somebody searches, since that one will find the
 * work or look once more when it stops searching.
 *
 * What lies in a running worker's own queue is nobody else's until somebody looks there. So while
 * some run and some sleep, one of the sleepers is *timed*: it gets up by itself now and then, and
 * looks. While there is one, a push into one's own queue notifies nobody. When nobody runs, nobody
 * is timed.
 */
#ifndef PIRN_SLEEP_H
#define PIRN_SLEEP_H

#include "atomic.h"
#include "list.h"
#include "lock.h"
#include "park.h"

struct sleep {
	/* written under the lock, read by notify without */
	struct half asleep;    /* how many */
	struct half searching; /* how many */
	struct half timed;     /* 1: somebody */
	struct lock lock;
	unsigned workers; /* guarded by the lock */
	/* The last to lie down is the first to get up, but the timed one comes last. */
	struct list sleepers;
};

/* One per worker. */
struct bed {
	struct parker parker;
	struct list node; /* on sleepers while asleep and not notified */
	bool timed;       /* guarded by the lock */
};

void pirn__sleep_init(struct sleep *s, unsigned workers);
void pirn__sleep_deinit(struct sleep *s);

/* A thread comes to work, or one that works goes away. */
void pirn__sleep_join(struct sleep *s);
void pirn__sleep_leave(struct sleep *s);

/* There is work in the injector: get one worker up if nobody searches. Behind the push. */
void pirn__sleep_notify(struct sleep *s);

/* The same for n tasks: as many as there are, or as sleep. */
void pirn__sleep_notify_many(struct sleep *s, size_t n);

/* The same for work in the caller's own queue. */
void pirn__sleep_notify_own(struct sleep *s);

/*
 * A worker lies down, which may have been searching. It then looks for work once more, and stays
 * (pirn__sleep_stay) or gets up (pirn__sleep_get_up). True: it is the timed one.
 */
bool pirn__sleep_lie_down(struct sleep *s, struct bed *b, bool searching);

/*
 * Sleeps until notified, for ns (0: no limit) at most, or until another one unparks the bed. True:
 * it is searching now.
 */
bool pirn__sleep_stay(struct sleep *s, struct bed *b, uint64_t ns, uint64_t awake_since);

/* It found work on that last look. True: it was notified meanwhile, so it is searching. */
bool pirn__sleep_get_up(struct sleep *s, struct bed *b);

/* A worker searches without having been notified, if nobody else does. True: it does. */
bool pirn__sleep_search(struct sleep *s);

/* A searching worker found work. It then looks (pirn__injector_some) for more behind it. */
void pirn__sleep_stop_search(struct sleep *s);

#endif
