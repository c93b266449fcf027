/* trap: ^pirn: tests/compile/two_joins\.c:13:.*two joins or cancels pending on one handle */
/* A handle has room for one who waits; the place is that of the spawn. */
#include <pirn_pool.h>

int main(void)
{
	struct pirn_pending p = pirn_pending();
	struct pirn_join first, second;
	struct pirn_future *both[] = { &first.future, &second.future };
	struct pirn_all all = pirn_all(both, 2);
	struct pirn_task *t;

	if (pirn_spawn(NULL, &t, &p.future))
		return 1;
	first = pirn_join(t);
	second = pirn_join(t);
	return pirn_block_on(&all.future);
}
