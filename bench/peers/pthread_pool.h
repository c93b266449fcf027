/* SPDX-License-Identifier: MIT */
/* The pool itself, of pthread.c. */
#ifndef PTHREAD_POOL_H
#define PTHREAD_POOL_H

#define BLOCKING_THREADS 256

struct task {
	TAILQ_ENTRY(task) link;
	struct pool *pool;
	bool (*run)(void *arg); /* false: once more, after the others */
	void *arg;
	bool queued; /* guarded by the pool's lock */

	pthread_mutex_t lock;
	pthread_cond_t finished;
	bool done; /* guarded by lock */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	TAILQ_HEAD(, task) queue;
	unsigned queued, idle, threads, limit;
	bool waking; /* a worker has been woken and has not come yet: not one more before that */
	bool stop;
	pthread_t *thread;
};

static _Thread_local struct pool *own_pool;
static atomic_uint_fast64_t counter;

static void die(const char *what)
{
	fprintf(stderr, "%s: %m\n", what);
	exit(1);
}

static void *allocate_or_die(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		die("malloc");
	return memory;
}

static pthread_t thread_start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, arg);
	if (errno != 0)
		die("pthread_create");
	return thread;
}

/* The pool */

static void enqueue(struct pool *pool, struct task *task)
{
	TAILQ_INSERT_TAIL(&pool->queue, task, link);
	task->queued = true;
	pool->queued++;
}

static void dequeue(struct pool *pool, struct task *task)
{
	TAILQ_REMOVE(&pool->queue, task, link);
	task->queued = false;
	pool->queued--;
}

static void finish(struct task *task)
{
	pthread_mutex_lock(&task->lock);
	task->done = true;
	pthread_cond_signal(&task->finished);
	pthread_mutex_unlock(&task->lock);
}

/* With the lock held; says whether to signal when it is no more. */
static bool wake_one(struct pool *pool)
{
	if (pool->queued == 0 || pool->idle == 0 || pool->waking)
		return false;
	pool->waking = true;
	return true;
}

static void *work(void *arg)
{
	struct pool *pool = arg;

	own_pool = pool;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct task *task;
		bool done, wake;

		while (!(task = TAILQ_FIRST(&pool->queue)) && !pool->stop) {
			pool->idle++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
			pool->waking = false;
		}
		if (!task)
			break;
		dequeue(pool, task);
		wake = wake_one(pool);
		pthread_mutex_unlock(&pool->lock);
		if (wake)
			pthread_cond_signal(&pool->work);
		done = task->run(task->arg);
		if (done)
			finish(task);
		pthread_mutex_lock(&pool->lock);
		if (!done)
			enqueue(pool, task);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* limit threads at most; so many of them right away. */
static void pool_start(struct pool *pool, unsigned threads, unsigned limit)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	TAILQ_INIT(&pool->queue);
	pool->queued = pool->idle = 0;
	pool->threads = threads;
	pool->limit = limit;
	pool->waking = pool->stop = false;
	pool->thread = allocate_or_die(limit * sizeof(*pool->thread));
	for (unsigned i = 0; i < threads; i++)
		pool->thread[i] = thread_start(work, pool);
}

static void pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	free(pool->thread);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
}

static struct task *submit(struct pool *pool, bool (*run)(void *), void *arg)
{
	struct task *task = allocate_or_die(sizeof(*task));
	bool wake;

	task->pool = pool;
	task->run = run;
	task->arg = arg;
	task->done = false;
	pthread_mutex_init(&task->lock, NULL);
	pthread_cond_init(&task->finished, NULL);

	pthread_mutex_lock(&pool->lock);
	enqueue(pool, task);
	if (pool->queued > pool->idle && pool->threads < pool->limit)
		pool->thread[pool->threads++] = thread_start(work, pool);
	wake = wake_one(pool);
	pthread_mutex_unlock(&pool->lock);
	if (wake)
		pthread_cond_signal(&pool->work);
	return task;
}

static bool take_back(struct task *task)
{
	struct pool *pool = task->pool;
	bool queued;

	pthread_mutex_lock(&pool->lock);
	queued = task->queued;
	if (queued)
		dequeue(pool, task);
	pthread_mutex_unlock(&pool->lock);
	return queued;
}

/* A worker does not wait for a task of its own pool that none has begun: it does it itself. */
static void join(struct task *task)
{
	if (own_pool == task->pool && take_back(task)) {
		while (!task->run(task->arg))
			;
	} else {
		pthread_mutex_lock(&task->lock);
		while (!task->done)
			pthread_cond_wait(&task->finished, &task->lock);
		pthread_mutex_unlock(&task->lock);
	}
	pthread_cond_destroy(&task->finished);
	pthread_mutex_destroy(&task->lock);
	free(task);
}

#endif
