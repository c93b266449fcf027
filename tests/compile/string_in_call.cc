/* error: moved by memcpy: must be trivially copyable */
/* The data of a blocking call is moved into its job byte by byte. */
#include <pirn_blocking.h>
#include <string>

struct query {
	std::string text;
};

static int query(struct query *q)
{
	q->text += "?";
	return 0;
}

PIRN_UNBLOCK(query, NULL);
