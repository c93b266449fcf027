/* trap: ^pirn: tests/compile/spawn_of_nothing\.c:12:.*spawn of a future that is empty */
/* A second spawn of one future: the first has moved it away. */
#include <pirn_pool.h>

int main(void)
{
	struct pirn_ready r = pirn_ready(0);
	struct pirn_executor *pool;

	pirn_pool_new(&pool, NULL);
	pirn_spawn(pool, NULL, &r.future);
	pirn_spawn(pool, NULL, &r.future);
	return pirn_executor_free(pool);
}
