/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run that takes more steps than this goes round in circles. */
#define MAX_STEPS 100000

/* Random orders tried, beside the plain one. */
#define SEEDS 6

static struct driver *of_executor(struct pirn_executor *ex)
{
	return container_of(ex, struct driver, executor);
}

static void mistake(struct driver *d, const char *what)
{
	if (!d->wrong)
		d->wrong = what;
}

/* 0 to n - 1; always 0 in the plain order (xorshift64*). */
static unsigned pick(struct driver *d, unsigned n)
{
	if (!d->seed)
		return 0;
	d->seed ^= d->seed >> 12;
	d->seed ^= d->seed << 25;
	d->seed ^= d->seed >> 27;
	return (unsigned)((d->seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

static bool can_be_had(struct driver *d)
{
	return ++d->asked != d->fail_at;
}

/* ---- memory and things --------------------------------------------------------------------- */

struct block {
	struct list node;
	size_t size;
	_Alignas(16) unsigned char data[];
};

struct thing {
	struct list node; /* until the end of the driver, so that a second give is seen */
	struct driver *driver;
	bool given;
};

static struct driver *of_memory(const struct pirn_memory *memory)
{
	return container_of(memory, struct driver, platform.memory);
}

static void *memory_alloc(const struct pirn_memory *memory, size_t size)
{
	struct driver *d = of_memory(memory);
	struct block *b = can_be_had(d) ? malloc(sizeof(*b) + size) : NULL;

	if (!b)
		return NULL;
	b->size = size;
	memset(b->data, 0xa5, size); /* contents undefined */
	list_push_back(&d->allocated, &b->node);
	d->blocks++;
	return b->data;
}

static void memory_free(const struct pirn_memory *memory, void *block, size_t size)
{
	struct driver *d = of_memory(memory);
	struct block *b = container_of(block, struct block, data);

	if (b->size != size)
		mistake(d, "memory was given back with another size");
	list_remove(&b->node);
	d->blocks--;
	free(b);
}

void *driver_take(struct driver *d)
{
	struct thing *thing = can_be_had(d) ? malloc(sizeof(*thing)) : NULL;

	if (!thing)
		return NULL;
	thing->driver = d;
	thing->given = false;
	list_push_back(&d->taken, &thing->node);
	d->things++;
	return thing;
}

void driver_give(void *arg)
{
	struct thing *thing = arg;

	if (!thing)
		return;
	if (thing->given) {
		mistake(thing->driver, "a thing was given back twice");
		return;
	}
	thing->given = true;
	thing->driver->things--;
}

static int no_threads(const struct pirn_platform *platform, pthread_t *thread, size_t stack_size,
		      void *(*body)(void *), void *arg)
{
	(void)platform;
	(void)thread;
	(void)stack_size;
	(void)body;
	(void)arg;
	return -EAGAIN;
}

/* ---- the executor's operations ------------------------------------------------------------- */

static int admit(struct pirn_executor *ex, struct pirn_task *t, size_t n)
{
	struct driver *d = of_executor(ex);

	if (n != 1)
		abort(); /* nothing that it drives spawns many */
	if (d->closing)
		return -ESHUTDOWN;
	if (!can_be_had(d))
		return -ENOMEM;
	if (d->tasks == d->room) {
		d->room = d->room * 2 + 8;
		d->live = realloc(d->live, d->room * sizeof(struct pirn_task *));
		d->queue = realloc(d->queue, d->room * sizeof(struct pirn_task *));
		if (!d->live || !d->queue)
			abort();
	}
	d->live[d->tasks++] = t;
	t->entry = d->tasks; /* not 0: it can be found from the beginning */
	d->spawning++;
	return 0;
}

static void push(struct pirn_executor *ex, struct pirn_task *t)
{
	struct driver *d = of_executor(ex);

	for (unsigned i = 0; i < d->queued; i++)
		if (d->queue[i] == t)
			mistake(d, "a task was pushed that is in the queue");
	t->at.next = NULL; /* in a queue this is a link: nobody may take it for the executor */
	d->queue[d->queued++] = t;
	d->pushes++;
}

static void start(struct pirn_executor *ex, struct pirn_task *t, struct pirn_task *oldest)
{
	(void)oldest;
	push(ex, t);
	of_executor(ex)->spawning--;
}

static void unlink_task(struct pirn_executor *ex, struct pirn_task *t)
{
	struct driver *d = of_executor(ex);
	struct pirn_task *last = d->live[--d->tasks];

	d->live[t->entry - 1] = last;
	last->entry = t->entry;
	d->unlinked = true;
}

static int submit(struct pirn_executor *ex, struct pirn_job *job)
{
	struct driver *d = of_executor(ex);

	if (d->closing)
		return -ESHUTDOWN;
	if (!can_be_had(d))
		return -EAGAIN;
	list_push_back(&d->jobs, &job->node);
	d->holds++;
	return 0;
}

static bool withdraw(struct pirn_executor *ex, struct pirn_job *job)
{
	if (of_executor(ex)->leave_jobs || !list_linked(&job->node))
		return false;
	list_remove(&job->node);
	return true;
}

static void let_go(struct pirn_executor *ex)
{
	of_executor(ex)->holds--;
}

static int free_executor(struct pirn_executor *ex)
{
	driver_end(of_executor(ex));
	return 0;
}

static const struct pirn_executor_ops driver_ops = {
	.admit = admit,
	.start = start,
	.push = push,
	.again = push,
	.unlink = unlink_task,
	.submit = submit,
	.withdraw = withdraw,
	.let_go = let_go,
	.free = free_executor,
};

/* ---- polls by hand ------------------------------------------------------------------------- */

static struct pirn_waker *hand_clone(struct pirn_waker *w)
{
	container_of(w, struct driver, waker)->wakers++;
	return w;
}

static void hand_wake_by_ref(struct pirn_waker *w)
{
	container_of(w, struct driver, waker)->woken = true;
}

static void hand_drop(struct pirn_waker *w)
{
	container_of(w, struct driver, waker)->wakers--;
}

static void hand_wake(struct pirn_waker *w)
{
	hand_wake_by_ref(w);
	hand_drop(w);
}

static const struct pirn_waker_ops hand_ops = {
	.clone = hand_clone,
	.wake = hand_wake,
	.wake_by_ref = hand_wake_by_ref,
	.drop = hand_drop,
};

enum pirn_poll driver_poll(struct driver *d, struct pirn_future *f)
{
	struct pirn_context cx;

	pirn_context_init(&cx, &d->waker, &d->executor);
	return pirn_poll(f, &cx);
}

/* ---- running ------------------------------------------------------------------------------- */

static void run_task(struct driver *d, unsigned place)
{
	struct pirn_task *t = d->queue[place];
	bool again;

	d->queued--;
	memmove(&d->queue[place], &d->queue[place + 1],
		(d->queued - place) * sizeof(struct pirn_task *));
	d->unlinked = false;
	again = pirn__task_run(t, &d->executor, false);
	if (d->unlinked) /* it has ended, and may be gone */
		return;
	if (again)
		push(&d->executor, t);
	if (++d->points == d->drop_at) {
		d->dropped = true;
		pirn__task_cancel(t);
	}
}

static void run_job(struct driver *d, unsigned place)
{
	struct list *node = d->jobs.next;
	struct pirn_job *job;

	while (place--)
		node = node->next;
	job = container_of(node, struct pirn_job, node);
	list_remove(node);
	if (d->closing && !d->leave_jobs)
		pirn__job_fail(job, -ECANCELED);
	else
		pirn__job_run(job);
}

static unsigned count_jobs(struct driver *d)
{
	unsigned n = 0;

	for (struct list *node = d->jobs.next; node != &d->jobs; node = node->next)
		n++;
	return n;
}

/* Counts a step of the run. False: there were too many. */
static bool another_step(struct driver *d)
{
	if (++d->steps <= MAX_STEPS)
		return true;
	mistake(d, "it goes round and round");
	return false;
}

bool driver_step(struct driver *d)
{
	unsigned jobs = count_jobs(d);
	unsigned choice;

	if (!d->queued && !jobs)
		return false;
	if (!another_step(d))
		return false;
	/* Leaves must bear a wake for nothing. */
	if (d->tasks && pick(d, 8) == 1)
		pirn_waker_wake_by_ref(&d->live[pick(d, d->tasks)]->waker);
	choice = pick(d, d->queued + jobs);
	if (choice < d->queued)
		run_task(d, choice);
	else
		run_job(d, choice - d->queued);
	return true;
}

void driver_run(struct driver *d)
{
	while (driver_step(d))
		;
}

void driver_init(struct driver *d)
{
	memset(d, 0, sizeof(*d));
	d->platform = *pirn_platform_default();
	d->platform.memory = (struct pirn_memory){ .alloc = memory_alloc, .free = memory_free };
	d->platform.thread_create = no_threads;
	d->executor.ops = &driver_ops;
	d->executor.platform = &d->platform;
	d->drop_at = DRIVER_NEVER;
	d->waker.ops = &hand_ops;
	list_init(&d->jobs);
	list_init(&d->allocated);
	list_init(&d->taken);
}

/* What is still there, when all has ended. */
static void look_around(struct driver *d)
{
	if (d->tasks)
		mistake(d, "a task was cancelled and did not end");
	if (d->queued || d->spawning)
		mistake(d, "a task was left in the queue, or a spawn was not completed");
	if (!list_empty(&d->jobs))
		mistake(d, "a job was left in the queue");
	if (d->holds)
		mistake(d, "a call still holds the executor");
	if (d->wakers)
		mistake(d, "a waker of the driver was not dropped");
	if (d->things)
		mistake(d, "a thing was not given back");
	if (d->blocks)
		mistake(d, "memory was not given back");
}

const char *driver_end(struct driver *d)
{
	struct list *node;

	d->closing = true;
	for (unsigned i = 0; i < d->tasks; i++)
		pirn__task_cancel(d->live[i]);
	d->steps = 0;
	driver_run(d);
	look_around(d);
	while ((node = list_pop_front(&d->taken)))
		free(container_of(node, struct thing, node));
	while ((node = list_pop_front(&d->allocated)))
		free(container_of(node, struct block, node));
	free(d->live);
	free(d->queue);
	d->live = d->queue = NULL;
	return d->wrong;
}

/* ---- the two kinds of root ----------------------------------------------------------------- */

/* Polls the root once. True: there is no more to poll. */
static bool poll_root(struct driver *d, struct pirn_future *f)
{
	d->woken = false;
	if (driver_poll(d, f) == PIRN_READY) {
		d->ended = true;
		d->err = f->err;
		return true;
	}
	if (++d->points == d->drop_at)
		d->dropped = true;
	return d->points == d->drop_at;
}

static void run_by_hand(struct driver *d, struct pirn_future *source)
{
	size_t size = source->ops->size;
	struct pirn_future *f = malloc(size);
	bool over;

	/* Moved as by a spawn, into memory of its own: ASan sees who touches it afterwards. */
	if (!f)
		abort();
	memcpy((void *)f, source, size);
	memset((void *)source, 0, size);
	d->woken = true;
	d->dropped = over = d->drop_at == 0;
	while (!over) {
		bool busy = d->queued || !list_empty(&d->jobs);

		if ((d->woken && pick(d, 2) == 0) || (busy && pick(d, 8) == 1)) {
			over = poll_root(d, f) || !another_step(d);
		} else if (!driver_step(d) && !d->woken) {
			mistake(d, "the root waits for ever");
			over = true;
		}
	}
	pirn_drop(f);
	free(f);
	driver_run(d);
}

static void run_as_task(struct driver *d, struct pirn_future *source)
{
	struct pirn_task *root;
	struct pirn_future *f;
	int err = pirn_spawn_on(&d->executor, &root, source, "the root");

	if (err) {
		if (!source->ops)
			mistake(d, "a spawn that failed has emptied its source");
		pirn_drop(source);
		d->ended = true;
		d->err = err;
		driver_run(d);
		return;
	}
	if (source->ops)
		mistake(d, "a spawn has left its source as it was");
	if (d->drop_at == 0) {
		d->dropped = true;
		pirn__task_cancel(root);
	}
	driver_run(d);
	f = pirn_task_future(root);
	if (f) {
		d->ended = true;
		d->err = f->err;
	} else if (word_load_relaxed(&root->state) & TASK_DONE) {
		if (!d->dropped)
			mistake(d, "the root was dropped by somebody else");
	} else {
		mistake(d, "the root waits for ever");
	}
	pirn_task_detach(root);
}

/* ---- many runs ----------------------------------------------------------------------------- */

struct plan {
	unsigned seed, drop_at, fail_at;
	bool by_hand, leave_jobs;
};

static struct driver run(struct plan plan, driver_make *make, driver_check *check, void *arg)
{
	struct pirn_future *root;
	struct driver d;

	driver_init(&d);
	d.seed = plan.seed * UINT64_C(0x9e3779b97f4a7c15);
	d.drop_at = plan.drop_at;
	d.fail_at = plan.fail_at;
	d.leave_jobs = plan.leave_jobs;
	root = make(&d, arg);
	if (!root) {
		driver_run(&d);
		d.ended = true;
		d.err = -ENOMEM;
	} else if (plan.by_hand) {
		run_by_hand(&d, root);
	} else {
		run_as_task(&d, root);
	}
	driver_end(&d);
	if (!d.wrong && check)
		d.wrong = check(&d, arg);
	return d;
}

static void note(struct driver_report *r, const struct driver *d, struct plan plan)
{
	int n;

	r->runs++;
	r->drops += d->dropped;
	r->failures += d->asked >= plan.fail_at && plan.fail_at != 0;
	if (r->wrong || !d->wrong)
		return;
	r->wrong = d->wrong;
	n = snprintf(r->run, sizeof(r->run), "root %s, seed %u, jobs %s",
		     plan.by_hand ? "by hand" : "a task", plan.seed,
		     plan.leave_jobs ? "left to run" : "taken back");
	if (plan.drop_at != DRIVER_NEVER)
		snprintf(r->run + n, sizeof(r->run) - (size_t)n, ", drop at point %u",
			 plan.drop_at);
	else if (plan.fail_at)
		snprintf(r->run + n, sizeof(r->run) - (size_t)n, ", number %u fails", plan.fail_at);
}

struct driver_report driver_each_drop(driver_make *make, driver_check *check, void *arg)
{
	struct driver_report r = { 0 };

	for (unsigned i = 0; i < 4 * (1 + SEEDS) && !r.wrong; i++) {
		struct plan plan = { .by_hand = i & 1,
				     .leave_jobs = i & 2,
				     .seed = i / 4,
				     .drop_at = DRIVER_NEVER };
		struct driver d = run(plan, make, check, arg);
		unsigned points = d.points;

		note(&r, &d, plan);
		for (plan.drop_at = 0; plan.drop_at <= points && !r.wrong; plan.drop_at++) {
			d = run(plan, make, check, arg);
			if (!d.dropped)
				mistake(&d, "two runs with one seed went different ways");
			note(&r, &d, plan);
		}
	}
	return r;
}

struct driver_report driver_each_failure(driver_make *make, driver_check *check, void *arg)
{
	struct driver_report r = { 0 };

	for (unsigned i = 0; i < 2 * (1 + SEEDS) && !r.wrong; i++) {
		struct plan plan = { .by_hand = i & 1, .seed = i / 2, .drop_at = DRIVER_NEVER };
		struct driver d;

		do {
			plan.fail_at++;
			d = run(plan, make, check, arg);
			note(&r, &d, plan);
		} while (d.asked >= plan.fail_at && !r.wrong);
	}
	return r;
}
