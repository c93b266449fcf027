/* trap: ^pirn: .*spawn_after_poll\.c:18:.*spawn of a future that is empty or was polled */
/* A future may be moved until it is first polled, never after. */
#include <pirn_pool.h>

static enum pirn_poll half_way(void *arg, struct pirn_context *cx, int *err)
{
	(void)err;
	pirn_poll(arg, cx);
	return PIRN_READY;
}

int main(void)
{
	struct pirn_yield y = pirn_yield();
	struct pirn_poll_fn once = pirn_poll_fn(half_way, &y.future);

	pirn_block_on(&once.future);
	pirn_spawn(NULL, NULL, &y.future);
	return 0;
}
