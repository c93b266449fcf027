/* SPDX-License-Identifier: MIT */
/*
 * A wake that comes while the task is being polled, or has just gone idle, is neither lost nor
 * reordered. A thread writes a plain word, wakes, and waits until a poll has read it; the poll
 * says so early and lingers, so that the next wake finds it anywhere around its end. Each wake
 * gives one poll: neither the word nor the frame has any order but pirn's, and ThreadSanitizer
 * sees if that is missing.
 */
#include "config.h"

#include "pirn_pool.h"
#include "race.h"

static unsigned long letter; /* plain: written before a wake, read by the poll behind it */
static atomic_uint acked;    /* the thread may write again */
static atomic_bool running;  /* relaxed: only counted */
static struct pirn_waker *waker;
static unsigned long rounds;

struct reader {
	struct pirn_future future;
	struct race_random random;
	unsigned long polls;
};

static enum pirn_poll reader_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct reader *r = (struct reader *)(void *)f;

	if (f->at == 0) {
		f->at = 1;
		waker = pirn_waker_clone(cx->waker);
	} else {
		RACE_CHECK(letter == r->polls, "read %lu at wake %lu", letter, r->polls);
	}
	if (r->polls == rounds)
		return PIRN_READY;
	atomic_store_explicit(&running, true, memory_order_relaxed);
	atomic_store_explicit(&acked, (unsigned)r->polls + 1, memory_order_release);
	for (unsigned i = race_below(&r->random, 8); i > 0; i--)
		race_linger(&r->random);
	r->polls++; /* behind the ack: the next poll, on another worker, must see it */
	atomic_store_explicit(&running, false, memory_order_relaxed);
	return PIRN_PENDING;
}

static const struct pirn_future_ops reader_ops = {
	.name = "reader",
	.file = __FILE__,
	.size = sizeof(struct reader),
	.poll = reader_poll,
};

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	struct race_random random;
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct reader reader = { .future = { .ops = &reader_ops } };
	struct pirn_join join;
	unsigned long while_running = 0;

	rounds = race_begin(argc, argv, 20000);
	random = race_stream(1);
	reader.random = race_stream(2);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	RACE_CHECK(pirn_spawn(pool, &task, &reader.future) == 0, "no task");
	for (unsigned i = 1; i <= rounds; i++) {
		race_await(&acked, i);
		race_linger(&random);
		letter = i;
		while_running += atomic_load_explicit(&running, memory_order_relaxed);
		pirn_waker_wake_by_ref(waker);
	}
	pirn_waker_drop(waker);
	join = pirn_join(task);
	RACE_CHECK(pirn_block_on(&join.future) == 0, "the task ended with %d", join.future.err);
	pirn_task_detach(task);
	pirn_executor_free(pool);
	race_say("%lu of %lu wakes came while it ran", while_running, rounds);
	return 0;
}
