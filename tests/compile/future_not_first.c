/* error: the future comes first */
/* A pointer to the future is a pointer to the frame. */
#include <pirn.h>

struct upside_down {
	int n;
	struct pirn_future future;
};

PIRN_ASYNC(upside_down, f)
{
	PIRN_BEGIN(f);
	f->n = 1;
	PIRN_END(f);
}
