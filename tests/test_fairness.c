/* SPDX-License-Identifier: MIT */
/*
 * Nobody keeps others from running: neither who never waits, nor who does not come back from its
 * poll. Each of those here goes on until the others are through, so what is unfair hangs.
 */
#include "config.h"

#include <unistd.h>

#include "pirn_channel.h"
#include "pool.h"
#include "pools.h"
#include "thread.h"

TestSuite(fairness, .init = begin, .fini = end, .timeout = 30);

PIRN_CHANNEL(number, int, NULL);

static atomic_int started; /* of those who never wait, or hold a worker */
static atomic_int through; /* of the others */

static void be_fair_with(unsigned threads)
{
	atomic_store(&started, 0);
	atomic_store(&through, 0);
	make_pool(threads);
}

/* One of the others: naps a few times, and is through. */
struct modest {
	struct pirn_future future;
	int naps;
};

PIRN_ASYNC(modest, f)
{
	PIRN_BEGIN(f);
	while (f->naps-- > 0)
		PIRN_YIELD(f);
	atomic_fetch_add(&through, 1);
	PIRN_END(f);
}

static int spawn_modest(struct pirn_executor *ex, int naps)
{
	struct modest m = { PIRN_INIT(modest), .naps = naps };

	return pirn_spawn(ex, NULL, &m.future);
}

static void spawn_modests(int n, int naps)
{
	for (int i = 0; i < n; i++)
		cr_assert_eq(spawn_modest(pool, naps), 0);
}

/* Spawns one of those who never wait, and comes back when it runs. */
static struct pirn_task *set_off(struct pirn_future *f)
{
	int before = atomic_load(&started);
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(pool, &t, f), 0);
	await(&started, before + 1);
	return t;
}

static void join_and_detach(struct pirn_task *t)
{
	cr_expect_eq(join(t), 0);
	pirn_task_detach(t);
}

/* ---- who never waits, and is the only worker's ----------------------------------------------- */

/* Sends to itself: awaits nothing but ready channels. */
struct greedy {
	struct pirn_future future;
	struct number_sender *tx;
	struct number_receiver *rx;
	int others, message;
	struct pirn_send send;
	struct pirn_recv recv;
};

PIRN_ASYNC(greedy, f)
{
	PIRN_BEGIN(f);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&through) < f->others) {
		f->send = number_send(f->tx, &f->message);
		PIRN_TRY(f, &f->send.future);
		f->recv = number_recv(f->rx, &f->message);
		PIRN_TRY(f, &f->recv.future);
	}
	PIRN_END(f);
}

Test(fairness, a_task_whose_channels_are_always_ready_lets_a_thousand_others_run)
{
	struct greedy greedy = { PIRN_INIT(greedy), .others = 1000 };
	struct number_sender *tx = NULL;
	struct number_receiver *rx = NULL;
	struct pirn_task *t;

	be_fair_with(1);
	cr_assert_eq(number_channel(&tx, &rx, 1), 0);
	greedy.tx = tx;
	greedy.rx = rx;
	t = set_off(&greedy.future);
	spawn_modests(1000, 3);
	join_and_detach(t);
	number_sender_unref(tx);
	number_receiver_unref(rx);
}

struct yielder {
	struct pirn_future future;
	int others;
};

PIRN_ASYNC(yielder, f)
{
	PIRN_BEGIN(f);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&through) < f->others)
		PIRN_YIELD(f);
	PIRN_END(f);
}

Test(fairness, a_task_that_always_yields_lets_in_what_comes_from_outside)
{
	struct yielder yielder = { PIRN_INIT(yielder), .others = 100 };
	struct pirn_task *t;

	be_fair_with(1);
	t = set_off(&yielder.future);
	spawn_modests(100, 0);
	join_and_detach(t);
}

/* From another thread; never too many. */
static uint64_t in_ring(struct local *q)
{
	uint64_t tail = word_load_relaxed(&q->tail), head = word_load_relaxed(&q->head);

	return tail > head ? tail - head : 0;
}

/* No room for what a worker takes from the injector beside the task that it polls next. */
Test(fairness, a_ring_full_of_tasks_that_yield_lets_in_what_comes_from_outside)
{
	struct pirn_task *t[LOCAL_RING + 50];
	struct local *q;

	be_fair_with(1);
	for (unsigned i = 0; i < LOCAL_RING + 50; i++) {
		struct yielder yielder = { PIRN_INIT(yielder), .others = 100 };

		t[i] = set_off(&yielder.future);
	}
	q = &pool_of(pool)->worker[0].local;
	while (in_ring(q) < LOCAL_RING - 1) /* one is being polled */
		sched_yield();
	spawn_modests(100, 1);
	for (unsigned i = 0; i < LOCAL_RING + 50; i++)
		join_and_detach(t[i]);
}

/* Keeps more tasks queued than a ring takes: spawns one for each that has run, and yields. */
#define KEPT 1000
#define POLLS (1000ul * KEPT)

static unsigned long polls, born[KEPT], longest;
static int unused[KEPT], numbers;

struct numbered {
	struct pirn_future future;
	int number;
};

PIRN_ASYNC(numbered, f)
{
	PIRN_BEGIN(f);
	polls++;
	if (polls - born[f->number] > longest)
		longest = polls - born[f->number];
	unused[numbers++] = f->number;
	PIRN_END(f);
}

static int spawn_numbered(struct pirn_executor *ex)
{
	struct numbered n = { PIRN_INIT(numbered), .number = unused[--numbers] };

	born[n.number] = polls;
	return pirn_spawn(ex, NULL, &n.future);
}

struct keeper {
	struct pirn_future future;
	bool spawns;
};

PIRN_ASYNC(keeper, f)
{
	PIRN_BEGIN(f);
	while (polls < POLLS) {
		polls++;
		while (f->spawns && numbers > 0)
			if (spawn_numbered(cx->executor) < 0)
				PIRN_RETURN(f, -ENOMEM);
		PIRN_YIELD(f);
	}
	while (f->spawns && numbers < KEPT)
		PIRN_YIELD(f);
	PIRN_END(f);
}

Test(fairness, a_task_that_spawns_without_end_starves_none_of_those_it_has_spawned)
{
	struct pirn_task *t[101];

	for (numbers = 0; numbers < KEPT; numbers++)
		unused[numbers] = numbers;
	be_fair_with(1);
	for (int i = 0; i < 101; i++) {
		struct keeper keeper = { PIRN_INIT(keeper), .spawns = i == 0 };

		cr_assert_eq(pirn_spawn(pool, &t[i], &keeper.future), 0);
	}
	for (int i = 0; i < 101; i++)
		join_and_detach(t[i]);
	cr_expect_lt(longest, 6 * KEPT, "one waited for %lu polls", longest);
}

/* Spawns one of the others first, into the own queue; then one child after the other. */
struct parent {
	struct pirn_future future;
	int others;
	bool children_nap; /* then it waits for them; else they are run in place */
	struct pirn_task *child;
	struct pirn_join join;
};

static int spawn_child(struct parent *f, struct pirn_executor *ex)
{
	struct pirn_ready ready = pirn_ready(0);
	struct pirn_yield nap = pirn_yield();

	return pirn_spawn(ex, &f->child, f->children_nap ? &nap.future : &ready.future);
}

PIRN_ASYNC(parent, f)
{
	PIRN_BEGIN(f);
	if (spawn_modest(cx->executor, 3) < 0)
		PIRN_RETURN(f, -ENOMEM);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&through) < f->others) {
		if (spawn_child(f, cx->executor) < 0)
			PIRN_RETURN(f, -ENOMEM);
		f->join = pirn_join(f->child);
		PIRN_TRY(f, &f->join.future);
		pirn_task_detach(f->child);
		f->child = NULL;
	}
	PIRN_END(f);
}

Test(fairness, a_task_that_always_spawns_and_joins_lets_others_run)
{
	struct parent waits = { PIRN_INIT(parent), .others = 102, .children_nap = true };
	struct parent calls = { PIRN_INIT(parent), .others = 102 };
	struct pirn_task *t[2];

	be_fair_with(1);
	t[0] = set_off(&waits.future);
	t[1] = set_off(&calls.future);
	spawn_modests(100, 3);
	for (int i = 0; i < 2; i++)
		join_and_detach(t[i]);
}

/* Two that wake each other: each is the newest in the queue when the other one has run. */
struct player {
	struct pirn_future future;
	struct number_sender *tx;
	struct number_receiver *rx;
	int others, message;
	bool has_the_ball;
	struct pirn_send send;
	struct pirn_recv recv;
};

PIRN_ASYNC(player, f)
{
	PIRN_BEGIN(f);
	/* One of the others comes to lie in the queue below the two. */
	if (spawn_modest(cx->executor, 0) < 0)
		PIRN_RETURN(f, -ENOMEM);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&through) < f->others) {
		if (f->has_the_ball) {
			f->send = number_send(f->tx, &f->message);
			PIRN_AWAIT(f, &f->send.future);
		}
		f->recv = number_recv(f->rx, &f->message);
		PIRN_AWAIT(f, &f->recv.future);
		f->has_the_ball = true;
	}
	PIRN_FINALLY(f);
	number_sender_close(f->tx);
	number_receiver_close(f->rx);
	PIRN_END(f);
}

Test(fairness, two_tasks_that_always_wake_each_other_let_others_run)
{
	struct player player[2];
	struct number_sender *tx[2];
	struct number_receiver *rx[2];
	struct pirn_task *t[2];

	be_fair_with(1);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(number_channel(&tx[i], &rx[i], 1), 0);
	for (int i = 0; i < 2; i++) {
		player[i] = (struct player){ PIRN_INIT(player), .tx = tx[i], .rx = rx[1 - i],
					     .others = 102, .has_the_ball = i == 1 };
		t[i] = set_off(&player[i].future);
	}
	spawn_modests(100, 3);
	for (int i = 0; i < 2; i++)
		join_and_detach(t[i]);
	for (int i = 0; i < 2; i++) {
		number_sender_unref(tx[i]);
		number_receiver_unref(rx[i]);
	}
}

/* ---- who does not come back ------------------------------------------------------------------ */

/* Two that run at the same time, or never end. */
static atomic_int met;

static enum pirn_poll meeting_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	(void)cx;
	atomic_fetch_add(&met, 1);
	await(&met, 2);
	atomic_fetch_add(&through, 1);
	*err = 0;
	return PIRN_READY;
}

/*
 * Holds its worker until the others are through; some of them it has spawned before, into its own
 * queue: when the test says so (`go`), or when so many workers sleep.
 */
struct holder {
	struct pirn_future future;
	int others, children;
	bool meetings; /* not modest ones */
	unsigned when_sleep;
};

static atomic_int go, pushed;

static bool sleep_so_many(struct sleep *s, unsigned n)
{
	/* Timed or not: where they all slept when this one was got up, none is. */
	return half_load_relaxed(&s->asleep) == n;
}

PIRN_ASYNC(holder, f)
{
	PIRN_BEGIN(f);
	atomic_fetch_add(&started, 1);
	await(&go, 1);
	while (f->when_sleep && !sleep_so_many(&pool_of(cx->executor)->sleep, f->when_sleep))
		sched_yield();
	for (int i = 0; i < f->children; i++) {
		struct pirn_poll_fn meeting = pirn_poll_fn(meeting_poll, NULL);
		int err = f->meetings ? pirn_spawn(cx->executor, NULL, &meeting.future)
				      : spawn_modest(cx->executor, i % 3);

		if (err)
			PIRN_RETURN(f, err);
	}
	atomic_store(&pushed, 1);
	await(&through, f->others);
	PIRN_END(f);
}

static void hold_with(unsigned threads)
{
	be_fair_with(threads);
	atomic_store(&go, 0);
	atomic_store(&pushed, 0);
	atomic_store(&met, 0);
}

#define MANY (LOCAL_STACK + 24) /* in the stack and in the ring */

Test(fairness, with_all_workers_but_one_in_long_polls_every_other_task_runs)
{
	struct pirn_task *t[3];

	hold_with(4);
	for (int i = 0; i < 3; i++) {
		struct holder h = { PIRN_INIT(holder), .children = MANY, .others = 3 * MANY + 100 };

		t[i] = set_off(&h.future);
	}
	atomic_store(&go, 1);
	spawn_modests(100, 2);
	for (int i = 0; i < 3; i++)
		join_and_detach(t[i]);
}

Test(fairness, and_also_where_the_last_worker_was_asleep)
{
	struct pirn_task *t[3];

	hold_with(4);
	for (int i = 0; i < 3; i++) {
		struct holder h = { PIRN_INIT(holder), .children = MANY, .others = 3 * MANY,
				    .when_sleep = 1 };

		t[i] = set_off(&h.future);
	}
	atomic_store(&go, 1);
	for (int i = 0; i < 3; i++)
		join_and_detach(t[i]);
}

/* Waits until a thread waits for the lock, where that can be seen; it does in a moment, if not. */
static void await_one_who_waits(struct lock *l)
{
#ifdef PIRN_POSIX_PARK
	(void)l;
	usleep(20000);
#else
	while (half_load_relaxed(&l->state) != LOCK_AWAITED)
		sched_yield();
#endif
}

/* Holds its worker until the door opens; then that does not linger, but lies down at once. */
static enum pirn_poll at_door_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	(void)cx;
	atomic_fetch_add(&started, 1);
	while (sem_wait(&door))
		;
	pirn__thread.linger = 0;
	*err = 0;
	return PIRN_READY;
}

/*
 * It has looked at the holder's queue, and has not lain down yet: nobody tells it of what comes
 * then. Only that it is timed, as the one that sleeps while another one runs, makes it look again.
 */
Test(fairness, and_also_where_the_last_worker_lies_down_at_that_moment)
{
	struct holder h = { PIRN_INIT(holder), .children = MANY, .others = MANY };
	struct pirn_poll_fn at_door = pirn_poll_fn(at_door_poll, NULL);
	struct pirn_task *holding, *held;
	struct pool *p;

	hold_with(2);
	p = pool_of(pool);
	holding = set_off(&h.future);
	held = set_off(&at_door.future);
	lock(&p->sleep.lock);
	sem_post(&door);
	await_one_who_waits(&p->sleep.lock);
	atomic_store(&go, 1);
	await(&pushed, 1);
	unlock(&p->sleep.lock);
	join_and_detach(holding);
	join_and_detach(held);
}

/* The one that takes the first of them does not come back either, and it was the timed one. */
Test(fairness, and_also_where_the_worker_that_comes_to_help_is_held_up_in_turn)
{
	struct holder h = { PIRN_INIT(holder), .children = 2, .meetings = true, .others = 2,
			    .when_sleep = 2 };
	struct pirn_task *t;

	hold_with(3);
	t = set_off(&h.future);
	atomic_store(&go, 1);
	join_and_detach(t);
}

/* It never sleeps and its queue is never empty, so it looks at the others in passing. */
Test(fairness, and_also_where_the_last_worker_is_never_out_of_work)
{
	struct holder h = { PIRN_INIT(holder), .children = MANY, .others = MANY };
	struct yielder yielder = { PIRN_INIT(yielder), .others = MANY };
	struct pirn_task *holding, *busy;

	hold_with(2);
	holding = set_off(&h.future);
	busy = set_off(&yielder.future);
	atomic_store(&go, 1);
	join_and_detach(holding);
	join_and_detach(busy);
}
