/* trap: ^pirn: .*: a body dropped inside its own finally part */
/* The finally part runs once. */
#include <pirn.h>

struct ouroboros {
	struct pirn_future future;
};

PIRN_ASYNC(ouroboros, f)
{
	PIRN_BEGIN(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->future);
	PIRN_END(f);
}

int main(void)
{
	struct ouroboros o = { PIRN_INIT(ouroboros) };

	return pirn_block_on(&o.future);
}
