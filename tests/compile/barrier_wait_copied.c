/* trap: ^pirn: .*barrier\.c: a wait that was moved, or a copy, is not in line */
/* A wait is there once. */
#include <pirn_barrier.h>

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
	static struct pirn_barrier barrier = PIRN_BARRIER_INIT(2);
	struct pirn_barrier_wait wait = pirn_barrier_wait(&barrier), copy;
	struct pirn_waker waker = { &idle_ops };
	struct pirn_context cx;

	pirn_context_init(&cx, &waker, NULL);
	if (pirn_poll(&wait.future, &cx) != PIRN_PENDING)
		return 1;
	copy = wait;
	pirn_drop(&copy.future);
	return 0;
}
