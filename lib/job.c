/* SPDX-License-Identifier: MIT */
/*
 * The one word of a job:
 *
 *	NULL       new, or submitted by somebody who does not wait
 *	a waker    the future waits; the waker belongs to the word
 *	ENDED      it has run (or failed); the job is the future's
 *	GIVEN_UP   the future is gone; the job is the blocking thread's
 *
 * Each change takes out what was there, so nobody looks at the job after giving it away.
 *
 * Orderings.
 *
 *   tag   writer                        reader                    without it
 *   [J1]  end: release on waiter        poll, abandon: acquire    the future reads the result
 *                                                                 before it is written
 *   [J2]  poll: release on waiter       end: acquire              the thread wakes a waker that
 *                                                                 it sees half made
 *   [J3]  abandon: release on waiter    end: acquire              the thread frees the job while
 *                                                                 the future's last reads go on
 */
#include "config.h"

#include "job.h"

#include <string.h>

#define ENDED ((void *)1) /* no waker has these addresses */
#define GIVEN_UP ((void *)2)

struct pirn_job *pirn__job_new(const struct pirn_memory *memory, size_t size)
{
	struct pirn_job *job = NULL;

	if (size < SIZE_MAX - sizeof(*job))
		job = memory->alloc(memory, sizeof(*job) + size);
	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	link_init(&job->waiter, NULL);
	job->memory = memory;
	job->size = size;
	return job;
}

void pirn__job_free(struct pirn_job *job)
{
	const struct pirn_memory *memory = job->memory;

	memory->free(memory, job, sizeof(*job) + job->size);
}

static void release_and_free(struct pirn_job *job)
{
	if (job->release)
		job->release(job->data);
	pirn__job_free(job);
}

static void end(struct pirn_job *job)
{
	/* [J1] Without release the future could read the result before it is there. */
	/* [J2] [J3] Without acquire we could use a waker, or free a job, not yet let go of. */
	void *waiter = link_exchange_acq_rel(&job->waiter, ENDED);

	if (waiter == GIVEN_UP)
		release_and_free(job);
	else if (waiter)
		pirn_waker_wake(waiter);
}

void pirn__job_run(struct pirn_job *job)
{
	job->err = job->run(job->data);
	if (job->err > 0)
		pirn_trap(NULL, 0, "a blocking function returned neither 0 nor a negative errno");
	job->ran = true;
	end(job);
}

void pirn__job_fail(struct pirn_job *job, int err)
{
	job->err = err;
	end(job);
}

bool pirn__job_poll(struct pirn_job *job, struct pirn_context *cx)
{
	/* [J1] Without acquire we could read the result before it is there. */
	void *found = link_load_acquire(&job->waiter);
	struct pirn_waker *clone;

	if (found == ENDED)
		return true;
	if (found == cx->waker)
		return false;
	clone = pirn_waker_clone(cx->waker);
	/* [J2] Without release the thread could wake a waker that it sees half made. */
	if (link_cas_release(&job->waiter, &found, clone)) {
		if (found)
			pirn_waker_drop(found);
		return false;
	}
	/* The only change that others make is the end. */
	pirn_waker_drop(clone);
	/* [J1] The compare-and-swap that failed ordered nothing. */
	return link_load_acquire(&job->waiter) == ENDED;
}

void pirn__job_abandon(struct pirn_job *job)
{
	/* [J1] Without acquire we could release a result before it is there. */
	/* [J3] Without release the thread could free the job under our last reads. */
	void *waiter = link_exchange_acq_rel(&job->waiter, GIVEN_UP);

	if (waiter == ENDED)
		release_and_free(job);
	else if (waiter)
		pirn_waker_drop(waiter);
}
