/* SPDX-License-Identifier: MIT */
/* One thread, no pool: a future by hand, one with the macros, a waker and a loop of our own. */
#include <pirn.h>
#include <stdio.h>

static struct pirn_waker *bell; /* the waker of who waits for the bell */

/* By hand, a switch over where it stands: PENDING until the bell rings, which calls the waker. */
static enum pirn_poll ring_poll(struct pirn_future *f, struct pirn_context *cx)
{
	switch (f->at) {
	case 0:
		f->at = 1;
		pirn_waker_keep(&bell, cx); /* who returns PENDING sees to the wake */
		return PIRN_PENDING;
	default:
		return bell ? PIRN_PENDING : PIRN_READY; /* a poll for nothing is allowed */
	}
}
/* clang-format off */
static void ring_drop(struct pirn_future *f) /* given up: takes the waker back */
{ if (f->at == 1 && bell) { pirn_waker_drop(bell); bell = NULL; } }
static const struct pirn_future_ops ring_ops = {
	"ring", __FILE__, sizeof(struct pirn_future), ring_poll, ring_drop };
static void ring_bell(void)
{ struct pirn_waker *taken = bell; bell = NULL; if (taken) pirn_waker_wake(taken); }

struct guest { struct pirn_future future, ring; int rings; }; /* what survives an await */
PIRN_ASYNC(guest, f) /* with the macros: waits for two rings */
{
	PIRN_BEGIN(f);
	for (; f->rings < 2; f->rings++) {
		pirn_future_init(&f->ring, &ring_ops);
		PIRN_AWAIT(f, &f->ring);
	}
	PIRN_END(f);
}
static bool woken; /* our waker: it stands for the loop in main, so there is nothing to count */
static struct pirn_waker *loop_clone(struct pirn_waker *w) { return w; }
static void loop_wake(struct pirn_waker *w) { (void)w; woken = true; }
static void loop_drop(struct pirn_waker *w) { (void)w; }
static const struct pirn_waker_ops loop_ops = { loop_clone, loop_wake, loop_wake, loop_drop };
int main(void)
{
	struct pirn_waker waker = { &loop_ops };
	struct guest guest = { PIRN_INIT(guest) };
	struct pirn_future ring = { .ops = &ring_ops }, *task[] = { &ring, &guest.future };
	struct pirn_context cx;
	int polls = 0;
	for (int i = 0; i < 2; i++) /* one after the other */
		for (woken = true; woken; polls++) {
			woken = false;
			pirn_context_init(&cx, &waker, NULL);
			if (pirn_poll(task[i], &cx) == PIRN_PENDING)
				ring_bell(); /* the world goes on */
		}
	printf("%d polls for %d rings\n", polls, 1 + guest.rings);
	return polls != 5;
}
