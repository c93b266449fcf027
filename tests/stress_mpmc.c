/* SPDX-License-Identifier: MIT */
/*
 * Everybody on one channel at once: plain threads and tasks, four of each on both sides; a send
 * or recv that is pending is dropped now and then and begun again. Each message arrives once;
 * each receiver sees the messages of each sender in the order in which they were sent.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_channel.h"
#include "pirn_pool.h"
#include "race.h"

#define THREADS 4 /* on each side; as many tasks */
#define SENDERS (2 * THREADS)

struct letter {
	unsigned from, number;
};

static struct faulty host;
static struct pirn_sender *tx;
static struct pirn_receiver *rx;
static unsigned each; /* letters of one sender */
static atomic_uint arrived, sum, drops, waits;

/* What one receiver has seen. */
struct mailbox {
	unsigned next[SENDERS];
};

static void check(struct mailbox *box, const struct letter *l)
{
	RACE_CHECK(l->from < SENDERS && l->number >= box->next[l->from],
		   "letter %u of sender %u behind letter %u", l->number, l->from,
		   box->next[l->from]);
	box->next[l->from] = l->number + 1;
	atomic_fetch_add_explicit(&arrived, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&sum, l->number, memory_order_relaxed);
}

/* ---- threads ---- */

/* Polls by hand, so that it can drop; sleeps on nothing, its waker only counts. */
static int drive(struct pirn_future *f, struct race_random *random)
{
	struct bell waker;
	enum pirn_poll poll;
	unsigned wakes = 0;

	bell_init(&waker);
	while ((poll = bell_poll(f, &waker)) == PIRN_PENDING) {
		atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed);
		if (race_below(random, 4) == 0)
			break;
		bell_await(&waker, ++wakes);
		wakes = atomic_load_explicit(&waker.wakes, memory_order_relaxed);
	}
	pirn_drop(f);
	bell_await_free(&waker); /* another thread may be about to wake it */
	if (poll == PIRN_READY)
		return f->err;
	atomic_fetch_add_explicit(&drops, 1, memory_order_relaxed);
	return -EAGAIN;
}

#define BATCH 40

/* Some letters at once. Returns how many went: those of a send that was dropped too. */
static unsigned send_many(unsigned me, unsigned first, struct race_random *random)
{
	struct letter l[BATCH];
	struct pirn_send_many send;
	unsigned n = race_below(random, BATCH) + 1;
	int err;

	if (n > each - first)
		n = each - first;
	for (unsigned i = 0; i < n; i++)
		l[i] = (struct letter){ me, first + i };
	send = pirn_send_many(tx, l, n);
	err = drive(&send.future, random);
	RACE_CHECK(err == 0 ? send.left == 0 : err == -EAGAIN, "send_many gave %d", err);
	return n - (unsigned)send.left;
}

static void *send_thread(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct race_random random = race_stream(me);

	for (unsigned n = 0; n < each;) {
		struct letter l = { me, n };
		struct pirn_send send = pirn_send(tx, &l);
		int err;

		switch (race_below(&random, 8)) {
		case 0:
			n += send_many(me, n, &random);
			continue;
		case 1:
			err = pirn_send_blocking(tx, &l);
			break;
		default:
			err = drive(&send.future, &random);
		}
		RACE_CHECK(err == 0 || err == -EAGAIN, "send gave %d", err);
		n += err == 0;
	}
	pirn_sender_unref(tx);
	return NULL;
}

static void *recv_thread(void *arg)
{
	struct race_random random = race_stream(100 + (unsigned long)(uintptr_t)arg);
	struct mailbox box = { { 0 } };

	for (;;) {
		struct letter l[BATCH];
		struct pirn_recv recv = pirn_recv(rx, &l[0]);
		struct pirn_recv_many many;
		size_t n = 1;
		int err;

		switch (race_below(&random, 8)) {
		case 0:
			many = pirn_recv_many(rx, l, race_below(&random, BATCH) + 1);
			err = drive(&many.future, &random);
			n = many.done;
			break;
		case 1:
			err = pirn_recv_blocking(rx, &l[0]);
			break;
		default:
			err = drive(&recv.future, &random);
		}
		if (err == -EPIPE)
			break;
		RACE_CHECK(err == 0 || err == -EAGAIN, "recv gave %d", err);
		for (size_t i = 0; err == 0 && i < n; i++)
			check(&box, &l[i]);
	}
	pirn_receiver_unref(rx);
	return NULL;
}

/* ---- tasks ---- */

struct sender {
	struct pirn_future future;
	unsigned me;
	struct race_random random;
	struct letter letter;
	struct pirn_send send;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(sender, f)
{
	PIRN_BEGIN(f);
	for (f->letter.from = f->me; f->letter.number < each;) {
		f->send = pirn_send(tx, &f->letter);
		f->nap = pirn_yield();
		/* With the nap as a branch: once pending it gives up; else it waits. */
		f->select = pirn_select(&f->send.future, NULL, NULL, NULL);
		if (race_below(&f->random, 4) == 0)
			f->select.branch[1] = &f->nap.future;
		PIRN_AWAIT(f, &f->select.future);
		if (f->select.won == &f->send.future) {
			RACE_CHECK(f->select.future.err == 0, "send: %d", f->select.future.err);
			f->letter.number++;
		} else {
			atomic_fetch_add_explicit(&drops, 1, memory_order_relaxed);
		}
		pirn_drop(&f->send.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->send.future);
	pirn_sender_unref(tx);
	PIRN_END(f);
}

struct receiver {
	struct pirn_future future;
	struct race_random random;
	struct mailbox box;
	struct letter letter;
	struct pirn_recv recv;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(receiver, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = pirn_recv(rx, &f->letter);
		f->nap = pirn_yield();
		f->select = pirn_select(&f->recv.future, NULL, NULL, NULL);
		if (race_below(&f->random, 4) == 0)
			f->select.branch[1] = &f->nap.future;
		PIRN_AWAIT(f, &f->select.future);
		if (f->select.won == &f->recv.future) {
			if (f->select.future.err)
				break;
			check(&f->box, &f->letter);
		} else {
			atomic_fetch_add_explicit(&drops, 1, memory_order_relaxed);
		}
		pirn_drop(&f->recv.future);
	}
	RACE_CHECK(f->select.future.err == -EPIPE, "recv gave %d", f->select.future.err);
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	pirn_receiver_unref(rx);
	PIRN_END(f);
}

/* ---- */

static void play(struct pirn_executor *pool, size_t capacity)
{
	pthread_t thread[2 * THREADS];
	struct pirn_task *task[2 * THREADS];
	unsigned all = SENDERS * each;

	atomic_store(&arrived, 0);
	atomic_store(&sum, 0);
	atomic_store(&drops, 0);
	RACE_CHECK(pirn_channel_new(&tx, &rx, sizeof(struct letter), capacity, NULL,
				    &host.platform.memory) == 0,
		   "no channel");
	for (int i = 0; i < 2 * THREADS; i++) {
		pirn_sender_ref(tx);
		pirn_receiver_ref(rx);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		struct sender s = { PIRN_INIT(sender), .me = THREADS + i };
		struct receiver r = { PIRN_INIT(receiver), .random = race_stream(300 + i) };

		s.random = race_stream(200 + i);
		RACE_CHECK(pirn_spawn(pool, &task[2 * i], &s.future) == 0, "no task");
		RACE_CHECK(pirn_spawn(pool, &task[2 * i + 1], &r.future) == 0, "no task");
		thread[2 * i] = race_thread(send_thread, (void *)(uintptr_t)i);
		thread[2 * i + 1] = race_thread(recv_thread, (void *)(uintptr_t)i);
	}
	pirn_sender_unref(tx);
	pirn_receiver_unref(rx);
	for (int i = 0; i < 2 * THREADS; i++) {
		struct pirn_join join = pirn_join(task[i]);

		RACE_CHECK(pirn_block_on(&join.future) == 0, "err %d", join.future.err);
		pirn_task_detach(task[i]);
		pthread_join(thread[i], NULL);
	}
	RACE_CHECK(atomic_load(&arrived) == all, "%u of %u arrived", atomic_load(&arrived), all);
	RACE_CHECK(atomic_load(&sum) == SENDERS * (each * (each - 1) / 2), "the sum is wrong");
	race_say("capacity %zd: %u arrived, %u pending ones were dropped", (ssize_t)capacity, all,
		 atomic_load(&drops));
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	static const size_t capacity[] = { 0, 1, 3, 64, PIRN_UNBOUNDED };
	struct pirn_executor *pool;
	size_t left = 0;

	each = (unsigned)race_begin(argc, argv, 2000);
	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (size_t i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++)
		play(pool, capacity[i]);
	pirn_executor_free(pool);
	left = (size_t)faulty_left(&host);
	RACE_CHECK(left == 0, "%zu blocks and threads left", left);
	return 0;
}
