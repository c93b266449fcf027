/* trap: ^pirn: .*: a select or race without a branch */
/* It would wait for ever. */
#include <pirn.h>

int main(void)
{
	struct pirn_select none = pirn_select(NULL, NULL, NULL, NULL);

	return pirn_block_on(&none.future);
}
