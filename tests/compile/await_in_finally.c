/* error: pirn_await_not_allowed_here */
/* The finally part also runs in a drop, which cannot wait. */
#include <pirn.h>

struct patient {
	struct pirn_future future;
	struct pirn_yield nap;
};

PIRN_ASYNC(patient, f)
{
	PIRN_BEGIN(f);
	PIRN_FINALLY(f);
	f->nap = pirn_yield();
	PIRN_AWAIT(f, &f->nap.future);
	PIRN_END(f);
}
