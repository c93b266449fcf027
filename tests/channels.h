/* SPDX-License-Identifier: MIT */
/* What the suites about channels share: one channel, whose memory is counted. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "faulty.h"
#include "pirn_channel.h"

static struct faulty host; /* every channel here takes its memory from it */
static struct pirn_sender *tx;
static struct pirn_receiver *rx;

static inline void begin(void)
{
	faulty_init(&host);
	tx = NULL;
	rx = NULL;
}

/* Every test ends with both ends gone and all memory back. */
static inline void end(void)
{
	tx = pirn_sender_unref(tx);
	rx = pirn_receiver_unref(rx);
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static inline void channel_of(size_t size, size_t capacity, void (*release)(void *msg))
{
	int err = pirn_channel_new(&tx, &rx, size, capacity, release, &host.platform.memory);

	cr_assert_eq(err, 0);
}

static inline void channel(size_t capacity)
{
	channel_of(sizeof(int), capacity, NULL);
}

static inline int send(int n)
{
	return pirn_try_send(tx, &n);
}

/* The next message, or the error. */
static inline int recv(void)
{
	int n = -1000, err = pirn_try_recv(rx, &n);

	return err ? err : n;
}

/* ---- messages that own something ---- */

static int released, released_sum;

static inline void release(void *msg)
{
	int **m = msg;

	released++;
	released_sum += **m;
	free(*m);
	*m = NULL;
}

static inline int *box(int n)
{
	int *m = malloc(sizeof(*m));

	cr_assert_not_null(m);
	*m = n;
	return m;
}

static inline void channel_of_boxes(size_t capacity)
{
	released = released_sum = 0;
	channel_of(sizeof(int *), capacity, release);
}

#endif
