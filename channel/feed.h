/* SPDX-License-Identifier: MIT */
/*
 * What a watch and a broadcast have in common: one block with counted ends, one lock, a count of
 * what was sent, a line of receivers that wait for the next message, and one of senders that wait
 * for the end. What ends a wait wakes all of a line. Where a receiver stands in the count is its
 * own affair, and lies in its memory.
 */
#ifndef PIRN_FEED_INTERNAL_H
#define PIRN_FEED_INTERNAL_H

#include "atomic.h"
#include "lock.h"
#include "pirn_feed.h"
#include "waiters.h"

struct feed_line {
	struct waiters waiters;
	size_t n; /* futures that are FEED_WAITED: in line, or woken and not polled since */
};

struct pirn_feed {
	struct word refs; /* holders of ends, weak ones too: the last one frees the block */
	/* constant */
	const struct pirn_memory *memory;
	size_t bytes; /* of the block */
	size_t size;  /* of a message */
	/* guarded by the lock */
	struct lock lock;
	bool closed; /* once true it stays so */
	size_t senders, receivers;
	uint64_t sent;
	struct feed_line receiving, closing;
};

/* A receiver's. */
static inline struct pirn_feed *feed_of(const struct pirn_feed_place *rx)
{
	if (!rx->feed)
		pirn_trap(NULL, 0, "a receiver that is zero: dropped, or never made");
	return rx->feed;
}

/* ---- ends ---------------------------------------------------------------------------------- */

/*
 * A block with a head of so many bytes, which begins with the feed, and room for n messages behind
 * it; one sender, and one receiver, who stands at rx. NULL: out of memory.
 */
struct pirn_feed *pirn__feed_new(const struct pirn_memory *memory, size_t head, size_t size,
				 size_t n, struct pirn_feed_place *rx);

void pirn__feed_add_sender(struct pirn_feed *feed);
/* Traps where the last one goes, and a closed is pending. NULL is fine. */
void pirn__feed_remove_sender(struct pirn_feed *feed);

/* A receiver, of what is sent from now on. */
void pirn__feed_subscribe(struct pirn_feed *feed, struct pirn_feed_place *rx);
/* One that stands where the copied one stands. */
void pirn__feed_add_receiver(struct pirn_feed_place *copy);
/* Leaves it zero; zero is fine. Traps where a recv of it is pending. */
void pirn__feed_remove_receiver(struct pirn_feed_place *rx);

/* Twice is fine. */
void pirn__feed_close(struct pirn_feed *feed);

/* Weak ends. An upgrade adds a sender, but where it is closed; true: it has. */
void pirn__feed_ref(struct pirn_feed *feed);
void pirn__feed_unref(struct pirn_feed *feed);
bool pirn__feed_upgrade(struct pirn_feed *feed);

/* What stands at `next` has still to come, as far as it is kept. */
void pirn__feed_counts(struct pirn_feed *feed, uint64_t next, size_t capacity,
		       struct pirn_channel_counts *counts);

/* ---- messages ------------------------------------------------------------------------------ */

/* Under the lock, and behind it: counts the message, wakes all who wait for it. */
void pirn__feed_sent(struct pirn_feed *feed);

/* Under the lock: a future's attempt. -EAGAIN: it must wait. */
typedef int feed_attempt(struct pirn_future *f);

enum { FEED_NEW, FEED_TRIED, FEED_WAITED }; /* future.at */

/* Attempts, and if it must wait, clones the waker outside the lock and attempts once more. */
enum pirn_poll pirn__feed_wait(struct pirn_feed *feed, struct feed_line *line,
			       feed_attempt *attempt, struct pirn_future *f,
			       struct pirn_context *cx, struct pirn_waiter *w);
/* For a drop, where it is FEED_WAITED. */
void pirn__feed_give_up(struct pirn_feed *feed, struct feed_line *line, struct pirn_waiter *w);

/* The same two for a recv: its receiver counts it, while it waits. */
static inline enum pirn_poll feed_recv_poll(struct pirn_feed_place *rx, feed_attempt *attempt,
					    struct pirn_future *f, struct pirn_context *cx,
					    struct pirn_waiter *w)
{
	struct pirn_feed *feed = feed_of(rx);
	enum pirn_poll poll;

	rx->pending -= f->at == FEED_WAITED;
	poll = pirn__feed_wait(feed, &feed->receiving, attempt, f, cx, w);
	rx->pending += f->at == FEED_WAITED;
	return poll;
}

static inline void feed_recv_give_up(struct pirn_feed_place *rx, struct pirn_waiter *w)
{
	rx->pending--;
	pirn__feed_give_up(rx->feed, &rx->feed->receiving, w);
}

#endif
