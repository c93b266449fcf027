/* SPDX-License-Identifier: MIT */
/* The threads that a pool makes: names, stacks, hooks, processors. */
#include "config.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "pirn_blocking.h"
#include "pools.h"
#include "thread.h"

/* ---- what a thread looks like, seen from a poll and from a call --------------------------- */

struct look {
	char name[16];
	size_t stack;
	cpu_set_t cpus;
	pthread_t thread;
};

static void look_around(struct look *l)
{
	pthread_attr_t attr;
	void *low;

	memset(l, 0, sizeof(*l));
	l->thread = pthread_self();
	pthread_getname_np(l->thread, l->name, sizeof(l->name));
	pthread_getattr_np(l->thread, &attr);
	pthread_attr_getstack(&attr, &low, &l->stack);
	pthread_attr_destroy(&attr);
	pthread_getaffinity_np(l->thread, sizeof(l->cpus), &l->cpus);
}

struct glance {
	struct look *look;
	sem_t *door; /* NULL, or it waits here */
};

static atomic_int looks;

static int glance(struct glance *g)
{
	look_around(g->look);
	atomic_fetch_add(&looks, 1);
	while (g->door && sem_wait(g->door))
		;
	return 0;
}

PIRN_UNBLOCK(glance, NULL);

/* Looks in its poll, and then in a call. */
struct looker {
	struct pirn_future future;
	struct look *here, *there;
	sem_t *door; /* the call waits here */
	struct glance_call call;
};

PIRN_ASYNC(looker, f)
{
	PIRN_BEGIN(f);
	look_around(f->here);
	f->call = glance_call((struct glance){ f->there, f->door });
	PIRN_TRY(f, &f->call.future);
	PIRN_END(f);
}

static struct pirn_task *spawn_looker(struct look *here, struct look *there, sem_t *at)
{
	struct looker l = { PIRN_INIT(looker), .here = here, .there = there, .door = at };
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(pool, &t, &l.future), 0);
	return t;
}

static void look(struct look *here, struct look *there)
{
	struct pirn_task *t = spawn_looker(here, there, NULL);

	cr_expect_eq(join(t), 0);
	pirn_task_detach(t);
}

static void begin_threads(void)
{
	begin();
	atomic_store(&looks, 0);
}

TestSuite(threads, .init = begin_threads, .fini = end);

/* ---- names --------------------------------------------------------------------------------- */

Test(threads, are_called_pirn_and_numbered_for_each_kind)
{
	struct look here, there;

	make_pool(1);
	look(&here, &there);
	cr_expect_str_eq(here.name, "pirn-w0");
	cr_expect_str_eq(there.name, "pirn-b0");
}

Test(threads, are_called_as_the_config_says_cut_so_that_the_number_is_whole)
{
	static const struct {
		const char *name, *worker, *blocking;
	} names[] = {
		{ "db", "db-w0", "db-b0" },
		{ "", "-w0", "-b0" },
		{ "twelve-bytes", "twelve-bytes-w0", "twelve-bytes-b0" },
		{ "some more than thirteen", "some more th-w0", "some more th-b0" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pirn_pool_config config = { .threads = 1, .platform = &host.platform };
		char name[32];
		struct look here, there;

		strcpy(name, names[i].name);
		config.name = name;
		cr_assert_eq(pirn_pool_new(&pool, &config), 0);
		memset(name, '!', sizeof(name)); /* it need not outlive the making */
		look(&here, &there);
		cr_expect_str_eq(here.name, names[i].worker);
		cr_expect_str_eq(there.name, names[i].blocking);
		free_pool();
	}
}

/* ---- stacks -------------------------------------------------------------------------------- */

/* The C library may give a larger one that it has kept, so this is larger than all others. */
Test(threads, have_stacks_of_the_size_that_the_config_says)
{
	struct pirn_pool_config config = { .threads = 1, .platform = &host.platform };
	struct look here, there;
	pthread_attr_t usual;

	pthread_getattr_default_np(&usual);
	pthread_attr_getstacksize(&usual, &config.stack_size);
	pthread_attr_destroy(&usual);
	config.stack_size += 16 * 1048576;
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	look(&here, &there);
	cr_expect_geq(here.stack, config.stack_size - 1048576);
	cr_expect_geq(there.stack, config.stack_size - 1048576);
}

Test(threads, cannot_be_made_with_a_stack_too_small_for_any)
{
	struct pirn_pool_config config = {
		.threads = 2,
		.stack_size = 1,
		.platform = &host.platform,
	};

	cr_expect_eq(pirn_pool_new(&pool, &config), -EINVAL);
	cr_expect_null(pool);
}

/* ---- hooks --------------------------------------------------------------------------------- */

#define MOST 64

static struct {
	atomic_int started[2][MOST], stopping[2][MOST]; /* of [blocking][number] */
	pthread_t thread[2][MOST];
	atomic_int all_started, all_stopping, wrong;
	atomic_int last; /* stopped when the pool's memory had been given back */
} hooks;

static void thread_started(void *arg, bool blocking, unsigned number)
{
	/* A number is given again only when the thread that had it has stopped. */
	if (arg != &hooks || number >= MOST ||
	    atomic_fetch_add(&hooks.started[blocking][number], 1) !=
		    atomic_load(&hooks.stopping[blocking][number])) {
		atomic_fetch_add(&hooks.wrong, 1);
		return;
	}
	hooks.thread[blocking][number] = pthread_self();
	atomic_fetch_add(&hooks.all_started, 1);
}

static void thread_stopping(void *arg, bool blocking, unsigned number)
{
	if (arg != &hooks || number >= MOST ||
	    atomic_fetch_add(&hooks.stopping[blocking][number], 1) + 1 !=
		    atomic_load(&hooks.started[blocking][number]) ||
	    !pthread_equal(hooks.thread[blocking][number], pthread_self()))
		atomic_fetch_add(&hooks.wrong, 1);
	if (atomic_load(&host.blocks) == 0) {
		atomic_fetch_add(&hooks.last, 1);
		/* A new pool may lie where the old one lay. */
		atomic_fetch_add(&hooks.wrong, pirn__thread.owner != NULL);
	}
	atomic_fetch_add(&hooks.all_stopping, 1);
}

static struct pirn_pool_config hooked(unsigned threads)
{
	struct pirn_pool_config config = {
		.threads = threads,
		.platform = &host.platform,
		.thread_started = thread_started,
		.thread_stopping = thread_stopping,
		.hook_arg = &hooks,
	};

	memset(&hooks, 0, sizeof(hooks));
	return config;
}

Test(threads, of_both_kinds_call_the_hooks_in_pairs)
{
	struct pirn_pool_config config = hooked(3);
	struct look here[2], there[2];
	struct pirn_task *t[2];

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 2; i++)
		t[i] = spawn_looker(&here[i], &there[i], &door);
	await(&looks, 2);
	cr_expect_eq(atomic_load(&hooks.started[1][0]), 1);
	cr_expect_eq(atomic_load(&hooks.started[1][1]), 1);
	for (int i = 0; i < 2; i++) {
		cr_expect(pthread_equal(there[i].thread, hooks.thread[1][0]) ||
			  pthread_equal(there[i].thread, hooks.thread[1][1]));
		sem_post(&door);
	}
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(join(t[i]), 0);
		pirn_task_detach(t[i]);
	}
	free_pool();
	for (int i = 0; i < 3; i++)
		cr_expect_eq(atomic_load(&hooks.stopping[0][i]), 1);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(atomic_load(&hooks.stopping[1][i]), 1);
	cr_expect_eq(atomic_load(&hooks.all_started), 5);
	cr_expect_eq(atomic_load(&hooks.all_stopping), 5);
	cr_expect_eq(atomic_load(&hooks.wrong), 0);
}

Test(threads, call_the_hooks_in_pairs_also_where_the_next_one_cannot_be_had)
{
	for (int n = 1; n <= 5; n++) {
		struct pirn_pool_config config = hooked(5);

		faulty_fail_thread(&host, (unsigned)n, 1);
		cr_expect_eq(pirn_pool_new(&pool, &config), -EAGAIN);
		cr_expect_eq(atomic_load(&hooks.all_started), n - 1);
		cr_expect_eq(atomic_load(&hooks.all_stopping), n - 1);
		cr_expect_eq(atomic_load(&hooks.wrong), 0);
	}
}

Test(threads, that_block_give_their_numbers_to_those_that_follow)
{
	struct pirn_pool_config config = hooked(1);
	struct look here, there;

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 3; i++) {
		look(&here, &there);
		while (i < 2 && atomic_load(&hooks.all_stopping) <= i)
			usleep(10000); /* it ends by itself, and sees to the one before */
	}
	free_pool();
	cr_expect_eq(atomic_load(&hooks.started[1][0]), 2);
	cr_expect_eq(atomic_load(&hooks.started[1][1]), 1);
	cr_expect_eq(atomic_load(&hooks.wrong), 0);
}

/* Hooks may use pirn, on other pools. */
static struct pirn_executor *other;
static atomic_int sums;

static void count_on_the_other(void *arg, bool blocking, unsigned number)
{
	struct pirn_task *t = spawn_sum(other, 4);

	(void)arg;
	(void)blocking;
	(void)number;
	if (join(t) == 0) /* traps inside a poll */
		atomic_fetch_add(&sums, result_of(t));
	pirn_task_detach(t);
}

Test(threads, call_the_hooks_outside_of_polls)
{
	struct pirn_pool_config plain = { .threads = 1, .platform = &host.platform };
	struct pirn_pool_config config = {
		.threads = 2,
		.platform = &host.platform,
		.thread_started = count_on_the_other,
		.thread_stopping = count_on_the_other,
	};
	struct look here, there;

	atomic_store(&sums, 0);
	cr_assert_eq(pirn_pool_new(&other, &plain), 0);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	look(&here, &there);
	free_pool();
	cr_expect_eq(atomic_load(&sums), 2 * 3 * 10);
	cr_expect_eq(pirn_executor_free(other), 0);
}

Test(threads, of_an_abandoned_pool_call_the_hooks_in_pairs)
{
	struct pirn_pool_config config = hooked(2);
	struct look here[3], there[3];
	struct pirn_task *t[3];

	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	for (int i = 0; i < 3; i++)
		t[i] = spawn_looker(&here[i], &there[i], &door);
	await(&looks, 3);
	while (pirn_pool_shutdown(pool, PIRN_CANCEL, 1000000) != 3)
		sched_yield();
	cr_expect_eq(pirn_pool_abandon(pool), 0);
	pool = NULL;
	cr_expect_eq(atomic_load(&hooks.all_stopping), 2); /* the workers */
	for (int i = 0; i < 3; i++) {
		pirn_task_detach(t[i]);
		sem_post(&door);
	}
	while (faulty_left(&host) != 0)
		sched_yield();
	cr_expect_eq(atomic_load(&hooks.all_started), 5);
	cr_expect_eq(atomic_load(&hooks.all_stopping), 5);
	cr_expect_eq(atomic_load(&hooks.last), 1); /* so its user knows that all is over */
	cr_expect_eq(atomic_load(&hooks.wrong), 0);
}

/* ---- processors ---------------------------------------------------------------------------- */

static atomic_int pins, fail_pin; /* of a thread by another one; the nth fails; 0: none */
static atomic_bool fail_own_pins; /* of threads by themselves */
static atomic_bool late_pins;     /* the others' come behind the thread's start hook */
static atomic_int looked;         /* start hooks that were called */

/* In place of the C library's. */
int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *cpus)
{
	int (*real)(pthread_t, size_t, const cpu_set_t *);

	if (pthread_equal(thread, pthread_self())) {
		if (atomic_load(&fail_own_pins))
			return EPERM;
	} else {
		int n = atomic_fetch_add(&pins, 1) + 1;

		if (n == atomic_load(&fail_pin))
			return EPERM;
		while (atomic_load(&late_pins) && atomic_load(&looked) < n)
			sched_yield();
	}
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_setaffinity_np");
	return real(thread, size, cpus);
}

static void pinning_begins(void)
{
	begin_threads();
	atomic_store(&pins, 0);
	atomic_store(&fail_pin, 0);
	atomic_store(&fail_own_pins, false);
	atomic_store(&late_pins, false);
	atomic_store(&looked, 0);
}

TestSuite(affinity, .init = pinning_begins, .fini = end);

static struct look begun[2][MOST]; /* of [blocking][number], as seen by the hook */

static void look_in_hook(void *arg, bool blocking, unsigned number)
{
	(void)arg;
	look_around(&begun[blocking][number]);
	atomic_fetch_add(&looked, 1);
}

static struct pirn_pool_config pinned(unsigned threads)
{
	struct pirn_pool_config config = {
		.threads = threads,
		.platform = &host.platform,
		.thread_started = look_in_hook,
		.affinity = true,
	};

	memset(begun, 0, sizeof(begun));
	return config;
}

static cpu_set_t nth_of(const cpu_set_t *cpus, unsigned n)
{
	unsigned cpu = 0;
	cpu_set_t one;

	while (!CPU_ISSET(cpu, cpus) || n-- > 0)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return one;
}

Test(affinity, keeps_each_worker_on_its_processor_round_and_round_and_blocking_threads_on_none)
{
	struct pirn_pool_config config = pinned(5);
	struct look here, there;
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	atomic_store(&late_pins, true);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	look(&here, &there); /* the worker makes the blocking thread */
	free_pool();
	for (unsigned i = 0; i < 5; i++) {
		one = nth_of(&all, i % (unsigned)CPU_COUNT(&all));
		cr_expect(CPU_EQUAL(&begun[0][i].cpus, &one), "worker %u", i);
	}
	cr_expect_eq(CPU_COUNT(&here.cpus), 1);
	cr_expect(CPU_EQUAL(&begun[1][0].cpus, &all));
	cr_expect(CPU_EQUAL(&there.cpus, &all));
}

Test(affinity, is_one_of_those_that_the_maker_of_the_pool_may_use)
{
	struct pirn_pool_config config = pinned(3);
	struct look here, there;
	cpu_set_t all, last;

	sched_getaffinity(0, sizeof(all), &all);
	last = nth_of(&all, (unsigned)CPU_COUNT(&all) - 1);
	sched_setaffinity(0, sizeof(last), &last);
	cr_expect_eq(pirn_pool_new(&pool, &config), 0);
	sched_setaffinity(0, sizeof(all), &all);
	look(&here, &there);
	cr_expect(CPU_EQUAL(&here.cpus, &last));
	cr_expect(CPU_EQUAL(&there.cpus, &last));
}

Test(affinity, that_cannot_be_had_is_an_error_and_no_pool)
{
	for (int n = 1; n <= 3; n++) {
		struct pirn_pool_config config = hooked(3);

		config.affinity = true;
		atomic_store(&pins, 0);
		atomic_store(&fail_pin, n);
		cr_expect_eq(pirn_pool_new(&pool, &config), -EPERM);
		cr_expect_null(pool);
		cr_expect_eq(faulty_left(&host), 0);
		cr_expect_eq(atomic_load(&hooks.all_started), n);
		cr_expect_eq(atomic_load(&hooks.all_stopping), n);
	}
}

Test(affinity, is_there_when_the_pool_is_even_if_no_thread_could_see_to_it_itself)
{
	struct pirn_pool_config config = pinned(2);
	struct look here, there;

	atomic_store(&fail_own_pins, true);
	cr_assert_eq(pirn_pool_new(&pool, &config), 0);
	look(&here, &there);
	cr_expect_eq(CPU_COUNT(&here.cpus), 1);
}
