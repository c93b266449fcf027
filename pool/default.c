/* SPDX-License-Identifier: MIT */
/* The default pool: the one global of pirn. */
#include "config.h"

#include "pool.h"

static struct {
	struct lock lock;
	struct pirn_executor *pool;
} global = { .lock = LOCK_INIT };

int pirn_pool_default(struct pirn_executor **out)
{
	int err = 0;

	lock(&global.lock);
	if (!global.pool)
		err = pirn_pool_new(&global.pool, NULL);
	if (err == 0)
		*out = global.pool;
	unlock(&global.lock);
	return err;
}

void pirn__default_forget(struct pirn_executor *ex)
{
	lock(&global.lock);
	if (global.pool == ex)
		global.pool = NULL;
	unlock(&global.lock);
}

struct pirn_executor *pirn__default_after_fork(struct pirn_executor *ex)
{
	lock_init(&global.lock); /* whoever held it is not here */
	if (!ex)
		ex = global.pool;
	if (global.pool == ex)
		global.pool = NULL;
	return ex;
}
