/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "pirn.h"

void pirn_waker_keep(struct pirn_waker **slot, struct pirn_context *cx)
{
	struct pirn_waker *old = *slot;

	if (old == cx->waker)
		return;
	*slot = pirn_waker_clone(cx->waker);
	if (old)
		pirn_waker_drop(old);
}
