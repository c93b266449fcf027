/* error: incompatible (function )?pointer type */
/* The release function of a typed channel takes a pointer to its type. */
#include <pirn_channel.h>

#pragma GCC diagnostic error "-Wincompatible-pointer-types"

struct job {
	int n;
};

void free_number(int *number);

PIRN_CHANNEL(job, struct job, free_number);
