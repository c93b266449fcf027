/* SPDX-License-Identifier: MIT */
/* The future of a blocking call: hands a job to an executor, and takes it back. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "executor.h"
#include "job.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"

static struct pirn_call *call_of(struct pirn_future *f)
{
	return (struct pirn_call *)(void *)(f + 1);
}

static void *data_of(struct pirn_future *f, const struct pirn_call_type *type)
{
	return (char *)(void *)f + type->offset;
}

/* Moves the data into a job and submits it. On failure the data is where it was. */
static int start(struct pirn_future *f, struct pirn_call *call, struct pirn_context *cx)
{
	const struct pirn_call_type *type = call->type;
	struct pirn_executor *ex = cx->executor;
	struct pirn_waker *clone;
	struct pirn_job *job;
	int err;

	if (!ex || !ex->ops->submit) {
		err = pirn_pool_default(&ex);
		if (err)
			return err;
	}
	job = pirn__job_new(&ex->platform->memory, type->size);
	if (!job)
		return -ENOMEM;
	job->run = type->run;
	job->release = type->release;
	job->executor = ex;
	job->of = f->ops;
	memcpy(job->data, data_of(f, type), type->size);
	clone = pirn_waker_clone(cx->waker);
	link_init(&job->waiter, clone);
	err = ex->ops->submit(ex, job);
	if (err) {
		pirn_waker_drop(clone);
		pirn__job_free(job);
		return err;
	}
	memset(data_of(f, type), 0, type->size);
	call->job = job;
	return 0;
}

static void take_result(struct pirn_future *f, struct pirn_call *call)
{
	struct pirn_executor *ex = call->job->executor;

	memcpy(data_of(f, call->type), call->job->data, call->type->size);
	f->err = call->job->err;
	call->ran = call->job->ran;
	pirn__job_free(call->job);
	call->job = NULL;
	ex->ops->let_go(ex);
}

enum pirn_poll pirn_call_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_call *call = call_of(f);

	if (!call->job) {
		f->at = 1;
		f->err = start(f, call, cx);
		return f->err ? PIRN_READY : PIRN_PENDING;
	}
	if (!pirn__job_poll(call->job, cx))
		return PIRN_PENDING;
	take_result(f, call);
	return PIRN_READY;
}

void pirn_call_drop(struct pirn_future *f)
{
	struct pirn_call *call = call_of(f);
	const struct pirn_call_type *type = call->type;
	struct pirn_job *job = call->job;

	if (job) {
		struct pirn_executor *ex = job->executor;
		bool ours = ex->ops->withdraw(ex, job);

		pirn__job_abandon(job);
		if (ours) /* nobody runs it: end it here, which releases what it was given */
			pirn__job_fail(job, -ECANCELED);
		call->job = NULL;
		ex->ops->let_go(ex);
		return;
	}
	if (type->release) {
		type->release(data_of(f, type));
		memset(data_of(f, type), 0, type->size);
	}
}
