/* trap: ^pirn: .*: block_on inside a poll */
/* A thread that polls may not sleep: others wait for it. */
#include <pirn.h>

struct sleeper {
	struct pirn_future future;
	struct pirn_yield nap;
};

PIRN_ASYNC(sleeper, f)
{
	PIRN_BEGIN(f);
	f->nap = pirn_yield();
	pirn_block_on(&f->nap.future);
	PIRN_END(f);
}

int main(void)
{
	struct sleeper s = { PIRN_INIT(sleeper) };

	return pirn_block_on(&s.future);
}
