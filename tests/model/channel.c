/* SPDX-License-Identifier: MIT */
/* channel/channel.c: two senders and a receiver, and the end of the channel. */
#include "config.h"

#include <errno.h>

#include "model.h"
#include "pirn_channel.h"

#define SENDERS 2
#define EACH 2

struct scene {
	struct pirn_sender *tx[SENDERS];
	struct pirn_receiver *rx;
	int value[SENDERS][EACH]; /* what the messages point to */
	unsigned sum;
};

static struct scene *s;

static void make_with(size_t capacity)
{
	s = model_alloc(sizeof(*s));
	MODEL_CHECK(pirn_channel_new(&s->tx[0], &s->rx, sizeof(int *), capacity, NULL,
				     &model_platform.memory) == 0);
	s->tx[1] = pirn_sender_ref(s->tx[0]);
	s->sum = 0;
}

static void make_bounded(void)
{
	make_with(1);
}

static void make_unbounded(void)
{
	make_with(PIRN_UNBOUNDED);
}

static void send_or_receive(unsigned i)
{
	int *msg;

	if (i < SENDERS) {
		for (unsigned n = 0; n < EACH; n++) {
			msg = &s->value[i][n];
			*msg = 1;
			MODEL_CHECK(pirn_send_blocking(s->tx[i], &msg) == 0);
		}
		pirn_sender_unref(s->tx[i]);
		return;
	}
	while (pirn_recv_blocking(s->rx, &msg) == 0) {
		s->sum += (unsigned)*msg;
		*msg = 0;
	}
	pirn_receiver_unref(s->rx);
}

static void received_all(void)
{
	MODEL_CHECK(s->sum == SENDERS * EACH);
}

const struct model channel_models[] = {
	{ "channel: bounded", 3, 0, 5000, false, make_bounded, send_or_receive, received_all },
	{ "channel: unbounded", 3, 0, 5000, false, make_unbounded, send_or_receive, received_all },
	{ .name = NULL },
};
