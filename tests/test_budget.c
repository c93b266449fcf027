/* SPDX-License-Identifier: MIT */
/* The budget: who finds its channels always ready lets others run; who waits does not pay. */
#include <criterion/criterion.h>

#include "pirn_broadcast.h"
#include "pirn_channel.h"
#include "pirn_pool.h"
#include "pirn_watch.h"

PIRN_CHANNEL(number, int, NULL);

#define MANY 200 /* more than PIRN_BUDGET */

Test(budget, is_not_spent_by_branches_that_wait)
{
	struct number_sender *tx[MANY];
	struct number_receiver *rx[MANY];
	struct pirn_recv recv[MANY];
	struct pirn_future *branch[MANY];
	struct pirn_all all = pirn_all(branch, MANY);
	int got[MANY];

	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(number_channel(&tx[i], &rx[i], 1), 0);
		recv[i] = number_recv(rx[i], &got[i]);
		branch[i] = &recv[i].future;
		cr_assert_eq(number_try_send(tx[i], &i), 0);
	}
	cr_assert_eq(pirn_block_on(&all.future), 0);
	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(got[i], i);
		number_sender_unref(tx[i]);
		number_receiver_unref(rx[i]);
	}
}

static void count_wake(struct pirn_waker *w)
{
	(void)w;
}

static struct pirn_waker *same(struct pirn_waker *w)
{
	return w;
}

static const struct pirn_waker_ops idle_ops = { same, count_wake, count_wake, count_wake };

Test(budget, reaches_the_last_of_many_that_wait)
{
	struct number_sender *tx[MANY];
	struct number_receiver *rx[MANY];
	struct pirn_recv recv[MANY];
	struct pirn_waker waker = { &idle_ops };
	struct pirn_context cx;
	int got[MANY], last = 7;

	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(number_channel(&tx[i], &rx[i], 1), 0);
		recv[i] = number_recv(rx[i], &got[i]);
	}
	cr_assert_eq(number_try_send(tx[MANY - 1], &last), 0);
	pirn_context_init(&cx, &waker, NULL);
	for (int i = 0; i < MANY - 1; i++)
		cr_assert_eq(pirn_poll(&recv[i].future, &cx), PIRN_PENDING);
	cr_assert_eq(pirn_poll(&recv[MANY - 1].future, &cx), PIRN_READY);
	cr_assert_eq(got[MANY - 1], 7);
	for (int i = 0; i < MANY; i++) {
		pirn_drop(&recv[i].future);
		number_sender_unref(tx[i]);
		number_receiver_unref(rx[i]);
	}
}

/* Sends to itself, until somebody else has run or it has had its fill. */
struct greedy {
	struct pirn_future future;
	struct number_sender *tx;
	struct number_receiver *rx;
	const bool *somebody_ran;
	int turns, message;
	struct pirn_send send;
	struct pirn_recv recv;
};

PIRN_ASYNC(greedy, f)
{
	PIRN_BEGIN(f);
	while (f->turns < 100000 && !*f->somebody_ran) {
		f->turns++;
		f->send = number_send(f->tx, &f->message);
		PIRN_TRY(f, &f->send.future);
		f->recv = number_recv(f->rx, &f->message);
		PIRN_TRY(f, &f->recv.future);
	}
	PIRN_END(f);
}

struct modest {
	struct pirn_future future;
	bool *ran;
};

PIRN_ASYNC(modest, f)
{
	PIRN_BEGIN(f);
	*f->ran = true;
	PIRN_END(f);
}

/* Spawns the modest one behind itself, on the one worker there is, and is greedy then. */
struct pair {
	struct pirn_future future;
	struct greedy greedy;
	bool *ran;
};

PIRN_ASYNC(pair, f)
{
	PIRN_BEGIN(f);
	{
		struct modest modest = { PIRN_INIT(modest), .ran = f->ran };

		pirn_spawn(cx->executor, NULL, &modest.future);
	}
	PIRN_TRY(f, &f->greedy.future);
	PIRN_END(f);
}

Test(budget, lets_others_run_beside_a_task_whose_channels_are_always_ready)
{
	struct pirn_pool_config config = { .threads = 1 };
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct pirn_join join;
	bool ran = false;
	struct pair pair = { PIRN_INIT(pair), .ran = &ran,
			     .greedy = { PIRN_INIT(greedy), .somebody_ran = &ran } };
	struct number_sender *tx;
	struct number_receiver *rx;

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(number_channel(&tx, &rx, 4), 0);
	pair.greedy.tx = tx;
	pair.greedy.rx = rx;
	cr_assert_eq(pirn_spawn(pool, &task, &pair.future), 0);
	join = pirn_join(task);
	cr_assert_eq(pirn_block_on(&join.future), 0);
	cr_assert(ran);
	cr_assert_lt(((struct pair *)pirn_task_future(task))->greedy.turns, 100000);
	pirn_task_detach(task);
	number_sender_unref(tx);
	number_receiver_unref(rx);
	pirn_executor_free(pool);
}

/* Spawns the modest one as well, and receives from the first of its channels that has something. */
struct chooser {
	struct pirn_future future;
	struct number_sender *tx[2];
	struct number_receiver *rx[2];
	bool *ran;
	int turns, message[2];
	struct pirn_recv recv[2];
	struct pirn_future *branch[2];
	struct pirn_select_of select;
};

static void begin_recv(struct chooser *f, int i)
{
	number_try_send(f->tx[i], &f->message[i]);
	f->recv[i] = number_recv(f->rx[i], &f->message[i]);
	f->branch[i] = &f->recv[i].future;
}

PIRN_ASYNC(chooser, f)
{
	PIRN_BEGIN(f);
	{
		struct modest modest = { PIRN_INIT(modest), .ran = f->ran };

		pirn_spawn(cx->executor, NULL, &modest.future);
	}
	begin_recv(f, 0);
	begin_recv(f, 1);
	while (f->turns < 100000 && !*f->ran) {
		f->turns++;
		f->select = pirn_select_of(f->branch, 2);
		PIRN_TRY(f, &f->select.future);
		begin_recv(f, f->select.won == f->branch[0] ? 0 : 1);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->recv[0].future);
	pirn_drop(&f->recv[1].future);
	PIRN_END(f);
}

Test(budget, lets_others_run_beside_a_select_that_always_has_a_winner)
{
	struct pirn_pool_config config = { .threads = 1 };
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct pirn_join join;
	bool ran = false;
	struct chooser c = { PIRN_INIT(chooser), .ran = &ran };
	struct number_sender *tx[2];
	struct number_receiver *rx[2];

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(number_channel(&tx[i], &rx[i], 4), 0);
		c.tx[i] = tx[i];
		c.rx[i] = rx[i];
	}
	cr_assert_eq(pirn_spawn(pool, &task, &c.future), 0);
	join = pirn_join(task);
	cr_assert_eq(pirn_block_on(&join.future), 0);
	cr_assert(ran);
	cr_assert_lt(((struct chooser *)pirn_task_future(task))->turns, 100000);
	pirn_task_detach(task);
	for (int i = 0; i < 2; i++) {
		number_sender_unref(tx[i]);
		number_receiver_unref(rx[i]);
	}
	pirn_executor_free(pool);
}

/* The same with a watch or a broadcast: each recv is ready, since it is closed. */
struct listener {
	struct pirn_future future;
	bool of_watch;
	struct pirn_watch_receiver watching;
	struct pirn_broadcast_receiver listening;
	bool *ran;
	int turns, message;
	struct pirn_watch_recv see;
	struct pirn_broadcast_recv hear;
};

PIRN_ASYNC(listener, f)
{
	PIRN_BEGIN(f);
	{
		struct modest modest = { PIRN_INIT(modest), .ran = f->ran };

		pirn_spawn(cx->executor, NULL, &modest.future);
	}
	while (f->turns < 100000 && !*f->ran) {
		f->turns++;
		f->see = pirn_watch_recv(&f->watching, &f->message);
		f->hear = pirn_broadcast_recv(&f->listening, &f->message);
		PIRN_AWAIT(f, f->of_watch ? &f->see.future : &f->hear.future);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->see.future);
	pirn_drop(&f->hear.future);
	pirn_watch_receiver_drop(&f->watching);
	pirn_broadcast_receiver_drop(&f->listening);
	PIRN_END(f);
}

static void listen_beside_another(bool of_watch)
{
	struct pirn_pool_config config = { .threads = 1 };
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct pirn_join join;
	bool ran = false;
	struct listener l = { PIRN_INIT(listener), .of_watch = of_watch, .ran = &ran };
	struct pirn_watch_sender *watch;
	struct pirn_broadcast_sender *broadcast;
	int zero = 0;

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(pirn_watch_new(&watch, &l.watching, sizeof(int), &zero, NULL), 0);
	cr_assert_eq(pirn_broadcast_new(&broadcast, &l.listening, sizeof(int), 1, NULL), 0);
	pirn_watch_sender_unref(watch);
	pirn_broadcast_sender_unref(broadcast);
	cr_assert_eq(pirn_spawn(pool, &task, &l.future), 0);
	join = pirn_join(task);
	cr_assert_eq(pirn_block_on(&join.future), 0);
	cr_assert(ran);
	cr_assert_lt(((struct listener *)pirn_task_future(task))->turns, 100000);
	pirn_task_detach(task);
	pirn_executor_free(pool);
}

Test(budget, lets_others_run_beside_a_task_whose_watch_is_always_ready)
{
	listen_beside_another(true);
}

Test(budget, lets_others_run_beside_a_task_whose_broadcast_is_always_ready)
{
	listen_beside_another(false);
}

/* What ends take inside a poll, in operations, one after another. */
static enum pirn_poll end_all(void *arg, struct pirn_context *cx, int *err)
{
	unsigned *took = arg, at[5] = { cx->budget };
	struct pirn_watch_sender *tx;
	struct pirn_watch_receiver rx;
	int zero = 0;

	*err = pirn_watch_new(&tx, &rx, sizeof(int), &zero, NULL);
	pirn_watch_sender_ref(tx);
	pirn_watch_sender_unref(tx);
	at[1] = cx->budget;
	pirn_watch_sender_close(tx);
	at[2] = cx->budget;
	pirn_watch_sender_unref(tx);
	at[3] = cx->budget;
	pirn_watch_receiver_drop(&rx);
	at[4] = cx->budget;
	for (int i = 0; i < 4; i++)
		took[i] = (at[i] - at[i + 1]) / 8;
	return PIRN_READY;
}

Test(budget, is_spent_by_a_close_and_by_the_last_end_of_a_side)
{
	unsigned took[4];
	struct pirn_poll_fn f = pirn_poll_fn(end_all, took);

	cr_assert_eq(pirn_block_on(&f.future), 0);
	cr_expect_eq(took[0], 0); /* not the last one */
	cr_expect_eq(took[1], 2);
	cr_expect_eq(took[2], 1);
	cr_expect_eq(took[3], 1);
}
