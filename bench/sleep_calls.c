/* SPDX-License-Identifier: MIT */
/*
 * sleep-calls [N [MS]]: N calls (1000) that block for MS milliseconds each (10), first through
 * pirn, where they wait at the same time, then one by one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pirn.h>
#include <pirn_blocking.h>
#include <pirn_pool.h>

/* What stands for a slow disk, a name server, a database driver. */
static int nap(int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return ms;
}
PIRN_UNBLOCK_FN(int, nap, int);

struct caller {
	struct pirn_future future;
	int ms;
	struct nap_call nap;
};

PIRN_ASYNC(caller, f)
{
	PIRN_BEGIN(f);
	f->nap = nap_call(f->ms);
	PIRN_TRY(f, &f->nap.future);
	PIRN_END(f);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int through_pirn(struct pirn_executor *pool, int n, int ms)
{
	struct pirn_task **task = calloc((size_t)n, sizeof(struct pirn_task *));
	int err = task ? 0 : -ENOMEM;

	for (int i = 0; i < n && err == 0; i++) {
		struct caller caller = { PIRN_INIT(caller), .ms = ms };

		err = pirn_spawn(pool, &task[i], &caller.future);
	}
	for (int i = 0; i < n && task && task[i]; i++) {
		struct pirn_join join = pirn_join(task[i]);
		int ended = pirn_block_on(&join.future);

		err = err ? err : ended;
		pirn_task_detach(task[i]);
	}
	free(task);
	return err;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000, ms = argc > 2 ? atoi(argv[2]) : 10;
	struct pirn_executor *pool;
	double start, middle, end;
	int err;

	if (n < 1 || ms < 0) {
		fputs("Usage: sleep-calls [N [MS]]\n", stderr);
		return 2;
	}
	start = now();
	err = pirn_pool_default(&pool);
	if (err == 0) {
		err = through_pirn(pool, n, ms);
		pirn_executor_free(pool);
	}
	middle = now(); /* the making and the end of the pool are part of it */
	if (err) {
		errno = -err;
		perror("sleep-calls");
		return 1;
	}
	printf("%d calls that block for %d ms each:\n", n, ms);
	printf("  through pirn  %8.3f s\n", middle - start);
	start = now();
	for (int i = 0; i < n; i++)
		nap(ms);
	end = now();
	printf("  one by one    %8.3f s\n", end - start);
	return 0;
}
