/* gcc: warning: -Wjump-misses-init: jumps over variable initialization */
/* clang: warning: -O1 -Wconditional-uninitialized: 'sum' may be uninitialized */
/* Locals do not survive an await: what must survive belongs into the frame. */
#include <pirn_async.h>

struct lossy {
	struct pirn_future future;
	struct pirn_yield nap;
	int *out;
};

PIRN_ASYNC(lossy, f)
{
	PIRN_BEGIN(f);
	int sum = 1;

	PIRN_AWAIT(f, &f->nap.future);
	*f->out = sum;
	PIRN_END(f);
}

const struct pirn_future_ops *lossy_operations = &lossy_ops;
