/* trap: ^pirn: .*semaphore\.c: a guard that was moved, or a copy, holds nothing */
/* A guard that waits stands in line where it was polled. */
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
	struct pirn_semaphore_acquire guard = pirn_semaphore_acquire(&none, 1), moved;
	struct pirn_waker waker = { &idle_ops };
	struct pirn_context cx;

	pirn_context_init(&cx, &waker, NULL);
	if (pirn_poll(&guard.future, &cx) != PIRN_PENDING)
		return 1;
	moved = guard;
	pirn_drop(&moved.future);
	return 0;
}
