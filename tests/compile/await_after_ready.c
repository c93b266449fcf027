/* trap: ^pirn: tests/compile/await_after_ready\.c:15: polled a future that has ended */
/* An await ends once; the result is in the child. */
#include <pirn.h>

struct napper {
	struct pirn_future future;
	struct pirn_yield nap;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	PIRN_TRY(f, &f->nap.future);
	PIRN_TRY(f, &f->nap.future);
	PIRN_END(f);
}

int main(void)
{
	struct napper n = { PIRN_INIT(napper) };

	return pirn_block_on(&n.future);
}
