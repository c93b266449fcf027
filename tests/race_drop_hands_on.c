/* SPDX-License-Identifier: MIT */
/*
 * Two tasks wait for one message (or two senders for one room). The first is dropped while the
 * message comes: if it was notified already its drop hands the notification on, else the channel
 * notifies the other one. Either way the other is woken, and finds the message.
 */
#include "config.h"

#include "pirn_channel.h"
#include "race.h"

static struct pirn_sender *tx;
static struct pirn_receiver *rx;
static struct race_gate gate = { .n = 2 };
static unsigned long rounds;

/* Makes what the two wait for: a message, or room. */
static void *bring(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		int m = 5, err;

		race_meet(&gate);
		race_linger(&random);
		err = i % 2 ? pirn_try_recv(rx, &m) : pirn_try_send(tx, &m);
		RACE_CHECK(err == 0 && m == 5, "err %d, message %d", err, m);
		race_meet(&gate);
	}
	return NULL;
}

struct waiting {
	struct pirn_send send;
	struct pirn_recv recv;
	struct pirn_future *future;
	struct bell waker;
	int msg;
};

static void start_waiting(struct waiting *w, bool sending)
{
	bell_init(&w->waker);
	w->msg = 5;
	w->send = pirn_send(tx, &w->msg);
	w->recv = pirn_recv(rx, &w->msg);
	w->future = sending ? &w->send.future : &w->recv.future;
	RACE_CHECK(bell_poll(w->future, &w->waker) == PIRN_PENDING, "nothing there, and READY");
}

int main(int argc, char **argv)
{
	struct race_random random;
	unsigned long handed_on = 0;
	pthread_t thread;

	rounds = race_begin(argc, argv, 10000);
	random = race_stream(2);
	thread = race_thread(bring, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		size_t capacity = i % 4 == 0 ? PIRN_UNBOUNDED : 1;
		struct waiting first, second;
		int m = 5;

		RACE_CHECK(pirn_channel_new(&tx, &rx, sizeof(int), capacity, NULL, NULL) == 0,
			   "no channel");
		RACE_CHECK(i % 2 == 0 || pirn_try_send(tx, &m) == 0, "no room");
		start_waiting(&first, i % 2);
		start_waiting(&second, i % 2);
		race_meet(&gate);
		for (unsigned k = race_below(&random, 3); k > 0; k--)
			race_linger(&random);
		pirn_drop(first.future);
		race_meet(&gate);
		handed_on += atomic_load(&first.waker.wakes);
		RACE_CHECK(atomic_load(&second.waker.wakes) == 1, "the other was woken %u times",
			   atomic_load(&second.waker.wakes));
		RACE_CHECK(bell_poll(second.future, &second.waker) == PIRN_READY &&
				   second.future->err == 0,
			   "woken for nothing");
		RACE_CHECK(atomic_load(&first.waker.refs) == 0 &&
				   atomic_load(&second.waker.refs) == 0,
			   "a waker was kept");
		pirn_sender_unref(tx);
		pirn_receiver_unref(rx);
	}
	pthread_join(thread, NULL);
	race_say("%lu of %lu were notified before they were dropped", handed_on, rounds);
	return 0;
}
