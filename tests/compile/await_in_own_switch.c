/* trap: ^pirn: tests/compile/await_in_own_switch\.c:16: an await or yield inside a switch */
/* The case of the await belongs to the inner switch, where nobody looks for it: use if. */
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
		PIRN_AWAIT(f, &f->child.future); /* traps even though the child is READY at once */
		break;
	}
	PIRN_END(f);
}

int main(void)
{
	struct choosy c = { PIRN_INIT(choosy), .way = 1, .child = pirn_ready(0) };

	return pirn_block_on(&c.future);
}
