/* g++: error: cannot convert .int\*. to .job\*. */
/* clang++: error: no matching function for call to 'job_try_send' */
/* The ends of a typed channel know their type. */
#include <pirn_channel.h>

struct job {
	int n;
};

PIRN_CHANNEL(job, struct job, NULL);

int send_a_number(struct job_sender *tx)
{
	int number = 3;

	return job_try_send(tx, &number);
}
