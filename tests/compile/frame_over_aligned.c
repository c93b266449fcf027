/* error: tasks are aligned to 16 */
/* A task is one block; what wants more alignment lies elsewhere. */
#include <pirn.h>

struct wide {
	struct pirn_future future;
	_Alignas(64) char line[64];
};

PIRN_ASYNC(wide, f)
{
	PIRN_BEGIN(f);
	f->line[0] = 1;
	PIRN_END(f);
}
