/* SPDX-License-Identifier: MIT */
/* Bodies with children and channels, dropped at each point and refused each thing they ask for. */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "bodies.h"
#include "driver.h"
#include "pirn.h"
#include "pirn_channel.h"
#include "pirn_pool.h"

/* ---- children: spawn, join, cancel --------------------------------------------------------- */

/* Borrows a handle and holds nothing: no finally part. */
struct wait_for {
	struct pirn_future future;
	struct pirn_task *task;
	struct pirn_join join;
};

PIRN_ASYNC(wait_for, f)
{
	PIRN_BEGIN(f);
	PIRN_YIELD(f);
	f->join = pirn_join(f->task);
	PIRN_TRY(f, &f->join.future);
	PIRN_END(f);
}

struct boss {
	struct pirn_future future;
	struct driver *d;
	void *own;
	int result;
	struct nested work;
	struct pirn_task *task;
	struct pirn_join join;
	struct wait_for wait;
};

PIRN_ASYNC(boss, f)
{
	int err;

	PIRN_BEGIN(f);
	f->work = (struct nested){ PIRN_INIT(nested), .d = f->d, .own = driver_take(f->d),
				   .result = f->result };
	err = pirn_spawn(cx->executor, &f->task, &f->work.future);
	if (err)
		PIRN_RETURN(f, err);
	f->wait = (struct wait_for){ PIRN_INIT(wait_for), .task = f->task };
	PIRN_AWAIT(f, &f->wait.future);
	f->join = pirn_join(f->task);
	PIRN_TRY(f, &f->join.future);
	if (f->wait.future.err || !pirn_task_future(f->task))
		PIRN_RETURN(f, -EBADMSG);
	PIRN_FINALLY(f);
	pirn_drop(&f->work.future); /* a failed spawn leaves it */
	pirn_task_abort(f->task);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_boss(struct driver *d, void *arg)
{
	static struct boss f;

	f = (struct boss){ PIRN_INIT(boss), .d = d, .own = driver_take(d), .result = *(int *)arg };
	return &f.future;
}

Test(drop, of_a_body_that_joins_its_child)
{
	int good = 0, bad = -EIO;

	survives(make_boss, ends_well, &good);
	survives(make_boss, ends_with_eio, &bad);
}

/* The result of a child owns something, and is taken out of the task's future. */
struct heir {
	struct pirn_future future;
	struct driver *d;
	void *own, *taken;
	struct build work;
	struct pirn_task *task;
	struct pirn_join join;
};

PIRN_ASYNC(heir, f)
{
	struct build *done;
	int err;

	PIRN_BEGIN(f);
	f->work = build(f->d);
	err = pirn_spawn(cx->executor, &f->task, &f->work.future);
	if (err)
		PIRN_RETURN(f, err);
	f->join = pirn_join(f->task);
	PIRN_TRY(f, &f->join.future);
	PIRN_YIELD(f); /* READY, and not taken */
	done = (struct build *)(void *)pirn_task_future(f->task);
	f->taken = done->result;
	done->result = NULL;
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->work.future);
	pirn_task_detach(f->task);
	driver_give(f->taken);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_heir(struct driver *d, void *arg)
{
	static struct heir f;

	(void)arg;
	f = (struct heir){ PIRN_INIT(heir), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_a_body_that_takes_the_result_of_a_child)
{
	survives(make_heir, ends_well, NULL);
}

/* Ends a child that would never end, and waits until it has been dropped. */
struct endless {
	struct pirn_future future;
	void *own;
	struct pirn_pending pending;
};

PIRN_ASYNC(endless, f)
{
	PIRN_BEGIN(f);
	PIRN_YIELD(f);
	f->pending = pirn_pending();
	PIRN_AWAIT(f, &f->pending.future);
	PIRN_FINALLY(f);
	driver_give(f->own);
	PIRN_END(f);
}

struct ender {
	struct pirn_future future;
	struct driver *d;
	void *own;
	struct endless work;
	struct pirn_task *task;
	struct pirn_cancel cancel;
};

PIRN_ASYNC(ender, f)
{
	int err;

	PIRN_BEGIN(f);
	f->work = (struct endless){ PIRN_INIT(endless), .own = driver_take(f->d) };
	err = pirn_spawn(cx->executor, &f->task, &f->work.future);
	if (err)
		PIRN_RETURN(f, err);
	PIRN_YIELD(f);
	f->cancel = pirn_cancel(f->task);
	PIRN_TRY(f, &f->cancel.future);
	if (pirn_task_future(f->task))
		PIRN_RETURN(f, -EBADMSG);
	PIRN_FINALLY(f);
	pirn_drop(&f->work.future);
	pirn_task_abort(f->task);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_ender(struct driver *d, void *arg)
{
	static struct ender f;

	(void)arg;
	f = (struct ender){ PIRN_INIT(ender), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_a_body_that_cancels_its_child)
{
	survives(make_ender, ends_well, NULL);
}

/* A child that nobody holds: the end of the executor drops it. */
struct orphan_maker {
	struct pirn_future future;
	void *own;
	struct endless work;
};

PIRN_ASYNC(orphan_maker, f)
{
	int err;

	PIRN_BEGIN(f);
	err = pirn_spawn(cx->executor, NULL, &f->work.future);
	PIRN_YIELD(f);
	PIRN_RETURN(f, f->work.future.ops ? -ENOMEM : 0);
	PIRN_FINALLY(f);
	(void)err;
	pirn_drop(&f->work.future);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_orphan_maker(struct driver *d, void *arg)
{
	static struct orphan_maker f;

	(void)arg;
	f = (struct orphan_maker){ PIRN_INIT(orphan_maker), .own = driver_take(d),
				   .work = { PIRN_INIT(endless), .own = driver_take(d) } };
	return &f.future;
}

Test(drop, of_a_child_that_nobody_holds)
{
	survives(make_orphan_maker, ends_well, NULL);
}

/* ---- channels: each message is received, or released --------------------------------------- */

static void release_message(void *msg)
{
	driver_give(*(void **)msg);
}

struct producer {
	struct pirn_future future;
	struct driver *d;
	void *own, *msg;
	struct pirn_sender *tx;
	struct pirn_send send;
	int left;
};

PIRN_ASYNC(producer, f)
{
	PIRN_BEGIN(f);
	while (f->left-- > 0) {
		f->msg = driver_take(f->d);
		if (!f->msg)
			PIRN_RETURN(f, -ENOMEM);
		f->send = pirn_send(f->tx, &f->msg);
		PIRN_TRY(f, &f->send.future);
		if (f->msg)
			PIRN_RETURN(f, -EBADMSG);
	}
	PIRN_FINALLY(f);
	driver_give(f->msg);
	pirn_sender_unref(f->tx);
	driver_give(f->own);
	PIRN_END(f);
}

struct consumer {
	struct pirn_future future;
	void *own, *msg;
	struct pirn_receiver *rx;
	struct pirn_recv recv;
};

/* Not in the parent's frame: a child that was aborted may outlive it. */
static int received;

PIRN_ASYNC(consumer, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->recv, pirn_recv(f->rx, &f->msg)) {
		received++;
		PIRN_YIELD(f);
		driver_give(f->msg);
		f->msg = NULL;
	}
	PIRN_FINALLY(f);
	driver_give(f->msg);
	pirn_receiver_unref(f->rx);
	driver_give(f->own);
	PIRN_END(f);
}

#define TRADERS 4  /* the first two produce, the others consume */
#define MESSAGES 3 /* of each producer */

struct market {
	struct pirn_future future;
	struct driver *d;
	void *own;
	size_t capacity;
	struct pirn_sender *tx;
	struct pirn_receiver *rx;
	struct producer producer;
	struct consumer consumer;
	struct pirn_task *trader[TRADERS];
	struct pirn_join join[TRADERS];
	struct pirn_future *branch[TRADERS];
	struct pirn_try_all all;
};

static int open_market(struct market *f, struct pirn_executor *ex)
{
	int err = pirn_channel_new(&f->tx, &f->rx, sizeof(void *), f->capacity, release_message,
				   &f->d->platform.memory);

	for (int i = 0; i < TRADERS && !err; i++) {
		if (i < 2) {
			f->producer =
				(struct producer){ PIRN_INIT(producer), .d = f->d,
						   .own = driver_take(f->d),
						   .tx = pirn_sender_ref(f->tx), .left = MESSAGES };
			err = pirn_spawn(ex, &f->trader[i], &f->producer.future);
		} else {
			f->consumer =
				(struct consumer){ PIRN_INIT(consumer), .own = driver_take(f->d),
						   .rx = pirn_receiver_ref(f->rx) };
			err = pirn_spawn(ex, &f->trader[i], &f->consumer.future);
		}
		f->join[i] = pirn_join(f->trader[i]);
		f->branch[i] = &f->join[i].future;
	}
	f->tx = pirn_sender_unref(f->tx);
	f->rx = pirn_receiver_unref(f->rx);
	return err;
}

PIRN_ASYNC(market, f)
{
	int err;

	PIRN_BEGIN(f);
	err = open_market(f, cx->executor);
	if (err)
		PIRN_RETURN(f, err);
	f->all = pirn_try_all(f->branch, TRADERS);
	PIRN_TRY(f, &f->all.future);
	if (received != 2 * MESSAGES)
		PIRN_RETURN(f, -EBADMSG);
	PIRN_FINALLY(f);
	pirn_drop(&f->producer.future);
	pirn_drop(&f->consumer.future);
	for (int i = 0; i < TRADERS; i++)
		pirn_task_abort(f->trader[i]);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_market(struct driver *d, void *arg)
{
	static struct market f;

	received = 0;
	f = (struct market){ PIRN_INIT(market), .d = d, .own = driver_take(d),
			     .capacity = *(size_t *)arg };
	return &f.future;
}

Test(drop, of_producers_and_consumers_on_a_bounded_channel)
{
	size_t tight = 1, wide = 4;

	survives(make_market, ends_well, &tight);
	survives(make_market, ends_well, &wide);
}

Test(drop, of_producers_and_consumers_on_an_unbounded_channel)
{
	size_t unbounded = PIRN_UNBOUNDED;

	survives(make_market, ends_well, &unbounded);
}

Test(drop, of_producers_and_consumers_in_a_rendezvous)
{
	size_t none = 0;

	survives(make_market, ends_well, &none);
}
