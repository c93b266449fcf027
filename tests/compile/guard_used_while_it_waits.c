/* trap: ^pirn: .*condition\.c: a guard that was used while its wait goes on */
/* Until the wait ends, or is dropped, the guard is its own: another lock would be lost in it. */
#include <pirn_mutex.h>

int main(void)
{
	static struct pirn_condition condition;
	static struct pirn_mutex mutex;
	struct pirn_mutex_lock guard = pirn_mutex_lock(&mutex);
	struct pirn_condition_wait wait;
	struct pirn_yield yield = pirn_yield();
	struct pirn_select either;

	if (pirn_block_on(&guard.future))
		return 1;
	wait = pirn_condition_wait(&condition, &guard);
	either = pirn_select(&wait.future, &yield.future, NULL, NULL);
	if (pirn_block_on(&either.future) || either.won != &yield.future)
		return 1;
	guard = pirn_mutex_lock(&mutex);
	if (pirn_block_on(&guard.future))
		return 1;
	pirn_condition_notify(&condition, 1);
	return pirn_block_on(&wait.future);
}
