/* SPDX-License-Identifier: MIT */
/*
 * A worker's own queue: a small stack, newest first, in front of a ring, oldest first. One thread,
 * the owner, pushes and pops; any other steals. Nothing in it waits or fails but a push into a full
 * ring.
 *
 * Linearisation: a push takes effect at its store to the slot (stack) or to tail (ring); who takes
 * a task wins it by the exchange of the slot, or the compare-and-swap of head, which also wins
 * several. Progress: the owner's operations are wait-free but for pops from the ring that lose
 * against thieves, who are lock-free. ABA: positions in the ring are 64 bits and never come back.
 */
#ifndef PIRN_LOCAL_INTERNAL_H
#define PIRN_LOCAL_INTERNAL_H

#include "atomic.h"
#include "task.h"

#define LOCAL_STACK 16u
#define LOCAL_RING 256u /* a power of two */

struct local {
	/* owner only */
	unsigned top; /* of the stack: slots from here on are empty */
	unsigned pops;
	uint64_t seen; /* of head; there is at least the room that this leaves */
	uint64_t kept; /* up to here, of tail */
	/* owner writes, thieves read; slots: thieves also take */
	struct word tail;
	struct word bottomed; /* how often the lowest slot was filled */
	struct link slot[LOCAL_STACK];
	struct link ring[LOCAL_RING];
	char apart[64]; /* the owner and the thieves do not share a cache line */
	/* all write */
	struct word head;
};

void local_init(struct local *q);

/* Owner: a task to run soon. False: there is no room. */
bool local_push(struct local *q, struct pirn_task *t);

/* Owner: a task to run behind all others. False: there is no room. */
bool local_push_back(struct local *q, struct pirn_task *t);

/* Owner: the next task, or NULL: the newest, but now and then the oldest of ring or stack. */
struct pirn_task *local_pop(struct local *q);

/* Owner: takes t if it is what a pop would find. */
bool local_take(struct local *q, struct pirn_task *t);

#define LOCAL_HALF (LOCAL_RING / 2u)

/*
 * Owner: takes up to the newer half out of a full ring, but nothing that is kept; the oldest first.
 * What stays, stays in its turn. Returns how many, 0 also where it is not full any more.
 */
unsigned local_take_newer(struct local *q, struct pirn_task *task[LOCAL_HALF]);

/* Owner: what lies in the ring now is kept. */
void local_keep(struct local *q);

/* Owner: how many more fit into the ring. */
unsigned local_room(struct local *q);

/* What a thief has seen of a queue; it steals what it sees again later. */
struct sight {
	uint64_t tail, bottomed;
	void *bottom;
};

/* Thief: looks. False: there is nothing. */
bool local_look(struct local *q, struct sight *seen);

/* Thief: is something that was seen then still there? */
bool local_waits(struct local *q, const struct sight *seen);

/*
 * Thief: the oldest task of the ring, else of the stack, or NULL. Half of what is left in the ring
 * goes over into the thief's own: each theft costs both a cache line or two, so few should do. That
 * one is to be empty, else they lose their turn; own NULL: one task is enough.
 */
struct pirn_task *local_steal(struct local *q, struct local *own);

#endif
