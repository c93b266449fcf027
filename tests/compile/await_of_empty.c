/* trap: ^pirn: tests/compile/await_of_empty\.c:13: polled an empty future */
/* The place of the await, for an empty child has none. */
#include <pirn.h>

struct napper {
	struct pirn_future future;
	struct pirn_yield nap;
};

PIRN_ASYNC(napper, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->nap.future);
	PIRN_END(f);
}

int main(void)
{
	struct napper n = { PIRN_INIT(napper) };

	return pirn_block_on(&n.future);
}
