/* trap: ^pirn: .*semaphore\.c: more permits than a semaphore can have */
/* A count of permits does not start again at 0. */
#include <pirn_semaphore.h>

int main(void)
{
	static struct pirn_semaphore s = PIRN_SEMAPHORE_INIT(1);

	pirn_semaphore_release(&s, SIZE_MAX);
	return 0;
}
