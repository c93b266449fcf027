/* SPDX-License-Identifier: MIT */
/*
 * A blocking job: one block that owns what the blocking thread touches, and one word on which the
 * future and the thread agree who comes last. Who comes last frees it.
 *
 * An executor queues jobs and calls run, or fail, once for each it did not give back by withdraw.
 */
#ifndef PIRN_JOB_H
#define PIRN_JOB_H

#include "atomic.h"
#include "list.h"
#include "pirn.h"

struct pirn_job {
	struct list node;               /* the executor's queue */
	struct link waiter;             /* nobody yet, a waker, or one of the two ends (job.c) */
	int (*run)(void *data);         /* 0 or a negative errno */
	void (*release)(void *data);    /* NULL: nothing is owned */
	struct pirn_executor *executor; /* the future's hold on it */
	const struct pirn_memory *memory;
	size_t size; /* of data */
	int err;     /* of run, or why it did not run; written before the end, read after */
	bool ran;
	const struct pirn_future_ops *of; /* the call's: its name, for those who list it */
	_Alignas(16) unsigned char data[];
};

/* NULL: out of memory. */
struct pirn_job *pirn__job_new(const struct pirn_memory *memory, size_t size);
void pirn__job_free(struct pirn_job *job);

/* For the blocking thread: run it, or end it unrun with err; then tell who waits. */
void pirn__job_run(struct pirn_job *job);
void pirn__job_fail(struct pirn_job *job, int err);

/* For the future: true if it has ended, else the context's waker will be woken. */
bool pirn__job_poll(struct pirn_job *job, struct pirn_context *cx);

/* For the future, which gives up: whoever comes last releases the data and frees the job. */
void pirn__job_abandon(struct pirn_job *job);

#endif
