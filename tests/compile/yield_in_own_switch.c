/* trap: ^pirn: tests/compile/yield_in_own_switch\.c:15: an await or yield inside a switch */
/* As an await; it shows when the body goes on. */
#include <pirn.h>

struct choosy {
	struct pirn_future future;
	int way;
};

PIRN_ASYNC(choosy, f)
{
	PIRN_BEGIN(f);
	switch (f->way) {
	case 1:
		PIRN_YIELD(f);
		break;
	}
	PIRN_END(f);
}

int main(void)
{
	struct choosy c = { PIRN_INIT(choosy), .way = 1 };

	return pirn_block_on(&c.future);
}
