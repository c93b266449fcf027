/* SPDX-License-Identifier: MIT */
/* Locks for many readers or one writer. */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "locks.h"

static struct pirn_rwlock rw;

/* 'r' reads, 'w' writes. */
static void lock(struct hand *h, char how)
{
	*h = (struct hand){ .rw = how == 'r' ? pirn_rwlock_read(&rw) : pirn_rwlock_write(&rw) };
}

static enum pirn_poll lock_and_poll(struct hand *h, char how)
{
	lock(h, how);
	return poll(h);
}

/* Every test ends with nobody in it. */
static void end(void)
{
	struct pirn_rwlock_lock guard;

	cr_expect_eq(pirn_rwlock_try_write(&rw, &guard), 0);
	pirn_rwlock_unlock(&guard);
}

TestSuite(rwlock, .fini = end);

Test(rwlock, lets_many_read)
{
	struct hand h[3], writer;

	for (int i = 0; i < 3; i++)
		cr_expect_eq(lock_and_poll(&h[i], 'r'), PIRN_READY);
	cr_expect_eq(lock_and_poll(&writer, 'w'), PIRN_PENDING);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wakes(&writer), 0);
		drop(&h[i]);
	}
	cr_expect_eq(wakes(&writer), 1);
	cr_expect_eq(poll(&writer), PIRN_READY);
	drop(&writer);
}

Test(rwlock, lets_one_write)
{
	struct hand writer, other, reader;

	cr_expect_eq(lock_and_poll(&writer, 'w'), PIRN_READY);
	cr_expect_eq(lock_and_poll(&other, 'w'), PIRN_PENDING);
	cr_expect_eq(lock_and_poll(&reader, 'r'), PIRN_PENDING);
	drop(&writer);
	cr_expect_eq(wakes(&reader), 0);
	cr_expect_eq(poll(&other), PIRN_READY);
	drop(&other);
	cr_expect_eq(wakes(&reader), 1);
	cr_expect_eq(poll(&reader), PIRN_READY);
	drop(&reader);
}

Test(rwlock, lets_readers_wait_behind_a_writer)
{
	struct pirn_rwlock_lock none;
	struct hand reader, writer, late[2];

	cr_expect_eq(lock_and_poll(&reader, 'r'), PIRN_READY);
	cr_expect_eq(lock_and_poll(&writer, 'w'), PIRN_PENDING);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(lock_and_poll(&late[i], 'r'), PIRN_PENDING);
	cr_expect_eq(pirn_rwlock_try_read(&rw, &none), -EAGAIN);
	drop(&writer); /* it gives up */
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(wakes(&late[i]), 1);
		cr_expect_eq(poll(&late[i]), PIRN_READY);
		drop(&late[i]);
	}
	drop(&reader);
}

Test(rwlock, is_handed_to_all_readers_up_to_the_next_writer)
{
	struct hand h[51]; /* the first one holds; more than a batch; a writer; one more */

	for (int i = 0; i < 51; i++)
		lock_and_poll(&h[i], i == 0 || i == 49 ? 'w' : 'r');
	drop(&h[0]);
	for (int i = 1; i < 51; i++)
		cr_expect_eq(wakes(&h[i]), i < 49);
	for (int i = 1; i < 49; i++)
		drop(&h[i]); /* not polled since: they hand it on */
	cr_expect_eq(poll(&h[49]), PIRN_READY);
	drop(&h[49]);
	cr_expect_eq(poll(&h[50]), PIRN_READY);
	drop(&h[50]);
}

Test(rwlock, makes_a_reader_of_a_writer)
{
	struct hand writer, reader, next;

	cr_expect_eq(lock_and_poll(&writer, 'w'), PIRN_READY);
	cr_expect_eq(lock_and_poll(&reader, 'r'), PIRN_PENDING);
	cr_expect_eq(lock_and_poll(&next, 'w'), PIRN_PENDING);
	pirn_rwlock_downgrade(&writer.rw);
	cr_expect_eq(poll(&reader), PIRN_READY);
	cr_expect_eq(poll(&next), PIRN_PENDING);
	drop(&writer);
	drop(&reader);
	cr_expect_eq(poll(&next), PIRN_READY);
	drop(&next);
}

Test(rwlock, can_be_tried)
{
	struct pirn_rwlock_lock a, b, none = { 0 };

	cr_expect_eq(pirn_rwlock_try_read(&rw, &a), 0);
	cr_expect_eq(pirn_rwlock_try_read(&rw, &b), 0);
	cr_expect_eq(pirn_rwlock_try_write(&rw, &none), -EAGAIN);
	pirn_rwlock_unlock(&none); /* was not written */
	pirn_rwlock_unlock(&a);
	pirn_rwlock_unlock(&b);
	cr_expect_eq(pirn_rwlock_try_write(&rw, &a), 0);
	cr_expect_eq(pirn_rwlock_try_read(&rw, &none), -EAGAIN);
	pirn_rwlock_downgrade(&a);
	cr_expect_eq(pirn_rwlock_try_read(&rw, &b), 0);
	pirn_rwlock_unlock(&b);
	pirn_rwlock_unlock(&a);
}

Test(rwlock, guard_knows_whether_it_holds_it)
{
	struct pirn_rwlock fresh = { 0 };
	struct pirn_rwlock_lock guard = { 0 };

	cr_expect_not(pirn_rwlock_holds(&guard));
	cr_expect_eq(pirn_rwlock_try_write(&fresh, &guard), 0);
	cr_expect(pirn_rwlock_holds(&guard));
	pirn_rwlock_downgrade(&guard);
	cr_expect(pirn_rwlock_holds(&guard));
	pirn_rwlock_unlock(&guard);
	cr_expect_not(pirn_rwlock_holds(&guard));
}

Test(rwlock, guard_has_64_bytes)
{
	cr_expect_eq(sizeof(struct pirn_rwlock_lock), sizeof(void *) == 8 ? 64 : 36);
}

static int value;

static void *read_and_write(void *arg)
{
	int *seen = arg;

	for (int i = 0; i < 300; i++) {
		struct pirn_rwlock_lock guard =
			i % 3 == 0 ? pirn_rwlock_write(&rw) : pirn_rwlock_read(&rw);

		cr_assert_eq(pirn_block_on(&guard.future), 0);
		if (i % 3 == 0)
			value++;
		else
			*seen = value;
		pirn_rwlock_unlock(&guard);
	}
	return NULL;
}

Test(rwlock, lets_plain_threads_wait)
{
	pthread_t thread[3];
	int seen[3] = { 0 };

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, read_and_write, &seen[i]), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	cr_expect_eq(value, 3 * 100);
	for (int i = 0; i < 3; i++)
		cr_expect_geq(seen[i], 100);
}
