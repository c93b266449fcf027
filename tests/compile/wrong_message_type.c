/* error: incompatible pointer type */
/* The ends of a typed channel know their type. By itself a warning, in older compilers. */
#include <pirn_channel.h>

#pragma GCC diagnostic error "-Wincompatible-pointer-types"

struct job {
	int n;
};

PIRN_CHANNEL(job, struct job, NULL);

int send_a_number(struct job_sender *tx)
{
	int number = 3;

	return job_try_send(tx, &number);
}
