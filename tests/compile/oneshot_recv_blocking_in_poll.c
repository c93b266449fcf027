/* trap: in_poll\.c:5: recv_blocking inside a poll */
/* Also where the message is there, and nothing would have to sleep. */
#include <pirn_oneshot.h>

PIRN_ONESHOT(number, int, NULL);

static enum pirn_poll receive(void *arg, struct pirn_context *cx, int *err)
{
	int n;

	(void)cx;
	*err = number_recv_blocking((struct number_oneshot *)arg, &n);
	return PIRN_READY;
}

int main(void)
{
	static struct number_oneshot o;
	struct pirn_poll_fn f = pirn_poll_fn(receive, &o);
	int n = 1;

	number_send(&o, &n);
	return pirn_block_on(&f.future);
}
