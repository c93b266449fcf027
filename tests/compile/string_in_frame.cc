/* error: moved by memcpy: must be trivially copyable */
/* A frame is moved into its task byte by byte. */
#include <pirn.h>
#include <string>

struct greeting {
	struct pirn_future future;
	std::string text;
};

PIRN_ASYNC(greeting, f)
{
	PIRN_BEGIN(f);
	f->text += "!";
	PIRN_END(f);
}
