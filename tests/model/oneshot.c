/* SPDX-License-Identifier: MIT */
/*
 * channel/oneshot.c: the two sides, each of which does what it likes, and the memory, which goes
 * with the second one.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "model.h"
#include "pirn_oneshot.h"
#include "waker.h"

static void box_release(int **m);

PIRN_ONESHOT(box, int *, box_release);

struct scene {
	struct box_oneshot *oneshot;
	int value;            /* what the message points to */
	unsigned left;        /* written by the receiver before it leaves */
	unsigned sent, kept;  /* the sender's */
	unsigned taken, lost; /* the receiver's */
	bool gone;
};

static struct scene *s;

static void box_release(int **m)
{
	MODEL_CHECK(**m == 7);
	s->lost++;
}

static void free_last(struct pirn_oneshot *o)
{
	MODEL_CHECK(!s->gone);
	s->gone = true;
	model_memory_free(o, sizeof(struct box_oneshot));
}

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	s->oneshot = model_memory_alloc(sizeof(*s->oneshot));
	box_oneshot_init(s->oneshot, free_last);
}

/* ---- the sender ---------------------------------------------------------------------------- */

/* Left: closed has said that the receiver has. */
static void send(bool left)
{
	int *m = &s->value, err;

	s->value = 7;
	err = box_send(s->oneshot, &m);
	MODEL_CHECK(err == 0 ? !m && !left : err == -EPIPE && m == &s->value);
	s->sent += err == 0;
	s->kept += err != 0;
}

static void end_sender(bool left)
{
	if (model_choose(3))
		send(left);
	else
		box_sender_close(s->oneshot);
	if (left)
		MODEL_CHECK(s->gone); /* we were the second one */
}

/* Each poll with a waker of its own. True: it was READY. */
static bool poll_a_while(struct pirn_future *f)
{
	for (unsigned k = model_choose(3); k > 0; k--)
		if (poll_with_a_waker(f, NULL) == PIRN_READY)
			return true;
	return false;
}

static bool look_whether_it_left(void)
{
	struct pirn_oneshot_closed closed = box_closed(s->oneshot);
	bool left = poll_a_while(&closed.future);

	if (!left && model_choose(2))
		left = pirn_block_on(&closed.future) == 0;
	pirn_drop(&closed.future);
	left = left || box_try_closed(s->oneshot) == 0;
	if (left)
		MODEL_CHECK(s->left == 1);
	return left;
}

/* ---- the receiver -------------------------------------------------------------------------- */

static void receive(void)
{
	struct pirn_oneshot_recv recv;
	int *m = NULL, err;

	recv = box_recv(s->oneshot, &m);
	if (poll_a_while(&recv.future)) {
		err = recv.future.err;
	} else {
		unsigned then = model_choose(3);

		if (then == 0)
			pirn_block_on(&recv.future);
		err = recv.future.err;
		pirn_drop(&recv.future);
		if (then > 0)
			err = then == 1 ? box_recv_blocking(s->oneshot, &m)
					: box_try_recv(s->oneshot, &m);
	}
	MODEL_CHECK(err == 0 || err == -EPIPE || err == -EAGAIN);
	if (err == 0) {
		MODEL_CHECK(*m == 7);
		s->taken++;
	}
}

static void end_receiver(void)
{
	s->left = 1;
	box_receiver_close(s->oneshot);
}

/* ---- scenes -------------------------------------------------------------------------------- */

static void send_and_receive(unsigned i)
{
	if (i == 0) {
		end_sender(false);
		return;
	}
	if (model_choose(4))
		receive();
	end_receiver();
}

static void send_and_leave(unsigned i)
{
	if (i == 0) {
		end_sender(look_whether_it_left());
		return;
	}
	if (model_choose(3) == 0) {
		struct pirn_oneshot_recv recv;
		int *m;

		recv = box_recv(s->oneshot, &m);
		if (poll_with_a_waker(&recv.future, NULL) == PIRN_READY && recv.future.err == 0)
			s->taken++;
		pirn_drop(&recv.future);
	}
	end_receiver();
}

static void all_is_accounted_for(void)
{
	MODEL_CHECK(s->gone);
	MODEL_CHECK(s->sent == s->taken + s->lost);
}

const struct model oneshot_models[] = {
	{ "oneshot: a sender, and a recv", 2, 0, 100000, false, make, send_and_receive,
	  all_is_accounted_for },
	{ "oneshot: closed, and a receiver that leaves", 2, 0, 100000, false, make, send_and_leave,
	  all_is_accounted_for },
	{ .name = NULL },
};
