/* SPDX-License-Identifier: MIT */
/* What all executors can be asked, whatever they are. */
#include "config.h"

#include "executor.h"

int pirn_executor_run(struct pirn_executor *ex, struct pirn_future *f)
{
	return ex->ops->run(ex, f);
}

int pirn_executor_tick(struct pirn_executor *ex)
{
	return ex->ops->tick(ex, true);
}

int pirn_executor_try_tick(struct pirn_executor *ex)
{
	return ex->ops->tick(ex, false);
}

int pirn_executor_free(struct pirn_executor *ex)
{
	return ex ? ex->ops->free(ex) : 0;
}
