/* SPDX-License-Identifier: MIT */
/*
 * All and select: futures over borrowed futures. Both poll their branches inside their own poll,
 * with the same context, so that a wake of the task polls every branch that is pending.
 */
#include "config.h"

#include "pirn.h"

static bool ended(const struct pirn_future *f)
{
	return f->at == PIRN_AT_READY;
}

static void all_drop_rest(struct pirn_all *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (!ended(all->branch[i]))
			pirn_drop(all->branch[i]);
}

static enum pirn_poll all_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_all *all = (struct pirn_all *)(void *)f;
	enum pirn_poll poll = PIRN_READY;

	f->at = 1;
	for (size_t i = 0; i < all->n; i++) {
		struct pirn_future *branch = all->branch[i];

		if (!ended(branch) && pirn_poll(branch, cx) == PIRN_PENDING) {
			poll = PIRN_PENDING;
		} else if (branch->err) {
			f->err = branch->err;
			all_drop_rest(all);
			return PIRN_READY;
		}
	}
	return poll;
}

static void all_drop(struct pirn_future *f)
{
	if (!ended(f))
		all_drop_rest((struct pirn_all *)(void *)f);
}

const struct pirn_future_ops pirn_all_ops = {
	.name = "all",
	.file = __FILE__,
	.size = sizeof(struct pirn_all),
	.poll = all_poll,
	.drop = all_drop,
};

static enum pirn_poll select_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_select *select = (struct pirn_select *)(void *)f;
	bool some = false;

	f->at = 1;
	for (size_t i = 0; i < sizeof(select->branch) / sizeof(select->branch[0]); i++) {
		struct pirn_future *branch = select->branch[i];

		if (!branch)
			continue;
		some = true;
		if (pirn_poll(branch, cx) == PIRN_READY) {
			select->won = branch;
			f->err = branch->err;
			return PIRN_READY;
		}
	}
	if (!some)
		pirn_trap(f->ops->file, __LINE__, "a select without a branch would wait for ever");
	return PIRN_PENDING;
}

const struct pirn_future_ops pirn_select_ops = {
	.name = "select",
	.file = __FILE__,
	.size = sizeof(struct pirn_select),
	.poll = select_poll,
};
