/* error: pirn_await_not_allowed_here */
/* The macro would run the finally part again, and again. */
#include <pirn.h>

struct hasty {
	struct pirn_future future;
};

PIRN_ASYNC(hasty, f)
{
	PIRN_BEGIN(f);
	PIRN_FINALLY(f);
	PIRN_RETURN(f, -1);
	PIRN_END(f);
}
