/* trap: ^pirn: .*once\.c: done by one who need not do it */
/* Only who must can say that it is done. */
#include <pirn_once.h>

int main(void)
{
	static struct pirn_once once;
	struct pirn_once_begin begin = pirn_once_begin(&once);

	if (pirn_block_on(&begin.future) || !begin.must)
		return 1;
	pirn_once_done(&begin);
	pirn_once_done(&begin);
	return 0;
}
