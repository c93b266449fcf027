/* SPDX-License-Identifier: MIT */
/* What the suites about the local executor share: one on a counting host, and children on it. */
#ifndef LOCALS_H
#define LOCALS_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "child.h"
#include "faulty.h"
#include "pirn_executor.h"
#include "pirn_local.h"

static struct faulty host;
static struct pirn_executor *ex;
static atomic_int told; /* how often notify was called */

static inline void count(void *n)
{
	atomic_fetch_add((atomic_int *)n, 1);
}

static inline void set_up(void)
{
	struct pirn_local_config config = { .notify = count, .arg = &told };

	faulty_init(&host);
	config.platform = &host.platform;
	atomic_store(&told, 0);
	cr_assert_eq(pirn_local_new(&ex, &config), 0);
}

static inline void end_executor(void)
{
	cr_expect_eq(pirn_executor_free(ex), 0);
	ex = NULL;
}

/* Every test ends with its executor freed and nothing left of it. */
static inline void tear_down(void)
{
	end_executor();
	cr_expect_eq(faulty_left(&host), 0, "%ld blocks left", faulty_left(&host));
}

static inline struct pirn_task *start(struct life *of)
{
	struct child c = child(of);
	struct pirn_task *t = NULL;

	cr_assert_eq(pirn_spawn(ex, &t, &c.future), 0);
	return t;
}

static inline void start_detached(struct life *of)
{
	struct child c = child(of);

	cr_assert_eq(pirn_spawn(ex, NULL, &c.future), 0);
}

static inline void run_all(void)
{
	cr_assert_eq(pirn_executor_run(ex, NULL), 0);
}

/* One block is the executor's. */
static inline int tasks_left(void)
{
	return (int)atomic_load(&host.blocks) - 1;
}

static inline void *wake_there(void *waker)
{
	pirn_waker_wake(waker);
	return NULL;
}

static inline void *wake_by_ref_there(void *waker)
{
	pirn_waker_wake_by_ref(waker);
	return NULL;
}

static inline void *clone_there(void *waker)
{
	return pirn_waker_clone(waker);
}

static inline void *drop_there(void *waker)
{
	pirn_waker_drop(waker);
	return NULL;
}

/* Calls it on another thread, from beginning to end. */
static inline void *elsewhere(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	void *result;

	if (pthread_create(&thread, NULL, body, arg) != 0)
		abort();
	pthread_join(thread, &result);
	return result;
}

#endif
