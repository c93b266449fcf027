/* SPDX-License-Identifier: MIT */
/*
 * The walk keeps a stack of the directories that it has not come to the end of. The last name
 * taken from a listing takes along the walk's own hold on that directory, so a directory is
 * always closed by a blocking job, that which opens the last name, and the walk is off the stack
 * by then.
 *
 * A stack can be deeper than a process may have descriptors. Only the topmost levels are open;
 * one further down is opened again from the level above it, just before that one comes to its
 * end.
 */
#include "walk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pirn_blocking.h>
#include <pirn_pool.h>

#include "report.h"
#include "visit.h"

#define OPEN_LEVELS 32

PIRN_UNBLOCK(visit, visit_release);
PIRN_UNBLOCK(climb, climb_release);

/* A directory on the stack: some of its names are still to be taken. */
struct level {
	struct listing list;
	size_t next;     /* name to be taken */
	size_t length;   /* of its path, with the slash */
	size_t depth;    /* below the PATH it was found in */
	struct dir *dir; /* NULL: closed for the time being */
	struct dir_id id;
};

enum step { VISIT, CLIMB, GO_ON, DONE };

struct walk {
	struct pirn_future future;
	const struct options *options;
	struct found_sender *tx;
	size_t argument; /* PATH to be taken next */
	uint64_t turn;   /* of the file to be found next */
	struct path path;
	struct level *level;
	size_t levels, room;
	size_t depth; /* of what is visited */
	enum step step;
	size_t bundle;       /* how many to send at a time */
	struct bundle found; /* to be sent */
	/* what is waited for */
	struct visit_call visit;
	struct climb_call climb;
	struct pirn_send send;
};

static struct path take_path(struct path *from)
{
	struct path path = *from;

	*from = (struct path){ .text = NULL };
	return path;
}

static struct dir *take_dir(struct dir **from)
{
	struct dir *dir = *from;

	*from = NULL;
	return dir;
}

/* ---- one step ------------------------------------------------------------------------------ */

static void find_file(struct walk *f, struct dir *dir, size_t name)
{
	struct file *file = file_new(dir, f->path.text, f->path.length, name);

	if (!file) {
		complain(f->path.text, -ENOMEM);
		dir_unref(dir);
		return;
	}
	if (f->found.n == 0)
		f->found.turn = f->turn;
	f->turn++;
	bundle_add(&f->found, file);
}

/* The next PATH of the command line. */
static enum step step_to_argument(struct walk *f)
{
	const char *path;

	if (f->argument == f->options->paths)
		return DONE;
	path = f->options->path[f->argument++];
	f->path.length = 0;
	if (path_add(&f->path, path) < 0) {
		complain(path, -ENOMEM);
		return GO_ON;
	}
	f->depth = 0;
	f->visit = visit_call((struct visit){ .path = take_path(&f->path), .top = true });
	return VISIT;
}

/* The next name of the topmost level. */
static enum step step_to_name(struct walk *f)
{
	struct level *top = &f->level[f->levels - 1];
	size_t name = top->length;
	char *text = top->list.name[top->next++], *slash = strchr(text, '/');
	bool last = top->next == top->list.n;
	struct dir *dir = last ? take_dir(&top->dir) : dir_ref(top->dir);
	int err;

	if (slash)
		*slash = '\0'; /* it would make a link be followed */
	f->path.length = name;
	err = path_add(&f->path, text);
	if (err)
		complain(text, err);
	f->depth = top->depth + 1;
	if (last) {
		listing_free(&top->list);
		f->levels--;
	}
	if (err) {
		dir_unref(dir);
	} else if (slash) {
		size_t low = f->levels - OPEN_LEVELS;
		struct dir *leave = f->levels < OPEN_LEVELS ? NULL : take_dir(&f->level[low].dir);

		f->visit = visit_call((struct visit){
			.path = take_path(&f->path), .name = name, .above = dir, .leave = leave });
		return VISIT;
	} else {
		find_file(f, dir, name);
	}
	return GO_ON;
}

/* The topmost level comes to its end, and the one below it, the topmost then, is closed. */
static enum step step_back(struct walk *f)
{
	struct level *top = &f->level[f->levels - 1], *below = top - 1;

	f->climb = climb_call((struct climb){ .path = take_path(&f->path),
					      .length = below->length,
					      .from = dir_ref(top->dir),
					      .steps = top->depth - below->depth,
					      .id = below->id });
	return CLIMB;
}

static enum step next_step(struct walk *f)
{
	const struct level *top;

	if (f->levels == 0)
		return step_to_argument(f);
	top = &f->level[f->levels - 1];
	if (f->levels > 1 && !top[-1].dir && top->next + 1 == top->list.n)
		return step_back(f);
	return step_to_name(f);
}

/* ---- what came of it ----------------------------------------------------------------------- */

static int make_level(struct walk *f)
{
	size_t room = 2 * f->room + 16;
	struct level *grown;

	if (f->levels < f->room)
		return 0;
	grown = realloc(f->level, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->level = grown;
	f->room = room;
	return 0;
}

/* Puts a directory on the stack. */
static int push_level(struct walk *f, struct visit *v)
{
	bool slashed = f->path.length > 0 && f->path.text[f->path.length - 1] == '/';

	if (make_level(f) < 0 || (!slashed && path_add(&f->path, "/") < 0))
		return -ENOMEM;
	f->level[f->levels++] = (struct level){ .list = v->list,
						.length = f->path.length,
						.depth = f->depth,
						.dir = take_dir(&v->dir),
						.id = v->id };
	v->list = (struct listing){ .n = 0 };
	return 0;
}

static void end_visit(struct walk *f)
{
	struct visit *v = &f->visit.data;
	int err = f->visit.call.ran ? 0 : f->visit.future.err; /* one that ran has complained */

	f->path = take_path(&v->path);
	if (v->file)
		find_file(f, NULL, 0);
	if (v->dir)
		err = push_level(f, v);
	if (err)
		complain(f->path.text, err);
	pirn_drop(&f->visit.future); /* with what was not taken out of it */
}

static void end_climb(struct walk *f)
{
	struct level *top = &f->level[f->levels - 1], *below = top - 1;

	f->path = take_path(&f->climb.data.path);
	below->dir = take_dir(&f->climb.data.dir);
	if (!below->dir) {
		/* It was moved: the names that are left in it are out of reach. */
		if (!f->climb.call.ran)
			complain(f->path.text, f->climb.future.err);
		listing_free(&below->list);
		*below = *top;
		f->levels--;
	}
	pirn_drop(&f->climb.future);
}

/* ---- the task ------------------------------------------------------------------------------ */

PIRN_ASYNC(walk, f)
{
	PIRN_BEGIN(f);
	do {
		f->step = next_step(f);
		/* Before anything that may take long, others get what there is. */
		if (f->found.n == f->bundle || (f->found.n > 0 && f->step != GO_ON)) {
			f->send = found_send(f->tx, &f->found);
			PIRN_TRY(f, &f->send.future); /* waits while hashers have enough to do */
		}
		if (f->step == VISIT) {
			PIRN_AWAIT(f, &f->visit.future);
			end_visit(f);
		} else if (f->step == CLIMB) {
			PIRN_AWAIT(f, &f->climb.future);
			end_climb(f);
		}
	} while (f->step != DONE);
	PIRN_FINALLY(f);
	pirn_drop(&f->visit.future);
	pirn_drop(&f->climb.future);
	found_release(&f->found);
	while (f->levels > 0) {
		struct level *top = &f->level[--f->levels];

		listing_free(&top->list);
		dir_unref(top->dir);
	}
	free(f->level);
	free(f->path.text);
	found_sender_unref(f->tx);
	PIRN_END(f);
}

int walk_start(struct pirn_executor *ex, struct pirn_task **task, const struct options *options,
	       struct found_sender *tx, size_t bundle)
{
	struct walk f = { PIRN_INIT(walk), .options = options, .tx = tx, .bundle = bundle };

	return pirn_spawn(ex, task, &f.future);
}
