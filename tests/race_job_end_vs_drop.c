/* SPDX-License-Identifier: MIT */
/*
 * A call is given up while its job is queued, runs, or ends. The data is released once: by the
 * drop that took the job back, by the thread behind the job, or from the result. The data and the
 * waker are plain memory, new in each round, ordered by pirn alone.
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_blocking.h"
#include "pirn_pool.h"
#include "race.h"

struct query {
	struct race_random random;
	int *in, *out;
};

static atomic_uint runs, released;

static int query(struct query *q)
{
	race_linger(&q->random);
	q->out = malloc(sizeof(*q->out));
	RACE_CHECK(q->out && *q->in == 3, "no argument");
	*q->out = *q->in + 1;
	race_linger(&q->random);
	atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed);
	return 0;
}

static void query_release(struct query *q)
{
	if (!q->in)
		return;
	RACE_CHECK(*q->in == 3 && (!q->out || *q->out == 4), "not what was given");
	free(q->in);
	free(q->out);
	atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
}

PIRN_UNBLOCK(query, query_release);

int main(int argc, char **argv)
{
	unsigned long rounds = race_begin(argc, argv, 10000), taken = 0, moved = 0;
	struct faulty host;
	struct pirn_pool_config config = {
		.threads = 1,
		.blocking_threads = 1,
		.platform = &host.platform,
	};
	struct race_random random = race_stream(1);
	struct pirn_executor *pool;

	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (unsigned long i = 0; i < rounds; i++) {
		struct bell *waker = malloc(2 * sizeof(*waker));
		struct query q = { race_stream(100 + i), malloc(sizeof(int)), NULL };
		struct query_call call;
		enum pirn_poll poll = PIRN_PENDING;

		RACE_CHECK(waker && q.in, "no memory");
		bell_init(&waker[0]);
		bell_init(&waker[1]);
		*q.in = 3;
		call = query_call(q);
		RACE_CHECK(bell_poll_on(pool, &call.future, &waker[0]) == PIRN_PENDING,
			   "no thread");
		RACE_CHECK(!call.data.in, "the future kept a copy");
		for (unsigned k = race_below(&random, 12); k > 0 && poll == PIRN_PENDING; k--) {
			race_linger(&random);
			if (race_below(&random, 3) == 0) {
				moved++;
				poll = bell_poll_on(pool, &call.future,
						    &waker[race_below(&random, 2)]);
			}
		}
		if (poll == PIRN_READY) {
			taken++;
			RACE_CHECK(call.future.err == 0 && call.call.ran && *call.data.out == 4,
				   "no result");
		}
		pirn_drop(&call.future);
		bell_await_free(&waker[0]);
		bell_await_free(&waker[1]);
		free(waker);
	}
	pirn_executor_free(pool);
	RACE_CHECK(atomic_load(&released) == rounds, "%u of %lu released", atomic_load(&released),
		   rounds);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	race_say("%u of %lu ran; %lu gave their result, %lu polls moved the waker or looked again",
		 atomic_load(&runs), rounds, taken, moved);
	return 0;
}
