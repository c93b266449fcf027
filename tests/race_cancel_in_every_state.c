/* SPDX-License-Identifier: MIT */
/*
 * A cancel meets a task that is queued, being polled, idle, about to end, or ended; another
 * thread wakes it meanwhile. In each case the cancel comes back, and the frame's finally part ran
 * once.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_pool.h"
#include "race.h"

enum at { QUEUED, POLLED, IDLE, AT_END, KINDS };
static const char *const at_name[] = { "queued", "polled", "idle", "ended" };

struct patient {
	struct pirn_future future;
	struct race_random random;
	unsigned steps, done;
	int *finally; /* plain: read behind the cancel */
};

static struct pirn_waker *waker;
static atomic_uint where; /* relaxed: only counted */
static atomic_uint given; /* the waker is there, or never comes */
static struct race_gate gate = { .n = 2 };
static unsigned long rounds;

/* A poll by hand, since it wants to linger and to be seen in each state. */
static enum pirn_poll patient_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct patient *p = (struct patient *)(void *)f;

	atomic_store_explicit(&where, POLLED, memory_order_relaxed);
	if (f->at == 0) {
		f->at = 1;
		waker = pirn_waker_clone(cx->waker);
		atomic_store_explicit(&given, 1, memory_order_release);
	}
	for (unsigned i = race_below(&p->random, 12); i > 0; i--)
		race_linger(&p->random);
	if (p->done++ >= p->steps) {
		++*p->finally;
		atomic_store_explicit(&where, AT_END, memory_order_relaxed);
		return PIRN_READY;
	}
	if (race_below(&p->random, 2)) {
		pirn_waker_wake_by_ref(cx->waker);
		atomic_store_explicit(&where, QUEUED, memory_order_relaxed);
	} else {
		atomic_store_explicit(&where, IDLE, memory_order_relaxed);
	}
	return PIRN_PENDING;
}

static void patient_drop(struct pirn_future *f)
{
	struct patient *p = (struct patient *)(void *)f;

	if (f->at != PIRN_AT_READY)
		++*p->finally;
	if (f->at == 0)
		atomic_store_explicit(&given, 2, memory_order_release);
}

static const struct pirn_future_ops patient_ops = {
	.name = "patient",
	.file = __FILE__,
	.size = sizeof(struct patient),
	.poll = patient_poll,
	.drop = patient_drop,
};

/* Keeps it going, so that it is not always found idle. */
static void *wake(void *arg)
{
	struct race_random random = race_stream(1);

	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		race_meet(&gate);
		race_await(&given, 1);
		if (atomic_load(&given) == 1) {
			for (unsigned k = race_below(&random, 8); k > 0; k--) {
				pirn_waker_wake_by_ref(waker);
				race_linger(&random);
			}
			pirn_waker_drop(waker);
		}
		race_meet(&gate);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct faulty host;
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	struct pirn_executor *pool;
	struct race_random random;
	unsigned long found[KINDS] = { 0 }, cancelled = 0, by_itself = 0, unpolled = 0;
	pthread_t thread;

	rounds = race_begin(argc, argv, 4000);
	random = race_stream(2);
	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	thread = race_thread(wake, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		struct patient p = { .future = { .ops = &patient_ops } };
		struct pirn_cancel cancel;
		struct pirn_task *task;
		int finally = 0, at;

		p.random = race_stream(100 + i);
		p.steps = race_below(&random, 6);
		p.finally = &finally;
		atomic_store(&given, 0);
		atomic_store(&where, QUEUED);
		RACE_CHECK(pirn_spawn(pool, &task, &p.future) == 0, "no task");
		race_meet(&gate);
		for (unsigned k = race_below(&random, 12); k > 0; k--)
			race_linger(&random);
		cancel = pirn_cancel(task);
		at = (int)atomic_load_explicit(&where, memory_order_relaxed);
		RACE_CHECK(pirn_block_on(&cancel.future) == 0, "cancel: %d", cancel.future.err);
		found[at]++;
		RACE_CHECK(finally == 1, "the finally part ran %d times (%s)", finally,
			   at_name[at]);
		if (pirn_task_future(task))
			by_itself++;
		else
			cancelled++;
		unpolled += atomic_load(&given) == 2;
		pirn_task_detach(task);
		race_meet(&gate);
	}
	pthread_join(thread, NULL);
	pirn_executor_free(pool);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	for (int i = 0; i < KINDS; i++)
		race_say("%lu of %lu found it %s", found[i], rounds, at_name[i]);
	race_say("%lu were cancelled, %lu of them never polled; %lu ended by themselves", cancelled,
		 unpolled, by_itself);
	return 0;
}
