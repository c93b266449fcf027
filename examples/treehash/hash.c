/* SPDX-License-Identifier: MIT */
/*
 * A hasher has two buffers: while it hashes the part in one, the next part is read into the
 * other.
 */
#include "hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <pirn_blocking.h>
#include <pirn_pool.h>

#include "part.h"
#include "report.h"

PIRN_UNBLOCK(read_part, read_part_release);

struct hasher {
	struct pirn_future future;
	struct found_receiver *found_rx;
	struct hashed_sender *hashed_tx;
	const EVP_MD *algorithm;
	EVP_MD_CTX *context;   /* one, used again for each file */
	bool works;            /* libcrypto has not failed for the file in hand */
	struct bundle found;   /* what was received */
	struct read_part part; /* what was read last, and is to be hashed */
	bool more;             /* the next part is being read */
	unsigned char *spare;  /* the other buffer, when it is not */
	struct bundle hashed;  /* to be sent */
	/* what is waited for */
	struct pirn_recv recv;
	struct read_part_call read;
	struct pirn_send send;
};

/* Prepares to read what is left of the files, into this buffer. */
static void next_part(struct hasher *f, unsigned char **buffer)
{
	f->read = read_part_call((struct read_part){ .files = bundle_take(&f->part.files),
						     .open = f->part.open,
						     .large = f->part.large,
						     .fd = f->part.fd,
						     .left = f->part.left,
						     .data = *buffer });
	f->part.open = f->part.large = false;
	*buffer = NULL;
}

/* The part was not read: there is no thread, or no memory, to be had. */
static void give_up_files(struct hasher *f, int err)
{
	struct bundle files = bundle_take(&f->part.files);

	read_part_close(&f->part); /* the first may have been under way */
	f->part.ended.turn = files.turn;
	for (size_t i = 0; i < files.n; i++) {
		complain(files.file[i]->path, err);
		f->part.end[i] = 0;
		bundle_add(&f->part.ended, NULL);
	}
	found_release(&files);
}

static void take_part(struct hasher *f)
{
	if (f->part.data)
		f->spare = f->part.data; /* has been hashed */
	f->part = f->read.data;
	f->read.data = (struct read_part){ .data = NULL };
	if (f->read.future.err)
		give_up_files(f, f->read.future.err);
	f->more = f->part.files.n > 0;
}

/*
 * Aligned to a page: some processors copy several times slower to a place a few bytes behind the
 * start of one, which is what malloc gives for this size.
 */
static unsigned char *new_buffer(void)
{
	return aligned_alloc(4096, PART_SIZE);
}

static void begin_digest(struct hasher *f)
{
	f->works = EVP_DigestInit_ex2(f->context, f->algorithm, NULL);
}

static void add_to_digest(struct hasher *f, size_t from, size_t to)
{
	f->works = f->works && EVP_DigestUpdate(f->context, f->part.data + from, to - from);
}

/* Returns the file; NULL if there is none. */
static struct file *end_digest(struct hasher *f, struct file *file)
{
	if (file && !(f->works && EVP_DigestFinal_ex(f->context, file->digest, NULL))) {
		complain_text(file->path, "libcrypto could not hash it");
		free(file);
		file = NULL;
	}
	begin_digest(f); /* of the next one */
	return file;
}

/* Hashes the part, and moves the files that end in it to f->hashed. */
static void hash_part(struct hasher *f)
{
	struct bundle ended = bundle_take(&f->part.ended);
	size_t from = 0;

	f->hashed.turn = ended.turn;
	for (size_t i = 0; i < ended.n; i++) {
		add_to_digest(f, from, f->part.end[i]);
		bundle_add(&f->hashed, end_digest(f, ended.file[i]));
		from = f->part.end[i];
	}
	add_to_digest(f, from, f->part.size); /* of the file that goes on */
	progress(ended.n, f->part.size);
}

PIRN_ASYNC(hasher, f)
{
	PIRN_BEGIN(f);
	begin_digest(f);
	for (;;) {
		f->recv = found_recv(f->found_rx, &f->found);
		PIRN_AWAIT(f, &f->recv.future);
		if (f->recv.future.err)
			break; /* the walk has ended, and all it found is taken */
		f->part.files = bundle_take(&f->found);
		next_part(f, &f->part.data);
		do {
			/* It may have ended when it was started. */
			if (f->read.future.at != PIRN_AT_READY)
				PIRN_AWAIT(f, &f->read.future);
			take_part(f);
			if (f->more) {
				next_part(f, &f->spare);
				pirn_poll(&f->read.future,
					  cx); /* starts it: it runs while we hash */
			}
			hash_part(f);
			if (f->hashed.n > 0) {
				f->send = hashed_send(f->hashed_tx, &f->hashed);
				PIRN_TRY(f, &f->send.future);
			}
		} while (f->more);
	}
	PIRN_FINALLY(f);
	pirn_drop(&f->read.future);
	read_part_release(&f->part);
	free(f->spare);
	found_release(&f->found);
	hashed_release(&f->hashed);
	EVP_MD_CTX_free(f->context);
	found_receiver_unref(f->found_rx);
	hashed_sender_unref(f->hashed_tx);
	PIRN_END(f);
}

int hasher_start(struct pirn_executor *ex, struct pirn_task **task, const EVP_MD *algorithm,
		 struct found_receiver *found_rx, struct hashed_sender *hashed_tx)
{
	struct hasher f = {
		PIRN_INIT(hasher),
		.found_rx = found_receiver_ref(found_rx),
		.hashed_tx = hashed_sender_ref(hashed_tx),
		.algorithm = algorithm,
		.context = EVP_MD_CTX_new(),
		.part.data = new_buffer(),
		.spare = new_buffer(), /* memory that is not touched costs nothing */
	};
	int err = -ENOMEM;

	if (f.context && f.part.data && f.spare)
		err = pirn_spawn(ex, task, &f.future);
	pirn_drop(&f.future); /* empty, unless it failed */
	return err;
}
