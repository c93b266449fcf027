/* trap: ^pirn: .*return_pending_from_body\.c:[0-9]*: body of stuck left by a return */
/* Pending, and no await that would have arranged for a wake. */
#include <pirn.h>

struct stuck {
	struct pirn_future future;
};

PIRN_ASYNC(stuck, f)
{
	PIRN_BEGIN(f);
	return PIRN_PENDING;
	PIRN_END(f);
}

int main(void)
{
	struct stuck s = { PIRN_INIT(stuck) };

	return pirn_block_on(&s.future);
}
