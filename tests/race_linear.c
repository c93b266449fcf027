/* SPDX-License-Identifier: MIT */
/*
 * Every program of two threads with three calls each, and of three threads with two each, on
 * channels that are bounded and unbounded: calls that do not wait, of one message or two, and
 * close; then futures in their place, polled once, again when they are woken, and dropped at
 * random while they are pending. What came out, with what is in the channel at the end, must be
 * what a plain queue would have given in some order of the calls that were made at the same time
 * (history.h). Some futures stay pending: when no thread is at it any more, and none of them was
 * woken, what they wait for must not be there.
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

/* What programs are made of. */
#define VERBS 5

static const enum verb calls[VERBS] = { TRY_SEND, TRY_RECV, CLOSE, TRY_SEND_MANY, TRY_RECV_MANY };
static const enum verb futures[VERBS] = { SEND, RECV, CLOSE, SEND_MANY, RECV_MANY };

/* Mistakes of a channel, made here around a good one; the first five without futures. */
enum mistake {
	NONE,
	LOSES,
	DOUBLES,
	OVERTAKES,
	STAYS_OPEN,
	OVERFLOWS,
	SENDS_WHAT_WAS_DROPPED,
	TAKES_FOR_WHAT_WAS_DROPPED,
	FORGETS_WHO_WAITED,
	FORGETS_TO_WAKE,
	MISCOUNTS,
	MISTAKES
};

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

/* ---- one future ---------------------------------------------------------------------------- */

/* A thread's, from its first poll on. */
struct waiting {
	union {
		struct pirn_future future; /* of whichever it is */
		struct pirn_send send;
		struct pirn_recv recv;
		struct pirn_send_many send_many;
		struct pirn_recv_many recv_many;
	};
	struct bell bell;
	unsigned polls, wakes; /* when it was polled last */
	int msg[HISTORY_MANY]; /* as it was before */
};

static struct waiting waiting[HISTORY_THREADS];
static atomic_ulong waited, dropped; /* READY behind a PENDING, and dropped */
static unsigned long rested;         /* pending when no thread was at it any more */

static void begin_future(struct waiting *w, struct call *c)
{
	bell_init(&w->bell);
	w->polls = 0;
	memcpy(w->msg, c->msg, sizeof(w->msg));
	if (c->verb == SEND)
		w->send = pirn_send(tx, c->msg);
	else if (c->verb == RECV)
		w->recv = pirn_recv(rx, c->msg);
	else if (c->verb == SEND_MANY)
		w->send_many = pirn_send_many(tx, c->msg, HISTORY_MANY);
	else
		w->recv_many = pirn_recv_many(rx, c->msg, HISTORY_MANY);
}

static bool was_woken(const struct waiting *w)
{
	return mistake != FORGETS_TO_WAKE && atomic_load(&w->bell.wakes) != w->wakes;
}

/* Polls it for the first time, and when it was woken. */
static enum pirn_poll poll_future(struct waiting *w)
{
	if (w->polls > 0 && !was_woken(w))
		return PIRN_PENDING;
	w->polls++;
	w->wakes = atomic_load(&w->bell.wakes);
	return bell_poll(&w->future, &w->bell);
}

/* What a future that has ended, or was dropped, says that it has done. */
static int outcome(const struct waiting *w, const struct call *c)
{
	int moved = 0, err = c->dropped ? -ECANCELED : w->future.err;
	bool all = true;

	if (c->verb == SEND_MANY) {
		moved = HISTORY_MANY - (int)w->send_many.left;
		all = moved == HISTORY_MANY;
	} else if (c->verb == RECV_MANY) {
		moved = (int)w->recv_many.done;
	}
	if (moved <= 0)
		return err;
	RACE_CHECK(c->dropped || err == (all ? 0 : -EPIPE), "error %d behind %d", err, moved);
	return mistake == MISCOUNTS ? moved - 1 : moved;
}

static void make_mistake(struct waiting *w, struct call *c)
{
	int lost;

	if (mistake == SENDS_WHAT_WAS_DROPPED && c->dropped && c->verb == SEND)
		pirn_try_send(tx, c->msg);
	if (mistake == TAKES_FOR_WHAT_WAS_DROPPED && c->dropped && c->verb == RECV)
		pirn_try_recv(rx, &lost);
	if (mistake == FORGETS_WHO_WAITED && w->polls > 1 && c->verb == SEND && c->result == 0)
		pirn_try_recv(rx, &lost);
}

static void end_future(struct waiting *w, struct call *c, enum pirn_poll poll)
{
	c->dropped = poll == PIRN_PENDING;
	pirn_drop(&w->future);
	c->result = outcome(w, c);
	make_mistake(w, c);
	c->after = atomic_fetch_add(&now, 1);
	bell_await_free(&w->bell); /* another thread may be about to wake it */
	RACE_CHECK(!c->dropped || memcmp(w->msg, c->msg, sizeof(w->msg)) == 0,
		   "one that was dropped has written");
	if (c->dropped)
		atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
	else if (w->polls > 1)
		atomic_fetch_add_explicit(&waited, 1, memory_order_relaxed);
}

/* A step of a call. True: it is over. */
static bool go_on(struct call *c, unsigned thread, struct race_random *random)
{
	struct waiting *w = &waiting[thread];
	enum pirn_poll poll = PIRN_PENDING;
	bool drops = false;

	if (!call_waits(c)) {
		make_call(c, thread);
		return true;
	}
	if (!w->future.ops) {
		begin_future(w, c);
		c->before = atomic_fetch_add(&now, 1);
	} else {
		drops = race_below(random, 8) == 0; /* woken or not */
	}
	if (!drops) {
		poll = poll_future(w);
		if (poll == PIRN_PENDING)
			return false;
	}
	end_future(w, c, poll);
	return true;
}

/* A step of a thread that is at call i. Returns at which it is then; it may stay pending there. */
static unsigned step(unsigned thread, unsigned i, struct race_random *random)
{
	if (go_on(&history.call[thread][i], thread, random))
		return i + 1;
	if (race_below(random, 16) == 0)
		return history.calls[thread] = i + 1;
	return i;
}

/* Behind all steps: polls who was woken, until nobody is. Does the rest wait for good reason? */
static bool settle(void)
{
	struct pirn_channel_counts counts;
	bool polled, right = true;

	do {
		polled = false;
		for (unsigned t = 0; t < history.threads; t++) {
			struct waiting *w = &waiting[t];

			if (!w->future.ops || !was_woken(w))
				continue;
			polled = true;
			if (poll_future(w) == PIRN_READY)
				end_future(w, &history.call[t][history.calls[t] - 1], PIRN_READY);
		}
	} while (polled);
	pirn_sender_counts(tx, &counts);
	for (unsigned t = 0; t < history.threads; t++) {
		struct call *c = &history.call[t][history.calls[t] - 1];

		if (!waiting[t].future.ops)
			continue;
		if (counts.closed || counts.messages != (call_sends(c) ? counts.capacity : 0))
			right = false;
		end_future(&waiting[t], c, PIRN_PENDING);
		rested++;
	}
	return right;
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

/* Any: where time is short, it is not for the same ones each time. */
static void first_program(unsigned *program, unsigned threads, unsigned each,
			  struct race_random *random)
{
	for (unsigned t = 0; t < threads; t++) {
		unsigned p = race_below(random, power(each)), i = t;

		for (; i > 0 && program[i - 1] > p; i--)
			program[i] = program[i - 1];
		program[i] = p;
	}
}

/* A thread's program is a number whose digits are the verbs; every message is another one. */
static void set_up(const enum verb *verb, const unsigned *program, unsigned threads, unsigned each,
		   size_t capacity)
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

			c->verb = verb[verbs % VERBS];
			c->dropped = false;
			for (unsigned k = 0; k < HISTORY_MANY; k++)
				c->msg[k] = msg++;
		}
	}
}

/* What is left is received by thread 0, behind all calls. Returns what is wrong, or NULL. */
static const char *finish(void)
{
	bool settled = settle();
	struct call *c;

	do {
		RACE_CHECK(history.calls[0] < HISTORY_CALLS, "there is more than was sent");
		c = &history.call[0][history.calls[0]++];
		c->verb = TRY_RECV;
		c->dropped = false;
		make_call(c, 0);
	} while (c->result == 0);
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	if (!settled)
		return "one waits for what is there, and was not woken";
	return history_is_right(&history) ? NULL : "no order of these calls gives that";
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

static void run_alone(const enum verb *verb, const unsigned *program, unsigned threads,
		      unsigned each, struct race_random *random)
{
	unsigned at[HISTORY_THREADS] = { 0 }, over = 0;

	set_up(verb, program, threads, each, 2); /* with 1 there is nothing to overtake */
	while (over < threads) {
		unsigned t = race_below(random, threads);

		if (at[t] == history.calls[t])
			continue;
		at[t] = step(t, at[t], random);
		over += at[t] == history.calls[t];
	}
}

static void find_mistake(enum mistake m, const enum verb *verb, unsigned threads, unsigned each,
			 struct race_random *random)
{
	unsigned program[HISTORY_THREADS] = { 0 };
	unsigned long wrong = 0, all = 0;

	mistake = m;
	do {
		run_alone(verb, program, threads, each, random);
		wrong += finish() != NULL;
		all++;
	} while (next_program(program, threads, each));
	RACE_CHECK((wrong > 0) == (m != NONE), "mistake %d: %lu of %lu are wrong", m, wrong, all);
	mistake = NONE;
}

static void find_mistakes(unsigned threads, unsigned each)
{
	struct race_random random = race_stream(100);

	find_mistake(NONE, calls, threads, each, &random);
	find_mistake(NONE, futures, threads, each, &random);
	for (enum mistake m = LOSES; m < MISTAKES; m++)
		find_mistake(m, m < SENDS_WHAT_WAS_DROPPED ? calls : futures, threads, each,
			     &random);
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
	for (unsigned i = 0; i < history.calls[thread]; i = step(thread, i, random))
		if (waiting[thread].future.ops || race_below(random, 4) == 0)
			race_linger(random);
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

/*
 * Where others keep the processors busy, who yields waits for milliseconds each time. So each part
 * of all has its share of the time, and what those before it have left.
 */
#define PARTS 12

static bool out_of_time(unsigned part)
{
	static struct timespec began;
	struct timespec t;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (began.tv_sec == 0)
		began = t;
	ms = (t.tv_sec - began.tv_sec) * 1000 + (t.tv_nsec - began.tv_nsec) / 1000000;
	return ms > (long)(RACE_SECONDS * race_scale) * 1000 / 3 * (part + 1) / PARTS;
}

static void run_all(unsigned part, const enum verb *verb, unsigned threads, size_t capacity,
		    unsigned long rounds)
{
	struct race_random random = race_stream(200 + part);
	unsigned first[HISTORY_THREADS] = { 0 }, program[HISTORY_THREADS], each = 6 / threads;
	unsigned long programs = 0, at_once = 0;
	pthread_t thread[HISTORY_THREADS];
	const char *wrong;

	first_program(first, threads, each, &random);
	memcpy(program, first, sizeof(first));
	gate.n = threads;
	atomic_store(&over, false);
	for (unsigned t = 1; t < threads; t++)
		thread[t] = race_thread(serve, (void *)(uintptr_t)t);
	do {
		for (unsigned long i = 0; i < rounds; i++) {
			set_up(verb, program, threads, each, capacity);
			race_meet(&gate);
			run_thread(0, &random);
			race_meet(&gate);
			at_once += overlapped();
			wrong = finish();
			if (wrong) {
				history_print(&history);
				RACE_CHECK(false, "%s", wrong);
			}
		}
		programs++;
		if (!next_program(program, threads, each))
			memset(program, 0, sizeof(program));
	} while (memcmp(program, first, sizeof(first)) != 0 && !out_of_time(part));
	atomic_store(&over, true);
	race_meet(&gate);
	for (unsigned t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	race_say("%u threads, capacity %zd: %lu programs from %u, %u, %u on, in %lu of %lu runs "
		 "calls at once",
		 threads, (ssize_t)capacity, programs, first[0], first[1], first[2], at_once,
		 programs * rounds);
	if (verb == futures)
		race_say("  and of futures %lu READY behind a wait, %lu dropped, %lu at rest",
			 atomic_exchange(&waited, 0), atomic_exchange(&dropped, 0), rested);
	rested = 0;
}

int main(int argc, char **argv)
{
	static const size_t capacity[] = { 1, 2, PIRN_UNBOUNDED };
	unsigned long rounds = race_begin(argc, argv, ROUNDS);
	unsigned part = 0;

	find_mistakes(2, 3);
	find_mistakes(3, 2);
	RACE_CHECK(pthread_getaffinity_np(pthread_self(), sizeof(processors), &processors) == 0,
		   "which processors are there?");
	sit_apart(0);
	atomic_store(&waited, 0);
	atomic_store(&dropped, 0);
	rested = 0;
	for (size_t i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++)
		for (unsigned threads = 2; threads <= 3; threads++) {
			run_all(part++, calls, threads, capacity[i], rounds);
			run_all(part++, futures, threads, capacity[i], rounds);
		}
	return 0;
}
