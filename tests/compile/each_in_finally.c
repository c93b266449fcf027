/* error: pirn_await_not_allowed_here */
/* As an await. */
#include <pirn.h>

struct patient {
	struct pirn_future future;
	struct pirn_ready child;
};

PIRN_ASYNC(patient, f)
{
	PIRN_BEGIN(f);
	PIRN_FINALLY(f);
	PIRN_EACH(f, f->child, pirn_ready(0))
		break;
	PIRN_END(f);
}
