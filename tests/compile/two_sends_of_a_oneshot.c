/* trap: two_sends_of_a_oneshot\.c:5: a oneshot's sender ended twice */
/* The sender's end is ended exactly once. */
#include <pirn_oneshot.h>

PIRN_ONESHOT(number, int, NULL);

int main(void)
{
	static struct number_oneshot o;
	int n = 1;

	number_send(&o, &n);
	number_send(&o, &n);
	return 0;
}
