/* SPDX-License-Identifier: MIT */
/*
 * The ends of watches and broadcasts. A thread and a task wait for the end of a watch while its
 * receivers come and go, and one may close it: both hear of it. Threads turn weak senders of a
 * broadcast into senders while the last one leaves: what they get is open, and what they send
 * comes, before the end.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_broadcast.h"
#include "pirn_pool.h"
#include "pirn_watch.h"
#include "race.h"

#define THREADS 2

static struct faulty host;

/* ---- the end of a watch -------------------------------------------------------------------- */

PIRN_WATCH(value, unsigned);

static struct value_sender *watch;
static atomic_uint closes;

struct leaver {
	struct value_receiver rx;
	struct race_random random;
};

static void *come_and_go(void *arg)
{
	struct leaver *l = arg;

	for (unsigned k = race_below(&l->random, 8); k > 0; k--) {
		struct value_receiver passing = value_subscribe(watch);

		race_linger(&l->random);
		value_receiver_drop(&passing);
	}
	if (race_below(&l->random, 4) == 0) {
		value_receiver_close(&l->rx);
		atomic_fetch_add(&closes, 1);
	}
	value_receiver_drop(&l->rx);
	return NULL;
}

static void *wait_for_end(void *arg)
{
	struct value_sender *tx = arg;
	struct pirn_feed_closed closed = value_sender_closed(tx);

	RACE_CHECK(pirn_block_on(&closed.future) == 0, "closed failed");
	value_sender_unref(tx);
	return NULL;
}

/* The same, but gives up now and then, and begins again. */
struct waiter {
	struct pirn_future future;
	struct value_sender *tx;
	struct race_random random;
	struct pirn_feed_closed closed;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(waiter, f)
{
	PIRN_BEGIN(f);
	do {
		f->closed = value_sender_closed(f->tx);
		f->nap = pirn_yield();
		f->select = pirn_select(&f->closed.future, NULL, NULL, NULL);
		if (race_below(&f->random, 2) == 0)
			f->select.branch[1] = &f->nap.future;
		PIRN_AWAIT(f, &f->select.future);
		pirn_drop(&f->closed.future);
	} while (f->select.won != &f->closed.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->closed.future);
	value_sender_unref(f->tx);
	PIRN_END(f);
}

static void end_of_a_watch(struct pirn_executor *pool, unsigned long i)
{
	struct leaver leaver[THREADS];
	struct waiter waiter;
	struct pirn_task *task;
	struct pirn_join join;
	pthread_t thread[THREADS + 1];
	unsigned zero = 0;

	RACE_CHECK(value_watch_in(&watch, &leaver[0].rx, &zero, &host.platform.memory) == 0,
		   "no watch");
	waiter = (struct waiter){ PIRN_INIT(waiter), .tx = value_sender_ref(watch),
				  .random = race_stream(100 * i) };
	for (unsigned k = 1; k < THREADS; k++)
		leaver[k].rx = value_subscribe(watch);
	RACE_CHECK(pirn_spawn(pool, &task, &waiter.future) == 0, "no task");
	thread[THREADS] = race_thread(wait_for_end, value_sender_ref(watch));
	for (unsigned k = 0; k < THREADS; k++) {
		leaver[k].random = race_stream(100 * i + 1 + k);
		thread[k] = race_thread(come_and_go, &leaver[k]);
	}
	for (unsigned k = 0; k < THREADS + 1; k++)
		pthread_join(thread[k], NULL);
	join = pirn_join(task);
	RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
	pirn_task_detach(task);
	value_sender_unref(watch);
}

/* ---- weak senders of a broadcast ----------------------------------------------------------- */

PIRN_BROADCAST(number, unsigned);

static atomic_uint sent;

struct upgrader {
	struct number_weak_sender *weak;
	struct race_random random;
};

static void *upgrade_and_send(void *arg)
{
	struct upgrader *u = arg;
	struct number_sender *tx;

	for (unsigned n = 0; n < 100 && (tx = number_weak_sender_upgrade(u->weak)); n++) {
		RACE_CHECK(number_send(tx, &n) == 0, "an upgraded sender of what is closed");
		atomic_fetch_add(&sent, 1);
		number_sender_unref(tx);
		race_linger(&u->random);
	}
	number_weak_sender_unref(u->weak);
	return NULL;
}

/* Until the end. */
static unsigned receive(struct number_receiver *rx)
{
	unsigned n[8], received = 0;
	int got;

	while ((got = number_recv_many_blocking(rx, n, 8)) != -EPIPE) {
		RACE_CHECK(got > 0 || got == -EOVERFLOW, "recv_many gave %d", got);
		received += got > 0 ? (unsigned)got : (unsigned)number_missed(rx);
	}
	return received;
}

static void *leave(void *arg)
{
	number_sender_unref(arg);
	return NULL;
}

static void weak_senders(unsigned long i)
{
	struct number_sender *tx;
	struct number_receiver rx;
	struct upgrader upgrader[THREADS];
	pthread_t thread[THREADS + 1];
	unsigned received;

	RACE_CHECK(number_broadcast_in(&tx, &rx, 4, &host.platform.memory) == 0, "no broadcast");
	atomic_store(&sent, 0);
	for (unsigned k = 0; k < THREADS; k++) {
		upgrader[k].weak = number_sender_downgrade(tx);
		upgrader[k].random = race_stream(100 * i + k);
		thread[k] = race_thread(upgrade_and_send, &upgrader[k]);
	}
	thread[THREADS] = race_thread(leave, tx);
	received = receive(&rx);
	for (unsigned k = 0; k < THREADS + 1; k++)
		pthread_join(thread[k], NULL);
	RACE_CHECK(received == atomic_load(&sent), "%u of %u came", received, atomic_load(&sent));
	number_receiver_drop(&rx);
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	unsigned long rounds = race_begin(argc, argv, 300), all_sent = 0;
	struct pirn_executor *pool;

	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		end_of_a_watch(pool, i);
		weak_senders(i);
		all_sent += atomic_load(&sent);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks left", faulty_left(&host));
	}
	pirn_executor_free(pool);
	race_say("%u were closed by a receiver; %lu came from weak senders", atomic_load(&closes),
		 all_sent);
	return 0;
}
