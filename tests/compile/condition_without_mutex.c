/* trap: ^pirn: .*condition\.c: a wait with a guard that does not hold its mutex */
/* Who looks at the thing holds its mutex, until it waits. */
#include <pirn_mutex.h>

int main(void)
{
	static struct pirn_condition condition;
	static struct pirn_mutex mutex;
	struct pirn_mutex_lock guard = pirn_mutex_lock(&mutex);
	struct pirn_condition_wait wait = pirn_condition_wait(&condition, &guard);

	return pirn_block_on(&wait.future);
}
