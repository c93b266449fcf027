/* SPDX-License-Identifier: MIT */
/*
 * channel/condition.c: one waits for a thing, one waits and gives up, one brings the thing and
 * notifies one.
 */
#include "config.h"

#include <string.h>

#include "model.h"
#include "pirn_mutex.h"
#include "waker.h"

struct scene {
	struct pirn_mutex mutex;
	struct pirn_condition condition;
	unsigned thing; /* under the mutex */
};

static struct scene *s;

static void make(void)
{
	s = model_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
}

static void wait_for_it(struct pirn_mutex_lock *lock)
{
	while (!s->thing) {
		struct pirn_condition_wait wait = pirn_condition_wait(&s->condition, lock);

		MODEL_CHECK(pirn_block_on(&wait.future) == 0);
	}
}

/* Dropped when it is not notified, when it is, and while it locks again. */
static void wait_and_give_up(struct pirn_mutex_lock *lock)
{
	struct pirn_condition_wait wait = pirn_condition_wait(&s->condition, lock);
	enum pirn_poll poll = PIRN_PENDING;

	for (unsigned n = 1 + model_choose(3); n > 0 && poll == PIRN_PENDING; n--)
		poll = poll_with_a_waker(&wait.future, NULL);
	if (poll == PIRN_READY) /* it has taken the notification */
		pirn_condition_notify(&s->condition, 1);
	pirn_drop(&wait.future);
}

static void wait_or_bring(unsigned i)
{
	struct pirn_mutex_lock lock = pirn_mutex_lock(&s->mutex);
	bool early = model_choose(2);

	MODEL_CHECK(pirn_block_on(&lock.future) == 0);
	if (i == 0)
		wait_for_it(&lock);
	else if (i == 1)
		wait_and_give_up(&lock);
	else
		s->thing = 1;
	if (i == 2 && early) /* so that who is notified finds the mutex held */
		pirn_condition_notify(&s->condition, 1);
	pirn_mutex_unlock(&lock);
	if (i == 2 && !early)
		pirn_condition_notify(&s->condition, 1);
}

const struct model condition_models[] = {
	{ "condition: two waits, one of which gives up", 3, 0, 40000, false, make, wait_or_bring,
	  NULL },
	{ .name = NULL },
};
