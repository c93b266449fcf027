/* trap: ^pirn: .*: an executor freed on one of its own threads */
/* It would wait for itself. */
#include <pirn_pool.h>

struct traitor {
	struct pirn_future future;
};

PIRN_ASYNC(traitor, f)
{
	PIRN_BEGIN(f);
	pirn_executor_free(cx->executor);
	PIRN_END(f);
}

int main(void)
{
	struct traitor t = { PIRN_INIT(traitor) };
	struct pirn_task *task;

	if (pirn_spawn(NULL, &task, &t.future))
		return 1;
	struct pirn_join join = pirn_join(task);
	return pirn_block_on(&join.future);
}
