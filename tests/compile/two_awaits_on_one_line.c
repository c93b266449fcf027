/* error: duplicate case value */
/* An await is a case named by its line, so two cannot share one. */
#include <pirn_async.h>

struct twice {
	struct pirn_future future;
	struct pirn_yield nap;
};

/* clang-format off */
PIRN_ASYNC(twice, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->nap.future); PIRN_AWAIT(f, &f->nap.future);
	PIRN_END(f);
}
/* clang-format on */
