/* SPDX-License-Identifier: MIT */
/*
 * The pool as an executor: spawn and push. (How it ends: shutdown.c.)
 *
 * Who comes from outside is counted as a sender for as long as it touches the pool. To close it,
 * closing is set, then senders that saw it otherwise are waited for.
 *
 * Orderings.
 *
 *   tag   writer                         reader                      without it
 *   [E1]  admit, submit: outside + 1,    close: closing := more,     both miss each other: a task
 *         then load closing              then load outside (all      is added to a pool whose end
 *         (seq_cst)                      four seq_cst)               found none
 *   [E2]  leave: release on outside      close, free: acquire on     the pool is freed while a
 *                                        outside                     sender is still in it
 *   [E3]  unref: release on refs         last unref: acquire         the same for a call's last
 *                                                                    look at the pool
 */
#include "config.h"

#include "pool.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

#define MAX_THREADS 1024u
#define LENT_THREADS 8u

/* ---- senders ------------------------------------------------------------------------------- */

/*
 * The lower half of registry.outside counts both kinds: who pushes (or was lent), and above that
 * who was admitted; up to 65,535 threads at the same moment.
 */
#define PUSH UINT64_C(1)
#define ADMISSION (UINT64_C(1) << 16)

static void leave_as(struct pool *p, uint64_t kind)
{
	/* [E2] Without release the pool could be freed under our last steps. */
	word_sub_release(&p->registry.outside, kind);
}

static void leave(struct pool *p)
{
	leave_as(p, ADMISSION);
}

void pirn__pool_hold(struct pool *p)
{
	word_add_relaxed(&p->registry.outside, PUSH);
}

void pirn__pool_let_go(struct pool *p)
{
	leave_as(p, PUSH);
}

/*
 * Comes in with n tasks, unless the pool has come so far in its end. Returns 0, -ESHUTDOWN, or
 * -ENOMEM: there are no places for them.
 */
static int enter(struct pool *p, size_t n, uint32_t refused_from)
{
	uint64_t coming = n * REGISTRY_NUMBER + ADMISSION, outside;
	int err = -ESHUTDOWN;

	/* Those who come and are refused, again and again, do not hold up who waits for senders. */
	if (half_load_relaxed(&p->closing) >= refused_from)
		return -ESHUTDOWN;
	/* [E1] With less, close could miss us and we could miss that it closes. */
	outside = word_add_seq_cst(&p->registry.outside, coming) + coming;
	/* [E1] As above. */
	if (half_load_seq_cst(&p->closing) < refused_from)
		err = n > 0 ? pirn__registry_admit_outside(&p->registry, outside) : 0;
	if (err)
		leave_as(p, coming);
	return err;
}

/*
 * Waits until at least so few are left: below ADMISSION nobody is admitted, below PUSH nobody at
 * all. Each is on its way out: a few instructions or a futex call, at most the making of a
 * thread; but while the pool drains, its own calls may come without a pause. False: it is late.
 */
static bool wait_for_senders(struct pool *p, uint64_t below, uint64_t until)
{
	/* [E1] As in enter. [E2] Without acquire we could free what a sender still looks at. */
	while (word_load_seq_cst(&p->registry.outside) % REGISTRY_NUMBER >= below) {
		if (pirn__late(p->executor.platform, until))
			return false;
		sched_yield();
	}
	return true;
}

bool pirn__pool_close(struct pool *p, uint32_t closing, uint64_t until)
{
	uint32_t before = half_load_relaxed(&p->closing);

	/* [E1] With less, a spawn could miss that we close and we could miss it. */
	if (before < closing)
		half_cas_seq_cst(&p->closing, &before, closing);
	return wait_for_senders(p, ADMISSION, until);
}

size_t pirn__pool_tasks(struct pool *p)
{
	uint32_t senders;
	size_t n;

	/* Whoever came and is refused had its tasks counted for a moment. */
	while ((n = pirn__registry_left(&p->registry, &senders)) > 0 && senders >= ADMISSION)
		sched_yield();
	return n;
}

void pirn__pool_wait_for_pushes(struct pool *p)
{
	wait_for_senders(p, PUSH, UINT64_MAX);
}

/* ---- tasks --------------------------------------------------------------------------------- */

/* The calling thread's worker, if it is one of this pool. */
static struct worker *own_worker(struct pirn_executor *ex)
{
	return pirn__thread.owner == ex ? pirn__thread.worker : NULL;
}

/*
 * A worker is no sender: before it stops it runs its queue dry, and whatever becomes idle after
 * `closing` is to end.
 */
static int pool_admit(struct pirn_executor *ex, struct pirn_task *newest, size_t n)
{
	struct worker *w = own_worker(ex);
	struct pool *p = pool_of(ex);

	(void)newest;
	if (n > REGISTRY_MOST)
		return -ENOMEM;
	if (!w)
		return enter(p, n, POOL_DRAINING);
	if (half_load_relaxed(&p->closing) >= POOL_CLOSING)
		return -ESHUTDOWN;
	return registry_admit(&p->registry, w->shard, n);
}

static void inject(struct pool *p, struct pirn_task *newest, struct pirn_task *oldest)
{
	size_t n = 1;

	for (struct pirn_task *t = newest; t != oldest; t = t->at.next)
		n++;
	pirn__injector_push(&p->injector, newest, oldest);
	if (n == 1)
		pirn__sleep_notify(&p->sleep);
	else
		pirn__sleep_notify_many(&p->sleep, n);
}

/* No lock may be taken, so whoever sleeps gets up, and looks. */
static void inject_by_signal(struct pool *p, struct pirn_task *t)
{
	pirn__injector_push(&p->injector, t, t);
	for (unsigned i = 0, n = half_load_relaxed(&p->used); i < n; i++)
		pirn__unpark(&p->worker[i].bed.parker);
}

static void pool_start(struct pirn_executor *ex, struct pirn_task *newest, struct pirn_task *oldest)
{
	struct worker *w = own_worker(ex);

	if (!w) {
		inject(pool_of(ex), newest, oldest);
		leave(pool_of(ex));
	} else if (newest == oldest) {
		pirn__worker_push(w, newest, false);
	} else {
		pirn__worker_push_many(w, newest, oldest);
	}
}

static void pool_push(struct pirn_executor *ex, struct pirn_task *t)
{
	struct pool *p = pool_of(ex);
	struct worker *w = own_worker(ex);

	if (w) {
		pirn__worker_push(w, t, false);
		return;
	}
	/* The task cannot end before it is in the queue, so the pool stands: no order needed. */
	pirn__pool_hold(p);
	if (pirn__thread.in_handler)
		inject_by_signal(p, t);
	else
		inject(p, t, t);
	pirn__pool_let_go(p);
}

static void pool_again(struct pirn_executor *ex, struct pirn_task *t)
{
	pirn__worker_push(own_worker(ex), t, true);
}

static bool pool_take(struct pirn_executor *ex, struct pirn_task *t)
{
	struct worker *w = own_worker(ex);

	return w && local_take(&w->local, t);
}

static bool pool_link(struct pirn_executor *ex, struct pirn_task *t)
{
	struct pool *p = pool_of(ex);

	return pirn__registry_link(&p->registry, (unsigned)(own_worker(ex) - p->worker), t);
}

static void pool_unlink(struct pirn_executor *ex, struct pirn_task *t)
{
	registry_end(&pool_of(ex)->registry, own_worker(ex)->shard, t);
}

static size_t pool_size(unsigned places)
{
	return sizeof(struct pool) + places * sizeof(struct worker);
}

/* ---- calls --------------------------------------------------------------------------------- */

static int pool_submit(struct pirn_executor *ex, struct pirn_job *job)
{
	struct pool *p = pool_of(ex);
	int err = enter(p, 0, pirn__thread.owner == ex ? POOL_CLOSING : POOL_DRAINING);

	if (err)
		return err;
	word_add_relaxed(&p->refs, 1); /* [E3] relaxed: we are counted as a sender */
	err = pirn__blocking_submit(&p->blocking, job);
	if (err)
		ex->ops->let_go(ex);
	leave(p);
	return err;
}

static bool pool_withdraw(struct pirn_executor *ex, struct pirn_job *job)
{
	return pirn__blocking_withdraw(&pool_of(ex)->blocking, job);
}

static void pool_let_go(struct pirn_executor *ex)
{
	const struct pirn_memory *memory = &ex->platform->memory;
	struct pool *p = pool_of(ex);

	/* [E3] Release: our use comes before the free. Acquire: the free comes after all use. */
	if (word_sub_acq_rel(&p->refs, 1) != 1)
		return;
	pirn__blocking_deinit(&p->blocking);
	memory->free(memory, p, pool_size(p->places));
}

/* ---- the end ------------------------------------------------------------------------------- */

void pirn__pool_stop_workers(struct pool *p, unsigned n)
{
	half_store_relaxed(&p->stopping, 1); /* the unpark orders it */
	for (unsigned i = 0; i < n; i++)
		pirn__unpark(&p->worker[i].bed.parker);
	for (unsigned i = 0; i < n; i++)
		pthread_join(p->worker[i].thread, NULL);
}

void pirn__pool_deinit(struct pool *p)
{
	for (unsigned i = 0; i < p->places; i++)
		pirn__parker_deinit(&p->worker[i].bed.parker);
	pirn__injector_deinit(&p->injector);
	pirn__sleep_deinit(&p->sleep);
	pirn__registry_deinit(&p->registry);
	pirn__parker_deinit(&p->ended);
	lock_deinit(&p->seats);
	pool_let_go(&p->executor);
}

/* ---- making -------------------------------------------------------------------------------- */

static const struct pirn_executor_ops pool_ops = {
	.admit = pool_admit,
	.start = pool_start,
	.push = pool_push,
	.again = pool_again,
	.take = pool_take,
	.link = pool_link,
	.unlink = pool_unlink,
	.submit = pool_submit,
	.withdraw = pool_withdraw,
	.let_go = pool_let_go,
	.run = pirn__pool_run,
	.tick = pirn__pool_tick,
	.free = pirn__pool_free,
};

/* How many workers: the config's word, else the environment's, else the machine's. */
static int count_threads(const struct pirn_pool_config *config, unsigned *threads)
{
	const char *text = getenv("PIRN_THREADS");
	char *end;
	unsigned long n;

	if (config->threads == PIRN_NO_THREADS) {
		*threads = 0;
	} else if (config->threads > MAX_THREADS) {
		return -EINVAL;
	} else if (config->threads > 0) {
		*threads = config->threads;
	} else if (text) {
		n = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || *end || n < 1 || n > MAX_THREADS)
			return -EINVAL;
		*threads = (unsigned)n;
	} else {
		*threads = pirn__cpus();
		if (*threads > MAX_THREADS)
			*threads = MAX_THREADS;
	}
	return 0;
}

static void init_worker(struct pool *p, unsigned i)
{
	struct worker *w = &p->worker[i];

	memset(w, 0, sizeof(*w));
	w->pool = p;
	w->shard = &p->registry.shard[i];
	pirn__parker_init(&w->bed.parker);
	local_init(&w->local);
}

int pirn_pool_new(struct pirn_executor **out, const struct pirn_pool_config *config)
{
	static const struct pirn_pool_config defaults;
	const struct pirn_platform *platform;
	unsigned threads, places, started = 0;
	struct thread_setup setup;
	struct pool *p;
	int err;

	if (!config)
		config = &defaults;
	err = count_threads(config, &threads);
	if (err)
		return err;
	if (config->lent_threads > MAX_THREADS)
		return -EINVAL;
	places = threads + (config->lent_threads ? config->lent_threads : LENT_THREADS);
	platform = config->platform ? config->platform : pirn_platform_default();
	err = pirn__thread_setup(&setup, config, platform);
	if (err)
		return err;
	p = platform->memory.alloc(&platform->memory, pool_size(places));
	if (!p)
		return -ENOMEM;
	if (pirn__registry_init(&p->registry, &platform->memory, places) < 0) {
		platform->memory.free(&platform->memory, p, pool_size(places));
		return -ENOMEM;
	}
	p->executor.ops = &pool_ops;
	p->executor.platform = platform;
	p->executor.tail = 0;
	word_init(&p->refs, 1);
	half_init(&p->closing, POOL_OPEN);
	half_init(&p->leaving, 0);
	half_init(&p->stopping, 0);
	half_init(&p->ending, 0);
	p->expired = false;
	p->setup = setup;
	half_init(&p->used, threads);
	lock_init(&p->seats);
	pirn__injector_init(&p->injector);
	pirn__sleep_init(&p->sleep, threads);
	pirn__parker_init(&p->ended);
	pirn__blocking_init(&p->blocking, &p->executor, &p->setup, config->blocking_threads);
	p->threads = threads;
	p->places = places;
	for (unsigned i = 0; i < places; i++)
		init_worker(p, i);
	while (started < threads && !err) {
		struct worker *w = &p->worker[started];

		err = pirn__thread_start(&p->setup, &w->thread, pirn__worker, w);
		if (err)
			break;
		err = pirn__thread_pin(&p->setup, w->thread, started++);
	}
	if (err) {
		pirn__pool_stop_workers(p, started);
		pirn__pool_deinit(p);
		return err;
	}
	*out = &p->executor;
	return 0;
}

int pirn_spawn_at(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
		  const char *place)
{
	int err = ex ? 0 : pirn_pool_default(&ex);

	return err ? err : pirn_spawn_on(ex, out, f, place);
}

int pirn_spawn_many_at(struct pirn_executor *ex, struct pirn_task **out, struct pirn_future *f,
		       size_t n, const char *place)
{
	int err = ex ? 0 : pirn_pool_default(&ex);

	return err ? err : pirn_spawn_many_on(ex, out, f, n, place);
}
