/* trap: ^pirn: .*waiters\.c: one in line that was moved, or a copy */
/* A wait is in line once. */
#include <pirn_event.h>

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
	static struct pirn_event event;
	struct pirn_event_wait wait = pirn_event_wait(&event), copy;
	struct pirn_waker waker = { &idle_ops };
	struct pirn_context cx;

	pirn_context_init(&cx, &waker, NULL);
	if (pirn_poll(&wait.future, &cx) != PIRN_PENDING)
		return 1;
	copy = wait;
	pirn_drop(&copy.future);
	return 0;
}
