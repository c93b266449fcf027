/* SPDX-License-Identifier: MIT */
/*
 * A rendezvous whose sides give up at random. First two of one side are in line, and one of the
 * other side comes while the first of them is dropped: the second is woken all the same, once, and
 * the message goes over. Then a sender and a receiver that both may be dropped: a message is the
 * sender's, or in the slot, or the receiver's, and a second pair that comes later gets through.
 */
#include "config.h"

#include <errno.h>

#include "pirn_channel.h"
#include "race.h"

static struct pirn_sender *tx;
static struct pirn_receiver *rx;
static struct race_gate gate = { .n = 2 };
static unsigned long rounds;

struct side {
	struct pirn_send send;
	struct pirn_recv recv;
	struct pirn_future *future;
	struct bell waker;
	int msg;
};

static void make(struct side *s, bool sending, int msg)
{
	bell_init(&s->waker);
	s->msg = msg;
	s->send = pirn_send(tx, &s->msg);
	s->recv = pirn_recv(rx, &s->msg);
	s->future = sending ? &s->send.future : &s->recv.future;
}

static enum pirn_poll poll(struct side *s)
{
	return bell_poll(s->future, &s->waker);
}

static void expect_ready(struct side *s, int msg)
{
	RACE_CHECK(poll(s) == PIRN_READY && s->future->err == 0, "it does not get through");
	RACE_CHECK(s->msg == msg, "message %d instead of %d", s->msg, msg);
}

static unsigned wakes(struct side *s)
{
	return atomic_load(&s->waker.wakes);
}

/* Behind its end nobody has its waker. */
static void end(struct side *s)
{
	pirn_drop(s->future);
	bell_await_free(&s->waker);
}

/* ---- what both threads look at ---- */

static struct side other;    /* of the thread */
static bool other_sends;     /* which side it is */
static bool other_gives_up;  /* behind its poll */
static bool other_was_ready; /* at that poll */

static void *play_other(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned long i = 0; i < 2 * rounds; i++) {
		race_meet(&gate);
		make(&other, other_sends, 7);
		race_linger(&random);
		other_was_ready = poll(&other) == PIRN_READY;
		if (other_gives_up) {
			race_linger(&random);
			pirn_drop(other.future);
		}
		race_meet(&gate);
		race_meet(&gate); /* main has looked */
	}
	return NULL;
}

/* Two of one side in line, one of the other comes. */
static unsigned two_and_one(bool sending, struct race_random *random)
{
	struct side first, second;
	unsigned handed_on;

	make(&first, sending, 7);
	make(&second, sending, 7);
	RACE_CHECK(poll(&first) == PIRN_PENDING && poll(&second) == PIRN_PENDING,
		   "nobody there, and READY");
	other_sends = !sending;
	other_gives_up = false;
	race_meet(&gate);
	for (unsigned k = race_below(random, 3); k > 0; k--)
		race_linger(random);
	pirn_drop(first.future);
	race_meet(&gate);
	handed_on = wakes(&first);
	RACE_CHECK(wakes(&second) == 1, "the other was woken %u times", wakes(&second));
	RACE_CHECK(other_was_ready == !sending, "a sender waits, or a receiver does not");
	expect_ready(&second, 7);
	if (sending)
		expect_ready(&other, 7);
	end(&first);
	end(&second);
	end(&other);
	race_meet(&gate);
	return handed_on;
}

/* One of each side, either may give up. Returns whether the message went over. */
static bool one_and_one(bool sending, struct race_random *random)
{
	struct side mine, sender, receiver;
	bool i_give_up = race_below(random, 2), ready;
	int taken, sent = 0, got = 0, left = 0;

	make(&mine, sending, 7);
	other_sends = !sending;
	other_gives_up = race_below(random, 2);
	race_meet(&gate);
	race_linger(random);
	ready = poll(&mine) == PIRN_READY;
	if (i_give_up) {
		race_linger(random);
		pirn_drop(mine.future);
	}
	race_meet(&gate);
	/* Quiet: who has not given up comes back where it was woken. */
	for (unsigned k = 0; k < 2; k++) {
		if (!i_give_up && !ready && wakes(&mine))
			ready = poll(&mine) == PIRN_READY;
		if (!other_gives_up && !other_was_ready && wakes(&other))
			other_was_ready = poll(&other) == PIRN_READY;
	}
	RACE_CHECK(i_give_up || other_gives_up || (ready && other_was_ready),
		   "both wait, and neither gets through");
	end(&mine);
	end(&other);
	sent += sending ? ready : other_was_ready;
	got += sending ? other_was_ready : ready;
	taken = pirn_try_recv(rx, &left);
	RACE_CHECK(taken == 0 ? left == 7 : taken == -EAGAIN, "try_recv gave %d", taken);
	RACE_CHECK(sent == got + (taken == 0), "%d sent, %d received, %d left", sent, got,
		   taken == 0);
	make(&receiver, false, 0);
	make(&sender, true, 9);
	RACE_CHECK(poll(&receiver) == PIRN_PENDING, "a message from nowhere");
	expect_ready(&sender, 9);
	expect_ready(&receiver, 9);
	end(&sender);
	end(&receiver);
	race_meet(&gate);
	return got;
}

int main(int argc, char **argv)
{
	struct race_random random;
	unsigned long handed_on = 0, over = 0;
	pthread_t thread;

	rounds = race_begin(argc, argv, 5000);
	random = race_stream(2);
	RACE_CHECK(pirn_channel_new(&tx, &rx, sizeof(int), 0, NULL, NULL) == 0, "no channel");
	thread = race_thread(play_other, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		handed_on += two_and_one(i % 2, &random);
		over += one_and_one(i / 2 % 2, &random);
	}
	pthread_join(thread, NULL);
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	race_say("%lu of %lu were notified before they were dropped; %lu messages went over",
		 handed_on, rounds, over);
	return 0;
}
