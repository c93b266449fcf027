/* trap: ^pirn: .*rwlock\.c: a downgrade of one that does not hold it to write */
/* A reader is one already. */
#include <pirn_rwlock.h>

int main(void)
{
	static struct pirn_rwlock rw;
	struct pirn_rwlock_lock guard;

	if (pirn_rwlock_try_read(&rw, &guard))
		return 1;
	pirn_rwlock_downgrade(&guard);
	return 0;
}
