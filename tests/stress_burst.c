/* SPDX-License-Identifier: MIT */
/*
 * A burst of ten million messages on an unbounded channel (fewer under a sanitizer): one thread
 * sends them all, then another takes them, one by one and in batches. Behind that the process has
 * as much memory as before.
 */
#include "config.h"

#include "pirn_channel.h"
#include "resident.h"

#define BURST (SLOW ? 1000000ul : 10000000ul)

/* Kilobytes that the process may have more: what allocators keep for threads and sizes. */
#define GROWTH 2048L

static struct pirn_sender *tx;
static struct pirn_receiver *rx;

static void *send_all(void *arg)
{
	uint64_t n[PIRN_BATCH];
	unsigned long i = 0;

	(void)arg;
	while (i < BURST) {
		unsigned long many = BURST - i < PIRN_BATCH ? BURST - i : PIRN_BATCH;

		for (unsigned long k = 0; k < many; k++)
			n[k] = i + k;
		if (i % 3 == 0) {
			RACE_CHECK(pirn_try_send(tx, n) == 0, "not sent");
			i++;
		} else {
			RACE_CHECK(pirn_try_send_many(tx, n, many) == (int)many, "not all sent");
			i += many;
		}
	}
	return NULL;
}

static void *recv_all(void *arg)
{
	uint64_t n[PIRN_BATCH];
	unsigned long i = 0;

	(void)arg;
	while (i < BURST) {
		int many = 1;

		if (i % 3 == 0)
			RACE_CHECK(pirn_try_recv(rx, n) == 0, "message %lu is not there", i);
		else
			many = pirn_try_recv_many(rx, n, PIRN_BATCH);
		RACE_CHECK(many > 0, "message %lu is not there", i);
		for (int k = 0; k < many; k++)
			RACE_CHECK(n[k] == i++, "a message out of order");
	}
	return NULL;
}

static long resident_behind(void *(*body)(void *))
{
	pthread_join(race_thread(body, NULL), NULL);
	return resident();
}

int main(int argc, char **argv)
{
	unsigned long laps = race_begin(argc, argv, 1);
	long before, full, after;

	RACE_CHECK(pirn_channel_new(&tx, &rx, sizeof(uint64_t), PIRN_UNBOUNDED, NULL, NULL) == 0,
		   "no channel");
	before = resident();
	for (unsigned long lap = 0; lap < laps; lap++) {
		full = resident_behind(send_all);
		after = resident_behind(recv_all);
		RACE_CHECK(full - before > (long)(BURST * sizeof(uint64_t) / 1024 / 2),
			   "%ld KiB for %lu messages", full - before, BURST);
		RACE_CHECK(SLOW || after - before <= GROWTH, "%ld KiB more than before",
			   after - before);
		race_say("%lu messages: %ld KiB before, %ld with all of them, %ld behind them",
			 BURST, before, full, after);
	}
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	return 0;
}
