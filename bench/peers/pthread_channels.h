/* SPDX-License-Identifier: MIT */
/* The cases of pthread.c in which threads talk over channels. */
#ifndef PTHREAD_CHANNELS_H
#define PTHREAD_CHANNELS_H

/* Channels, between threads */

#define BATCH 64

struct channel {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	size_t first, count, capacity;
	bool closed;
	uint64_t ring[CHANNEL_SIZE];
};

static void channel_open(struct channel *channel, size_t capacity)
{
	pthread_mutex_init(&channel->lock, NULL);
	pthread_cond_init(&channel->not_empty, NULL);
	pthread_cond_init(&channel->not_full, NULL);
	channel->first = channel->count = 0;
	channel->capacity = capacity;
	channel->closed = false;
}

static void channel_close(struct channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	channel->closed = true;
	pthread_cond_broadcast(&channel->not_empty);
	pthread_mutex_unlock(&channel->lock);
}

static void channel_send(struct channel *channel, uint64_t message)
{
	pthread_mutex_lock(&channel->lock);
	while (channel->count == channel->capacity)
		pthread_cond_wait(&channel->not_full, &channel->lock);
	channel->ring[(channel->first + channel->count++) % CHANNEL_SIZE] = message;
	pthread_mutex_unlock(&channel->lock);
	pthread_cond_signal(&channel->not_empty);
}

static void channel_send_all(struct channel *channel, const uint64_t *messages, size_t count)
{
	while (count > 0) {
		size_t room;

		pthread_mutex_lock(&channel->lock);
		while (channel->count == channel->capacity)
			pthread_cond_wait(&channel->not_full, &channel->lock);
		room = channel->capacity - channel->count;
		if (room > count)
			room = count;
		for (size_t i = 0; i < room; i++)
			channel->ring[(channel->first + channel->count++) % CHANNEL_SIZE] =
				*messages++;
		count -= room;
		pthread_mutex_unlock(&channel->lock);
		if (room == 1)
			pthread_cond_signal(&channel->not_empty);
		else
			pthread_cond_broadcast(&channel->not_empty);
	}
}

/* Up to limit messages; 0 when the channel is closed and empty. */
static size_t channel_receive(struct channel *channel, uint64_t *messages, size_t limit)
{
	size_t count;

	pthread_mutex_lock(&channel->lock);
	while (channel->count == 0 && !channel->closed)
		pthread_cond_wait(&channel->not_empty, &channel->lock);
	count = channel->count < limit ? channel->count : limit;
	for (size_t i = 0; i < count; i++)
		messages[i] = channel->ring[channel->first++ % CHANNEL_SIZE];
	channel->count -= count;
	pthread_mutex_unlock(&channel->lock);
	if (count == 1)
		pthread_cond_signal(&channel->not_full);
	else
		pthread_cond_broadcast(&channel->not_full);
	return count;
}

static struct channel requests, answers;

/* Answers each request with the next number. */
static void *answer(void *unused)
{
	uint64_t message;

	(void)unused;
	while (channel_receive(&requests, &message, 1))
		channel_send(&answers, message + 1);
	return NULL;
}

/* last: the last answer, which the next request repeats. */
static bool ask(void *last)
{
	const uint64_t request = *(uint64_t *)last;

	channel_send(&requests, request);
	return channel_receive(&answers, last, 1) == 1 && *(uint64_t *)last == request + 1;
}

static pthread_t answer_start(void)
{
	channel_open(&requests, 1);
	channel_open(&answers, 1);
	return thread_start(answer, NULL);
}

static void answer_stop(pthread_t thread)
{
	channel_close(&requests);
	pthread_join(thread, NULL);
}

struct asker {
	uint64_t rounds, good;
};

static void *ask_all(void *arg)
{
	struct asker *asker = arg;
	uint64_t last = 0;

	for (uint64_t i = 0; i < asker->rounds; i++)
		asker->good += ask(&last);
	return NULL;
}

static void pingpong(struct run *run)
{
	pthread_t answering = answer_start();
	struct asker warm = { run->n / 10, 0 }, asker = { run->n, 0 };

	pthread_join(thread_start(ask_all, &warm), NULL);
	run_start(run);
	pthread_join(thread_start(ask_all, &asker), NULL);
	run_stop(run);
	run_check(run, asker.good);
	answer_stop(answering);
}

static void wake(struct run *run, enum gap gap)
{
	pthread_t answering = answer_start();
	uint64_t last = 0;

	latencies_measure(run, gap, ask, &last);
	answer_stop(answering);
}

static void wake_ext(struct run *run)
{
	wake(run, GAP_NONE);
}

static void wake_ext_200(struct run *run)
{
	wake(run, GAP_TICK);
}

static void wake_ext_cold(struct run *run)
{
	wake(run, GAP_COLD);
}

/* One end of a channel: a producer's messages, or what a consumer has got. */
struct end {
	pthread_t thread;
	uint64_t first, count, sum;
	size_t batch; /* so many at once, or at most */
	bool ordered;
};

static void *produce(void *arg)
{
	const struct end *end = arg;

	if (end->batch == 1) {
		for (uint64_t i = 0; i < end->count; i++)
			channel_send(&requests, end->first + i);
		return NULL;
	}
	for (uint64_t i = 0; i < end->count;) {
		uint64_t messages[BATCH];
		size_t n = 0;

		while (n < end->batch && i < end->count)
			messages[n++] = end->first + i++;
		channel_send_all(&requests, messages, n);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct end *end = arg;
	uint64_t messages[BATCH], count = 0, sum = 0;
	bool ordered = true;
	size_t got;

	while ((got = channel_receive(&requests, messages, end->batch)) > 0) {
		for (size_t i = 0; i < got; i++) {
			ordered &= messages[i] == count++;
			sum += messages[i];
		}
	}
	end->count = count;
	end->sum = sum;
	end->ordered = ordered;
	return NULL;
}

/* Sends 0 to n - 1; what came together in the first of the consumers. */
static struct end channel_round(uint64_t n, unsigned sides, size_t sent, size_t received)
{
	struct end producer[SIDES], consumer[SIDES];
	uint64_t first = 0;

	channel_open(&requests, CHANNEL_SIZE);
	for (unsigned i = 0; i < sides; i++) {
		consumer[i].batch = received;
		consumer[i].thread = thread_start(consume, &consumer[i]);
		producer[i].batch = sent;
		producer[i].first = first;
		producer[i].count = share(n, sides, i);
		first += producer[i].count;
		producer[i].thread = thread_start(produce, &producer[i]);
	}
	for (unsigned i = 0; i < sides; i++)
		pthread_join(producer[i].thread, NULL);
	channel_close(&requests);
	for (unsigned i = 0; i < sides; i++) {
		pthread_join(consumer[i].thread, NULL);
		if (i > 0) {
			consumer[0].count += consumer[i].count;
			consumer[0].sum += consumer[i].sum;
		}
	}
	return consumer[0];
}

static void channel(struct run *run, unsigned sides, size_t sent, size_t received)
{
	struct end all;

	channel_round(run->n / 10, sides, sent, received);
	run_start(run);
	all = channel_round(run->n, sides, sent, received);
	run_stop(run);
	channel_check(run, all.count, all.sum);
	if (sides == 1 && !all.ordered)
		run_fail(run, "out of order");
}

static void chan_spsc(struct run *run)
{
	channel(run, 1, 1, 1);
}

static void chan_spsc_batch(struct run *run)
{
	channel(run, 1, 1, 32);
}

static void chan_mpmc(struct run *run)
{
	channel(run, SIDES, 1, 1);
}

static void chan_mpmc_batch(struct run *run)
{
	channel(run, SIDES, 1, 32);
}

static void chan_batch64(struct run *run)
{
	channel(run, 1, BATCH, BATCH);
}

#endif
