/* trap: ^pirn: .*mutex\.c: a guard that was moved, or a copy, holds nothing */
/* A guard stays where it was polled; what holds the mutex is not its copy. */
#include <pirn_mutex.h>

int main(void)
{
	static struct pirn_mutex mutex;
	struct pirn_mutex_lock guard = pirn_mutex_lock(&mutex), copy;

	if (pirn_block_on(&guard.future))
		return 1;
	copy = guard;
	pirn_mutex_unlock(&copy);
	return 0;
}
