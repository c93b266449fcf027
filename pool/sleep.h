/* SPDX-License-Identifier: MIT */
/*
 * Who sleeps, and whom to wake. A worker is running, searching (it was notified and has not found
 * work yet), or asleep. Notify does nothing while somebody searches, since that one will find the
 * work or look once more when it stops searching.
 */
#ifndef PIRN_SLEEP_H
#define PIRN_SLEEP_H

#include "atomic.h"
#include "list.h"
#include "lock.h"
#include "park.h"

struct sleep {
	struct half asleep;    /* how many; both written under the lock, read by notify without */
	struct half searching; /* 1: somebody */
	struct lock lock;
	struct list sleepers; /* the last to lie down is the first to get up */
};

/* One per worker. */
struct bed {
	struct parker parker;
	struct list node; /* on sleepers while asleep and not notified */
};

void pirn__sleep_init(struct sleep *s);
void pirn__sleep_deinit(struct sleep *s);

/* There may be work: get one worker up if nobody searches. Behind the push of that work. */
void pirn__sleep_notify(struct sleep *s);

/* A worker lies down, which may have been searching. It then looks for work once more, and stays
 * (pirn__park) or gets up. */
void pirn__sleep_lie_down(struct sleep *s, struct bed *b, bool searching);

/* It found work on that last look. True: it was notified meanwhile, so it is searching. */
bool pirn__sleep_get_up(struct sleep *s, struct bed *b);

/* A searching worker found work. It then looks (pirn__injector_some) for more behind it. */
void pirn__sleep_stop_search(struct sleep *s);

#endif
