/* trap: ^pirn: .*: a pool shut down on one of its own threads */
/* It would wait for itself. */
#include <pirn_blocking.h>
#include <pirn_pool.h>

static int end_it_all(struct pirn_executor *pool)
{
	return pirn_pool_shutdown(pool, PIRN_DRAIN, UINT64_MAX) > 0;
}

PIRN_UNBLOCK_FN(int, end_it_all, struct pirn_executor *);

int main(void)
{
	struct pirn_executor *pool;

	if (pirn_pool_default(&pool))
		return 1;
	struct end_it_all_call call = end_it_all_call(pool);
	return pirn_block_on(&call.future);
}
