/* SPDX-License-Identifier: MIT */
/*
 * Bodies with oneshots, watches and broadcasts, dropped at each point and refused each thing they
 * ask for; and one that works only for as long as somebody watches.
 */
#include "config.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "bodies.h"
#include "driver.h"
#include "pirn.h"
#include "pirn_broadcast.h"
#include "pirn_oneshot.h"
#include "pirn_pool.h"
#include "pirn_watch.h"

/* ---- oneshots: the message is received, released, or still the sender's --------------------- */

struct letter {
	void *content;
};

static void letter_release(struct letter *l)
{
	driver_give(l->content);
}

PIRN_ONESHOT(letter, struct letter, letter_release);

/* In a block of its own, which goes when both sides have ended. */
struct question {
	struct letter_oneshot answer; /* first */
	const struct pirn_memory *memory;
};

static void question_free(struct pirn_oneshot *o)
{
	struct question *q = (struct question *)(void *)o;

	q->memory->free(q->memory, q, sizeof(*q));
}

static struct letter_oneshot *question(struct driver *d)
{
	const struct pirn_memory *memory = &d->platform.memory;
	struct question *q = memory->alloc(memory, sizeof(*q));

	if (!q)
		return NULL;
	q->memory = memory;
	letter_oneshot_init(&q->answer, question_free);
	return &q->answer;
}

/* Works, then sends; unless nobody wants the answer any more. */
struct answerer {
	struct pirn_future future;
	struct driver *d;
	void *own;
	struct letter_oneshot *answer;
	struct letter letter;
	struct napper work;
	struct pirn_oneshot_closed closed;
	struct pirn_select select;
};

PIRN_ASYNC(answerer, f)
{
	PIRN_BEGIN(f);
	f->work = napper(f->d, 2, 0);
	f->closed = letter_closed(f->answer);
	f->select = pirn_select(&f->work.future, &f->closed.future, NULL, NULL);
	PIRN_TRY(f, &f->select.future);
	if (f->select.won == &f->closed.future)
		PIRN_RETURN(f, 0);
	pirn_drop(&f->closed.future);
	f->letter.content = driver_take(f->d);
	letter_send(f->answer, &f->letter);
	f->answer = NULL; /* the end has ended, whatever that returned */
	PIRN_FINALLY(f);
	pirn_drop(&f->work.future);
	pirn_drop(&f->closed.future);
	letter_sender_close(f->answer);
	driver_give(f->letter.content);
	driver_give(f->own);
	PIRN_END(f);
}

struct asker {
	struct pirn_future future;
	struct driver *d;
	void *own;
	struct letter_oneshot *answer;
	struct letter letter;
	struct answerer answerer;
	struct pirn_task *task;
	struct pirn_oneshot_recv recv;
};

PIRN_ASYNC(asker, f)
{
	int err;

	PIRN_BEGIN(f);
	f->answer = question(f->d);
	if (!f->answer)
		PIRN_RETURN(f, -ENOMEM);
	f->answerer = (struct answerer){ PIRN_INIT(answerer), .d = f->d, .own = driver_take(f->d),
					 .answer = f->answer };
	err = pirn_spawn(cx->executor, &f->task, &f->answerer.future);
	if (err)
		PIRN_RETURN(f, err);
	f->recv = letter_recv(f->answer, &f->letter);
	PIRN_TRY(f, &f->recv.future);
	PIRN_YIELD(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->answerer.future); /* a failed spawn leaves it */
	pirn_task_detach(f->task);
	letter_receiver_close(f->answer);
	driver_give(f->letter.content);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_asker(struct driver *d, void *arg)
{
	static struct asker f;

	(void)arg;
	f = (struct asker){ PIRN_INIT(asker), .d = d, .own = driver_take(d) };
	return &f.future;
}

Test(drop, of_who_asks_and_who_answers)
{
	survives(make_asker, ends_well, NULL);
}

/* ---- watches and broadcasts: one who sends, two who listen ---------------------------------- */

#define LISTENERS 2
#define MESSAGES 3

/* What the listeners got; not in a parent's frame, which they may outlive. */
static unsigned received, missed, last;

/* Sends 1 to MESSAGES, on one of the two. */
struct speaker {
	struct pirn_future future;
	void *own;
	struct pirn_watch_sender *watch;
	struct pirn_broadcast_sender *broadcast;
	unsigned number;
};

PIRN_ASYNC(speaker, f)
{
	PIRN_BEGIN(f);
	for (f->number = 1; f->number <= MESSAGES; f->number++) {
		if (f->watch)
			pirn_watch_send(f->watch, &f->number);
		else
			pirn_broadcast_send(f->broadcast, &f->number);
		if (f->number == 2)
			PIRN_YIELD(f);
	}
	PIRN_FINALLY(f);
	pirn_watch_sender_unref(f->watch);
	pirn_broadcast_sender_unref(f->broadcast);
	driver_give(f->own);
	PIRN_END(f);
}

struct watcher {
	struct pirn_future future;
	void *own;
	struct pirn_watch_receiver rx;
	unsigned number;
	struct pirn_watch_recv recv;
};

PIRN_ASYNC(watcher, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = pirn_watch_recv(&f->rx, &f->number);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break;
		received++;
	}
	last += f->number;
	PIRN_FINALLY(f);
	pirn_watch_receiver_drop(&f->rx);
	driver_give(f->own);
	PIRN_END(f);
}

#define MOST 2

/* One by one, or many at once. */
struct listener {
	struct pirn_future future;
	void *own;
	struct pirn_broadcast_receiver rx;
	bool one_by_one;
	unsigned number[MOST], number_of_last;
	size_t n;
	struct pirn_broadcast_recv recv;
	struct pirn_broadcast_recv_many recv_many;
};

PIRN_ASYNC(listener, f)
{
	int err;

	PIRN_BEGIN(f);
	for (;;) {
		if (f->one_by_one) {
			f->recv = pirn_broadcast_recv(&f->rx, f->number);
			PIRN_AWAIT(f, &f->recv.future);
			err = f->recv.future.err;
			f->n = 1;
		} else {
			f->recv_many = pirn_broadcast_recv_many(&f->rx, f->number, MOST);
			PIRN_AWAIT(f, &f->recv_many.future);
			err = f->recv_many.future.err;
			f->n = f->recv_many.done;
		}
		if (err == -EPIPE)
			break;
		if (err == 0) {
			received += (unsigned)f->n;
			f->number_of_last = f->number[f->n - 1];
		} else {
			missed += (unsigned)f->rx.missed;
		}
		PIRN_YIELD(f);
	}
	last += f->number_of_last;
	PIRN_FINALLY(f);
	pirn_broadcast_receiver_drop(&f->rx);
	driver_give(f->own);
	PIRN_END(f);
}

struct hall {
	struct pirn_future future;
	struct driver *d;
	void *own;
	size_t capacity; /* of a broadcast; 0: a watch */
	struct speaker speaker;
	struct watcher watcher;
	struct listener listener;
	struct pirn_task *task[1 + LISTENERS];
	struct pirn_join join[1 + LISTENERS];
	struct pirn_future *branch[1 + LISTENERS];
	struct pirn_all all;
};

static int open_watch(struct hall *f, struct pirn_executor *ex)
{
	struct pirn_watch_receiver rx;
	unsigned zero = 0;
	int err = pirn_watch_new(&f->speaker.watch, &rx, sizeof(unsigned), &zero,
				 &f->d->platform.memory);

	if (err)
		return err;
	for (int i = 0; i < LISTENERS && !err; i++) {
		f->watcher = (struct watcher){ PIRN_INIT(watcher), .own = driver_take(f->d),
					       .rx = pirn_watch_receiver_clone(&rx) };
		err = pirn_spawn(ex, &f->task[1 + i], &f->watcher.future);
	}
	pirn_watch_receiver_drop(&rx);
	return err;
}

static int open_broadcast(struct hall *f, struct pirn_executor *ex)
{
	struct pirn_broadcast_receiver rx;
	int err = pirn_broadcast_new(&f->speaker.broadcast, &rx, sizeof(unsigned), f->capacity,
				     &f->d->platform.memory);

	if (err)
		return err;
	for (int i = 0; i < LISTENERS && !err; i++) {
		f->listener = (struct listener){ PIRN_INIT(listener), .own = driver_take(f->d),
						 .one_by_one = i == 0,
						 .rx = pirn_broadcast_receiver_clone(&rx) };
		err = pirn_spawn(ex, &f->task[1 + i], &f->listener.future);
	}
	pirn_broadcast_receiver_drop(&rx);
	return err;
}

static int open_hall(struct hall *f, struct pirn_executor *ex)
{
	int err;

	f->speaker = (struct speaker){ PIRN_INIT(speaker), .own = driver_take(f->d) };
	err = f->capacity ? open_broadcast(f, ex) : open_watch(f, ex);
	return err ? err : pirn_spawn(ex, &f->task[0], &f->speaker.future);
}

static bool heard_all(const struct hall *f)
{
	if (last != LISTENERS * MESSAGES)
		return false;
	return f->capacity == 0 || received + missed == LISTENERS * MESSAGES;
}

PIRN_ASYNC(hall, f)
{
	int err;

	PIRN_BEGIN(f);
	err = open_hall(f, cx->executor);
	if (err)
		PIRN_RETURN(f, err);
	for (int i = 0; i < 1 + LISTENERS; i++) {
		f->join[i] = pirn_join(f->task[i]);
		f->branch[i] = &f->join[i].future;
	}
	f->all = pirn_all(f->branch, 1 + LISTENERS);
	PIRN_TRY(f, &f->all.future);
	if (!heard_all(f))
		PIRN_RETURN(f, -EBADMSG);
	PIRN_FINALLY(f);
	pirn_drop(&f->speaker.future);
	pirn_drop(&f->watcher.future);
	pirn_drop(&f->listener.future);
	for (int i = 0; i < 1 + LISTENERS; i++)
		pirn_task_abort(f->task[i]);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_hall(struct driver *d, void *arg)
{
	static struct hall f;

	received = missed = last = 0;
	f = (struct hall){ PIRN_INIT(hall), .d = d, .own = driver_take(d),
			   .capacity = *(size_t *)arg };
	return &f.future;
}

Test(drop, of_one_who_sends_and_two_who_watch)
{
	size_t none = 0;

	survives(make_hall, ends_well, &none);
}

Test(drop, of_one_who_broadcasts_and_two_who_listen)
{
	size_t tight = 1, wide = 4;

	survives(make_hall, ends_well, &tight);
	survives(make_hall, ends_well, &wide);
}

/* ---- who works only for as long as somebody watches ----------------------------------------- */

/* Has a weak sender until it has begun. */
struct producer {
	struct pirn_future future;
	struct driver *d;
	void *own;
	struct pirn_watch_weak_sender *weak;
	struct pirn_watch_sender *tx;
	unsigned number;
	struct napper work;
	struct pirn_feed_closed closed;
	struct pirn_select select;
};

PIRN_ASYNC(producer, f)
{
	PIRN_BEGIN(f);
	f->tx = pirn_watch_weak_sender_upgrade(f->weak);
	while (f->tx) {
		f->work = napper(f->d, 2, 0);
		f->closed = pirn_watch_sender_closed(f->tx);
		f->select = pirn_select(&f->work.future, &f->closed.future, NULL, NULL);
		PIRN_TRY(f, &f->select.future);
		if (f->select.won == &f->closed.future)
			PIRN_RETURN(f, 0);
		pirn_drop(&f->closed.future);
		f->number++;
		pirn_watch_send(f->tx, &f->number);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->work.future);
	pirn_drop(&f->closed.future);
	pirn_watch_sender_unref(f->tx);
	pirn_watch_weak_sender_unref(f->weak);
	driver_give(f->own);
	PIRN_END(f);
}

/* Has seen enough when it has seen one; leaves, or closes. */
struct customer {
	struct pirn_future future;
	void *own;
	struct pirn_watch_receiver rx;
	bool closes;
	unsigned number;
	struct pirn_watch_recv recv;
};

PIRN_ASYNC(customer, f)
{
	PIRN_BEGIN(f);
	f->recv = pirn_watch_recv(&f->rx, &f->number);
	PIRN_AWAIT(f, &f->recv.future);
	if (f->closes)
		pirn_watch_receiver_close(&f->rx);
	PIRN_FINALLY(f);
	pirn_watch_receiver_drop(&f->rx);
	driver_give(f->own);
	PIRN_END(f);
}

struct shop {
	struct pirn_future future;
	struct driver *d;
	void *own;
	bool closes;
	struct pirn_watch_sender *tx; /* until the producer has begun */
	struct producer producer;
	struct customer customer;
	struct pirn_task *task[1 + LISTENERS];
	struct pirn_yield nap;
	struct pirn_join join[1 + LISTENERS];
	struct pirn_future *branch[1 + LISTENERS];
	struct pirn_all all;
};

static int open_shop(struct shop *f, struct pirn_executor *ex)
{
	struct pirn_watch_receiver rx;
	unsigned zero = 0;
	int err = pirn_watch_new(&f->tx, &rx, sizeof(unsigned), &zero, &f->d->platform.memory);

	if (err)
		return err;
	f->producer = (struct producer){ PIRN_INIT(producer), .d = f->d, .own = driver_take(f->d),
					 .weak = pirn_watch_sender_downgrade(f->tx) };
	err = pirn_spawn(ex, &f->task[0], &f->producer.future);
	for (int i = 0; i < LISTENERS && !err; i++) {
		f->customer = (struct customer){ PIRN_INIT(customer), .own = driver_take(f->d),
						 .rx = pirn_watch_receiver_clone(&rx),
						 .closes = f->closes && i == 0 };
		err = pirn_spawn(ex, &f->task[1 + i], &f->customer.future);
	}
	pirn_watch_receiver_drop(&rx);
	return err;
}

PIRN_ASYNC(shop, f)
{
	int err;

	PIRN_BEGIN(f);
	err = open_shop(f, cx->executor);
	if (err)
		PIRN_RETURN(f, err);
	f->nap = pirn_yield();
	PIRN_TRY(f, &f->nap.future);
	f->tx = pirn_watch_sender_unref(f->tx);
	for (int i = 0; i < 1 + LISTENERS; i++) {
		f->join[i] = pirn_join(f->task[i]);
		f->branch[i] = &f->join[i].future;
	}
	f->all = pirn_all(f->branch, 1 + LISTENERS);
	PIRN_TRY(f, &f->all.future);
	PIRN_FINALLY(f);
	pirn_watch_sender_unref(f->tx);
	pirn_drop(&f->producer.future);
	pirn_drop(&f->customer.future);
	for (int i = 0; i < 1 + LISTENERS; i++)
		pirn_task_abort(f->task[i]);
	driver_give(f->own);
	PIRN_END(f);
}

static struct pirn_future *make_shop(struct driver *d, void *arg)
{
	static struct shop f;

	f = (struct shop){ PIRN_INIT(shop), .d = d, .own = driver_take(d), .closes = *(bool *)arg };
	return &f.future;
}

Test(drop, of_one_who_works_while_somebody_watches)
{
	bool leaves = false, closes = true;

	survives(make_shop, ends_well, &leaves);
	survives(make_shop, ends_well, &closes);
}
