/* trap: ^pirn: .*: a blocking function returned neither 0 nor a negative errno */
/* Often a forgotten minus sign, or a count that belongs into the data. */
#include <errno.h>
#include <pirn_blocking.h>

struct query {
	int n;
};

static int query(struct query *q)
{
	q->n = 1;
	return ENOENT;
}

PIRN_UNBLOCK(query, NULL);

int main(void)
{
	struct query_call call = query_call((struct query){ 0 });

	return pirn_block_on(&call.future);
}
