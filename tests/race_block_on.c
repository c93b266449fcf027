/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a plain thread: a wake that comes before, while and after the thread lies down gets
 * it up, once, and what was written before the wake is there. The letter is plain memory: it has
 * no order but that of the wake and the sleep, and each wake gives one poll.
 */
#include "config.h"

#include "race.h"

static unsigned long letter, rounds, in_bed;
static struct pirn_waker *waker;
static atomic_uint acked; /* release: the writer may write again */
static atomic_bool asleep;

static void *write_letters(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned i = 1; i <= rounds; i++) {
		race_await(&acked, i);
		for (unsigned k = race_below(&random, 8); k > 0; k--)
			race_linger(&random);
		letter = i;
		in_bed += atomic_load_explicit(&asleep, memory_order_relaxed);
		pirn_waker_wake_by_ref(waker);
	}
	pirn_waker_drop(waker);
	return NULL;
}

struct reader {
	struct race_random random;
	unsigned long polls;
};

static enum pirn_poll read_letter(void *arg, struct pirn_context *cx, int *err)
{
	struct reader *r = arg;

	atomic_store_explicit(&asleep, false, memory_order_relaxed);
	if (r->polls == 0)
		waker = pirn_waker_clone(cx->waker);
	else
		RACE_CHECK(letter == r->polls, "read %lu at wake %lu", letter, r->polls);
	if (r->polls++ == rounds) {
		*err = 0;
		return PIRN_READY;
	}
	atomic_store_explicit(&acked, (unsigned)r->polls, memory_order_release);
	race_linger(&r->random);
	atomic_store_explicit(&asleep, true, memory_order_relaxed);
	return PIRN_PENDING;
}

int main(int argc, char **argv)
{
	struct reader reader = { { 0 }, 0 };
	struct pirn_poll_fn f;
	pthread_t thread;

	rounds = race_begin(argc, argv, 20000);
	reader.random = race_stream(2);
	f = pirn_poll_fn(read_letter, &reader);
	thread = race_thread(write_letters, NULL);
	RACE_CHECK(pirn_block_on(&f.future) == 0, "err %d", f.future.err);
	pthread_join(thread, NULL);
	race_say("%lu of %lu wakes came when it was about to sleep, or slept", in_bed, rounds);
	return 0;
}
