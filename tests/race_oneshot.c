/* SPDX-License-Identifier: MIT */
/*
 * A sender and a receiver, each of which sends, receives, waits, changes its waker, gives up or
 * leaves, as it likes. The message is received, released, or was never taken from its sender: once,
 * and one of the three. The memory goes once, when both have left.
 */
#include "config.h"

#include <errno.h>

#include "pirn_oneshot.h"
#include "race.h"

static atomic_uint made, received, released, kept, freed;
static atomic_uint by_closed;

static void box_release(int **m)
{
	RACE_CHECK(*m && **m == 7, "released what was no message");
	free(*m);
	atomic_fetch_add(&released, 1);
}

PIRN_ONESHOT(box, int *, box_release);

/* What a round is about, with the oneshot in it. */
struct round {
	struct box_oneshot oneshot; /* first */
	unsigned long number;
	unsigned long left; /* the receiver's last word, written before it leaves */
};

static struct round *current;
static struct race_gate gate = { .n = 2 };
static unsigned long rounds;

static void round_free(struct pirn_oneshot *o)
{
	struct round *r = (struct round *)(void *)o;

	r->number = r->left = 0; /* the memory is the caller's alone */
	free(r);
	atomic_fetch_add(&freed, 1);
}

static void begin_round(unsigned long i)
{
	current = malloc(sizeof(*current));
	RACE_CHECK(current, "no memory");
	current->number = i;
	current->left = 0;
	box_oneshot_init(&current->oneshot, round_free);
}

static void end_round(unsigned long i)
{
	RACE_CHECK(atomic_load(&freed) == i + 1, "the memory of round %lu went %u times", i,
		   atomic_load(&freed));
	RACE_CHECK(atomic_load(&made) ==
			   atomic_load(&received) + atomic_load(&released) + atomic_load(&kept),
		   "%u made, %u received, %u released, %u kept", atomic_load(&made),
		   atomic_load(&received), atomic_load(&released), atomic_load(&kept));
}

/* Polls a few times, now with this waker, now with that one, and gives up. True: it was READY. */
static bool poll_a_while(struct pirn_future *f, struct bell bell[2], struct race_random *random)
{
	for (unsigned k = race_below(random, 4); k > 0; k--) {
		if (bell_poll(f, &bell[race_below(random, 2)]) == PIRN_READY)
			return true;
		race_linger(random);
	}
	pirn_drop(f);
	return false;
}

static void make_bells(struct bell bell[2])
{
	bell_init(&bell[0]);
	bell_init(&bell[1]);
}

/* One that was taken out of the oneshot may still be on its way to be woken. */
static void await_bells(struct bell bell[2])
{
	bell_await_free(&bell[0]);
	bell_await_free(&bell[1]);
}

/* ---- the sender ---------------------------------------------------------------------------- */

static void saw_it_leave(struct round *r, unsigned long i)
{
	RACE_CHECK(r->left == i + 1, "the receiver left, and its last word is %lu", r->left);
	atomic_fetch_add(&by_closed, 1);
}

static void send_one(struct round *r, unsigned long i)
{
	int *m = malloc(sizeof(*m)), err;

	RACE_CHECK(m, "no memory");
	*m = 7;
	atomic_fetch_add(&made, 1);
	err = box_send(&r->oneshot, &m);
	if (err == 0) {
		RACE_CHECK(!m, "sent, and still the sender's");
		return;
	}
	RACE_CHECK(err == -EPIPE, "send gave %d in round %lu", err, i);
	RACE_CHECK(m && *m == 7, "not sent, and taken");
	free(m);
	atomic_fetch_add(&kept, 1);
}

static void *send(void *arg)
{
	struct race_random random = race_stream(1);
	struct bell bell[2];

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		struct pirn_oneshot_closed closed;
		struct round *r;

		begin_round(i);
		r = current;
		make_bells(bell);
		race_meet(&gate);
		race_linger(&random);
		closed = box_closed(&r->oneshot);
		if (i % 4 == 3) { /* the receiver does not wait for us */
			RACE_CHECK(pirn_block_on(&closed.future) == 0, "closed failed");
			saw_it_leave(r, i);
		} else if (race_below(&random, 2)) {
			if (poll_a_while(&closed.future, bell, &random))
				saw_it_leave(r, i);
		}
		if (box_try_closed(&r->oneshot) == 0)
			saw_it_leave(r, i);
		if (race_below(&random, 4))
			send_one(r, i);
		else
			box_sender_close(&r->oneshot);
		await_bells(bell);
		race_meet(&gate);
		end_round(i);
	}
	return NULL;
}

/* ---- the receiver -------------------------------------------------------------------------- */

static void take(int *m)
{
	RACE_CHECK(*m == 7, "received what was no message");
	free(m);
	atomic_fetch_add(&received, 1);
}

/* Returns whether the sender has ended. */
static bool receive(struct round *r, struct bell bell[2], struct race_random *random)
{
	struct pirn_oneshot_recv recv;
	int *m = NULL, err;

	recv = box_recv(&r->oneshot, &m);
	if (poll_a_while(&recv.future, bell, random))
		err = recv.future.err;
	else
		err = box_try_recv(&r->oneshot, &m);
	if (err == -EAGAIN)
		return false;
	RACE_CHECK(err == 0 || err == -EPIPE, "recv gave %d", err);
	if (err == 0)
		take(m);
	return true;
}

static void *recv(void *arg)
{
	struct race_random random = race_stream(2);
	struct bell bell[2];

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		bool ended = false;
		struct round *r;
		int *m = NULL;

		make_bells(bell);
		race_meet(&gate);
		r = current;
		race_linger(&random);
		for (unsigned k = race_below(&random, 4); k > 0 && !ended; k--)
			ended = receive(r, bell, &random);
		if (!ended && i % 4 == 2) {
			int err = box_recv_blocking(&r->oneshot, &m);

			RACE_CHECK(err == 0 || err == -EPIPE, "recv_blocking gave %d", err);
			if (err == 0)
				take(m);
			ended = true;
		}
		RACE_CHECK(!ended || box_try_recv(&r->oneshot, &m) == -EPIPE, "two messages");
		for (unsigned k = race_below(&random, 8); k > 0; k--)
			race_linger(&random);
		r->left = i + 1;
		box_receiver_close(&r->oneshot);
		await_bells(bell);
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[2];

	rounds = race_begin(argc, argv, 30000);
	thread[0] = race_thread(send, NULL);
	thread[1] = race_thread(recv, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	RACE_CHECK(atomic_load(&received) && atomic_load(&released) && atomic_load(&kept),
		   "always the same one came first");
	race_say("%u made: %u received, %u released, %u never taken; %u times the end was seen",
		 atomic_load(&made), atomic_load(&received), atomic_load(&released),
		 atomic_load(&kept), atomic_load(&by_closed));
	return 0;
}
