/* trap: ^pirn: .*: polled an empty future */
/* A dropped future is empty. */
#include <pirn.h>

int main(void)
{
	struct pirn_yield y = pirn_yield();

	pirn_drop(&y.future);
	return pirn_block_on(&y.future);
}
