/* SPDX-License-Identifier: MIT */
/*
 * Tasks and threads go in and out of a mutex, a semaphore and an rwlock. They give up while they
 * wait, and tasks are cancelled wherever they are, while they hold one too. Nobody is ever in who
 * should not be, everybody comes in in the end, and nothing is left behind.
 */
#include "config.h"

#include "pirn_mutex.h"
#include "pirn_pool.h"
#include "pirn_rwlock.h"
#include "pirn_semaphore.h"
#include "race.h"

#define WORKERS 2
#define THREADS 2
#define TASKS 6
#define VISITS 20 /* of a task */
#define PERMITS 3

static struct pirn_mutex mutex;
static struct pirn_semaphore semaphore = PIRN_SEMAPHORE_INIT(PERMITS);
static struct pirn_rwlock rwlock;

static bool held, written; /* plain, so that ThreadSanitizer sees who is not ordered */
static atomic_uint permits, readers;

static atomic_ulong entered, given_up, cancelled;
static atomic_bool over;

/* ---- a guard of any kind ------------------------------------------------------------------- */

enum kind { MUTEX, SEMAPHORE, READ, WRITE, KINDS };

struct guard {
	union {
		struct pirn_future future;
		struct pirn_mutex_lock lock;
		struct pirn_semaphore_acquire permit;
		struct pirn_rwlock_lock rw;
	};
	enum kind kind;
	bool in;
};

static void make(struct guard *g, struct race_random *random)
{
	g->in = false;
	g->kind = race_below(random, KINDS);
	switch (g->kind) {
	case MUTEX:
		g->lock = pirn_mutex_lock(&mutex);
		break;
	case SEMAPHORE:
		g->permit = pirn_semaphore_acquire(&semaphore, 1 + race_below(random, PERMITS));
		break;
	case READ:
		g->rw = pirn_rwlock_read(&rwlock);
		break;
	default:
		g->rw = pirn_rwlock_write(&rwlock);
	}
}

static void enter(struct guard *g)
{
	unsigned n;

	g->in = true;
	atomic_fetch_add_explicit(&entered, 1, memory_order_relaxed);
	switch (g->kind) {
	case MUTEX:
		RACE_CHECK(!held, "two hold the mutex");
		held = true;
		break;
	case SEMAPHORE:
		n = (unsigned)g->permit.request.n;
		n += atomic_fetch_add_explicit(&permits, n, memory_order_relaxed);
		RACE_CHECK(n <= PERMITS, "%u permits of %u", n, PERMITS);
		break;
	case READ:
		atomic_fetch_add_explicit(&readers, 1, memory_order_relaxed);
		RACE_CHECK(!written, "a reader beside a writer");
		break;
	default:
		n = atomic_load_explicit(&readers, memory_order_relaxed);
		RACE_CHECK(!written && n == 0, "a writer beside %u readers", n);
		written = true;
	}
}

static void downgrade(struct guard *g)
{
	if (g->kind != WRITE)
		return;
	written = false;
	g->kind = READ;
	atomic_fetch_add_explicit(&readers, 1, memory_order_relaxed);
	pirn_rwlock_downgrade(&g->rw);
}

/* In any state. */
static void leave(struct guard *g)
{
	if (g->in && g->kind == MUTEX)
		held = false;
	else if (g->in && g->kind == SEMAPHORE)
		atomic_fetch_sub_explicit(&permits, (unsigned)g->permit.request.n,
					  memory_order_relaxed);
	else if (g->in && g->kind == READ)
		atomic_fetch_sub_explicit(&readers, 1, memory_order_relaxed);
	else if (g->in)
		written = false;
	g->in = false;
	pirn_drop(&g->future);
}

/* ---- tasks --------------------------------------------------------------------------------- */

struct visitor {
	struct pirn_future future;
	struct race_random random;
	unsigned visits;
	struct guard guard;
	struct pirn_yield nap;
	struct pirn_select select;
};

PIRN_ASYNC(visitor, f)
{
	PIRN_BEGIN(f);
	for (f->visits = 0; f->visits < VISITS; f->visits++) {
		make(&f->guard, &f->random);
		f->nap = pirn_yield();
		f->select = pirn_select(&f->guard.future, &f->nap.future, NULL, NULL);
		PIRN_AWAIT(f, &f->select.future);
		if (f->select.won == &f->nap.future && race_below(&f->random, 2)) {
			leave(&f->guard);
			atomic_fetch_add_explicit(&given_up, 1, memory_order_relaxed);
			continue;
		}
		if (f->select.won == &f->nap.future)
			PIRN_AWAIT(f, &f->guard.future);
		enter(&f->guard);
		if (race_below(&f->random, 2))
			PIRN_YIELD(f);
		if (race_below(&f->random, 2))
			downgrade(&f->guard);
		race_linger(&f->random);
		leave(&f->guard);
	}
	PIRN_FINALLY(f);
	if (f->future.err)
		atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
	leave(&f->guard);
	PIRN_END(f);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *visit(void *arg)
{
	struct race_random random = race_stream((unsigned long)(uintptr_t)arg);

	while (!atomic_load(&over)) {
		struct guard g = { .in = false };
		enum pirn_poll poll;
		struct bell bell;

		bell_init(&bell);
		make(&g, &random);
		poll = bell_poll(&g.future, &bell);
		race_linger(&random);
		if (poll == PIRN_PENDING && race_below(&random, 2)) {
			leave(&g);
			atomic_fetch_add_explicit(&given_up, 1, memory_order_relaxed);
		} else {
			if (poll == PIRN_PENDING)
				RACE_CHECK(pirn_block_on(&g.future) == 0, "no memory");
			enter(&g);
			race_linger(&random);
			leave(&g);
		}
		bell_await_free(&bell); /* who has taken the waker out may just be waking it */
	}
	return NULL;
}

/* ---- all of them --------------------------------------------------------------------------- */

static void nobody_is_in(void)
{
	struct pirn_semaphore_acquire permit;
	struct pirn_mutex_lock lock;
	struct pirn_rwlock_lock rw;

	RACE_CHECK(pirn_mutex_try_lock(&mutex, &lock) == 0, "the mutex is held");
	RACE_CHECK(pirn_semaphore_try_acquire(&semaphore, PERMITS, &permit) == 0,
		   "permits were lost");
	RACE_CHECK(pirn_semaphore_try_acquire(&semaphore, 1, &permit) != 0, "permits were made");
	RACE_CHECK(pirn_rwlock_try_write(&rwlock, &rw) == 0, "the rwlock is held");
	RACE_CHECK(!held && !written && permits == 0 && readers == 0, "somebody is in");
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = WORKERS };
	unsigned long rounds = race_begin(argc, argv, 2000);
	struct race_random random = race_stream(0);
	struct pirn_executor *pool;
	pthread_t thread[THREADS];

	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < THREADS; i++)
		thread[i] = race_thread(visit, (void *)(uintptr_t)(i + 1));
	for (unsigned long i = 0; i < rounds; i++) {
		struct pirn_task *task[TASKS];

		for (unsigned k = 0; k < TASKS; k++) {
			struct visitor v = { PIRN_INIT(visitor),
					     .random = race_stream(i * TASKS + k + 10) };

			RACE_CHECK(pirn_spawn(pool, &task[k], &v.future) == 0, "spawn failed");
		}
		for (unsigned k = race_below(&random, 60); k > 0; k--)
			race_linger(&random);
		for (unsigned k = 0; k < TASKS; k++) {
			struct pirn_cancel cancel = pirn_cancel(task[k]);
			struct pirn_join join = pirn_join(task[k]);

			pirn_block_on(k % 2 ? &cancel.future : &join.future);
			pirn_task_detach(task[k]);
		}
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pirn_executor_free(pool);
	nobody_is_in();
	race_say("%lu came in, %lu gave up, %lu tasks were cancelled", atomic_load(&entered),
		 atomic_load(&given_up), atomic_load(&cancelled));
	return 0;
}
