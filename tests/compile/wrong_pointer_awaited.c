/* error: incompatible pointer type */
/* A child is given as &f->child.future. By itself a warning, in older compilers. */
#include <pirn.h>

#pragma GCC diagnostic error "-Wincompatible-pointer-types"

struct vague {
	struct pirn_future future;
	struct pirn_yield nap;
};

PIRN_ASYNC(vague, f)
{
	PIRN_BEGIN(f);
	PIRN_AWAIT(f, &f->nap);
	PIRN_END(f);
}
