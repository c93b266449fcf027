/* SPDX-License-Identifier: MIT */
/* What a message costs, from task to task, through the other kinds of channels. */
#include "cases.h"

#include <errno.h>
#include <pirn_broadcast.h>
#include <pirn_channel.h>
#include <pirn_oneshot.h>
#include <pirn_watch.h>

static void join_all(struct run *run, struct pirn_task **task, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bench_ok(run, pirn_join_blocking(task[i]));
		pirn_task_detach(task[i]);
	}
}

static void kind_case(struct run *run,
		      uint64_t (*work)(struct run *, struct pirn_executor *, uint64_t))
{
	struct pirn_executor *pool = bench_pool(run);
	uint64_t count;

	work(run, pool, run->n / 10 + 1);
	run_start(run);
	count = work(run, pool, run->n);
	run_stop(run);
	run_check(run, count);
	pirn_executor_free(pool);
}

/* ---- oneshot: pingpong, each ball by a oneshot of its own ----------------------------------- */

struct ball_oneshot;

/* A number, and where to send the answer. */
struct ball {
	uint64_t number;
	struct ball_oneshot *back;
};

PIRN_ONESHOT(ball, struct ball, NULL);

/* Answers each number with the next one, or sends the first if it begins; counts the right ones. */
struct thrower {
	struct pirn_future future;
	struct ball_oneshot own, *mine, *other; /* mine: where the next ball comes */
	bool begins;
	uint64_t n, number, *count;
	struct ball ball;
	struct pirn_oneshot_recv recv;
};

/* What was in it has come, so its sender has ended: the memory is free for the next one. */
static int throw_ball(struct thrower *f)
{
	struct ball ball = { f->number, &f->own };

	f->mine = &f->own;
	ball_oneshot_init(&f->own, NULL);
	return ball_send(f->other, &ball);
}

PIRN_ASYNC(thrower, f)
{
	int err;

	PIRN_BEGIN(f);
	for (; f->n > 0; f->n--) {
		if (f->begins && (err = throw_ball(f)) < 0)
			PIRN_RETURN(f, err);
		f->recv = ball_recv(f->mine, &f->ball);
		PIRN_TRY(f, &f->recv.future);
		ball_receiver_close(f->mine);
		*f->count += f->ball.number == f->number + 1;
		f->number = f->ball.number + 1;
		f->other = f->ball.back;
		if (!f->begins && (err = throw_ball(f)) < 0)
			PIRN_RETURN(f, err);
	}
	PIRN_END(f);
}

static uint64_t throw_balls(struct run *run, struct pirn_executor *pool, uint64_t n)
{
	struct ball_oneshot first;
	struct pirn_task *task[2];
	uint64_t count[2] = { 0, 0 };
	struct thrower ping = { PIRN_INIT(thrower), .other = &first, .begins = true, .n = n,
				.count = &count[0] };
	struct thrower pong = { PIRN_INIT(thrower), .mine = &first, .number = UINT64_MAX, .n = n,
				.count = &count[1] };

	ball_oneshot_init(&first, NULL);
	bench_ok(run, pirn_spawn(pool, &task[0], &ping.future));
	bench_ok(run, pirn_spawn(pool, &task[1], &pong.future));
	join_all(run, task, 2);
	return count[0] == count[1] ? count[0] : 0;
}

void oneshot(struct run *run)
{
	kind_case(run, throw_balls);
}

/* ---- watch: pingpong, a watch for each direction -------------------------------------------- */

PIRN_WATCH(level, uint64_t);

struct watcher {
	struct pirn_future future;
	struct level_sender *tx;
	struct level_receiver rx;
	bool begins;
	uint64_t n, number, seen, *count;
	struct pirn_watch_recv recv;
};

PIRN_ASYNC(watcher, f)
{
	int err;

	PIRN_BEGIN(f);
	for (; f->n > 0; f->n--) {
		if (f->begins && (err = level_send(f->tx, &f->number)) < 0)
			PIRN_RETURN(f, err);
		f->recv = level_recv(&f->rx, &f->seen);
		PIRN_TRY(f, &f->recv.future);
		*f->count += f->seen == f->number + 1;
		f->number = f->seen + 1;
		if (!f->begins && (err = level_send(f->tx, &f->number)) < 0)
			PIRN_RETURN(f, err);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	level_sender_unref(f->tx);
	level_receiver_drop(&f->rx);
	PIRN_END(f);
}

static uint64_t watch_each_other(struct run *run, struct pirn_executor *pool, uint64_t n)
{
	struct pirn_task *task[2];
	uint64_t count[2] = { 0, 0 }, none = 0;
	struct watcher ping = { PIRN_INIT(watcher), .begins = true, .n = n, .count = &count[0] };
	struct watcher pong = { PIRN_INIT(watcher), .number = UINT64_MAX, .n = n,
				.count = &count[1] };

	bench_ok(run, level_watch(&ping.tx, &pong.rx, &none));
	bench_ok(run, level_watch(&pong.tx, &ping.rx, &none));
	bench_ok(run, pirn_spawn(pool, &task[0], &ping.future));
	bench_ok(run, pirn_spawn(pool, &task[1], &pong.future));
	join_all(run, task, 2);
	return count[0] == count[1] ? count[0] : 0;
}

void watch(struct run *run)
{
	kind_case(run, watch_each_other);
}

/* ---- broadcast: one sends, some listen, nobody misses anything ------------------------------ */

#define EARS 4
#define WINDOW 512 /* two fit into the ring; each listener says when it has had one */

PIRN_BROADCAST(news, uint64_t);
PIRN_CHANNEL(credit, unsigned, NULL);

struct speaker {
	struct pirn_future future;
	struct news_sender *tx;
	struct credit_receiver *credits;
	uint64_t number, n, windows[EARS]; /* windows: how many each listener has had */
	unsigned who;
	struct pirn_recv recv;
};

/* Is there one that would lose what the next window overwrites? */
static bool one_is_slow(const struct speaker *f)
{
	for (unsigned i = 0; i < EARS; i++)
		if (f->windows[i] + 1 < f->number / WINDOW)
			return true;
	return false;
}

PIRN_ASYNC(speaker, f)
{
	int err;

	PIRN_BEGIN(f);
	for (; f->number < f->n; f->number++) {
		while (one_is_slow(f)) {
			f->recv = credit_recv(f->credits, &f->who);
			PIRN_TRY(f, &f->recv.future);
			f->windows[f->who]++;
		}
		err = news_send(f->tx, &f->number);
		if (err)
			PIRN_RETURN(f, err);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	news_sender_unref(f->tx);
	credit_receiver_unref(f->credits);
	PIRN_END(f);
}

struct listener {
	struct pirn_future future;
	struct news_receiver rx;
	struct credit_sender *credits;
	uint64_t number, *count; /* of those that came as they should, one behind the other */
	unsigned me;
	struct pirn_broadcast_recv recv;
	struct pirn_send send;
};

PIRN_ASYNC(listener, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = news_recv(&f->rx, &f->number);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err == -EPIPE)
			break;
		if (f->recv.future.err)
			PIRN_RETURN(f, f->recv.future.err);
		*f->count += f->number == *f->count;
		if (*f->count % WINDOW == 0) {
			f->send = credit_send(f->credits, &f->me);
			PIRN_AWAIT(f, &f->send.future); /* at the end nobody asks for it */
		}
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	pirn_drop(&f->send.future);
	news_receiver_drop(&f->rx);
	if (f->future.err)
		credit_sender_close(f->credits); /* so that nobody waits for more */
	credit_sender_unref(f->credits);
	PIRN_END(f);
}

/* So many to each listener. Returns how many came in all. */
static uint64_t speak(struct run *run, struct pirn_executor *pool, uint64_t each)
{
	struct speaker speaker = { PIRN_INIT(speaker), .n = each };
	struct pirn_task *task[1 + EARS];
	struct credit_sender *credits = NULL;
	struct news_receiver rx;
	uint64_t count[EARS] = { 0 }, sum = 0;

	bench_ok(run, news_broadcast(&speaker.tx, &rx, 2 * WINDOW));
	bench_ok(run, credit_channel(&credits, &speaker.credits, 4 * EARS));
	for (unsigned i = 0; i < EARS; i++) {
		struct listener l = { PIRN_INIT(listener), .rx = news_receiver_clone(&rx),
				      .credits = credit_sender_ref(credits), .me = i,
				      .count = &count[i] };

		bench_ok(run, pirn_spawn(pool, &task[1 + i], &l.future));
	}
	news_receiver_drop(&rx);
	credit_sender_unref(credits);
	bench_ok(run, pirn_spawn(pool, &task[0], &speaker.future));
	join_all(run, task, 1 + EARS);
	for (unsigned i = 0; i < EARS; i++)
		sum += count[i];
	return sum;
}

void broadcast(struct run *run)
{
	uint64_t each = (run->n + EARS - 1) / EARS, count;
	struct pirn_executor *pool = bench_pool(run);

	run->expect += each * EARS - run->n; /* the same for all */
	run->n = each * EARS;
	speak(run, pool, each / 10 + 1);
	run_start(run);
	count = speak(run, pool, each);
	run_stop(run);
	run_check(run, count);
	pirn_executor_free(pool);
}
