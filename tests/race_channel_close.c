/* SPDX-License-Identifier: MIT */
/*
 * A channel is closed, from either side or by the last one who leaves, while senders and
 * receivers wait on it. Everybody comes back; a message is received, or released with the
 * channel, or was never taken from its sender: once, and one of the three.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_channel.h"
#include "race.h"

#define SIDE 2 /* threads on each side */

static struct faulty host;
static struct pirn_sender *tx;
static struct pirn_receiver *rx;
static atomic_uint made, sent, kept, received, released;
static struct race_gate gate = { .n = 2 * SIDE + 1 };
static unsigned long rounds;

static void release(void *msg)
{
	int **m = msg;

	RACE_CHECK(*m && **m == 7, "released what was no message");
	free(*m);
	atomic_fetch_add(&released, 1);
}

static void *send(void *arg)
{
	struct race_random random = race_stream((unsigned long)(uintptr_t)arg);

	for (unsigned long i = 0; i < rounds; i++) {
		int err = 0;

		race_meet(&gate);
		while (!err) {
			int *m = malloc(sizeof(*m));

			RACE_CHECK(m, "no memory");
			*m = 7;
			atomic_fetch_add(&made, 1);
			err = pirn_send_blocking(tx, &m);
			if (err == 0) {
				RACE_CHECK(!m, "sent, and still the sender's");
				atomic_fetch_add(&sent, 1);
				race_linger(&random);
				continue;
			}
			RACE_CHECK(err == -EPIPE, "send gave %d", err);
			RACE_CHECK(m && *m == 7, "not sent, and taken");
			free(m);
			atomic_fetch_add(&kept, 1);
		}
		pirn_sender_unref(tx);
		race_meet(&gate);
	}
	return NULL;
}

static void *recv(void *arg)
{
	struct race_random random = race_stream(10 + (unsigned long)(uintptr_t)arg);

	for (unsigned long i = 0; i < rounds; i++) {
		unsigned left = ~0u;
		int err = 0;

		race_meet(&gate);
		if (i % 4 == 3) /* leaves soon: the last receiver closes */
			left = race_below(&random, 20);
		for (; left > 0; left--) {
			int *m;

			err = pirn_recv_blocking(rx, &m);
			if (err)
				break;
			RACE_CHECK(*m == 7, "received what was no message");
			free(m);
			atomic_fetch_add(&received, 1);
			race_linger(&random);
		}
		RACE_CHECK(err == 0 || err == -EPIPE, "recv gave %d", err);
		pirn_receiver_unref(rx);
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct race_random random;
	pthread_t thread[2 * SIDE];
	struct pirn_sender *my_tx;
	struct pirn_receiver *my_rx;

	rounds = race_begin(argc, argv, 800);
	random = race_stream(20);
	faulty_init(&host);
	for (int i = 0; i < SIDE; i++) {
		thread[i] = race_thread(send, (void *)(uintptr_t)i);
		thread[SIDE + i] = race_thread(recv, (void *)(uintptr_t)i);
	}
	for (unsigned long i = 0; i < rounds; i++) {
		size_t capacity = i % 8 == 7 ? PIRN_UNBOUNDED : race_below(&random, 4);
		int err = pirn_channel_new(&tx, &rx, sizeof(int *), capacity, release,
					   &host.platform.memory);

		RACE_CHECK(err == 0, "no channel");
		my_tx = tx;
		my_rx = rx;
		for (int k = 0; k < SIDE; k++) {
			pirn_sender_ref(tx);
			pirn_receiver_ref(rx);
		}
		race_meet(&gate);
		if (i % 4 == 3) {
			my_rx = pirn_receiver_unref(my_rx);
		} else {
			for (unsigned k = race_below(&random, 40); k > 0; k--)
				race_linger(&random);
			if (i % 2)
				pirn_sender_close(my_tx);
			else
				pirn_receiver_close(my_rx);
		}
		pirn_sender_unref(my_tx);
		pirn_receiver_unref(my_rx);
		race_meet(&gate);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks left", faulty_left(&host));
		RACE_CHECK(atomic_load(&made) == atomic_load(&sent) + atomic_load(&kept) &&
				   atomic_load(&sent) ==
					   atomic_load(&received) + atomic_load(&released),
			   "%u made, %u sent, %u kept, %u received, %u released",
			   atomic_load(&made), atomic_load(&sent), atomic_load(&kept),
			   atomic_load(&received), atomic_load(&released));
	}
	for (int i = 0; i < 2 * SIDE; i++)
		pthread_join(thread[i], NULL);
	race_say("%u made: %u received, %u released with the channel, %u never taken",
		 atomic_load(&made), atomic_load(&received), atomic_load(&released),
		 atomic_load(&kept));
	return 0;
}
