/* trap: ^pirn: .*semaphore\.c: a guard forgets permits that it does not hold */
/* They can be forgotten once. */
#include <pirn_semaphore.h>

int main(void)
{
	static struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);
	struct pirn_semaphore_acquire guard;

	if (pirn_semaphore_try_acquire(&s, 1, &guard))
		return 1;
	pirn_semaphore_forget(&guard);
	pirn_semaphore_forget(&guard);
	return 0;
}
