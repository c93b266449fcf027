/* SPDX-License-Identifier: MIT */
/*
 * Threads and tasks replace a value; threads and tasks watch it, give up and go on, clone
 * themselves, leave, perhaps close it for all. Nobody sees a torn value, or a sender's values in
 * another order, and who stays to the end has seen the last one.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_pool.h"
#include "pirn_watch.h"
#include "race.h"

#define SENDERS 2   /* a thread, a task */
#define RECEIVERS 4 /* two threads, and tasks */

struct value {
	unsigned from, number, sum;
};

PIRN_WATCH(value, struct value);

static struct faulty host;
static struct value_sender *tx;
static atomic_uint sent, all_seen, all_left;

/* ---- what a receiver sees ------------------------------------------------------------------ */

struct eye {
	struct value_receiver rx;
	struct value last;
	unsigned next[SENDERS];
	bool stays, left, closes; /* closes: when it leaves, for all */
};

static void check_value(const struct value *v)
{
	RACE_CHECK(v->sum == v->from + v->number, "a torn value");
}

/* Returns false when there will be nothing new. */
static bool see(struct eye *e, int err, const struct value *v)
{
	struct value now;

	if (err == -EPIPE)
		return false;
	if (err == -EAGAIN)
		return true;
	RACE_CHECK(err == 0, "recv gave %d", err);
	check_value(v);
	RACE_CHECK(v->number >= e->next[v->from], "%u of %u came behind %u", v->number, v->from,
		   e->next[v->from]);
	e->next[v->from] = v->number + 1;
	e->last = *v;
	value_peek(&e->rx, &now);
	check_value(&now);
	atomic_fetch_add(&all_seen, 1);
	return true;
}

/* Has seen enough, sooner or later, if it does not stay. */
static bool leaves(struct eye *e, struct race_random *random)
{
	e->left = !e->stays && race_below(random, 32) == 0;
	if (e->left && e->closes)
		value_receiver_close(&e->rx);
	return e->left;
}

static void end_eye(struct eye *e)
{
	struct value now;

	value_peek(&e->rx, &now);
	check_value(&now);
	RACE_CHECK(e->left || memcmp(&now, &e->last, sizeof(now)) == 0,
		   "%u of %u is there, %u of %u was seen last", now.number, now.from,
		   e->last.number, e->last.from);
	atomic_fetch_add(&all_left, e->left);
	value_receiver_drop(&e->rx);
	value_receiver_drop(&e->rx);
}

/* ---- senders ------------------------------------------------------------------------------- */

/* True: all is closed. */
static bool send_one(unsigned from, unsigned number)
{
	struct value v = { from, number, from + number };
	int err = value_send(tx, &v);

	RACE_CHECK(err == 0 || err == -EPIPE, "send gave %d", err);
	atomic_fetch_add(&sent, err == 0);
	return err != 0;
}

struct sender {
	struct pirn_future future;
	struct race_random random;
	unsigned me, number, n;
	bool closes;
};

PIRN_ASYNC(sender, f)
{
	PIRN_BEGIN(f);
	for (; f->number < f->n && !send_one(f->me, f->number); f->number++) {
		if (race_below(&f->random, 4) == 0)
			PIRN_YIELD(f);
	}
	if (f->closes)
		value_sender_close(tx);
	PIRN_FINALLY(f);
	value_sender_unref(tx);
	PIRN_END(f);
}

static void *send_thread(void *arg)
{
	struct sender *s = arg;

	for (; s->number < s->n && !send_one(s->me, s->number); s->number++)
		race_linger(&s->random);
	if (s->closes)
		value_sender_close(tx);
	value_sender_unref(tx);
	return NULL;
}

/* ---- receivers ----------------------------------------------------------------------------- */

struct receiver {
	struct pirn_future future;
	struct race_random random;
	struct eye *eye;
	struct value v;
	struct pirn_watch_recv recv;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(receiver, f)
{
	PIRN_BEGIN(f);
	while (!leaves(f->eye, &f->random)) {
		f->recv = value_recv(&f->eye->rx, &f->v);
		f->nap = pirn_yield();
		/* With the nap as a branch it may give up. */
		f->select = pirn_select(&f->recv.future, NULL, NULL, NULL);
		if (race_below(&f->random, 4) == 0)
			f->select.branch[1] = &f->nap.future;
		PIRN_AWAIT(f, &f->select.future);
		pirn_drop(&f->recv.future);
		if (f->select.won == &f->recv.future && !see(f->eye, f->select.future.err, &f->v))
			break;
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	end_eye(f->eye);
	PIRN_END(f);
}

/* Polls by hand, and gives up at once. */
static int glance(struct eye *e, struct bell *bell, struct value *v)
{
	struct pirn_watch_recv recv = value_recv(&e->rx, v);

	if (bell_poll(&recv.future, bell) == PIRN_READY)
		return recv.future.err;
	pirn_drop(&recv.future);
	return -EAGAIN;
}

/* Goes on as a clone of itself. */
static void become_a_clone(struct eye *e)
{
	struct value_receiver clone = value_receiver_clone(&e->rx);

	value_receiver_drop(&e->rx);
	e->rx = clone;
}

static void *recv_thread(void *arg)
{
	struct receiver *r = arg;
	struct eye *e = r->eye;
	struct value v;
	struct bell bell;
	int err;

	bell_init(&bell);
	do {
		switch (race_below(&r->random, 8)) {
		case 0:
			err = glance(e, &bell, &v);
			break;
		case 1:
			become_a_clone(e);
			err = value_try_recv(&e->rx, &v);
			break;
		case 2:
			err = value_catch_up(&e->rx, &v) ? 0 : -EAGAIN;
			break;
		default:
			err = value_recv_blocking(&e->rx, &v);
		}
	} while (see(e, err, &v) && !leaves(e, &r->random));
	end_eye(e);
	bell_await_free(&bell);
	return NULL;
}

/* ---- rounds -------------------------------------------------------------------------------- */

static void join(struct pirn_task *t)
{
	struct pirn_join join = pirn_join(t);

	RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
	pirn_task_detach(t);
}

static void new_watch(struct value_receiver *rx)
{
	struct pirn_watch_sender *plain;
	struct value zero = { 0, 0, 0 };

	RACE_CHECK(pirn_watch_new(&plain, &rx->end, sizeof(zero), &zero, &host.platform.memory) ==
			   0,
		   "no watch");
	tx = (struct value_sender *)plain;
	atomic_store(&sent, 0);
}

static void round_of(struct pirn_executor *pool, unsigned long i, struct race_random *random)
{
	struct receiver receiver[RECEIVERS];
	struct sender sender[SENDERS];
	struct pirn_task *task[SENDERS + RECEIVERS];
	struct eye eye[RECEIVERS];
	struct value_receiver rx;
	pthread_t thread[3];
	unsigned tasks = 0, closes = race_below(random, 2 * SENDERS);

	memset(eye, 0, sizeof(eye));
	new_watch(&rx);
	for (unsigned k = 0; k < RECEIVERS; k++) {
		eye[k].rx = value_receiver_clone(&rx);
		eye[k].stays = k % 2 == 0 && i % 4 != 3;
		eye[k].closes = i % 8 == 5;
		receiver[k] = (struct receiver){ PIRN_INIT(receiver), .eye = &eye[k],
						 .random = race_stream(100 * i + k) };
		if (k < 2)
			thread[k] = race_thread(recv_thread, &receiver[k]);
		else
			RACE_CHECK(pirn_spawn(pool, &task[tasks++], &receiver[k].future) == 0,
				   "no task");
	}
	value_receiver_drop(&rx);
	for (unsigned k = 0; k < SENDERS; k++) {
		value_sender_ref(tx);
		sender[k] = (struct sender){ PIRN_INIT(sender), .me = k, .closes = k == closes,
					     .n = 20 + race_below(random, 60),
					     .random = race_stream(100 * i + 50 + k) };
		if (k == 0)
			thread[2] = race_thread(send_thread, &sender[k]);
		else
			RACE_CHECK(pirn_spawn(pool, &task[tasks++], &sender[k].future) == 0,
				   "no task");
	}
	value_sender_unref(tx);
	for (unsigned k = 0; k < tasks; k++)
		join(task[k]);
	for (int k = 0; k < 3; k++)
		pthread_join(thread[k], NULL);
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2 };
	unsigned long rounds = race_begin(argc, argv, 300);
	struct race_random random = race_stream(0);
	struct pirn_executor *pool;

	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		round_of(pool, i, &random);
		RACE_CHECK(faulty_left(&host) == 0, "%ld blocks left", faulty_left(&host));
	}
	pirn_executor_free(pool);
	race_say("%u seen, %u left before the end", atomic_load(&all_seen), atomic_load(&all_left));
	return 0;
}
