/* trap: ^pirn: .*semaphore\.c: a guard that was moved, or a copy, holds nothing */
/* Also where the one behind it, which is not its neighbour any more, has gone. */
#include <pirn_semaphore.h>

static struct pirn_waker *same(struct pirn_waker *w)
{
	return w;
}

static void nothing(struct pirn_waker *w)
{
	(void)w;
}

static const struct pirn_waker_ops idle_ops = { same, nothing, nothing, nothing };

int main(void)
{
	static struct pirn_semaphore none;
	struct pirn_semaphore_acquire guard[2], copy;
	struct pirn_waker waker = { &idle_ops };
	struct pirn_context cx;

	pirn_context_init(&cx, &waker, NULL);
	for (int i = 0; i < 2; i++) {
		guard[i] = pirn_semaphore_acquire(&none, 1);
		if (pirn_poll(&guard[i].future, &cx) != PIRN_PENDING)
			return 1;
	}
	copy = guard[0];
	pirn_drop(&guard[1].future);
	/* What its memory may hold by now: whatever fooled a look at it. */
	guard[1].request.waiter.prev = &copy.request.waiter;
	pirn_drop(&copy.future);
	return 0;
}
