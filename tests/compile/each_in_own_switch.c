/* trap: ^pirn: tests/compile/each_in_own_switch\.c:16: an await or yield inside a switch */
/* As an await. */
#include <pirn.h>

struct choosy {
	struct pirn_future future;
	struct pirn_ready child;
	int way;
};

PIRN_ASYNC(choosy, f)
{
	PIRN_BEGIN(f);
	switch (f->way) {
	case 1:
		PIRN_EACH(f, f->child, pirn_ready(0))
			break;
		break;
	}
	PIRN_END(f);
}

int main(void)
{
	struct choosy c = { PIRN_INIT(choosy), .way = 1 };

	return pirn_block_on(&c.future);
}
