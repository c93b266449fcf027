/* gcc: warning: -Wreturn-type: control reaches end of non-void function */
/* clang: warning: -Wreturn-type: non-void function does not return a value */
/* A body is the inside of a switch: a break that belongs to no loop leaves it without an end. */
#include <pirn.h>

struct breaker {
	struct pirn_future future;
	int n;
};

PIRN_ASYNC(breaker, f)
{
	PIRN_BEGIN(f);
	if (f->n > 3)
		break;
	PIRN_END(f);
}

const struct pirn_future_ops *breaker_operations = &breaker_ops;
