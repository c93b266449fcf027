/* trap: ^pirn: .*: block_on inside a poll or on a worker */
/* A drop never waits, and on a worker it is run outside any poll. */
#include <pirn_pool.h>

struct sleeper {
	struct pirn_future future;
	struct pirn_pending child;
	struct pirn_yield nap;
};

PIRN_ASYNC(sleeper, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->child.future);
	PIRN_FINALLY(f);
	f->nap = pirn_yield();
	pirn_block_on(&f->nap.future);
	PIRN_END(f);
}

int main(void)
{
	struct sleeper s = { PIRN_INIT(sleeper), .child = pirn_pending() };
	struct pirn_task *t;

	if (pirn_spawn(NULL, &t, &s.future))
		return 1;
	struct pirn_cancel cancel = pirn_cancel(t);
	return pirn_block_on(&cancel.future);
}
