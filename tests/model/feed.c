/* SPDX-License-Identifier: MIT */
/*
 * channel/feed.c by way of a watch and a broadcast: who sends and leaves, and two who receive until
 * the end, one of whom gives up and comes again; a sender that waits for the end, while receivers
 * leave and come back, or one closes; a weak sender.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "model.h"
#include "pirn_broadcast.h"
#include "pirn_watch.h"
#include "waker.h"

#define RECEIVERS 2
#define MESSAGES 2

struct scene {
	struct pirn_watch_sender *watch;
	struct pirn_watch_receiver watching[RECEIVERS];
	struct pirn_broadcast_sender *broadcast;
	struct pirn_broadcast_receiver listening[RECEIVERS];
	struct pirn_watch_weak_sender *weak;
	int value[1 + MESSAGES]; /* what the messages point to */
	int sent, seen;          /* by a weak sender; who is to see it */
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
}

static void make_watch(void)
{
	int *first;

	make();
	first = &s->value[0];
	MODEL_CHECK(pirn_watch_new(&s->watch, &s->watching[0], sizeof(int *), &first,
				   &model_platform.memory) == 0);
	s->watching[1] = pirn_watch_receiver_clone(&s->watching[0]);
}

static void make_broadcast(void)
{
	make();
	MODEL_CHECK(pirn_broadcast_new(&s->broadcast, &s->listening[0], sizeof(int *), 1,
				       &model_platform.memory) == 0);
	s->listening[1] = pirn_broadcast_receiver_clone(&s->listening[0]);
}

static void send(void)
{
	for (int n = 1; n <= MESSAGES; n++) {
		int *msg = &s->value[n];

		*msg = n;
		if (s->watch)
			MODEL_CHECK(pirn_watch_send(s->watch, &msg) == 0);
		else
			MODEL_CHECK(pirn_broadcast_send(s->broadcast, &msg) == 0);
	}
	pirn_watch_sender_unref(s->watch);
	pirn_broadcast_sender_unref(s->broadcast);
}

/* Perhaps polls with a waker of its own, and gives up if it must wait. */
static bool glance(struct pirn_future *f)
{
	bool ready = model_choose(2) && poll_with_a_waker(f, NULL) == PIRN_READY;

	if (!ready)
		pirn_drop(f);
	return ready;
}

static void send_or_watch(unsigned i)
{
	struct pirn_watch_receiver *rx = &s->watching[i];
	int *msg = &s->value[0], err = 0;

	if (i == RECEIVERS) {
		send();
		return;
	}
	while (err == 0) {
		struct pirn_watch_recv recv = pirn_watch_recv(rx, &msg);
		int last = *msg;

		if (i == 0 && glance(&recv.future))
			err = recv.future.err;
		else
			err = pirn_watch_recv_blocking(rx, &msg);
		MODEL_CHECK(err == 0 ? *msg > last : err == -EPIPE);
	}
	MODEL_CHECK(*msg == MESSAGES);
	pirn_watch_receiver_drop(rx);
}

static void send_or_listen(unsigned i)
{
	struct pirn_broadcast_receiver *rx = &s->listening[i];
	int *msg, err = 0, got = 0;

	if (i == RECEIVERS) {
		send();
		return;
	}
	while (err != -EPIPE) {
		struct pirn_broadcast_recv recv = pirn_broadcast_recv(rx, &msg);

		if (i == 0 && glance(&recv.future))
			err = recv.future.err;
		else
			err = pirn_broadcast_recv_blocking(rx, &msg);
		if (err == -EOVERFLOW)
			got += (int)rx->missed;
		if (err == 0)
			MODEL_CHECK(*msg == ++got);
	}
	MODEL_CHECK(got == MESSAGES);
	pirn_broadcast_receiver_drop(rx);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void make_two_senders(void)
{
	make_watch();
	pirn_watch_sender_ref(s->watch);
}

/* One waits for it. One leaves, or closes. One looks for it, leaves, and perhaps comes back. */
static void wait_or_leave(unsigned i)
{
	struct pirn_feed_closed closed = pirn_watch_sender_closed(s->watch);

	if (i == 1) {
		if (model_choose(2))
			pirn_watch_receiver_close(&s->watching[0]);
		pirn_watch_receiver_drop(&s->watching[0]);
		return;
	}
	if (i == 0) {
		MODEL_CHECK(pirn_block_on(&closed.future) == 0);
	} else {
		glance(&closed.future);
		pirn_watch_receiver_drop(&s->watching[1]);
		if (model_choose(2)) {
			s->watching[1] = pirn_watch_subscribe(s->watch);
			pirn_watch_receiver_drop(&s->watching[1]);
		}
	}
	pirn_watch_sender_unref(s->watch);
}

static void make_weak(void)
{
	make_watch();
	pirn_watch_receiver_drop(&s->watching[1]);
	s->weak = pirn_watch_sender_downgrade(s->watch);
}

/* The last sender goes while a weak one becomes one that counts: it sends, or cannot. */
static void upgrade_or_leave(unsigned i)
{
	int *msg = &s->value[1];

	if (i == 0)
		pirn_watch_sender_unref(s->watch);
	if (i == 1) {
		struct pirn_watch_sender *tx = pirn_watch_weak_sender_upgrade(s->weak);

		if (tx) {
			*msg = s->sent = 1;
			MODEL_CHECK(pirn_watch_send(tx, &msg) == 0);
			pirn_watch_sender_unref(tx);
		}
		pirn_watch_weak_sender_unref(s->weak);
	}
	if (i == 2) {
		while (pirn_watch_recv_blocking(&s->watching[0], &msg) == 0)
			s->seen += *msg;
		pirn_watch_receiver_drop(&s->watching[0]);
	}
}

static void seen_if_sent(void)
{
	MODEL_CHECK(s->seen == s->sent);
}

const struct model feed_models[] = {
	{ "feed: a watch", 3, 0, 20000, false, make_watch, send_or_watch, NULL },
	{ "feed: a broadcast", 3, 0, 20000, false, make_broadcast, send_or_listen, NULL },
	{ "feed: its end is waited for", 3, 0, 20000, false, make_two_senders, wait_or_leave,
	  NULL },
	{ "feed: an upgrade, and the last unref", 3, 0, 10000, false, make_weak, upgrade_or_leave,
	  seen_if_sent },
	{ .name = NULL },
};
