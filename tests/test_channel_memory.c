/* SPDX-License-Identifier: MIT */
/* What a channel costs, empty, full, and behind a burst. */
#include "config.h"

#include "channels.h"
#include "park.h"

TestSuite(channel_memory, .init = begin, .fini = end);

static long bytes(void)
{
	return atomic_load(&host.bytes);
}

Test(channel_memory, of_an_empty_one_is_a_block_and_its_slots)
{
	long block;

	channel(PIRN_UNBOUNDED);
	block = bytes();
	if (sizeof(void *) == 8) {
#ifndef PIRN_POSIX_PARK /* there a lock is large */
		cr_expect_leq(block, 192);
#endif
		cr_expect_leq(sizeof(struct pirn_send), 64);
		cr_expect_leq(sizeof(struct pirn_recv), 64);
		cr_expect_leq(sizeof(struct pirn_send_many), 64);
		cr_expect_leq(sizeof(struct pirn_recv_many), 64);
		cr_expect_leq(sizeof(struct pirn_sender_closed), 64);
	}
	end();
	channel(100);
	cr_expect_eq(bytes(), block + 100 * (long)sizeof(int));
	end();
	channel(0);
	cr_expect_eq(bytes(), block + (long)sizeof(int));
}

#define BURST 1000000

/* All in, all out. Returns how many came in their order. */
static int burst(int at_a_time)
{
	static int out[1000], in[1000];
	int right = 0;

	for (int i = 0; i < BURST; i += at_a_time) {
		for (int k = 0; k < at_a_time; k++)
			out[k] = i + k;
		if (pirn_try_send_many(tx, out, (size_t)at_a_time) != at_a_time)
			return -1;
	}
	cr_expect_geq(bytes(), BURST * (long)sizeof(int));
	for (int i = 0; i < BURST; i += at_a_time) {
		if (pirn_try_recv_many(rx, in, (size_t)at_a_time) != at_a_time)
			return -1;
		for (int k = 0; k < at_a_time; k++)
			right += in[k] == i + k;
	}
	return right;
}

Test(channel_memory, of_a_burst_of_a_million_is_given_back)
{
	long empty;

	channel(PIRN_UNBOUNDED);
	empty = bytes();
	cr_expect_eq(burst(1), BURST);
	cr_expect_leq(bytes(), empty + 3 * 2048);
	cr_expect_eq(burst(1000), BURST);
	cr_expect_leq(bytes(), empty + 3 * 2048);
	cr_expect_leq(atomic_load(&host.blocks), 3); /* itself, the last segment, a spare one */
}

static void release_none(void *msg)
{
	(void)msg;
}

Test(channel_memory, of_an_unbounded_one_is_given_back_with_the_last_receiver)
{
	void (*const releases[])(void *) = { NULL, release_none };
	long empty;

	for (int i = 0; i < 2; i++) {
		channel_of(sizeof(int), PIRN_UNBOUNDED, releases[i]);
		empty = bytes();
		for (int k = 0; k < 100000; k++)
			cr_assert_eq(send(k), 0);
		cr_assert_eq(recv(), 0);
		rx = pirn_receiver_unref(rx);
		cr_expect_eq(bytes(), empty);
		end();
	}
}
