/* SPDX-License-Identifier: MIT */
/*
 * Threads and tasks send to threads and tasks; receivers are slow and quick, give up and go on,
 * clone themselves, come late and leave early; senders leave, or one closes. Each receiver finds
 * each sender's messages in their order, and what it received and what it was told that it missed
 * add up to what was sent since its place.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_broadcast.h"
#include "pirn_pool.h"
#include "race.h"

#define SENDERS 3   /* a thread, and tasks */
#define RECEIVERS 4 /* two threads, and tasks */
#define MOST 8      /* messages of a recv_many */

struct message {
	unsigned from, number, sum;
};

PIRN_BROADCAST(message, struct message);

static struct faulty host;
static struct pirn_broadcast_sender *tx;
static atomic_uint sent, all_received, all_missed;

/* ---- what a receiver counts ---------------------------------------------------------------- */

struct ear {
	struct pirn_broadcast_receiver rx;
	unsigned received, missed, next[SENDERS];
	bool in_time; /* it had its place before the first message */
};

/* Returns false when there will be no more. */
static bool hear(struct ear *e, int err, const struct message *m)
{
	if (err == -EPIPE)
		return false;
	if (err == -EOVERFLOW) {
		RACE_CHECK(e->rx.missed > 0, "missed nothing");
		e->missed += (unsigned)e->rx.missed;
		return true;
	}
	if (err == -EAGAIN)
		return true;
	RACE_CHECK(err == 0, "recv gave %d", err);
	RACE_CHECK(m->sum == m->from + m->number, "a torn message");
	RACE_CHECK(m->number >= e->next[m->from], "%u of %u came behind %u", m->number, m->from,
		   e->next[m->from]);
	e->next[m->from] = m->number + 1;
	e->received++;
	return true;
}

static bool hear_many(struct ear *e, const struct pirn_broadcast_recv_many *recv,
		      const struct message *m)
{
	if (recv->future.err)
		return hear(e, recv->future.err, NULL);
	RACE_CHECK(recv->done > 0, "many were none");
	for (size_t k = 0; k < recv->done; k++)
		hear(e, 0, &m[k]);
	return true;
}

static void end_ear(struct ear *e)
{
	pirn_broadcast_receiver_drop(&e->rx);
	atomic_fetch_add(&all_received, e->received);
	atomic_fetch_add(&all_missed, e->missed);
}

/* Behind the last send. */
static void check_ear(const struct ear *e)
{
	unsigned total = atomic_load(&sent), mine = e->received + e->missed;

	RACE_CHECK(e->in_time ? mine == total : mine <= total,
		   "%u received, %u missed, %u were sent", e->received, e->missed, total);
}

/* ---- senders ------------------------------------------------------------------------------- */

/* True: there is nobody to send to, or all is closed. */
static bool send_one(unsigned from, unsigned number)
{
	struct message m = { from, number, from + number };
	int err = pirn_broadcast_send(tx, &m);

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
		pirn_broadcast_sender_close(tx);
	PIRN_FINALLY(f);
	pirn_broadcast_sender_unref(tx);
	PIRN_END(f);
}

static void *send_thread(void *arg)
{
	struct sender *s = arg;

	for (; s->number < s->n && !send_one(s->me, s->number); s->number++)
		race_linger(&s->random);
	if (s->closes)
		pirn_broadcast_sender_close(tx);
	pirn_broadcast_sender_unref(tx);
	return NULL;
}

/* ---- receivers ----------------------------------------------------------------------------- */

struct receiver {
	struct pirn_future future;
	struct race_random random;
	struct ear *ear;
	struct message m[MOST];
	struct pirn_broadcast_recv_many recv;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(receiver, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = pirn_broadcast_recv_many(&f->ear->rx, f->m,
						   1 + race_below(&f->random, MOST));
		f->nap = pirn_yield();
		/* With the nap as a branch it may give up. */
		f->select = pirn_select(&f->recv.future, NULL, NULL, NULL);
		if (race_below(&f->random, 4) == 0)
			f->select.branch[1] = &f->nap.future;
		PIRN_AWAIT(f, &f->select.future);
		if (f->select.won == &f->recv.future && !hear_many(f->ear, &f->recv, f->m))
			break;
		pirn_drop(&f->recv.future);
		if (race_below(&f->random, 16) == 0)
			PIRN_YIELD(f);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	end_ear(f->ear);
	PIRN_END(f);
}

/* Polls by hand, and gives up at once. */
static int glance(struct ear *e, struct bell *bell, struct message *m)
{
	struct pirn_broadcast_recv recv = pirn_broadcast_recv(&e->rx, m);

	if (bell_poll(&recv.future, bell) == PIRN_READY)
		return recv.future.err;
	pirn_drop(&recv.future);
	return -EAGAIN;
}

/* Goes on as a clone of itself. */
static void become_a_clone(struct ear *e)
{
	struct pirn_broadcast_receiver clone = pirn_broadcast_receiver_clone(&e->rx);

	pirn_broadcast_receiver_drop(&e->rx);
	e->rx = clone;
}

static void *recv_thread(void *arg)
{
	struct receiver *r = arg;
	struct ear *e = r->ear;
	struct message m, *many = r->m;
	struct bell bell;
	int err;

	bell_init(&bell);
	do {
		switch (race_below(&r->random, 8)) {
		case 0:
			err = glance(e, &bell, &m);
			break;
		case 1:
			become_a_clone(e);
			err = pirn_broadcast_try_recv(&e->rx, &m);
			break;
		case 2:
			err = pirn_broadcast_try_recv(&e->rx, &m);
			break;
		case 3:
			err = pirn_broadcast_recv_many_blocking(&e->rx, many, MOST);
			for (int k = 0; k < err - 1; k++)
				hear(e, 0, &many[k]);
			m = many[err > 0 ? err - 1 : 0];
			err = err > 0 ? 0 : err;
			break;
		default:
			err = pirn_broadcast_recv_blocking(&e->rx, &m);
		}
		race_linger(&r->random);
	} while (hear(e, err, &m));
	end_ear(e);
	bell_await_free(&bell);
	return NULL;
}

/* Comes when something was sent, maybe, and leaves when it likes. */
static void pass_by(struct ear *e, struct race_random *random)
{
	struct message m;

	e->rx = pirn_broadcast_subscribe(tx);
	for (unsigned k = race_below(random, 40); k > 0; k--) {
		if (!hear(e, pirn_broadcast_try_recv(&e->rx, &m), &m))
			break;
		race_linger(random);
	}
	end_ear(e);
}

/* ---- rounds -------------------------------------------------------------------------------- */

static void join(struct pirn_task *t)
{
	struct pirn_join join = pirn_join(t);

	RACE_CHECK(pirn_block_on(&join.future) == 0, "a task failed");
	pirn_task_detach(t);
}

static void round_of(struct pirn_executor *pool, unsigned long i, struct race_random *random)
{
	struct receiver receiver[RECEIVERS];
	struct sender sender[SENDERS];
	struct pirn_task *task[SENDERS + RECEIVERS];
	struct ear ear[RECEIVERS + 1];
	struct pirn_broadcast_receiver rx;
	pthread_t thread[3];
	unsigned tasks = 0, closes = race_below(random, 2 * SENDERS);

	memset(ear, 0, sizeof(ear));
	atomic_store(&sent, 0);
	RACE_CHECK(pirn_broadcast_new(&tx, &rx, sizeof(struct message), 1 + race_below(random, 20),
				      &host.platform.memory) == 0,
		   "no broadcast");
	for (unsigned k = 0; k < RECEIVERS; k++) {
		ear[k].rx = pirn_broadcast_receiver_clone(&rx);
		ear[k].in_time = true;
		receiver[k] = (struct receiver){ PIRN_INIT(receiver), .ear = &ear[k],
						 .random = race_stream(100 * i + k) };
		if (k < 2)
			thread[k] = race_thread(recv_thread, &receiver[k]);
		else
			RACE_CHECK(pirn_spawn(pool, &task[tasks++], &receiver[k].future) == 0,
				   "no task");
	}
	pirn_broadcast_receiver_drop(&rx);
	for (unsigned k = 0; k < SENDERS; k++) {
		pirn_broadcast_sender_ref(tx);
		sender[k] = (struct sender){ PIRN_INIT(sender), .me = k, .closes = k == closes,
					     .n = 20 + race_below(random, 60),
					     .random = race_stream(100 * i + 50 + k) };
		if (k == 0)
			thread[2] = race_thread(send_thread, &sender[k]);
		else
			RACE_CHECK(pirn_spawn(pool, &task[tasks++], &sender[k].future) == 0,
				   "no task");
	}
	pass_by(&ear[RECEIVERS], random);
	pirn_broadcast_sender_unref(tx);
	for (unsigned k = 0; k < tasks; k++)
		join(task[k]);
	for (int k = 0; k < 3; k++)
		pthread_join(thread[k], NULL);
	for (int k = 0; k <= RECEIVERS; k++)
		check_ear(&ear[k]);
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
	RACE_CHECK(atomic_load(&all_missed) > 0, "nobody was too slow");
	race_say("%u received, %u missed", atomic_load(&all_received), atomic_load(&all_missed));
	return 0;
}
