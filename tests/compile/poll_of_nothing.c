/* trap: ^pirn: .*empty */
/* All-zero memory is a future, but there is nothing in it to poll. */
#include <pirn.h>

int main(void)
{
	struct pirn_future nothing = { 0 };

	return pirn_block_on(&nothing);
}
