/* SPDX-License-Identifier: MIT */
/*
 * channel/channel.c, ends.c: two senders and a receiver, and the end of the channel; a rendezvous
 * whose sides give up; who waits for the end; a weak sender; who only tries, against the end.
 */
#include "config.h"

#include <errno.h>

#include "model.h"
#include "pirn_channel.h"
#include "waker.h"

#define SENDERS 2
#define EACH 2

struct scene {
	struct pirn_sender *tx[SENDERS];
	struct pirn_receiver *rx, *rx2;
	struct pirn_weak_sender *weak;
	int value[SENDERS][EACH]; /* what the messages point to */
	unsigned sum;             /* of what the one who receives until the end has got */
	unsigned sent, received;  /* by one who does not, behind its thread's end */
};

static struct scene *s;

static void make_with(size_t capacity)
{
	s = model_alloc(sizeof(*s));
	MODEL_CHECK(pirn_channel_new(&s->tx[0], &s->rx, sizeof(int *), capacity, NULL,
				     &model_platform.memory) == 0);
	s->tx[1] = pirn_sender_ref(s->tx[0]);
	s->sum = s->sent = s->received = 0;
}

static void make_bounded(void)
{
	make_with(1);
}

static void make_unbounded(void)
{
	make_with(PIRN_UNBOUNDED);
}

static void make_rendezvous(void)
{
	make_with(0);
}

static void send_all(unsigned i)
{
	for (unsigned n = 0; n < EACH; n++) {
		int *msg = &s->value[i][n];

		*msg = 1;
		MODEL_CHECK(pirn_send_blocking(s->tx[i], &msg) == 0);
	}
	pirn_sender_unref(s->tx[i]);
}

static void receive_all(void)
{
	int *msg;

	while (pirn_recv_blocking(s->rx, &msg) == 0) {
		s->sum += (unsigned)*msg;
		*msg = 0;
	}
	pirn_receiver_unref(s->rx);
}

static void send_or_receive(unsigned i)
{
	if (i < SENDERS)
		send_all(i);
	else
		receive_all();
}

static void received_all(void)
{
	MODEL_CHECK(s->sum == SENDERS * EACH);
}

/* ---- a rendezvous whose sides give up ------------------------------------------------------ */

static void make_two_receivers(void)
{
	make_rendezvous();
	pirn_sender_unref(s->tx[1]);
	s->rx2 = pirn_receiver_ref(s->rx);
}

/* The first one looks once, or is in line for a moment. */
static void recv_is_given_up(unsigned i)
{
	struct pirn_recv recv;
	int *msg;

	if (i == 1)
		send_all(0);
	if (i == 2)
		receive_all();
	if (i > 0)
		return;
	recv = pirn_recv(s->rx2, &msg);
	if (poll_with_a_waker(&recv.future, NULL) == PIRN_READY && recv.future.err == 0)
		s->received = (unsigned)*msg;
	pirn_drop(&recv.future);
	pirn_receiver_unref(s->rx2);
}

static void received_by_either(void)
{
	MODEL_CHECK(s->sum + s->received == EACH);
}

static void send_is_given_up(unsigned i)
{
	struct pirn_send send;
	int *msg = &s->value[0][0];

	if (i == 1)
		send_all(1);
	if (i == 2)
		receive_all();
	if (i > 0)
		return;
	*msg = 1;
	send = pirn_send(s->tx[0], &msg);
	s->sent = poll_with_a_waker(&send.future, NULL) == PIRN_READY;
	pirn_drop(&send.future);
	pirn_sender_unref(s->tx[0]);
}

static void received_what_was_sent(void)
{
	MODEL_CHECK(s->sum == s->sent + EACH);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* One waits for it, one looks and gives up, and the last receiver goes. */
static void wait_for_end(unsigned i)
{
	struct pirn_sender_closed closed;

	if (i == SENDERS) {
		pirn_receiver_unref(s->rx);
		return;
	}
	closed = pirn_sender_closed(s->tx[i]);
	if (i == 0)
		MODEL_CHECK(pirn_block_on(&closed.future) == 0);
	else
		poll_with_a_waker(&closed.future, NULL);
	pirn_drop(&closed.future);
	pirn_sender_unref(s->tx[i]);
}

static void make_weak(void)
{
	make_bounded();
	s->weak = pirn_sender_downgrade(s->tx[0]);
	pirn_sender_unref(s->tx[1]);
}

/* The last sender goes while a weak one becomes one that counts: it sends, or cannot. */
static void upgrade_or_leave(unsigned i)
{
	struct pirn_sender *tx;
	int *msg = &s->value[0][0];

	if (i == 0)
		pirn_sender_unref(s->tx[0]);
	if (i == 2)
		receive_all();
	if (i != 1)
		return;
	tx = pirn_weak_sender_upgrade(s->weak);
	if (tx) {
		*msg = 1;
		MODEL_CHECK(pirn_send_blocking(tx, &msg) == 0);
		s->sent = 1;
		pirn_sender_unref(tx);
	}
	pirn_weak_sender_unref(s->weak);
}

static void received_if_sent(void)
{
	MODEL_CHECK(s->sum == s->sent);
}

/* Who only tries hears of the end behind what was sent before it. */
static void try_until_end(unsigned i)
{
	int *msg = &s->value[0][0], err = -EAGAIN;

	if (i == 0) {
		*msg = 1;
		MODEL_CHECK(pirn_try_send(s->tx[0], &msg) == 0);
		pirn_sender_close(s->tx[0]);
		pirn_sender_unref(s->tx[0]);
		pirn_sender_unref(s->tx[1]);
		return;
	}
	for (; err != -EPIPE; model_yield()) {
		err = pirn_try_recv(s->rx, &msg);
		if (err == 0)
			s->received += (unsigned)*msg;
	}
	pirn_receiver_unref(s->rx);
}

static void received_it(void)
{
	MODEL_CHECK(s->received == 1);
}

const struct model channel_models[] = {
	{ "channel: bounded", 3, 0, 5000, false, make_bounded, send_or_receive, received_all },
	{ "channel: unbounded", 3, 0, 5000, false, make_unbounded, send_or_receive, received_all },
	{ "channel: rendezvous", 3, 0, 5000, false, make_rendezvous, send_or_receive,
	  received_all },
	{ "channel: rendezvous, a recv is given up", 3, 0, 20000, false, make_two_receivers,
	  recv_is_given_up, received_by_either },
	{ "channel: rendezvous, a send is given up", 3, 0, 20000, false, make_rendezvous,
	  send_is_given_up, received_what_was_sent },
	{ "channel: its end is waited for", 3, 0, 10000, false, make_bounded, wait_for_end, NULL },
	{ "channel: an upgrade, and the last unref", 3, 0, 10000, false, make_weak,
	  upgrade_or_leave, received_if_sent },
	{ "channel: try_recv until its end", 2, 0, 5000, false, make_bounded, try_until_end,
	  received_it },
	{ .name = NULL },
};
