/* SPDX-License-Identifier: MIT */
/*
 * Channels of all kinds at once, with threads and tasks on both sides: they try, wait and sleep,
 * one message at a time or many, give up what is pending when something else comes first, and some
 * tasks are aborted. In the end a channel is closed by somebody, or its receivers leave, or its
 * senders do.
 *
 * Each letter has one fate: received, released with the channel, or kept by its sender. Each
 * receiver sees those of each sender in the order in which they were sent; and every wait ends.
 *
 * Not seen here: a batch that wakes too few, since who was woken goes on and takes what the others
 * were to have (test_batch counts them).
 */
#include "config.h"

#include <errno.h>

#include "faulty.h"
#include "pirn_channel.h"
#include "pirn_pool.h"
#include "race.h"

#define CHANNELS 4
#define THREADS 8
#define TASKS 64
#define SENDERS (THREADS / 2 + TASKS / 2) /* the others receive */
#define EACH 400                          /* letters of one sender in one round */
#define BATCH 6                           /* letters at once */

enum fate { ON_ITS_WAY, RECEIVED, RELEASED, KEPT, FATES };

struct letter {
	unsigned from, number;
	atomic_uint fate;
};

static struct faulty host;
static struct letter letters[SENDERS][EACH];
static unsigned made[SENDERS];
static struct {
	struct pirn_sender *tx;
	struct pirn_receiver *rx;
	enum { SENDER_CLOSES, RECEIVER_CLOSES, RECEIVERS_LEAVE, SENDERS_LEAVE } end;
	unsigned end_at;   /* the letter of any sender that it comes with */
	unsigned naps;     /* of a receiver, at most, so that letters pile up */
	bool patient;      /* all just wait: a notification that is lost is a hang */
	atomic_bool leave; /* its receivers should, whatever there is */
} channel[CHANNELS];
static _Atomic(struct pirn_task *) task[TASKS]; /* who takes it out has the handle */
static unsigned long round_of;                  /* which this is */
static atomic_uint ended;                       /* tasks */
static atomic_ulong given_up, aborted;

/* Another one for each user in each round. */
static struct race_random stream(unsigned user)
{
	return race_stream(1000 * round_of + user);
}

static void meet(struct letter *l, enum fate fate)
{
	static const char *const word[] = { "on its way", "received", "released", "kept" };
	unsigned before = atomic_exchange_explicit(&l->fate, fate, memory_order_relaxed);

	RACE_CHECK(before == ON_ITS_WAY, "letter %u of sender %u: first %s, then %s", l->number,
		   l->from, word[before], word[fate]);
}

static void release(void *msg)
{
	struct letter **l = msg;

	RACE_CHECK(*l, "released what was no letter");
	meet(*l, RELEASED);
}

/* Now and then, in the middle of it all. */
static void abort_somebody(struct race_random *random)
{
	struct pirn_task *t;

	if (race_below(random, 200) > 0)
		return;
	t = atomic_exchange(&task[race_below(random, TASKS)], NULL);
	if (!t)
		return;
	atomic_fetch_add_explicit(&aborted, 1, memory_order_relaxed);
	pirn_task_abort(t);
}

/* Something else that a send or recv is selected with: it comes soon. */
struct patience {
	struct pirn_poll_fn end;
	unsigned left;
};

static enum pirn_poll lose_patience(void *arg, struct pirn_context *cx, int *err)
{
	unsigned *left = arg;

	*err = 0;
	if (*left == 0)
		return PIRN_READY;
	--*left;
	pirn_waker_wake_by_ref(cx->waker);
	return PIRN_PENDING;
}

/* NULL: it waits as long as it takes. */
static struct pirn_future *some_patience(struct patience *p, bool patient,
					 struct race_random *random)
{
	if (patient || race_below(random, 2))
		return NULL;
	p->left = race_below(random, 6);
	p->end = pirn_poll_fn(lose_patience, &p->left);
	return &p->end.future;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* What a sender has in hand: taken by the channel it is zero. */
struct hand {
	unsigned me, n;
	struct letter *letter[BATCH];
};

static unsigned channel_of(unsigned sender)
{
	return sender % CHANNELS;
}

static bool patient(const struct hand *h)
{
	return channel[channel_of(h->me)].patient;
}

/* False: there are no more letters to write. */
static bool fill(struct hand *h, struct race_random *random)
{
	unsigned n = race_below(random, BATCH) + 1, c = channel_of(h->me);

	if (h->n > 0)
		return true;
	for (; h->n < n && made[h->me] < EACH; h->n++) {
		struct letter *l = &letters[h->me][made[h->me]];

		l->from = h->me;
		l->number = made[h->me]++;
		h->letter[h->n] = l;
		if (channel[c].end == SENDER_CLOSES && l->number == channel[c].end_at)
			pirn_sender_close(channel[c].tx);
	}
	abort_somebody(random);
	return h->n > 0;
}

/* So many went. */
static void settle(struct hand *h, size_t sent)
{
	for (unsigned i = 0; i < h->n; i++)
		RACE_CHECK(!h->letter[i] == (i < sent), "%zu of %u sent, number %u is %p", sent,
			   h->n, i, (void *)h->letter[i]);
	h->n -= (unsigned)sent;
	memmove(h->letter, h->letter + sent, h->n * sizeof(h->letter[0]));
}

static void keep_the_rest(struct hand *h)
{
	for (unsigned i = 0; i < h->n; i++)
		meet(h->letter[i], KEPT);
	h->n = 0;
}

static int try_to_send(struct hand *h, struct race_random *random)
{
	struct pirn_sender *tx = channel[channel_of(h->me)].tx;
	int n;

	if (race_below(random, 2)) {
		n = pirn_try_send(tx, &h->letter[0]);
		if (n == 0)
			n = 1;
	} else {
		n = pirn_try_send_many(tx, h->letter, h->n);
	}
	settle(h, n > 0 ? (size_t)n : 0);
	return n > 0 ? 0 : n;
}

struct sending {
	struct pirn_send one;
	struct pirn_send_many many;
	struct patience patience;
	struct pirn_select select;
};

static struct pirn_future *begin_send(struct sending *s, struct hand *h, struct race_random *random)
{
	struct pirn_sender *tx = channel[channel_of(h->me)].tx;
	struct pirn_future *f = &s->one.future;

	if (race_below(random, 2)) {
		s->one = pirn_send(tx, &h->letter[0]);
	} else {
		s->many = pirn_send_many(tx, h->letter, h->n);
		f = &s->many.future;
	}
	s->select = pirn_select(f, some_patience(&s->patience, patient(h), random), NULL, NULL);
	s->select.fair = race_below(random, 2);
	return &s->select.future;
}

/* Ends it wherever it is. */
static void end_send(struct sending *s, struct hand *h)
{
	bool one = s->one.future.at == PIRN_AT_READY && s->one.future.err == 0;
	bool many = s->many.future.ops != NULL;

	pirn_drop(&s->one.future);
	pirn_drop(&s->many.future);
	s->one.future.at = 0;
	settle(h, many ? h->n - s->many.left : one);
}

/* How what was selected has ended. */
static int end_of(const struct pirn_select *select, const struct patience *patience)
{
	RACE_CHECK(select->won, "nobody has won");
	if (select->won != &patience->end.future)
		return select->future.err;
	atomic_fetch_add_explicit(&given_up, 1, memory_order_relaxed);
	return -EAGAIN;
}

static void *send_thread(void *arg)
{
	struct hand hand = { .me = (unsigned)(uintptr_t)arg };
	struct race_random random = stream(hand.me);
	struct pirn_sender *tx = channel[channel_of(hand.me)].tx;
	struct sending s = { .one = { .tx = NULL } };
	int err = 0;

	while (err != -EPIPE && fill(&hand, &random)) {
		switch (patient(&hand) ? 1 : race_below(&random, 3)) {
		case 0:
			err = try_to_send(&hand, &random);
			break;
		case 1:
			err = pirn_send_blocking(tx, &hand.letter[0]);
			settle(&hand, err == 0);
			break;
		default:
			pirn_block_on(begin_send(&s, &hand, &random));
			err = end_of(&s.select, &s.patience);
			end_send(&s, &hand);
			break;
		}
		RACE_CHECK(err == 0 || err == -EAGAIN || err == -EPIPE, "send gave %d", err);
		race_linger(&random);
	}
	keep_the_rest(&hand);
	pirn_sender_unref(tx);
	return NULL;
}

struct sender {
	struct pirn_future future;
	struct race_random random;
	struct hand hand;
	struct sending sending;
	int err;
};

PIRN_ASYNC(sender, f)
{
	PIRN_BEGIN(f);
	while (f->err != -EPIPE && fill(&f->hand, &f->random)) {
		if (!patient(&f->hand) && race_below(&f->random, 4) == 0) {
			f->err = try_to_send(&f->hand, &f->random);
			PIRN_YIELD(f);
		} else {
			PIRN_AWAIT(f, begin_send(&f->sending, &f->hand, &f->random));
			f->err = end_of(&f->sending.select, &f->sending.patience);
			end_send(&f->sending, &f->hand);
		}
		RACE_CHECK(f->err == 0 || f->err == -EAGAIN || f->err == -EPIPE, "send gave %d",
			   f->err);
	}
	PIRN_FINALLY(f);
	end_send(&f->sending, &f->hand);
	keep_the_rest(&f->hand);
	pirn_sender_unref(channel[channel_of(f->hand.me)].tx);
	atomic_fetch_add(&ended, 1);
	PIRN_END(f);
}

/* ---- receiving ----------------------------------------------------------------------------- */

struct box {
	unsigned next[SENDERS];
};

static void end_by_receiver(const struct letter *l)
{
	unsigned c = channel_of(l->from);

	if (l->number != channel[c].end_at)
		return;
	if (channel[c].end == RECEIVERS_LEAVE)
		atomic_store(&channel[c].leave, true); /* the last one closes it */
	else if (channel[c].end == RECEIVER_CLOSES)
		pirn_receiver_close(channel[c].rx);
}

static void take(struct box *box, struct letter **l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		RACE_CHECK(l[i], "received what was no letter");
		RACE_CHECK(l[i]->number >= box->next[l[i]->from],
			   "letter %u of sender %u behind letter %u", l[i]->number, l[i]->from,
			   box->next[l[i]->from] - 1);
		box->next[l[i]->from] = l[i]->number + 1;
		meet(l[i], RECEIVED);
		end_by_receiver(l[i]);
		l[i] = NULL;
	}
}

static int try_to_recv(struct pirn_receiver *rx, struct box *box, struct race_random *random)
{
	struct letter *l[BATCH] = { NULL };
	int n;

	if (race_below(random, 2)) {
		n = pirn_try_recv(rx, &l[0]);
		if (n == 0)
			n = 1;
	} else {
		n = pirn_try_recv_many(rx, l, BATCH);
	}
	take(box, l, n > 0 ? (size_t)n : 0);
	return n > 0 ? 0 : n;
}

/*
 * A recv from one channel, and beside it perhaps one from another, which stays pending from one
 * select to the next.
 */
struct receiving {
	struct letter *letter[BATCH], *letter_aside;
	struct pirn_recv one, aside;
	struct pirn_recv_many many;
	struct patience patience;
	struct pirn_select select;
	struct pirn_receiver *rx_aside; /* NULL: none */
};

static struct pirn_future *begin_recv(struct receiving *r, unsigned of, struct race_random *random)
{
	struct pirn_receiver *rx = channel[of].rx;
	struct pirn_future *f = &r->one.future;

	if (race_below(random, 2)) {
		r->one = pirn_recv(rx, &r->letter[0]);
	} else {
		r->many = pirn_recv_many(rx, r->letter, BATCH);
		f = &r->many.future;
	}
	if (r->rx_aside && !r->aside.future.ops)
		r->aside = pirn_recv(r->rx_aside, &r->letter_aside);
	r->select = pirn_select(f, r->rx_aside ? &r->aside.future : NULL,
				some_patience(&r->patience, channel[of].patient, random), NULL);
	r->select.fair = race_below(random, 2);
	return &r->select.future;
}

/* Returns how the one of the first channel has ended; -EAGAIN: not yet. */
static int end_recv(struct receiving *r, struct box *box)
{
	int err = end_of(&r->select, &r->patience);

	if (r->select.won == &r->aside.future) {
		RACE_CHECK(err == 0 || err == -EPIPE, "recv gave %d", err);
		pirn_drop(&r->aside.future);
		if (err == 0)
			take(box, &r->letter_aside, 1);
		else
			r->rx_aside = pirn_receiver_unref(r->rx_aside);
		err = -EAGAIN;
	} else if (r->select.won == &r->one.future && err == 0) {
		take(box, r->letter, 1);
	} else if (r->select.won == &r->many.future && err == 0) {
		take(box, r->letter, r->many.done);
	}
	pirn_drop(&r->one.future);
	pirn_drop(&r->many.future);
	return err;
}

static void end_receiving(struct receiving *r)
{
	pirn_drop(&r->one.future);
	pirn_drop(&r->many.future);
	pirn_drop(&r->aside.future);
	for (unsigned i = 0; i < BATCH; i++)
		RACE_CHECK(!r->letter[i], "there is one that nobody has looked at");
	RACE_CHECK(!r->letter_aside, "there is one that nobody has looked at");
	r->rx_aside = pirn_receiver_unref(r->rx_aside);
}

static void *recv_thread(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, of = me % CHANNELS;
	struct race_random random = stream(100 + me);
	struct receiving r = { .rx_aside = NULL };
	struct box box = { { 0 } };
	int err = 0;

	while (err != -EPIPE && !atomic_load(&channel[of].leave)) {
		switch (channel[of].patient ? 1 : race_below(&random, 3)) {
		case 0:
			err = try_to_recv(channel[of].rx, &box, &random);
			break;
		case 1:
			err = pirn_recv_blocking(channel[of].rx, &r.letter[0]);
			take(&box, r.letter, err == 0);
			break;
		default:
			pirn_block_on(begin_recv(&r, of, &random));
			err = end_recv(&r, &box);
			break;
		}
		RACE_CHECK(err == 0 || err == -EAGAIN || err == -EPIPE, "recv gave %d", err);
		race_linger(&random);
	}
	end_receiving(&r);
	pirn_receiver_unref(channel[of].rx);
	return NULL;
}

struct receiver {
	struct pirn_future future;
	unsigned of;
	struct race_random random;
	struct box box;
	struct receiving receiving;
	unsigned naps;
	int err;
};

PIRN_ASYNC(receiver, f)
{
	PIRN_BEGIN(f);
	while (f->err != -EPIPE) {
		if (!channel[f->of].patient && race_below(&f->random, 8) == 0)
			f->err = try_to_recv(channel[f->of].rx, &f->box, &f->random);
		for (f->naps = race_below(&f->random, channel[f->of].naps + 1); f->naps > 0;
		     f->naps--)
			PIRN_YIELD(f);
		if (atomic_load(&channel[f->of].leave))
			break;
		PIRN_AWAIT(f, begin_recv(&f->receiving, f->of, &f->random));
		f->err = end_recv(&f->receiving, &f->box);
		RACE_CHECK(f->err == 0 || f->err == -EAGAIN || f->err == -EPIPE, "recv gave %d",
			   f->err);
	}
	PIRN_FINALLY(f);
	end_receiving(&f->receiving);
	pirn_receiver_unref(channel[f->of].rx);
	atomic_fetch_add(&ended, 1);
	PIRN_END(f);
}

/* ---- a round ------------------------------------------------------------------------------- */

static unsigned long fates[FATES];

static void spawn(struct pirn_executor *pool, unsigned i, struct pirn_future *f)
{
	struct pirn_task *t;

	RACE_CHECK(pirn_spawn(pool, &t, f) == 0, "no task");
	atomic_store(&task[i], t);
}

static void spawn_all(struct pirn_executor *pool)
{
	for (unsigned i = 0; i < TASKS / 2; i++) {
		unsigned of = i % CHANNELS, aside = (of + 1 + i / CHANNELS) % CHANNELS;
		struct sender s = { PIRN_INIT(sender), .hand = { .me = THREADS / 2 + i } };
		struct receiver r = { PIRN_INIT(receiver), .of = of };

		s.random = stream(200 + i);
		r.random = stream(300 + i);
		pirn_sender_ref(channel[channel_of(s.hand.me)].tx);
		pirn_receiver_ref(channel[of].rx);
		if (aside != of)
			r.receiving.rx_aside = pirn_receiver_ref(channel[aside].rx);
		spawn(pool, 2 * i, &s.future);
		spawn(pool, 2 * i + 1, &r.future);
	}
}

/* Cancels some, and waits for them all. */
static void end_tasks(struct race_random *random)
{
	for (unsigned i = 0; i < TASKS; i++) {
		struct pirn_task *t = atomic_exchange(&task[i], NULL);
		struct pirn_cancel cancel = pirn_cancel(t);
		struct pirn_join join = pirn_join(t);
		int err;

		if (!t)
			continue;
		race_linger(random);
		err = pirn_block_on(race_below(random, 8) ? &join.future : &cancel.future);
		RACE_CHECK(err == 0, "a task ended with %d", err);
		pirn_task_detach(t);
	}
	race_await(&ended, TASKS);
}

static void look_at_letters(void)
{
	for (unsigned s = 0; s < SENDERS; s++) {
		for (unsigned i = 0; i < EACH; i++) {
			unsigned fate = atomic_load(&letters[s][i].fate);

			RACE_CHECK((fate != ON_ITS_WAY) == (i < made[s]),
				   "letter %u of sender %u: lost, or of nobody", i, s);
			fates[fate]++;
			atomic_store(&letters[s][i].fate, ON_ITS_WAY);
		}
		made[s] = 0;
	}
}

static void play(struct pirn_executor *pool, struct race_random *random)
{
	static const size_t capacity[CHANNELS] = { 1, 3, 64, PIRN_UNBOUNDED };
	pthread_t thread[THREADS];

	atomic_store(&ended, 0);
	for (unsigned i = 0; i < CHANNELS; i++) {
		RACE_CHECK(pirn_channel_new(&channel[i].tx, &channel[i].rx, sizeof(struct letter *),
					    capacity[i], release, &host.platform.memory) == 0,
			   "no channel");
		channel[i].end =
			race_below(random, 2) ? SENDERS_LEAVE : race_below(random, SENDERS_LEAVE);
		channel[i].patient = race_below(random, 2);
		channel[i].naps = race_below(random, 2) ? 0 : race_below(random, 10);
		channel[i].end_at = race_below(random, EACH);
		atomic_store(&channel[i].leave, false);
	}
	for (unsigned i = 0; i < THREADS / 2; i++) {
		pirn_sender_ref(channel[channel_of(i)].tx);
		pirn_receiver_ref(channel[i % CHANNELS].rx);
		thread[2 * i] = race_thread(send_thread, (void *)(uintptr_t)i);
		thread[2 * i + 1] = race_thread(recv_thread, (void *)(uintptr_t)i);
	}
	spawn_all(pool);
	for (unsigned i = 0; i < CHANNELS; i++) {
		pirn_sender_unref(channel[i].tx);
		pirn_receiver_unref(channel[i].rx);
	}
	end_tasks(random);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	look_at_letters();
}

int main(int argc, char **argv)
{
	struct pirn_pool_config config = { .threads = 2, .platform = &host.platform };
	unsigned long rounds = race_begin(argc, argv, 200);
	struct race_random random = race_stream(0);
	struct pirn_executor *pool;

	faulty_init(&host);
	RACE_CHECK(pirn_pool_new(&pool, &config) == 0, "no pool");
	for (round_of = 1; round_of <= rounds; round_of++)
		play(pool, &random);
	pirn_executor_free(pool);
	RACE_CHECK(faulty_left(&host) == 0, "%ld blocks and threads left", faulty_left(&host));
	race_say("%lu letters received, %lu released with the channel, %lu kept", fates[RECEIVED],
		 fates[RELEASED], fates[KEPT]);
	race_say("%lu sends and recvs given up, %lu tasks aborted", atomic_load(&given_up),
		 atomic_load(&aborted));
	return 0;
}
