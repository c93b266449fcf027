/* SPDX-License-Identifier: MIT */
/* The blocking threads of a pool that ends, where a call comes late: of a thread that was lent. */
#include "config.h"

#include <pthread.h>
#include <signal.h>

#include "naps.h"
#include "pirn_event.h"

static struct pirn_event bell;
static sem_t gate;
static atomic_int at_gate;
static atomic_bool gate_is_shut;

static void stop_at_gate(void)
{
	atomic_fetch_add(&at_gate, 1);
	while (sem_wait(&gate))
		;
}

/* When the bell is rung it makes a call. */
struct late {
	struct pirn_future future;
	sem_t *door;
	struct pirn_event_wait wait;
	struct nap_call call;
};

PIRN_ASYNC(late, f)
{
	PIRN_BEGIN(f);
	f->wait = pirn_event_wait(&bell);
	atomic_fetch_add(&waiting, 1);
	PIRN_TRY(f, &f->wait.future);
	f->call = nap_call((struct nap){ .door = f->door });
	PIRN_TRY(f, &f->call.future);
	PIRN_FINALLY(f);
	pirn_drop(&f->call.future);
	PIRN_END(f);
}

static void *lend(void *f)
{
	int err = pirn_executor_run(pool, f);

	pirn_drop(f);
	return (void *)(intptr_t)err;
}

static void *shut_down(void *ns)
{
	return (void *)(intptr_t)pirn_pool_shutdown(pool, PIRN_DRAIN, *(uint64_t *)ns);
}

static pthread_t thread(void *(*body)(void *), void *arg)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, body, arg), 0);
	return t;
}

static int end_of(pthread_t t)
{
	void *result;

	pthread_join(t, &result);
	return (int)(intptr_t)result;
}

static void begin_stop(void)
{
	begin_shutdown();
	sem_init(&gate, 0, 0);
	atomic_store(&at_gate, 0);
	atomic_store(&gate_is_shut, false);
	memset(&bell, 0, sizeof(bell));
}

TestSuite(stop, .init = begin_stop, .fini = end);

static int create_or_fail_late(const struct pirn_platform *platform, pthread_t *t, size_t stack,
			       void *(*body)(void *), void *arg)
{
	if (!atomic_load(&gate_is_shut))
		return faulty_thread_create(platform, t, stack, body, arg);
	stop_at_gate();
	return -EAGAIN;
}

Test(stop, does_not_wait_for_a_thread_that_cannot_be_made)
{
	struct pirn_pool_config config = {
		.threads = 1,
		.blocking_threads = 2,
		.platform = &host.platform,
	};
	struct late late = { PIRN_INIT(late), .door = NULL };
	uint64_t ns = NO_LIMIT;
	pthread_t lent, ending;
	int err;

	host.platform.thread_create = create_or_fail_late;
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	leave_a_call_running();
	lent = thread(lend, &late);
	await(&waiting, 1);
	ending = thread(shut_down, &ns);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	atomic_store(&gate_is_shut, true);
	pirn_event_notify(&bell, 1);
	await(&at_gate, 1); /* one more thread is being made */
	sem_post(&door);
	await(&ended, 2); /* the one there is has run both calls */
	while (atomic_load(&host.running) > 1)
		sched_yield();
	sem_post(&gate);
	cr_expect_eq(end_of(ending), 0);
	err = end_of(lent);
	cr_expect(err == 0 || err == -ESHUTDOWN);
}

static void start_late(void *arg, bool blocking, unsigned number)
{
	(void)arg;
	(void)number;
	if (blocking)
		stop_at_gate();
}

static enum pirn_poll fickle_poll(void *arg, struct pirn_context *cx, int *err)
{
	struct nap_call call = nap_call((struct nap){ .door = arg });

	*err = 0;
	pirn_poll(&call.future, cx);
	pirn_drop(&call.future);
	return PIRN_READY;
}

Test(stop, keeps_its_limit_for_a_call_that_comes_while_it_waits_for_a_thread_alone)
{
	struct pirn_pool_config config = {
		.threads = 1,
		.platform = &host.platform,
		.thread_started = start_late,
	};
	struct pirn_poll_fn fickle = pirn_poll_fn(fickle_poll, &door);
	struct late late = { PIRN_INIT(late), .door = &door };
	uint64_t ns = A_MOMENT;
	pthread_t lent, ending;

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	cr_assert_eq(pirn_executor_run(pool, &fickle.future), 0);
	await(&at_gate, 1); /* for a call that is no more */
	lent = thread(lend, &late);
	await(&waiting, 1);
	ending = thread(shut_down, &ns);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	pirn_event_notify(&bell, 1);
	cr_expect_eq(end_of(ending), 1);
	sem_post(&gate);
	sem_post(&door);
	cr_expect_eq(end_of(lent), 0);
}

/* ---- misuse -------------------------------------------------------------------------------- */

static enum pirn_poll traitor_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)cx;
	*err = 0;
	pirn_executor_free(arg);
	return PIRN_READY;
}

static int lend_to_another(int n)
{
	struct pirn_pool_config config = { .threads = PIRN_NO_THREADS };
	struct pirn_poll_fn traitor = pirn_poll_fn(traitor_poll, pool);
	struct pirn_executor *other;

	if (pirn_pool_new(&other, &config) || pirn_spawn(other, NULL, &traitor.future))
		return -1;
	pirn_executor_run(other, NULL);
	return n;
}

PIRN_UNBLOCK_FN(int, lend_to_another, int);

static enum pirn_poll caller_poll(void *arg, struct pirn_context *cx, int *err)
{
	*err = 0;
	return pirn_poll(arg, cx);
}

Test(stop, traps_on_a_thread_of_the_pool_that_a_call_has_lent_elsewhere, .signal = SIGABRT)
{
	struct lend_to_another_call call = lend_to_another_call(1);
	struct pirn_poll_fn caller = pirn_poll_fn(caller_poll, &call.future);

	make_pool(1);
	pirn_executor_run(pool, &caller.future);
}
