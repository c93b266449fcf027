/* SPDX-License-Identifier: MIT */
/* A worker: takes the oldest task, polls it, puts it back if it was woken meanwhile; sleeps. */
#include "config.h"

#include <stdio.h>

#include "pool.h"
#include "thread.h"

/* Found a task; *more: there was another one. Sees to it that somebody comes for the others. */
static void go_to_work(struct worker *w, bool more)
{
	struct pool *p = w->pool;

	if (w->searching) {
		w->searching = false;
		pirn__sleep_stop_search(&p->sleep);
		more = more || pirn__injector_some(&p->injector);
	}
	if (more)
		pirn__sleep_notify(&p->sleep);
}

/* The next task; sleeps while there is none. NULL: the pool stops. */
static struct pirn_task *next_task(struct worker *w)
{
	struct pool *p = w->pool;

	for (;;) {
		bool more;
		struct pirn_task *t = pirn__injector_pop(&p->injector, &more);

		if (!t) {
			bool searched = w->searching;

			pirn__sleep_lie_down(&p->sleep, &w->bed, searched);
			w->searching = false;
			t = pirn__injector_pop(&p->injector, &more);
			if (t)
				w->searching = pirn__sleep_get_up(&p->sleep, &w->bed);
			/* It stopped searching when it lay down: the look that is due then. */
			if (t && searched && !w->searching)
				more = more || pirn__injector_some(&p->injector);
		}
		if (t) {
			go_to_work(w, more);
			return t;
		}
		/* Set by the thread that unparks us for it; the park orders it. */
		if (half_load_relaxed(&p->stopping))
			return NULL;
		pirn__park(&w->bed.parker);
		if (half_load_relaxed(&p->stopping))
			return NULL;
		w->searching = true;
	}
}

void *pirn__worker(void *arg)
{
	struct worker *w = arg;
	struct pirn_executor *ex = &w->pool->executor;
	struct pirn_task *t;
	char name[16];

	snprintf(name, sizeof(name), "pirn-worker-%u", (unsigned)(w - w->pool->worker) % 1000);
	pthread_setname_np(pthread_self(), name);
	pirn__thread.owner = ex;
	pirn__thread.worker = true;
	while ((t = next_task(w)))
		if (pirn__task_run(t, ex))
			ex->ops->push(ex, t);
	return NULL;
}
