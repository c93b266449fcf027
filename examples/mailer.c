/* SPDX-License-Identifier: MIT */
/*
 * A mail room. Letters lie on a desk, couriers deliver them, one at a time each:
 *
 *	the desk       a channel with room for eight letters: who writes faster, waits
 *	the lines      a semaphore: the post office has two, and there are more couriers
 *	the pace       a watch: a setting that changes while all are at work
 *	closing time   an event: who hears of it delivers what it has in its hands, and goes
 */
#include <errno.h>
#include <pirn_blocking.h>
#include <pirn_channel.h>
#include <pirn_event.h>
#include <pirn_pool.h>
#include <pirn_semaphore.h>
#include <pirn_watch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LETTERS = 100, COURIERS = 5, LINES = 2, SLOW = 2000, FAST = 200 };

PIRN_CHANNEL(letter, int, NULL); /* struct letter_sender, letter_send(), ... */
PIRN_WATCH(pace, int);

static struct pirn_semaphore lines = PIRN_SEMAPHORE_INIT(LINES);
static struct pirn_event closing;
static atomic_int busy; /* lines in use */

/* Old code: it blocks, and knows nothing of pirn. Returns how many lines were in use. */
static int deliver(int microseconds)
{
	int now = atomic_fetch_add(&busy, 1) + 1;

	usleep((useconds_t)microseconds);
	atomic_fetch_sub(&busy, 1);
	return now;
}
PIRN_UNBLOCK_FN(int, deliver, int); /* it can be awaited: deliver_call(microseconds) */

struct courier {
	struct pirn_future future;
	struct letter_receiver *desk; /* a reference of its own */
	struct pace_receiver board;   /* where the pace is put up */
	int letter, pace, *delivered;
	/* what it waits for */
	struct pirn_event_wait closed;
	struct pirn_watch_recv change;
	struct pirn_recv next;
	struct pirn_select first;
	struct pirn_semaphore_acquire line;
	struct deliver_call call;
};

PIRN_ASYNC(courier, f)
{
	PIRN_BEGIN(f);
	f->change = pace_recv(&f->board, &f->pace);
	f->next = letter_recv(f->desk, &f->letter);
	for (;;) {
		f->first = pirn_select(&f->closed.future, &f->change.future, &f->next.future, NULL);
		PIRN_AWAIT(f, &f->first.future);
		if (f->first.won == &f->closed.future || f->first.future.err)
			break;
		if (f->first.won == &f->change.future) {
			f->change = pace_recv(&f->board, &f->pace);
			continue; /* only the winner is made anew */
		}
		/* The two losers may stay pending here: what they wait for is told to all. */
		f->line = pirn_semaphore_acquire(&lines, 1);
		PIRN_AWAIT(f, &f->line.future);
		f->call = deliver_call(f->pace);
		PIRN_TRY(f, &f->call.future); /* leaves, with its error, if it has one */
		pirn_drop(&f->line.future);   /* gives the line back */
		if (f->call.result > LINES)
			PIRN_RETURN(f, -EBUSY);
		++*f->delivered;
		f->next = letter_recv(f->desk, &f->letter);
	}
	PIRN_FINALLY(f); /* wherever it ends; a drop is right in each state */
	if (f->future.err)
		letter_receiver_close(f->desk); /* or who writes would wait for nobody */
	pirn_drop(&f->closed.future);
	pirn_drop(&f->change.future);
	pirn_drop(&f->next.future);
	pirn_drop(&f->line.future);
	pace_receiver_drop(&f->board);
	letter_receiver_unref(f->desk);
	PIRN_END(f);
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	return 1;
}

int main(void)
{
	struct letter_sender *writer;
	struct letter_receiver *desk;
	struct pace_sender *office;
	struct pace_receiver board;
	struct pirn_executor *pool;
	struct pirn_task *task[COURIERS];
	int delivered[COURIERS] = { 0 }, all = 0, left = 0, failed = 0, err, pace = SLOW, letter;

	if ((err = pirn_pool_new(&pool, NULL)) || (err = letter_channel(&writer, &desk, 8)) ||
	    (err = pace_watch(&office, &board, &pace)))
		return fail("no mail room", err);
	for (int i = 0; i < COURIERS; i++) {
		struct courier c = { PIRN_INIT(courier), .delivered = &delivered[i] };
		c.desk = letter_receiver_ref(desk);
		c.board = pace_subscribe(office);
		c.pace = pace;
		c.closed = pirn_event_wait(&closing); /* before anybody notifies: misses nothing */
		err = pirn_spawn(pool, &task[i], &c.future);
		if (err)
			return fail("no courier", err);
	}
	for (letter = 0; letter < LETTERS; letter++) {
		if (letter == LETTERS / 4)
			pace_send(office, &(int){ FAST });
		if (letter_send_blocking(writer, &letter)) /* a task would await letter_send */
			break;                             /* closed: a courier has failed */
	}
	pirn_event_notify(&closing, PIRN_EVENT_ALL);
	for (int i = 0; i < COURIERS; i++) {
		struct pirn_join join = pirn_join(task[i]);
		err = pirn_block_on(&join.future);
		if (err)
			failed = fail("a courier", err);
		pirn_task_detach(task[i]);
		all += delivered[i];
	}
	while (letter_try_recv(desk, &letter) == 0)
		left++;
	pace_receiver_drop(&board);
	pace_sender_unref(office);
	letter_receiver_unref(desk);
	letter_sender_unref(writer);
	printf("%d letters: %d delivered, %d left for tomorrow\n", LETTERS, all, left);
	return pirn_executor_free(pool) < 0 || failed || all + left != LETTERS;
}
