/* SPDX-License-Identifier: MIT */
/*
 * Every program of two threads with three calls each, and of three threads with two each, on
 * channels of every kind: the calls that do not wait, one message or two, and close. What came
 * out, with what is in the channel at the end, must be what a plain queue would have given in some
 * order of the calls that were made at the same time (history.h).
 *
 * First the same by one thread, on a good channel and on some with a mistake, which must be found.
 */
#include "config.h"

#include "history.h"
#include "pirn_channel.h"
#include "race.h"

/* ThreadSanitizer takes ten times as long, and nearly all runs have calls at once. */
#if defined(__SANITIZE_THREAD__)
# define ROUNDS 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define ROUNDS 1
# endif
#endif
#ifndef ROUNDS
# define ROUNDS 3
#endif

static struct pirn_sender *tx;
static struct pirn_receiver *rx;
static struct history history;
static atomic_uint now;

/* ---- one call ------------------------------------------------------------------------------ */

/* Mistakes of a channel, made here around a good one. */
enum mistake { NONE, LOSES, DOUBLES, OVERTAKES, STAYS_OPEN, OVERFLOWS, MISTAKES };

static enum mistake mistake;
static int kept; /* by the mistake; 0: none */

static int send_one(int *msg)
{
	int err = pirn_try_send(tx, msg), lost;

	if (mistake == LOSES && err == 0)
		return pirn_try_recv(rx, &lost);
	if (mistake == DOUBLES && err == 0)
		pirn_try_send(tx, msg);
	if (mistake == OVERFLOWS && err == -EAGAIN && !kept) {
		kept = *msg;
		return 0;
	}
	return err;
}

static int recv_one(int *msg)
{
	int err;

	if (mistake == OVERTAKES && !kept && pirn_try_recv(rx, &kept) != 0)
		kept = 0;
	err = pirn_try_recv(rx, msg);
	if (err && kept) {
		*msg = kept;
		kept = 0;
		return 0;
	}
	return err;
}

static int close_it(unsigned thread)
{
	if (mistake == STAYS_OPEN)
		return 0;
	if (thread % 2)
		pirn_receiver_close(rx);
	else
		pirn_sender_close(tx);
	return 0;
}

static void make_call(struct call *c, unsigned thread)
{
	c->before = atomic_fetch_add(&now, 1);
	switch (c->verb) {
	case TRY_SEND:
		c->result = send_one(c->msg);
		break;
	case TRY_RECV:
		c->result = recv_one(c->msg);
		break;
	case CLOSE:
		c->result = close_it(thread);
		break;
	case TRY_SEND_MANY:
		c->result = pirn_try_send_many(tx, c->msg, HISTORY_MANY);
		break;
	default:
		c->result = pirn_try_recv_many(rx, c->msg, HISTORY_MANY);
		break;
	}
	c->after = atomic_fetch_add(&now, 1);
}

/* ---- one program --------------------------------------------------------------------------- */

static unsigned power(unsigned each)
{
	return each == 0 ? 1 : VERBS * power(each - 1);
}

/* The next set of threads; those that differ in their order only are one. False: that was it. */
static bool next_program(unsigned *program, unsigned threads, unsigned each)
{
	unsigned t = threads;

	while (t > 0 && program[t - 1] + 1 == power(each))
		t--;
	if (t == 0)
		return false;
	program[t - 1]++;
	for (; t < threads; t++)
		program[t] = program[t - 1];
	return true;
}

/* A thread's program is a number whose digits are the calls; every message is another one. */
static void set_up(const unsigned *program, unsigned threads, unsigned each, size_t capacity)
{
	int msg = 1;

	RACE_CHECK(pirn_channel_new(&tx, &rx, sizeof(int), capacity, NULL, NULL) == 0,
		   "no channel");
	kept = 0;
	atomic_store(&now, 0);
	history.capacity = capacity;
	history.threads = threads;
	for (unsigned t = 0; t < threads; t++) {
		unsigned verbs = program[t];

		history.calls[t] = each;
		for (unsigned i = 0; i < each; i++, verbs /= VERBS) {
			struct call *c = &history.call[t][i];

			c->verb = (enum verb)(verbs % VERBS);
			for (unsigned k = 0; k < HISTORY_MANY; k++)
				c->msg[k] = msg++;
		}
	}
}

/* What is left is received by thread 0, behind all calls. Returns whether the history is right. */
static bool finish(void)
{
	struct call *c;

	do {
		RACE_CHECK(history.calls[0] < HISTORY_CALLS, "there is more than was sent");
		c = &history.call[0][history.calls[0]++];
		c->verb = TRY_RECV;
		make_call(c, 0);
	} while (c->result == 0);
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	return history_is_right(&history);
}

/* Were there calls at the same time? */
static bool overlapped(void)
{
	for (unsigned t = 0; t < history.threads; t++)
		for (unsigned i = 0; i < history.calls[t]; i++)
			if (history.call[t][i].after > history.call[t][i].before + 1)
				return true;
	return false;
}

/* ---- by one thread: can the check fail? ---------------------------------------------------- */

static void run_alone(const unsigned *program, unsigned threads, unsigned each,
		      struct race_random *random)
{
	unsigned made[HISTORY_THREADS] = { 0 };

	set_up(program, threads, each, 2); /* with 1 there is nothing to overtake */
	for (unsigned left = threads * each; left > 0;) {
		unsigned t = race_below(random, threads);

		if (made[t] == each)
			continue;
		make_call(&history.call[t][made[t]++], t);
		left--;
	}
}

static void find_mistakes(unsigned threads, unsigned each)
{
	struct race_random random = race_stream(100);

	for (mistake = NONE; mistake < MISTAKES; mistake++) {
		unsigned program[HISTORY_THREADS] = { 0 };
		unsigned long wrong = 0, all = 0;

		do {
			run_alone(program, threads, each, &random);
			wrong += !finish();
			all++;
		} while (next_program(program, threads, each));
		RACE_CHECK((wrong > 0) == (mistake != NONE), "mistake %d: %lu of %lu are wrong",
			   mistake, wrong, all);
	}
	mistake = NONE;
}

/* Sent and received at the same time is right; received before it was sent is not. */
static void look_at_the_clock(void)
{
	history = (struct history){
		.capacity = 1,
		.threads = 2,
		.calls = { 1, 1 },
		.call = { { { TRY_SEND, { 1 }, 0, 1, 3 } }, { { TRY_RECV, { 1 }, 0, 0, 2 } } },
	};
	RACE_CHECK(history_is_right(&history), "at the same time");
	history.call[1][0].after = 1;
	history.call[0][0].before = 2;
	RACE_CHECK(!history_is_right(&history), "received too early");
	/* A batch that is split by somebody else's message, and one out of order. */
	history.call[0][0] = (struct call){ TRY_SEND_MANY, { 1, 2 }, 2, 0, 9 };
	history.call[1][0] = (struct call){ TRY_SEND, { 3 }, 0, 1, 8 };
	history.call[0][1] = (struct call){ TRY_RECV_MANY, { 1, 3 }, 2, 10, 11 };
	history.call[0][2] = (struct call){ TRY_RECV_MANY, { 2, 0 }, 1, 12, 13 };
	history.calls[0] = 3;
	history.capacity = 3;
	RACE_CHECK(history_is_right(&history), "split");
	history.call[0][1].msg[0] = 2;
	history.call[0][2].msg[0] = 1;
	RACE_CHECK(!history_is_right(&history), "out of order");
}

/* ---- by all threads ------------------------------------------------------------------------ */

static struct race_gate gate;
static atomic_bool over;

static cpu_set_t processors;

/* Two of them that got one processor would never be at it at once: who only yields stays there. */
static void sit_apart(unsigned thread)
{
	int n = (int)thread % CPU_COUNT(&processors);
	cpu_set_t one;

	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &processors) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

static void run_thread(unsigned thread, struct race_random *random)
{
	for (unsigned i = 0; i < history.calls[thread]; i++) {
		if (race_below(random, 4) == 0)
			race_linger(random);
		make_call(&history.call[thread][i], thread);
	}
}

static void *serve(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(thread);

	sit_apart(thread);
	for (;;) {
		race_meet(&gate);
		if (atomic_load(&over))
			return NULL;
		run_thread(thread, &random);
		race_meet(&gate);
	}
}

/* Where others keep the processors busy, who yields waits for milliseconds each time. */
static bool out_of_time(void)
{
	static time_t began;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (began == 0)
		began = t.tv_sec;
	return (unsigned long)(t.tv_sec - began) > RACE_SECONDS / 3 * race_scale;
}

static void run_all(unsigned threads, unsigned each, size_t capacity, unsigned long rounds)
{
	struct race_random random = race_stream(0);
	unsigned program[HISTORY_THREADS] = { 0 };
	unsigned long programs = 0, at_once = 0;
	pthread_t thread[HISTORY_THREADS];

	gate.n = threads;
	atomic_store(&over, false);
	for (unsigned t = 1; t < threads; t++)
		thread[t] = race_thread(serve, (void *)(uintptr_t)t);
	do {
		for (unsigned long i = 0; i < rounds; i++) {
			set_up(program, threads, each, capacity);
			race_meet(&gate);
			run_thread(0, &random);
			race_meet(&gate);
			at_once += overlapped();
			if (!finish()) {
				history_print(&history);
				RACE_CHECK(false, "no order of these calls gives that");
			}
		}
		programs++;
	} while (next_program(program, threads, each) && !out_of_time());
	atomic_store(&over, true);
	race_meet(&gate);
	for (unsigned t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	race_say("%u threads, capacity %zd: %lu programs, in %lu of %lu runs calls at once",
		 threads, (ssize_t)capacity, programs, at_once, programs * rounds);
}

int main(int argc, char **argv)
{
	static const size_t capacity[] = { 1, 2, PIRN_UNBOUNDED };
	unsigned long rounds = race_begin(argc, argv, ROUNDS);

	look_at_the_clock();
	find_mistakes(2, 3);
	find_mistakes(3, 2);
	RACE_CHECK(pthread_getaffinity_np(pthread_self(), sizeof(processors), &processors) == 0,
		   "which processors are there?");
	sit_apart(0);
	for (size_t i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++) {
		run_all(2, 3, capacity[i], rounds);
		run_all(3, 2, capacity[i], rounds);
	}
	return 0;
}
