/* SPDX-License-Identifier: MIT */
/* One thread, no pool: a future by hand, one with the macros, a waker and a loop of our own. */
#include <pirn.h>
#include <stdio.h>

static struct pirn_waker *bell; /* the waker of who waits for the bell */

/* By hand, a switch over where it stands: PENDING until the bell takes its waker and calls it. */
static enum pirn_poll ring_poll(struct pirn_future *f, struct pirn_context *cx)
{
	switch (f->at) {
	case 0:
		f->at = 1;
		break;
	default:
		if (!bell)
			return PIRN_READY;
	}
	pirn_waker_keep(&bell, cx);
	return PIRN_PENDING;
}

/* clang-format off */
static void ring_drop(struct pirn_future *f) /* given up: takes the waker back */
{ if (f->at == 1 && bell) { pirn_waker_drop(bell); bell = NULL; } }
static const struct pirn_future_ops ring_ops = {
	"ring", __FILE__, sizeof(struct pirn_future), ring_poll, ring_drop };

/* A waker of our own: it stands for the loop in main, so there is nothing to count. */
static bool woken = true;
static struct pirn_waker *loop_clone(struct pirn_waker *w) { return w; }
static void loop_wake(struct pirn_waker *w) { (void)w; woken = true; }
static void loop_drop(struct pirn_waker *w) { (void)w; }
static const struct pirn_waker_ops loop_ops = { loop_clone, loop_wake, loop_wake, loop_drop };

/* With the macros: waits for two rings. What must survive an await lies in the frame. */
struct guest { struct pirn_future future, ring; int rings; };
/* clang-format on */
PIRN_ASYNC(guest, f)
{
	PIRN_BEGIN(f);
	while (f->rings++ < 2) {
		pirn_future_init(&f->ring, &ring_ops);
		PIRN_AWAIT(f, &f->ring);
	}
	PIRN_END(f);
}

int main(void)
{
	struct pirn_waker waker = { &loop_ops }, *taken;
	struct guest guest = { PIRN_INIT(guest) };
	struct pirn_future by_hand = { .ops = &ring_ops }, *task[] = { &by_hand, &guest.future };
	struct pirn_context cx;
	int rings = 0;

	for (int i = 0; i < 2;) {
		for (; !woken; rings++) { /* nothing to do: the world goes on, and the bell rings */
			taken = bell;
			bell = NULL;
			pirn_waker_wake(taken);
		}
		woken = false;
		pirn_context_init(&cx, &waker, NULL);
		if (pirn_poll(task[i], &cx) == PIRN_READY) {
			printf("%s has ended, rings so far: %d\n", task[i++]->ops->name, rings);
			woken = true; /* the next one wants its first poll */
		}
	}
	return rings != 3;
}
