/* trap: : recv_blocking inside a poll */
/* Also where the message is there, and nothing would have to sleep. */
#include <pirn_broadcast.h>

PIRN_BROADCAST(number, int);

static enum pirn_poll receive(void *arg, struct pirn_context *cx, int *err)
{
	int n;

	(void)cx;
	*err = number_recv_blocking((struct number_receiver *)arg, &n);
	return PIRN_READY;
}

int main(void)
{
	struct number_sender *tx = NULL;
	struct number_receiver rx;
	struct pirn_poll_fn f = pirn_poll_fn(receive, &rx);
	int n = 1;

	if (number_broadcast(&tx, &rx, 1))
		return 1;
	number_send(tx, &n);
	return pirn_block_on(&f.future);
}
