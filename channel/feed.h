/* SPDX-License-Identifier: MIT */
/*
 * What a watch and a broadcast have in common: one block with counted ends, one lock, a count of
 * what was sent, and a line of receivers that wait for the next message. Each message wakes them
 * all. Where a receiver stands in the count is the receiver's own affair, and lies in its memory.
 */
#ifndef PIRN_FEED_H
#define PIRN_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomic.h"
#include "lock.h"
#include "waiters.h"

struct feed {
	struct word refs; /* holders of ends: the last one frees the block */
	/* constant */
	const struct pirn_memory *memory;
	size_t bytes; /* of the block */
	size_t size;  /* of a message */
	/* guarded by the lock */
	struct lock lock;
	bool closed;
	size_t senders, receivers;
	uint64_t sent;
	size_t waiting; /* how many are in line */
	struct waiters line;
};

/*
 * A block with a head of so many bytes, which begins with the feed, and room for n messages behind
 * it; one sender, one receiver. NULL: out of memory.
 */
struct feed *pirn__feed_new(const struct pirn_memory *memory, size_t head, size_t size, size_t n);

void pirn__feed_add_sender(struct feed *feed);
void pirn__feed_remove_sender(struct feed *feed);

/* Returns how many messages were sent before. */
uint64_t pirn__feed_add_receiver(struct feed *feed);
/* Traps where nobody is left who could wait, and somebody waits. */
void pirn__feed_remove_receiver(struct feed *feed);

/* Twice is fine. */
void pirn__feed_close(struct feed *feed);

/* Takes the lock, if somebody can receive what is sent; else -EPIPE. */
int pirn__feed_begin_send(struct feed *feed);
/* Counts the message, lets go of the lock, and wakes all who wait for it. */
void pirn__feed_end_send(struct feed *feed);

/* Under the lock: a receiver's attempt. -EAGAIN: it must wait. */
typedef int feed_attempt(struct pirn_future *f);

enum { FEED_NEW, FEED_TRIED, FEED_WAITED }; /* future.at of a recv */

enum pirn_poll pirn__feed_poll(struct feed *feed, feed_attempt *attempt, struct pirn_future *f,
			       struct pirn_context *cx, struct pirn_waiter *w);

/* Gives up a wait: for a drop, where the recv has waited and is not READY. */
void pirn__feed_stop(struct feed *feed, struct pirn_waiter *w);

#endif
