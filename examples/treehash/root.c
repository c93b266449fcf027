/* SPDX-License-Identifier: MIT */
/*
 *	walk --found--> 64 hashers --hashed--> printer
 *
 * Each arrow is a bounded channel. When the walk ends, its end of `found` goes, so the hashers
 * end when that is empty, and then the printer. Should the printer end first, because nobody
 * wants the output any more, the others are cancelled.
 */
#include "root.h"

#include <errno.h>

#include <pirn_pool.h>

#include "hash.h"
#include "print.h"
#include "report.h"
#include "walk.h"

#define IN_FLIGHT 64 /* files; a hasher's two buffers are 256 KiB */
#define ROOM 16      /* bundles in a channel: hashers find some while the walk reads a directory */

struct root {
	struct pirn_future future;
	const struct options *options;
	const EVP_MD *algorithm;
	void (*ended)(void);
	/* the channels' ends, until they are handed on */
	struct found_sender *found_tx;
	struct found_receiver *found_rx;
	struct hashed_sender *hashed_tx;
	struct hashed_receiver *hashed_rx;
	/* the tasks */
	struct pirn_task *printer;
	struct pirn_task *task[IN_FLIGHT + 1];
	unsigned tasks, next;
	int err;
	struct pirn_join join;
	struct pirn_cancel cancel;
};

/*
 * Enough to keep all threads busy, and not many more: what waits in front of the blocking threads
 * only makes a large file wait for its next part.
 */
static unsigned hashers_for(const struct options *options)
{
	unsigned threads = options->blocking;

	if (threads < options->workers)
		threads = options->workers;
	return 3 * threads < IN_FLIGHT ? 3 * threads : IN_FLIGHT;
}

static int start(struct root *f, struct pirn_executor *ex)
{
	unsigned hashers = hashers_for(f->options);
	size_t bundle = IN_FLIGHT / hashers < BUNDLE ? IN_FLIGHT / hashers : BUNDLE;
	int err;

	if ((err = found_channel(&f->found_tx, &f->found_rx, ROOM)) < 0 ||
	    (err = hashed_channel(&f->hashed_tx, &f->hashed_rx, ROOM)) < 0)
		return err;
	err = printer_start(ex, &f->printer, f->hashed_rx);
	if (err)
		return err;
	f->hashed_rx = NULL;
	for (; f->tasks < hashers; f->tasks++) {
		err = hasher_start(ex, &f->task[f->tasks], f->algorithm, f->found_rx, f->hashed_tx);
		if (err)
			return err;
	}
	err = walk_start(ex, &f->task[f->tasks], f->options, f->found_tx, bundle);
	if (err)
		return err;
	f->tasks++;
	f->found_tx = NULL;
	return 0;
}

static void let_go_of_ends(struct root *f)
{
	f->found_tx = found_sender_unref(f->found_tx);
	f->found_rx = found_receiver_unref(f->found_rx);
	f->hashed_tx = hashed_sender_unref(f->hashed_tx);
	f->hashed_rx = hashed_receiver_unref(f->hashed_rx);
}

PIRN_ASYNC(root, f)
{
	PIRN_BEGIN(f);
	f->err = start(f, cx->executor);
	let_go_of_ends(f); /* those who were started have their own */
	if (f->err) {
		complain("cannot start", f->err);
		PIRN_RETURN(f, f->err);
	}
	f->join = pirn_join(f->printer);
	PIRN_AWAIT(f, &f->join.future);
	f->err = f->join.future.err;
	for (f->next = 0; f->next < f->tasks; f->next++) {
		if (f->err) {
			f->cancel = pirn_cancel(f->task[f->next]);
			PIRN_AWAIT(f, &f->cancel.future);
		} else {
			f->join = pirn_join(f->task[f->next]);
			PIRN_AWAIT(f, &f->join.future);
		}
	}
	PIRN_RETURN(f, f->err);
	PIRN_FINALLY(f);
	let_go_of_ends(f);
	pirn_task_abort(f->printer);
	for (f->next = 0; f->next < f->tasks; f->next++)
		pirn_task_abort(
			f->task[f->next]); /* of one that has ended: just the handle's end */
	f->ended();
	PIRN_END(f);
}

int root_start(struct pirn_executor *ex, struct pirn_task **task, const struct options *options,
	       const EVP_MD *algorithm, void (*ended)(void))
{
	struct root f = { PIRN_INIT(root), .options = options, .algorithm = algorithm,
			  .ended = ended };

	return pirn_spawn(ex, task, &f.future);
}
