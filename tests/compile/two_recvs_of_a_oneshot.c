/* trap: two_recvs_of_a_oneshot\.c:5: two wait at one end of a oneshot */
/* One recv of a oneshot is pending at a time. */
#include <pirn_oneshot.h>

PIRN_ONESHOT(number, int, NULL);

int main(void)
{
	static struct number_oneshot o;
	struct pirn_oneshot_recv a, b;
	struct pirn_future *both[2] = { &a.future, &b.future };
	struct pirn_all all = pirn_all(both, 2);
	int n;

	a = number_recv(&o, &n);
	b = number_recv(&o, &n);
	return pirn_block_on(&all.future);
}
