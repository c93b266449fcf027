/* SPDX-License-Identifier: MIT */
/*
 * A small program with all that pirn has, for the tests that take something from it: tasks read
 * numbers from one channel, square each in a blocking call, and send it through another one. It
 * says what became of it, and has given everything back; that is for the caller to check.
 */
#ifndef FAULTY_PROGRAM_H
#define FAULTY_PROGRAM_H

#include <errno.h>

#include "faulty.h"
#include "pirn.h"
#include "pirn_blocking.h"
#include "pirn_channel.h"
#include "pirn_pool.h"
#include "race.h"

#define NUMBERS 40
#define SERVANTS 3

static atomic_int program_boxes; /* messages that are somewhere */

static void box_release(void *msg)
{
	int **box = msg;

	atomic_fetch_sub(&program_boxes, *box != NULL);
	free(*box);
	*box = NULL;
}

struct squaring {
	int *box;
};

static int squaring(struct squaring *s)
{
	*s->box *= *s->box;
	return 0;
}

static void squaring_release(struct squaring *s)
{
	box_release(&s->box);
}

PIRN_UNBLOCK(squaring, squaring_release);

struct servant {
	struct pirn_future future;
	struct pirn_receiver *in;
	struct pirn_sender *out;
	int *box;
	struct pirn_recv recv;
	struct squaring_call call;
	struct pirn_send send;
};

/* A call that fails is an end; what it was given comes back, and is released below. */
PIRN_ASYNC(servant, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = pirn_recv(f->in, &f->box);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err == -EPIPE)
			PIRN_RETURN(f, 0);
		f->call = squaring_call((struct squaring){ f->box });
		f->box = NULL;
		PIRN_TRY(f, &f->call.future);
		f->box = f->call.data.box;
		f->call.data.box = NULL;
		pirn_drop(&f->call.future);
		f->send = pirn_send(f->out, &f->box);
		PIRN_TRY(f, &f->send.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	box_release(&f->box);
	pirn_receiver_unref(f->in);
	pirn_sender_unref(f->out);
	PIRN_END(f);
}

struct program {
	struct pirn_executor *pool;
	struct pirn_sender *in_tx, *out_tx;
	struct pirn_receiver *in_rx, *out_rx;
	struct pirn_task *servant[SERVANTS];
	int sum;
};

/* Receives all there is; the numbers come to an end when the servants have. */
static int program_collect(struct program *p)
{
	int *box;

	for (;;) {
		int err = pirn_recv_blocking(p->out_rx, &box);

		if (err)
			return err == -EPIPE ? 0 : err;
		p->sum += *box;
		box_release(&box);
	}
}

static int program_feed(struct program *p)
{
	for (int i = 1; i <= NUMBERS; i++) {
		int *box = malloc(sizeof(*box)), err;

		if (!box)
			return -ENOMEM;
		*box = i;
		atomic_fetch_add(&program_boxes, 1);
		err = pirn_try_send(p->in_tx, &box);
		box_release(&box);
		if (err)
			return err;
	}
	return 0;
}

static int program_start(struct program *p, struct faulty *host, unsigned threads)
{
	struct pirn_pool_config config = {
		.threads = threads,
		.blocking_threads = 2,
		.platform = &host->platform,
	};
	const struct pirn_memory *memory = &host->platform.memory;
	int err = pirn_pool_new(&p->pool, &config);

	if (err)
		return err;
	err = pirn_channel_new(&p->in_tx, &p->in_rx, sizeof(int *), PIRN_UNBOUNDED, box_release,
			       memory);
	if (err)
		return err;
	err = pirn_channel_new(&p->out_tx, &p->out_rx, sizeof(int *), 2, box_release, memory);
	if (err)
		return err;
	for (int i = 0; i < SERVANTS; i++) {
		struct servant s = { PIRN_INIT(servant) };

		s.in = pirn_receiver_ref(p->in_rx);
		s.out = pirn_sender_ref(p->out_tx);
		err = pirn_spawn(p->pool, &p->servant[i], &s.future);
		pirn_drop(&s.future);
		if (err)
			return err;
	}
	return 0;
}

/* Returns 0 and the right *sum, or the first error. */
static int program_run(struct faulty *host, unsigned threads, int *sum)
{
	struct program p = { 0 };
	int err = program_start(&p, host, threads), joined = 0;

	if (err == 0)
		err = program_feed(&p);
	p.in_tx = pirn_sender_unref(p.in_tx);
	p.in_rx = pirn_receiver_unref(p.in_rx);
	p.out_tx = pirn_sender_unref(p.out_tx);
	if (err == 0)
		err = program_collect(&p);
	for (int i = 0; i < SERVANTS; i++) {
		if (!p.servant[i])
			continue;
		if (err == 0) {
			struct pirn_join join = pirn_join(p.servant[i]);

			joined = pirn_block_on(&join.future);
			if (joined)
				err = joined;
		}
		pirn_task_abort(p.servant[i]);
	}
	pirn_receiver_unref(p.out_rx);
	pirn_executor_free(p.pool);
	*sum = p.sum;
	return err;
}

static void program_check(struct faulty *host, int err, int sum, const char *what, unsigned n)
{
	int expected = NUMBERS * (NUMBERS + 1) * (2 * NUMBERS + 1) / 6;

	RACE_CHECK(err || sum == expected, "%s %u: no error, and the sum is %d", what, n, sum);
	RACE_CHECK(faulty_left(host) == 0, "%s %u (err %d): %ld blocks and threads left", what, n,
		   err, faulty_left(host));
	RACE_CHECK(atomic_load(&program_boxes) == 0, "%s %u (err %d): %d messages left", what, n,
		   err, atomic_load(&program_boxes));
}

#endif
