/* SPDX-License-Identifier: MIT */
/*
 * The printer takes a result whenever there is one, also while the result it waits for is far
 * off: so no hasher that is ahead is held up by one that is behind. Only when the output cannot
 * keep up, and a full block waits behind the one that is being written, does it leave results in
 * the channel; then hashers wait, and at last the walk.
 */
#include "print.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <pirn_blocking.h>
#include <pirn_pool.h>

#include "order.h"
#include "output.h"
#include "report.h"

PIRN_UNBLOCK(write_block, write_block_release);
PIRN_UNBLOCK_FN(int, close_output, int);

struct printer {
	struct pirn_future future;
	struct hashed_receiver *rx;
	bool ended;           /* no more results will come */
	struct bundle hashed; /* what was received */
	struct order order;
	struct block block; /* the lines to be written next */
	struct block spare; /* room for those behind them */
	bool writing;
	/* what is waited for */
	struct pirn_recv recv;
	struct write_block_call write;
	struct close_output_call close;
	struct pirn_select first;
};

static void put(struct printer *f)
{
	struct bundle b = bundle_take(&f->hashed);

	for (size_t i = 0; i < b.n; i++) {
		if (order_put(&f->order, b.turn + i, b.file[i]) < 0 && b.file[i]) {
			complain(b.file[i]->path, -ENOMEM);
			free(b.file[i]);
		}
	}
}

/* Takes the bundle that was waited for, and those behind it. */
static void take_results(struct printer *f)
{
	if (f->recv.future.err) {
		f->ended = true;
		return;
	}
	do {
		put(f);
	} while (hashed_try_recv(f->rx, &f->hashed) == 0);
	f->recv = hashed_recv(f->rx, &f->hashed);
}

static bool full(const struct printer *f)
{
	return f->block.size >= BLOCK_SIZE;
}

/* The lines whose turn it is. */
static void fill_block(struct printer *f)
{
	struct file *file;

	while (!full(f) && order_take(&f->order, &file, f->ended)) {
		if (file && block_add(&f->block, file) < 0)
			complain(file->path, -ENOMEM);
		free(file);
	}
}

static void begin_write(struct printer *f)
{
	f->write = write_block_call((struct write_block){ .block = f->block });
	f->block = f->spare;
	f->spare = (struct block){ .text = NULL };
	f->writing = true;
}

static int end_write(struct printer *f)
{
	f->writing = false;
	f->spare = f->write.data.block;
	f->spare.size = 0;
	f->write.data = (struct write_block){ .block.text = NULL };
	if (f->write.future.err && !f->write.call.ran) /* else the job has complained */
		complain("standard output", f->write.future.err);
	return f->write.future.err;
}

PIRN_ASYNC(printer, f)
{
	PIRN_BEGIN(f);
	f->recv = hashed_recv(f->rx, &f->hashed);
	for (;;) {
		fill_block(f);
		if (!f->writing && f->block.size > 0)
			begin_write(f);
		if (!f->writing && f->ended)
			break;
		f->first = pirn_select(f->writing ? &f->write.future : NULL,
				       !f->ended && !full(f) ? &f->recv.future : NULL, NULL, NULL);
		PIRN_AWAIT(f, &f->first.future);
		if (f->first.won == &f->recv.future)
			take_results(f);
		else if (end_write(f) < 0)
			PIRN_RETURN(f, f->write.future.err);
	}
	f->close = close_output_call(STDOUT_FILENO);
	PIRN_AWAIT(f, &f->close.future);
	PIRN_RETURN(f, f->close.result);
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	pirn_drop(&f->write.future);
	block_free(&f->block);
	block_free(&f->spare);
	hashed_release(&f->hashed);
	order_deinit(&f->order);
	hashed_receiver_unref(f->rx);
	PIRN_END(f);
}

int printer_start(struct pirn_executor *ex, struct pirn_task **task, struct hashed_receiver *rx)
{
	struct printer f = { PIRN_INIT(printer), .rx = rx };

	return pirn_spawn(ex, task, &f.future);
}
