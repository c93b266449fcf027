/* SPDX-License-Identifier: MIT */
/* What all bodies do alike: how they are dropped, what happens where the switch knows no case. */
#include "config.h"

#if __STDC_HOSTED__
# include <errno.h>
#endif

#include "pirn.h"

void pirn_async_drop(struct pirn_future *f)
{
	struct pirn_future *child = f->awaits;

	if (f->at == PIRN_AT_READY)
		return;
	if (f->at == PIRN_AT_FINALLY)
		pirn_trap(f->ops->file, 0, "a body dropped inside its own finally part");
	f->awaits = NULL;
	if (child)
		pirn_drop(child);
	f->err = -ECANCELED;
	f->at = PIRN_AT_FINALLY;
	f->ops->poll(f, NULL); /* runs the finally part, which has no await */
}

enum pirn_poll pirn_async_default(struct pirn_future *f, const char *file)
{
	if (f->at != PIRN_AT_FINALLY)
		pirn_trap(file, f->at, "an await or yield inside a switch of the body's own");
	return PIRN_READY;
}
