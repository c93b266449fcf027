/* SPDX-License-Identifier: MIT */
/*
 * Futures over borrowed futures. Each polls its branches inside its own poll, with the same
 * context, so that a wake of the task polls every branch that is pending. Which these are the
 * branches know themselves: nothing is counted, and nothing linked.
 */
#include "config.h"

#include "pirn.h"
#include "thread.h"

static bool ended(const struct pirn_future *f)
{
	return f->at == PIRN_AT_READY;
}

/* What has ended keeps its result, which is the caller's. */
static void drop_rest(struct pirn_future **branch, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (branch[i] && !ended(branch[i]))
			pirn_drop(branch[i]);
}

/* ---- all of them --------------------------------------------------------------------------- */

static enum pirn_poll all_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_all *all = (struct pirn_all *)(void *)f;
	enum pirn_poll poll = PIRN_READY;
	int err = 0;

	f->at = 1;
	for (size_t i = 0; i < all->n; i++) {
		struct pirn_future *branch = all->branch[i];

		if (!branch)
			continue;
		if (!ended(branch) && pirn_poll(branch, cx) == PIRN_PENDING)
			poll = PIRN_PENDING;
		else if (!err)
			err = branch->err;
	}
	if (poll == PIRN_READY)
		f->err = err;
	return poll;
}

static void all_drop(struct pirn_future *f)
{
	struct pirn_all *all = (struct pirn_all *)(void *)f;

	if (!ended(f))
		drop_rest(all->branch, all->n);
}

const struct pirn_future_ops pirn_all_ops = {
	.name = "all",
	.file = __FILE__,
	.size = sizeof(struct pirn_all),
	.poll = all_poll,
	.drop = all_drop,
};

static enum pirn_poll try_all_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_try_all *all = (struct pirn_try_all *)(void *)f;
	enum pirn_poll poll = PIRN_READY;

	f->at = 1;
	for (size_t i = 0; i < all->n; i++) {
		struct pirn_future *branch = all->branch[i];

		if (!branch)
			continue;
		if (!ended(branch) && pirn_poll(branch, cx) == PIRN_PENDING) {
			poll = PIRN_PENDING;
		} else if (branch->err) {
			f->err = branch->err;
			drop_rest(all->branch, all->n);
			return PIRN_READY;
		}
	}
	return poll;
}

static void try_all_drop(struct pirn_future *f)
{
	struct pirn_try_all *all = (struct pirn_try_all *)(void *)f;

	if (!ended(f))
		drop_rest(all->branch, all->n);
}

const struct pirn_future_ops pirn_try_all_ops = {
	.name = "try all",
	.file = __FILE__,
	.size = sizeof(struct pirn_try_all),
	.poll = try_all_poll,
	.drop = try_all_drop,
};

/* ---- the first of them --------------------------------------------------------------------- */

/*
 * Which a fair select begins with, of n. At random: of what goes round in steps, each of so many
 * selects that take turns on a thread may get the same one for long.
 */
static size_t some_turn(size_t n)
{
	pirn__thread.turn = pirn__thread.turn * 0x915f77f5u + 0x9e3779b9u;
	return (size_t)((uint64_t)pirn__thread.turn * n >> 32);
}

/* Where that one stands. NULL has no turn: the one behind it would have its chances as well. */
static size_t some_place(struct pirn_future **branch, size_t n)
{
	size_t some = 0, turn, i = 0;

	for (size_t k = 0; k < n; k++)
		some += branch[k] != NULL;
	turn = some_turn(some);
	while (i < n && (!branch[i] || turn-- > 0))
		i++;
	return i;
}

/* Polls the branches in turn, until one is READY: *won. */
static enum pirn_poll poll_first(struct pirn_future *f, struct pirn_context *cx,
				 struct pirn_future **branch, size_t n, bool fair,
				 struct pirn_future **won)
{
	size_t first = fair ? some_place(branch, n) : 0;
	bool some = false;

	f->at = 1;
	for (size_t i = 0; i < n; i++) {
		struct pirn_future *b = branch[i < n - first ? first + i : i - (n - first)];

		if (!b)
			continue;
		some = true;
		if (pirn_poll(b, cx) == PIRN_READY) {
			*won = b;
			f->err = b->err;
			return PIRN_READY;
		}
	}
	if (!some)
		pirn_trap(f->ops->file, __LINE__,
			  "a select or race without a branch would wait for ever");
	return PIRN_PENDING;
}

static enum pirn_poll select_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_select *s = (struct pirn_select *)(void *)f;

	return poll_first(f, cx, s->branch, sizeof(s->branch) / sizeof(s->branch[0]), s->fair,
			  &s->won);
}

const struct pirn_future_ops pirn_select_ops = {
	.name = "select",
	.file = __FILE__,
	.size = sizeof(struct pirn_select),
	.poll = select_poll,
};

static enum pirn_poll select_of_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_select_of *s = (struct pirn_select_of *)(void *)f;

	return poll_first(f, cx, s->branch, s->n, s->fair, &s->won);
}

const struct pirn_future_ops pirn_select_of_ops = {
	.name = "select of",
	.file = __FILE__,
	.size = sizeof(struct pirn_select_of),
	.poll = select_of_poll,
};

static enum pirn_poll race_poll(struct pirn_future *f, struct pirn_context *cx)
{
	struct pirn_race *race = (struct pirn_race *)(void *)f;

	if (poll_first(f, cx, race->branch, race->n, false, &race->won) == PIRN_PENDING)
		return PIRN_PENDING;
	drop_rest(race->branch, race->n);
	return PIRN_READY;
}

static void race_drop(struct pirn_future *f)
{
	struct pirn_race *race = (struct pirn_race *)(void *)f;

	if (!ended(f))
		drop_rest(race->branch, race->n);
}

const struct pirn_future_ops pirn_race_ops = {
	.name = "race",
	.file = __FILE__,
	.size = sizeof(struct pirn_race),
	.poll = race_poll,
	.drop = race_drop,
};
