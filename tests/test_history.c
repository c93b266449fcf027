/* SPDX-License-Identifier: MIT */
/* Does the check of race_linear know what is right, and what is wrong? */
#include "config.h"

#include <criterion/criterion.h>

#include "history.h"

static struct history history;

/* Sent and received at the same time is right; received before it was sent is not. */
Test(history, knows_the_clock)
{
	history = (struct history){
		.capacity = 1,
		.threads = 2,
		.calls = { 1, 1 },
		.call = { { { TRY_SEND, { 1 }, 0, 1, 3, false } },
			  { { TRY_RECV, { 1 }, 0, 0, 2, false } } },
	};
	cr_expect(history_is_right(&history), "at the same time");
	history.call[1][0].after = 1;
	history.call[0][0].before = 2;
	cr_expect_not(history_is_right(&history), "received too early");
	/* A batch that is split by somebody else's message, and one out of order. */
	history.call[0][0] = (struct call){ TRY_SEND_MANY, { 1, 2 }, 2, 0, 9, false };
	history.call[1][0] = (struct call){ TRY_SEND, { 3 }, 0, 1, 8, false };
	history.call[0][1] = (struct call){ TRY_RECV_MANY, { 1, 3 }, 2, 10, 11, false };
	history.call[0][2] = (struct call){ TRY_RECV_MANY, { 2, 0 }, 1, 12, 13, false };
	history.calls[0] = 3;
	history.capacity = 3;
	cr_expect(history_is_right(&history), "split");
	history.call[0][1].msg[0] = 2;
	history.call[0][2].msg[0] = 1;
	cr_expect_not(history_is_right(&history), "out of order");
}

/* Futures: what was pending counts from its first poll on, what was dropped does not. */
Test(history, knows_who_waits)
{
	history = (struct history){
		.capacity = 1,
		.threads = 2,
		.calls = { 2, 1 },
		.call = { { { SEND, { 1 }, 0, 0, 1, false }, { SEND, { 2 }, 0, 2, 5, false } },
			  { { RECV, { 1 }, 0, 3, 4, false } } },
	};
	cr_expect(history_is_right(&history), "made room for");
	history.call[1][0].before = 6;
	history.call[1][0].after = 7;
	cr_expect_not(history_is_right(&history), "there was no room");
	history.call[0][1].dropped = true;
	history.call[0][1].result = -ECANCELED;
	cr_expect(history_is_right(&history), "dropped");
	history.call[1][0].msg[0] = 2;
	cr_expect_not(history_is_right(&history), "dropped, but received");
	/* None of these fails because a channel is full or empty. */
	history.call[1][0].result = -EAGAIN;
	cr_expect_not(history_is_right(&history), "it would have waited");
	history.calls[1] = 0;
	cr_expect(history_is_right(&history), "dropped for ever");
	history.call[0][1].dropped = false;
	history.call[0][1].result = -EAGAIN;
	cr_expect_not(history_is_right(&history), "it would have waited for room");
	/* One of two was sent; both say so. */
	history.call[0][1] = (struct call){ SEND_MANY, { 2, 3 }, 1, 2, 3, true };
	history.capacity = 2;
	cr_expect(history_is_right(&history), "dropped behind the first");
	history.call[0][1].dropped = false;
	cr_expect_not(history_is_right(&history), "it would have waited with the second");
}
