/* SPDX-License-Identifier: MIT */
/* Dropping a future, and the four smallest futures there are. */
#include "config.h"

#include "pirn.h"

void pirn_drop(struct pirn_future *f)
{
	if (!f->ops)
		return;
	if (f->ops->drop)
		f->ops->drop(f);
	f->ops = NULL;
}

static enum pirn_poll ready_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	f->err = ((struct pirn_ready *)(void *)f)->result;
	return PIRN_READY;
}

const struct pirn_future_ops pirn_ready_ops = {
	.name = "ready",
	.file = __FILE__,
	.size = sizeof(struct pirn_ready),
	.poll = ready_poll,
};

static enum pirn_poll pending_poll(struct pirn_future *f, struct pirn_context *cx)
{
	(void)cx;
	f->at = 1;
	return PIRN_PENDING;
}

const struct pirn_future_ops pirn_pending_ops = {
	.name = "pending",
	.file = __FILE__,
	.size = sizeof(struct pirn_pending),
	.poll = pending_poll,
};

static enum pirn_poll yield_poll(struct pirn_future *f, struct pirn_context *cx)
{
	if (f->at != 0)
		return PIRN_READY;
	f->at = 1;
	pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

const struct pirn_future_ops pirn_yield_ops = {
	.name = "yield",
	.file = __FILE__,
	.size = sizeof(struct pirn_yield),
	.poll = yield_poll,
};

static enum pirn_poll poll_fn_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_poll_fn *fn = (struct pirn_poll_fn *)(void *)f;

	f->at = 1;
	return fn->poll(fn->arg, cx, &f->err);
}

const struct pirn_future_ops pirn_poll_fn_ops = {
	.name = "poll_fn",
	.file = __FILE__,
	.size = sizeof(struct pirn_poll_fn),
	.poll = poll_fn_poll,
};
