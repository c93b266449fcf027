/* SPDX-License-Identifier: MIT */
/*
 * A history: which calls some threads made on a channel, when, and what came out. It is right if
 * there is an order of the calls in which each does what it says to a plain queue, and none comes
 * before one that was over when it began (linearizability; the search is that of Wing and Gong,
 * 1993: try each call that may be next, and go back where that leads nowhere).
 *
 * A call with many messages is as many attempts in their order, up to the first that fails; those
 * of other calls may come in between. A future is a call from its first poll to the one that is
 * READY; it does not fail because the channel is full or empty. One that was dropped while it was
 * pending has done nothing, but for those of many messages that it says it has sent.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The first poll of the last four may be pending. */
enum verb {
	TRY_SEND,
	TRY_RECV,
	CLOSE,
	TRY_SEND_MANY,
	TRY_RECV_MANY,
	SEND,
	RECV,
	SEND_MANY,
	RECV_MANY
};

/* At most. */
#define HISTORY_MANY 2 /* messages in a call */
#define HISTORY_THREADS 3
#define HISTORY_CALLS 20    /* of a thread */
#define HISTORY_MESSAGES 16 /* in all */

struct call {
	enum verb verb;
	int msg[HISTORY_MANY]; /* sent, or received */
	int result;
	unsigned before, after; /* what the one clock showed */
	bool dropped;           /* while it was pending */
};

struct history {
	size_t capacity;
	unsigned threads;
	unsigned calls[HISTORY_THREADS];
	struct call call[HISTORY_THREADS][HISTORY_CALLS];
};

/* What a channel is, and how far each thread has come. */
struct history_state {
	int queue[HISTORY_MESSAGES];
	unsigned put, taken;
	bool closed;
	unsigned calls[HISTORY_THREADS];
	unsigned attempts[HISTORY_THREADS]; /* of the call that follows these */
};

static inline bool call_waits(const struct call *c)
{
	return c->verb >= SEND;
}

static inline bool call_sends(const struct call *c)
{
	return c->verb == TRY_SEND || c->verb == TRY_SEND_MANY || c->verb == SEND ||
	       c->verb == SEND_MANY;
}

static inline unsigned call_wants(const struct call *c)
{
	switch (c->verb) {
	case TRY_SEND_MANY:
	case TRY_RECV_MANY:
	case SEND_MANY:
	case RECV_MANY:
		return HISTORY_MANY;
	default:
		return 1;
	}
}

/* Messages that it says it has moved. */
static inline unsigned call_moved(const struct call *c)
{
	if (call_wants(c) == 1)
		return c->result == 0;
	return c->result > 0 ? (unsigned)c->result : 0;
}

/* What one attempt to send or receive msg comes to. 1: another message is received. */
static inline int history_attempt(const struct history *h, struct history_state *s, bool sends,
				  int msg)
{
	if (sends) {
		if (s->closed)
			return -EPIPE;
		if (s->put - s->taken == h->capacity)
			return -EAGAIN;
		s->queue[s->put++] = msg;
		return 0;
	}
	if (s->put == s->taken)
		return s->closed ? -EPIPE : -EAGAIN;
	return s->queue[s->taken++] != msg;
}

/* Is it what call c says, that its attempt after k that went well comes to this? */
static inline bool history_fails(const struct call *c, unsigned k, int err)
{
	if (err == -EAGAIN && call_waits(c) && (call_sends(c) || k == 0))
		return false;
	return err < 0 && (k > 0 || err == c->result);
}

/* The next attempt of thread t takes effect. False: that is not what its call says. */
static inline bool history_step(const struct history *h, struct history_state *s, unsigned t)
{
	const struct call *c = &h->call[t][s->calls[t]];
	unsigned k = s->attempts[t]++, moved = call_moved(c), wants = call_wants(c);
	bool over = true;

	if (c->verb == CLOSE) {
		s->closed = true;
	} else if (moved > wants) {
		return false;
	} else if (k < moved) {
		if (history_attempt(h, s, call_sends(c), c->msg[k]) != 0)
			return false;
		over = k + 1 == wants;
	} else if (!c->dropped) {
		if (!history_fails(c, k, history_attempt(h, s, call_sends(c), INT_MIN)))
			return false;
	}
	if (over) {
		s->calls[t]++;
		s->attempts[t] = 0;
	}
	return true;
}

/* Is there an order of what is left? */
static inline bool history_goes_on(const struct history *h, const struct history_state *s)
{
	unsigned first_over = UINT_MAX;
	bool left = false;

	for (unsigned t = 0; t < h->threads; t++) {
		const struct call *c = &h->call[t][s->calls[t]];

		if (s->calls[t] == h->calls[t])
			continue;
		left = true;
		if (c->after < first_over)
			first_over = c->after;
	}
	for (unsigned t = 0; t < h->threads; t++) {
		struct history_state next = *s;

		if (s->calls[t] < h->calls[t] && h->call[t][s->calls[t]].before < first_over &&
		    history_step(h, &next, t) && history_goes_on(h, &next))
			return true;
	}
	return !left;
}

static inline bool history_is_right(const struct history *h)
{
	struct history_state start = { .put = 0 };

	return history_goes_on(h, &start);
}

static inline void history_print(const struct history *h)
{
	static const char *const verbs[] = { "try_send",      "try_recv",      "close",
					     "try_send_many", "try_recv_many", "send",
					     "recv",          "send_many",     "recv_many" };

	fprintf(stderr, "capacity %zd\n", (ssize_t)h->capacity);
	for (unsigned t = 0; t < h->threads; t++)
		for (unsigned i = 0; i < h->calls[t]; i++) {
			const struct call *c = &h->call[t][i];

			fprintf(stderr, "thread %u, %2u to %2u: %s", t, c->before, c->after,
				verbs[c->verb]);
			if (c->verb != CLOSE && call_wants(c) == 1)
				fprintf(stderr, " %d", c->msg[0]);
			else if (c->verb != CLOSE)
				fprintf(stderr, " %d, %d", c->msg[0], c->msg[1]);
			fprintf(stderr, " gives %d%s\n", c->result, c->dropped ? ", dropped" : "");
		}
}

#endif
