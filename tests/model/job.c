/* SPDX-License-Identifier: MIT */
/* lib/job.c: the thread that runs a job, and the future that waits for it or gives it up. */
#include "config.h"

#include "job.h"
#include "model.h"
#include "waker.h"

#define RESULT 7

struct scene {
	struct pirn_job *job;
	unsigned released;
};

static struct scene *s;

static int run(void *data)
{
	*(int *)data = RESULT;
	return 0;
}

static void release(void *data)
{
	MODEL_CHECK(*(int *)data == 0 || *(int *)data == RESULT);
	*(int *)data = 0;
	s->released++;
}

static void make(void)
{
	s = model_alloc(sizeof(*s));
	s->released = 0;
	s->job = pirn__job_new(&model_platform.memory, sizeof(int));
	s->job->run = run;
	s->job->release = release;
	*(int *)(void *)s->job->data = 0;
}

static enum pirn_poll wait_poll(void *arg, struct pirn_context *cx, int *err)
{
	(void)arg;
	if (!pirn__job_poll(s->job, cx))
		return PIRN_PENDING;
	MODEL_CHECK(*(int *)(void *)s->job->data == RESULT && s->job->ran);
	*err = s->job->err;
	return PIRN_READY;
}

static void run_or_wait(unsigned i)
{
	struct pirn_poll_fn wait = pirn_poll_fn(wait_poll, NULL);

	if (i == 0) {
		pirn__job_run(s->job);
		return;
	}
	if (model_choose(2) && poll_with_a_waker(&wait.future, NULL) == PIRN_READY) {
		pirn__job_free(s->job);
		return;
	}
	MODEL_CHECK(pirn_block_on(&wait.future) == 0);
	pirn__job_free(s->job);
}

static void run_or_give_up(unsigned i)
{
	struct pirn_poll_fn wait = pirn_poll_fn(wait_poll, NULL);

	if (i == 0) {
		pirn__job_run(s->job);
		return;
	}
	if (model_choose(2))
		poll_with_a_waker(&wait.future, NULL);
	MODEL_CHECK(s->job->memory == &model_platform.memory);
	pirn__job_abandon(s->job);
}

static void released_once(void)
{
	MODEL_CHECK(s->released == 1);
}

const struct model job_models[] = {
	{ "job: it ends, and is waited for", 2, 0, 10000, false, make, run_or_wait, NULL },
	{ "job: it ends, and is given up", 2, 0, 10000, false, make, run_or_give_up,
	  released_once },
	{ .name = NULL },
};
