/* SPDX-License-Identifier: MIT */
/*
 * The static executor under interrupts: another thread sends signals to the executor's own, whose
 * handler wakes at whatever instruction it is, and wakes by itself as well. No wake is lost, and
 * every room is free again when its task has ended.
 */
#include "config.h"

#include <errno.h>

#include "pirn_static.h"
#include "race.h"

#define TASKS 3

/* Waits until what it was given has come often enough; takes its waker back itself. */
struct line {
	struct pirn_future future;
	int n;
	unsigned goal;
};

static struct pirn_static ex;
static struct pirn_waker *volatile waker[TASKS]; /* NULL: no task */
static atomic_uint level[TASKS], interrupts, wakes, told;
static atomic_bool over;

static enum pirn_poll line_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct line *l = (struct line *)(void *)f;

	if (f->at == 0) {
		f->at = 1;
		waker[l->n] = pirn_waker_clone(cx->waker);
	}
	if (atomic_load_explicit(&level[l->n], memory_order_relaxed) < l->goal)
		return PIRN_PENDING;
	return PIRN_READY;
}

static const struct pirn_future_ops line_ops = { "line", __FILE__, sizeof(struct line), line_poll,
						 NULL };

PIRN_STATIC_TASKS(line, TASKS);

static void tell(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&told, 1, memory_order_relaxed);
}

/* An interrupt clones, wakes and drops, whatever it interrupts. */
static void interrupt(int signal)
{
	unsigned n = atomic_fetch_add_explicit(&interrupts, 1, memory_order_relaxed) % TASKS;
	struct pirn_waker *w = waker[n];

	(void)signal;
	if (!w)
		return;
	atomic_fetch_add_explicit(&level[n], 1, memory_order_relaxed);
	pirn_waker_drop(pirn_waker_clone(w));
	pirn_waker_wake(pirn_waker_clone(w));
}

static pthread_t main_thread;

/* It has a waker of its own for the first task, which never ends. */
static void *wake(void *arg)
{
	struct race_random random = race_stream(7);

	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		race_linger(&random);
		pthread_kill(main_thread, SIGUSR1);
		race_linger(&random);
		pirn_waker_wake_by_ref(arg);
		atomic_fetch_add_explicit(&wakes, 1, memory_order_relaxed);
	}
	pirn_waker_drop(arg);
	return NULL;
}

static void spawn(int n, unsigned goal)
{
	struct line l = { .n = n, .goal = goal };

	pirn_future_init(&l.future, &line_ops);
	RACE_CHECK(pirn_static_spawn(&ex, NULL, &line_tasks, &l.future) == 0, "no room");
}

static void mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

/* A main loop as in pirn_static.h. */
static void run_until(unsigned n, unsigned goal)
{
	sigset_t none;

	sigemptyset(&none);
	while (atomic_load_explicit(&level[n], memory_order_relaxed) < goal || !waker[n]) {
		while (pirn_static_poll(&ex))
			;
		mask(SIG_BLOCK);
		if (pirn_static_idle(&ex))
			sigsuspend(&none);
		mask(SIG_UNBLOCK);
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 3000);
	struct sigaction action = { .sa_handler = interrupt };
	pthread_t thread;

	pirn_static_init(&ex, tell, NULL);
	spawn(0, ~0u);
	pirn_static_poll(&ex);
	main_thread = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	thread = race_thread(wake, pirn_waker_clone(waker[0]));
	for (unsigned long r = 0; r < rounds; r++) {
		struct pirn_waker *last;

		for (int n = 1; n < TASKS; n++) {
			atomic_store(&level[n], 0);
			spawn(n, 2);
		}
		for (unsigned n = 1; n < TASKS; n++)
			run_until(n, 2);
		/* The last wake of each is under way or was served: it must have ended. */
		for (int n = 1; n < TASKS; n++) {
			mask(SIG_BLOCK);
			last = waker[n];
			waker[n] = NULL;
			mask(SIG_UNBLOCK);
			pirn_waker_drop(last);
		}
		while (pirn_static_poll(&ex))
			;
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	race_say("%u interrupts, %u wakes by the thread, told %u times", atomic_load(&interrupts),
		 atomic_load(&wakes), atomic_load(&told));
	return 0;
}
