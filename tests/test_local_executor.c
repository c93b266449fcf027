/* SPDX-License-Identifier: MIT */
/* The local executor: how it is run, told of and spawned on. */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "locals.h"
#include "pirn_blocking.h"
#include "pirn_channel.h"

TestSuite(local_executor, .init = set_up, .fini = tear_down);

/* ---- running ------------------------------------------------------------------------------- */

/* Spawns n children where it runs, and joins them. */
struct parent {
	struct pirn_future future;
	int n, sum;
	struct life *life;
	struct pirn_task *task[3];
	struct pirn_join join;
	struct pirn_yield nap;
};

PIRN_ASYNC(parent, f)
{
	PIRN_BEGIN(f);
	for (f->n = 0; f->n < 3; f->n++) {
		struct child c = child(&f->life[f->n]);

		if (pirn_spawn_here(cx, &f->task[f->n], &c.future) < 0)
			PIRN_RETURN(f, -ENOMEM);
	}
	for (f->n = 0; f->n < 3; f->n++) {
		f->join = pirn_join(f->task[f->n]);
		PIRN_TRY(f, &f->join.future);
		f->sum += (int)((struct child *)(void *)pirn_task_future(f->task[f->n]))->value;
	}
	PIRN_FINALLY(f);
	for (int i = 0; i < 3; i++)
		pirn_task_detach(f->task[i]);
	PIRN_END(f);
}

Test(local_executor, runs_a_future_to_its_end_and_the_tasks_it_spawns)
{
	struct life lives[3] = { { .end = true, .value = 1 },
				 { .end = true, .value = 2 },
				 { .end = true, .value = 3 } };
	struct parent p = { PIRN_INIT(parent), .life = lives };

	cr_assert_eq(pirn_executor_run(ex, &p.future), 0);
	cr_assert_eq(p.sum, 6);
	cr_assert_eq(tasks_left(), 0);
}

Test(local_executor, gives_back_the_err_of_what_it_runs)
{
	struct pirn_ready f = pirn_ready(-EIO);

	cr_assert_eq(pirn_executor_run(ex, &f.future), -EIO);
	cr_assert_eq(f.future.at, PIRN_AT_READY);
}

Test(local_executor, that_cannot_begin_leaves_the_future_as_it_was)
{
	struct pirn_ready f = pirn_ready(0);

	faulty_fail_alloc(&host, 1);
	cr_assert_eq(pirn_executor_run(ex, &f.future), -ENOMEM);
	cr_assert_eq(f.future.at, 0);
	cr_assert_eq(pirn_executor_run(ex, &f.future), 0);
}

static struct life one, two, three; /* static, as they are dropped behind the test */
static int order[8], ordered;

static void note_value(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	order[ordered++] = me->value;
}

Test(local_executor, polls_first_what_has_been_runnable_for_longest)
{
	one = two = three = (struct life){ .value = 1, .in_poll = note_value, .keep_waker = true };
	two.value = 2;
	three.value = 3;
	ordered = 0;
	start_detached(&one);
	start_detached(&two);
	start_detached(&three);
	run_all();
	pirn_waker_wake(three.waker);
	elsewhere(wake_there, one.waker);
	pirn_waker_wake(two.waker);
	run_all();
	cr_assert_eq(ordered, 6);
	cr_assert(order[0] == 1 && order[1] == 2 && order[2] == 3);
	cr_assert(order[3] == 3 && order[4] == 2 && order[5] == 1,
		  "what comes from elsewhere is found at the next poll, and goes behind");
}

static void note_and_wake(struct life *me, struct pirn_context *cx)
{
	note_value(me, cx);
	if (me->polls == 2)
		me->end = true;
	pirn_waker_wake_by_ref(cx->waker);
}

Test(local_executor, lets_others_run_between_two_polls_of_a_task_that_wakes_itself)
{
	one = two = (struct life){ .value = 1, .in_poll = note_and_wake };
	two.value = 2;
	ordered = 0;
	start_detached(&one);
	start_detached(&two);
	run_all();
	cr_assert_eq(ordered, 4);
	cr_assert(order[0] == 1 && order[1] == 2 && order[2] == 1 && order[3] == 2);
}

Test(local_executor, ticks_one_poll_at_a_time)
{
	one = two = (struct life){ .end = true };
	start_detached(&one);
	start_detached(&two);
	cr_assert_eq(pirn_executor_try_tick(ex), 1);
	cr_assert_eq(one.polls, 1);
	cr_assert_eq(two.polls, 0);
	cr_assert_eq(pirn_executor_tick(ex), 1);
	cr_assert_eq(two.polls, 1);
	cr_assert_eq(pirn_executor_try_tick(ex), 0);
}

Test(local_executor, does_not_wait_where_nobody_could_come)
{
	cr_assert_eq(pirn_executor_tick(ex), -EDEADLK);
}

static void *wake_later(void *waker)
{
	usleep(2000);
	pirn_waker_wake(waker);
	return NULL;
}

Test(local_executor, waits_for_a_wake_from_another_thread)
{
	pthread_t thread;

	life = (struct life){ .keep_waker = true };
	start_detached(&life);
	cr_assert_eq(pirn_executor_tick(ex), 1);
	life.end = true;
	cr_assert_eq(pthread_create(&thread, NULL, wake_later, life.waker), 0);
	cr_assert_eq(pirn_executor_tick(ex), 1);
	cr_assert_eq(life.polls, 2);
	pthread_join(thread, NULL);
}

static int slow(int n)
{
	usleep(1000);
	return n + 1;
}
PIRN_UNBLOCK_FN(int, slow, int);

struct caller {
	struct pirn_future future;
	struct slow_call call;
	int result;
};

PIRN_ASYNC(caller, f)
{
	PIRN_BEGIN(f);
	f->call = slow_call(41);
	PIRN_TRY(f, &f->call.future);
	f->result = f->call.result;
	PIRN_END(f);
}

Test(local_executor, has_its_blocking_calls_run_by_the_default_pool)
{
	struct caller c = { PIRN_INIT(caller) };
	struct pirn_executor *pool;

	cr_assert_eq(pirn_executor_run(ex, &c.future), 0);
	cr_assert_eq(c.result, 42);
	cr_assert_eq(pirn_pool_default(&pool), 0);
	cr_assert_eq(pirn_executor_free(pool), 0);
}

/* On the pool: a sum with naps; here: its join. */
struct napper {
	struct pirn_future future;
	int n;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	for (; f->n < 50; f->n++)
		PIRN_YIELD(f);
	PIRN_RETURN(f, -EDOM);
	PIRN_END(f);
}

Test(local_executor, joins_the_tasks_of_a_pool)
{
	struct pirn_pool_config config = { .threads = 1, .platform = &host.platform };
	struct napper n = { PIRN_INIT(napper) };
	struct pirn_executor *pool;
	struct pirn_task *t;
	struct pirn_join join;

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(pirn_spawn(pool, &t, &n.future), 0);
	join = pirn_join(t);
	cr_assert_eq(pirn_executor_run(ex, &join.future), -EDOM);
	pirn_task_detach(t);
	cr_assert_eq(pirn_executor_free(pool), 0);
}

PIRN_CHANNEL(number, int, NULL);

struct reader {
	struct pirn_future future;
	struct number_receiver *rx;
	int number, sum;
	struct pirn_recv recv;
};

PIRN_ASYNC(reader, f)
{
	PIRN_BEGIN(f);
	for (;;) {
		f->recv = number_recv(f->rx, &f->number);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break;
		f->sum += f->number;
	}
	PIRN_END(f);
}

static void *send_numbers(void *tx)
{
	for (int i = 1; i <= 100; i++)
		if (number_send_blocking(tx, &i) < 0)
			abort();
	number_sender_unref(tx);
	return NULL;
}

Test(local_executor, receives_what_another_thread_sends)
{
	struct number_sender *tx;
	struct number_receiver *rx;
	pthread_t thread;

	cr_assert_eq(number_channel(&tx, &rx, 4), 0);
	struct reader r = { PIRN_INIT(reader), .rx = rx };

	cr_assert_eq(pthread_create(&thread, NULL, send_numbers, tx), 0);
	cr_assert_eq(pirn_executor_run(ex, &r.future), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(r.sum, 5050);
	number_receiver_unref(rx);
}

/* ---- notify -------------------------------------------------------------------------------- */

Test(local_executor, tells_its_main_loop_once_that_something_is_runnable)
{
	one = two = (struct life){ .keep_waker = true };
	start_detached(&one);
	start_detached(&two);
	cr_assert_eq(atomic_load(&told), 1, "of the first spawn");
	run_all();
	cr_assert_eq(atomic_load(&told), 1, "nothing new while it runs");
	pirn_waker_wake_by_ref(one.waker);
	pirn_waker_wake(two.waker);
	cr_assert_eq(atomic_load(&told), 2, "of a wake outside of its polls");
	run_all();
	elsewhere(wake_by_ref_there, one.waker);
	elsewhere(wake_by_ref_there, one.waker);
	cr_assert_eq(atomic_load(&told), 3, "of a wake from another thread");
	run_all();
	cr_assert_eq(one.polls, 3);
	pirn_waker_drop(one.waker);
}

static void spawn_another(struct life *me, struct pirn_context *cx)
{
	struct pirn_ready r = pirn_ready(0);

	cr_expect_eq(pirn_spawn_here(cx, NULL, &r.future), 0);
	me->end = true;
}

Test(local_executor, tells_its_main_loop_nothing_of_what_comes_up_in_a_poll)
{
	one = (struct life){ .in_poll = spawn_another };
	start_detached(&one);
	run_all();
	cr_assert_eq(atomic_load(&told), 1);
	cr_assert_eq(tasks_left(), 0);
}

static void wake_other(struct life *me, struct pirn_context *cx)
{
	(void)cx;
	pirn_waker_wake_by_ref(life.waker);
	me->value = atomic_load(&told);
	me->end = true;
}

Test(local_executor, tells_its_main_loop_of_what_a_run_leaves_runnable)
{
	struct life last = { .in_poll = wake_other };
	struct child c = child(&last);

	life = (struct life){ .keep_waker = true };
	start_detached(&life);
	run_all();
	cr_assert_eq(pirn_executor_run(ex, &c.future), 0);
	cr_assert_eq(life.polls, 1);
	cr_assert_gt(atomic_load(&told), last.value);
	run_all();
	cr_assert_eq(life.polls, 2);
	pirn_waker_drop(life.waker);
}

/* ---- spawn --------------------------------------------------------------------------------- */

Test(local_executor, spawns_into_one_block_and_empties_the_source)
{
	life = (struct life){ .end = true };
	struct child c = child(&life);
	struct pirn_task *t;

	cr_assert_eq(pirn_spawn(ex, &t, &c.future), 0);
	cr_assert(all_zero(&c, sizeof(c)));
	cr_assert_eq(tasks_left(), 1);
	cr_assert_not_null(strstr(pirn_task_place(t), "test_local_executor.c:"));
	pirn_task_detach(t);
}

Test(local_executor, that_has_no_memory_leaves_the_future_as_it_was)
{
	life = (struct life){ .end = true };
	struct child c = child(&life), before = c;

	faulty_fail_alloc(&host, 1);
	cr_assert_eq(pirn_spawn(ex, NULL, &c.future), -ENOMEM);
	cr_assert_eq(memcmp(&c, &before, sizeof(c)), 0);
	cr_assert_eq(pirn_spawn(ex, NULL, &c.future), 0);
}

Test(local_executor, spawns_many_in_their_order)
{
	struct life lives[3] = { { .end = true, .in_poll = note_value }, { 0 }, { 0 } };
	struct child many[3];
	struct pirn_task *t[3];

	ordered = 0;
	for (int i = 0; i < 3; i++) {
		lives[i] = lives[0];
		lives[i].value = i;
		many[i] = child(&lives[i]);
	}
	cr_assert_eq(pirn_spawn_many(ex, t, &many[0].future, 3), 0);
	run_all();
	cr_assert(ordered == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(((struct child *)(void *)pirn_task_future(t[i]))->value, i);
		cr_assert_str_eq(pirn_task_name(t[i]), "child");
		pirn_task_detach(t[i]);
	}
}

Test(local_executor, has_tasks_built_in_place)
{
	struct child *c = pirn_task_new(ex, &child_ops);
	struct pirn_task *t;

	cr_assert_not_null(c);
	life = (struct life){ .end = true };
	c->life = &life;
	cr_assert_eq(pirn_task_start(&t, &c->future), 0);
	cr_assert_not(pirn_task_is_finished(t));
	run_all();
	cr_assert(pirn_task_is_finished(t));
	pirn_task_detach(t);
	cr_assert_eq(life.drops, 1);
	c = pirn_task_new(ex, &child_ops);
	c->life = &life;
	pirn_task_discard(&c->future);
	cr_assert_eq(life.drops, 2);
	cr_assert_eq(tasks_left(), 0);
}

/* Sizes that are rounded, and one that is not among jemalloc's fast ones. */
struct large {
	struct pirn_future future;
	unsigned char bytes[1001];
};

PIRN_ASYNC(large, f)
{
	PIRN_BEGIN(f);
	PIRN_YIELD(f);
	for (unsigned i = 0; i < sizeof(f->bytes); i++)
		if (f->bytes[i] != (unsigned char)i)
			PIRN_RETURN(f, -EIO);
	PIRN_END(f);
}

Test(local_executor, keeps_its_own_words_behind_a_frame_of_any_size)
{
	struct large l = { PIRN_INIT(large) };
	struct pirn_task *t;
	struct pirn_join join;

	for (unsigned i = 0; i < sizeof(l.bytes); i++)
		l.bytes[i] = (unsigned char)i;
	cr_assert_eq(pirn_spawn(ex, &t, &l.future), 0);
	join = pirn_join(t);
	cr_assert_eq(pirn_executor_run(ex, &join.future), 0);
	pirn_task_detach(t);
}

/* ---- broken contracts ---------------------------------------------------------------------- */

static void *spawn_there(void *arg)
{
	struct pirn_ready f = pirn_ready(0);

	(void)arg;
	pirn_spawn(ex, NULL, &f.future);
	return NULL;
}

Test(local_executor, traps_a_spawn_on_another_thread, .signal = SIGABRT)
{
	elsewhere(spawn_there, NULL);
}

static void *run_there(void *arg)
{
	(void)arg;
	pirn_executor_run(ex, NULL);
	return NULL;
}

Test(local_executor, traps_a_run_on_another_thread, .signal = SIGABRT)
{
	elsewhere(run_there, NULL);
}

static void run_inside(struct life *me, struct pirn_context *cx)
{
	(void)me;
	(void)cx;
	pirn_executor_run(ex, NULL);
}

Test(local_executor, traps_a_run_inside_a_poll, .signal = SIGABRT)
{
	life = (struct life){ .in_poll = run_inside };
	start_detached(&life);
	run_all();
}
