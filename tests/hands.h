/* SPDX-License-Identifier: MIT */
/* A channel (channels.h), and those who wait on it, polled by hand. */
#ifndef HANDS_H
#define HANDS_H

#include <string.h>

#include "bell.h"
#include "channels.h"

/* A send or recv that is polled by hand. */
struct hand {
	struct pirn_send send;
	struct pirn_recv recv;
	struct pirn_future *future;
	struct bell bell;
	int msg;
};

static inline void hand_send(struct hand *h, int msg)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->msg = msg;
	h->send = pirn_send(tx, &h->msg);
	h->future = &h->send.future;
}

static inline void hand_recv(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	bell_init(&h->bell);
	h->recv = pirn_recv(rx, &h->msg);
	h->future = &h->recv.future;
}

static inline enum pirn_poll poll(struct hand *h)
{
	return bell_poll(h->future, &h->bell);
}

static inline unsigned wakes(struct hand *h)
{
	return atomic_load(&h->bell.wakes);
}

/* Nothing of it is left in the channel. */
static inline void drop(struct hand *h)
{
	pirn_drop(h->future);
	cr_expect_eq(atomic_load(&h->bell.refs), 0, "a waker was kept");
}

#endif
