/* trap: ^pirn: .*: polled a future that has ended */
/* READY is said once; the result is in the future. */
#include <pirn.h>

int main(void)
{
	struct pirn_ready r = pirn_ready(0);

	pirn_block_on(&r.future);
	return pirn_block_on(&r.future);
}
