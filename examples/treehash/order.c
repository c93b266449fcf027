/* SPDX-License-Identifier: MIT */
#include "order.h"

#include <errno.h>
#include <stdlib.h>

#define PLACES 509 /* with the three words before them, a page */

struct places {
	struct places *prev, *next;
	uint64_t first_turn;
	struct file *file[PLACES];
};

/* Stands in the place of a result without a file; NULL is a place nobody has come to yet. */
static struct file nobody;

static int grow(struct order *o)
{
	struct places *places = calloc(1, sizeof(*places));

	if (!places)
		return -ENOMEM;
	places->prev = o->last;
	places->first_turn = o->last ? o->last->first_turn + PLACES : o->turn - o->turn % PLACES;
	if (o->last)
		o->last->next = places;
	else
		o->first = places;
	o->last = places;
	return 0;
}

/* Everything in it has been taken. */
static void free_first(struct order *o)
{
	struct places *places = o->first;

	o->first = places->next;
	if (o->first)
		o->first->prev = NULL;
	else
		o->last = NULL;
	free(places);
}

int order_put(struct order *o, uint64_t turn, struct file *file)
{
	struct places *places;

	while (!o->last || turn >= o->last->first_turn + PLACES)
		if (grow(o) < 0)
			return -ENOMEM;
	/* From behind: hardly anybody comes later than a few hundred others. */
	for (places = o->last; turn < places->first_turn;)
		places = places->prev;
	places->file[turn - places->first_turn] = file ? file : &nobody;
	return 0;
}

bool order_take(struct order *o, struct file **file, bool skip)
{
	struct file *found = NULL;

	while (o->first && !found) {
		struct file **place = &o->first->file[o->turn - o->first->first_turn];

		found = *place;
		if (!found && !skip)
			return false;
		*place = NULL;
		o->turn++;
		if (o->turn == o->first->first_turn + PLACES)
			free_first(o);
	}
	*file = found == &nobody ? NULL : found;
	return found;
}

void order_deinit(struct order *o)
{
	struct file *file;

	while (order_take(o, &file, true))
		free(file);
}
