/* SPDX-License-Identifier: MIT */
/* Many futures in parallel: a hundred tasks on one pool, half of them written by hand. */
#include <pirn_pool.h>
#include <stdio.h>

struct part {
	struct pirn_future future; /* first: a pointer to it is a pointer to the frame */
	int n, sum;
};
/* By hand, a switch over where it stands: half of the work, a turn for the others, the rest. */
static enum pirn_poll by_hand_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct part *p = (struct part *)f;
	switch (f->at) {
	case 0:
		p->sum = p->n;
		f->at = 1;
		pirn_waker_wake_by_ref(cx->waker); /* who returns PENDING sees to the wake */
		return PIRN_PENDING;
	default:
		p->sum += p->n + 1;
		return PIRN_READY;
	}
}
static const struct pirn_future_ops by_hand_ops = { "by_hand", __FILE__, sizeof(struct part),
						    by_hand_poll, NULL };
PIRN_ASYNC(part, f) /* the same with the macros */
{
	PIRN_BEGIN(f);
	f->sum = f->n;
	PIRN_YIELD(f);
	f->sum += f->n + 1;
	PIRN_END(f);
}

int main(void)
{
	struct pirn_executor *pool;
	struct pirn_task *task[100];
	int sum = 0;
	if (pirn_pool_new(&pool, NULL) < 0)
		return 1;
	for (int i = 0; i < 100; i++) {
		struct part p = { PIRN_INIT(part), .n = 2 * i };
		if (i % 2)
			p.future.ops = &by_hand_ops;
		if (pirn_spawn(pool, &task[i], &p.future) < 0)
			return 1;
	}
	for (int i = 0; i < 100; i++) {
		if (pirn_join_blocking(task[i]) == 0)
			sum += ((struct part *)pirn_task_future(task[i]))->sum;
		pirn_task_detach(task[i]);
	}
	printf("the numbers below 200 add up to %d\n", sum);
	return pirn_executor_free(pool) < 0 || sum != 19900;
}
