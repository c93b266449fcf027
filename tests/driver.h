/* SPDX-License-Identifier: MIT */
/*
 * The drop driver: an executor on one thread that does all on command, and the two questions it
 * asks of every body: what if you are dropped at this point, and what if that could not be had?
 *
 *	static struct pirn_future *make_lunch(struct driver *d, void *arg)
 *	{
 *		static struct lunch f; // moved away, as by a spawn
 *
 *		f = (struct lunch){ PIRN_INIT(lunch), .plate = driver_take(d) };
 *		return &f.future;
 *	}
 *
 *	struct driver_report r = driver_each_drop(make_lunch, NULL, NULL);
 *
 *	cr_assert(!r.wrong, "%s: %s", r.run, r.wrong);
 *
 * It runs the body undisturbed and counts the points where a task is left pending; then once for
 * each point, where it drops the task that stands there: the root or any other. It does so in
 * several orders of tasks and jobs, with a wake for nothing here and there; with the root as a
 * task, dropped where it would be polled, and as a plain future polled by hand, dropped at once;
 * and with the jobs of given-up calls taken back, or left to run.
 *
 * After each run everything must be back: memory, tasks, jobs, and what was taken by driver_take,
 * which must be given back once. A frame that owns such a thing when it is made, and gives it
 * back in its finally part, so proves that this part runs once. What a run leaves behind is freed
 * all the same, so that a mistake is a value to look at, and no leak.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include "executor.h"
#include "list.h"
#include "pirn.h"

struct driver;

/*
 * Makes the root future of one run, and what it works with (channels, other tasks), out of the
 * driver's memory. NULL: that could not be had; then nothing is left behind.
 */
typedef struct pirn_future *driver_make(struct driver *d, void *arg);

/* Looks at the outcome of a run, when all has ended. Returns what is wrong, or NULL. */
typedef const char *driver_check(struct driver *d, void *arg);

struct driver_report {
	unsigned runs;
	unsigned drops;    /* runs in which a task was dropped */
	unsigned failures; /* runs in which something could not be had */
	const char *wrong; /* NULL: nothing; else the first mistake, and */
	char run[96];      /* the run that showed it */
};

struct driver_report driver_each_drop(driver_make *make, driver_check *check, void *arg);

/* Each allocation, admission of a task and submission of a job fails once, in a run of its own. */
struct driver_report driver_each_failure(driver_make *make, driver_check *check, void *arg);

/* ---- for bodies ---- */

/* Something that must be given back once. NULL: it could not be had. */
void *driver_take(struct driver *d);
void driver_give(void *thing); /* NULL is fine; twice is a mistake that the report names */

/* ---- the executor, for tests that command it themselves ---- */

#define DRIVER_NEVER (~0u)

struct driver {
	struct pirn_executor executor; /* first */
	struct pirn_platform platform; /* its memory counts, and can fail */
	/* orders: set them behind driver_init */
	uint64_t seed;    /* 0: tasks in order, then jobs in order; else a random order */
	bool leave_jobs;  /* withdraw comes too late: a job that was given up runs */
	unsigned fail_at; /* the n-th thing asked for, from 1, cannot be had; 0: all can */
	unsigned drop_at; /* the task that stands at this point is dropped; 0: the root, unpolled */
	/* the outcome */
	unsigned asked;    /* how many things that can fail */
	unsigned points;   /* how many times a task was left pending */
	unsigned blocks;   /* allocated, not freed */
	unsigned things;   /* taken, not given back */
	unsigned holds;    /* jobs in the hands of futures */
	unsigned pushes;   /* how many times a task came into the queue */
	unsigned tasks;    /* that have not ended */
	bool dropped;      /* the order to drop was carried out */
	bool ended;        /* the root has ended by itself */
	int err;           /* how */
	unsigned wakers;   /* clones of the driver's own waker */
	bool woken;        /* by it */
	const char *wrong; /* the first mistake */
	/* private */
	struct pirn_task **live, **queue; /* room for as many as live each */
	unsigned room, queued, steps;
	int spawning;
	bool closing, unlinked;
	struct list jobs, allocated, taken;
	struct pirn_waker waker;
};

void driver_init(struct driver *d);

/* Polls a future by hand, outside any task, with the driver's own waker. */
enum pirn_poll driver_poll(struct driver *d, struct pirn_future *f);

/* Runs one task or job. False: there is none. */
bool driver_step(struct driver *d);

/* Runs all there is to run. */
void driver_run(struct driver *d);

/*
 * As pirn_executor_free: cancels the tasks that are left and runs the rest. Then everything must
 * be back. Returns d->wrong; of the driver its outcome stays.
 */
const char *driver_end(struct driver *d);

#endif
