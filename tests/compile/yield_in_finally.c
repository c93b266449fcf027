/* error: pirn_await_not_allowed_here */
/* The finally part also runs in a drop, which cannot wait. */
#include <pirn.h>

struct polite {
	struct pirn_future future;
};

PIRN_ASYNC(polite, f)
{
	PIRN_BEGIN(f);
	PIRN_FINALLY(f);
	PIRN_YIELD(f);
	PIRN_END(f);
}
