/* trap: ^pirn: .*return_ready_from_body\.c:[0-9]*: body of hasty left by a return */
/* A plain return would leave out the finally part. */
#include <pirn.h>

struct hasty {
	struct pirn_future future;
	struct pirn_ready child;
};

PIRN_ASYNC(hasty, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->child.future);
	return PIRN_READY;
	PIRN_END(f);
}

int main(void)
{
	struct hasty h = { PIRN_INIT(hasty), .child = pirn_ready(0) };

	return pirn_block_on(&h.future);
}
