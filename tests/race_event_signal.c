/* SPDX-License-Identifier: MIT */
/*
 * Signals interrupt a thread that is busy with an event: in its lock, between a wait's look at the
 * count and its place in the line, behind the unlock. Whenever the handler has run, the waits that
 * were made before have ended.
 */
#include "config.h"

#include <errno.h>

#include "pirn_event.h"
#include "race.h"

static struct pirn_event event;
static atomic_uint number;
static atomic_bool over;

static void change(int signal)
{
	(void)signal;
	atomic_fetch_add(&number, 1);
	pirn_event_signal(&event);
}

static void *disturb(void *thread)
{
	struct race_random random = race_stream(1);

	while (!atomic_load(&over)) {
		pthread_kill(*(pthread_t *)thread, SIGPROF);
		race_linger(&random);
	}
	return NULL;
}

struct hand {
	struct pirn_event_wait wait;
	struct bell bell;
	unsigned made; /* the number then */
	bool ended;
};

static void make(struct hand *h)
{
	bell_init(&h->bell);
	h->wait = pirn_event_wait(&event);
	h->made = atomic_load(&number);
	h->ended = bell_poll(&h->wait.future, &h->bell) == PIRN_READY;
}

/* A change that has come since was not missed. */
static void check(struct hand *h)
{
	unsigned now = atomic_load(&number);

	RACE_CHECK(now == h->made || h->ended || atomic_load(&h->bell.wakes) > 0,
		   "%u changes, and the wait goes on", now - h->made);
}

static void drop(struct hand *h)
{
	pirn_drop(&h->wait.future);
	RACE_CHECK(atomic_load(&h->bell.refs) == 0, "a waker was kept");
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 2000000), changed = 0;
	pthread_t self = pthread_self(), thread;
	struct hand h, other;

	if (pirn_event_signal(&event) == -ENOTSUP) {
		race_say("threads sleep on condition variables");
		return 77;
	}
	signal(SIGPROF, change);
	thread = race_thread(disturb, &self);
	for (unsigned long i = 0; i < rounds; i++) {
		make(&h);
		check(&h);
		make(&other); /* to be busy in the lock while h is in line */
		drop(&other);
		check(&h);
		changed += atomic_load(&number) != h.made;
		drop(&h);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	RACE_CHECK(changed > 0, "no signal came in time");
	race_say("%lu of %lu waits were disturbed", changed, rounds);
	return 0;
}
