// SPDX-License-Identifier: MIT
/*
 * oneTBB: an arena of P workers that main is not in. Tasks in a task_group, parallel_invoke,
 * parallel_for; concurrent_bounded_queue for the channels, which blocks its thread, so that what
 * sends and receives is a std::thread. It has no pool for what blocks, no timers and no sockets.
 */
#include "work.h"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <tbb/concurrent_queue.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_invoke.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/version.h>

namespace
{

std::atomic<uint64_t> counter;

struct runtime {
	tbb::task_scheduler_handle handle{ tbb::attach{} };
	std::optional<tbb::global_control> control;
	std::optional<tbb::task_arena> arena;

	/* One slot more than workers, for TBB counts main, and no slot of the arena for main. */
	explicit runtime(const struct run *run)
	{
		control.emplace(tbb::global_control::max_allowed_parallelism, run->threads + 1);
		arena.emplace((int)run->threads, 0);
	}

	/*
	 * f as one task of the pool, main blocked until it has ended. The check comes after, for
	 * a worker must not call exit.
	 */
	template <class F> void inside(F f)
	{
		auto ended = std::make_shared<std::promise<void>>();

		arena->enqueue([&f, ended] {
			f();
			ended->set_value();
		});
		ended->get_future().wait();
	}

	bool stop()
	{
		arena.reset();
		control.reset();
		return tbb::finalize(handle, std::nothrow);
	}
};

/* Tasks */

void add_one()
{
	counter.fetch_add(1, std::memory_order_relaxed);
}

void add_frame()
{
	counter.fetch_add(one_by_locals(), std::memory_order_relaxed);
}

template <class Round> void spawn_rounds(struct run *run, Round round)
{
	round(run->n / ROUNDS);
	counter = 0;
	run_start(run);
	for (unsigned i = 0; i < ROUNDS; i++)
		round(share(run->n, ROUNDS, i));
	run_stop(run);
}

void spawn_ext(struct run *run)
{
	runtime tbb(run);

	spawn_rounds(run, [&](uint64_t n) {
		tbb::task_group group;

		for (uint64_t i = 0; i < n; i++)
			tbb.arena->enqueue(group.defer(add_one));
		group.wait();
	});
	run_check(run, counter);
}

template <class F> void spawn_inside(struct run *run, F add)
{
	runtime(run).inside([=] {
		spawn_rounds(run, [=](uint64_t n) {
			tbb::task_group group;

			for (uint64_t i = 0; i < n; i++)
				group.run(add);
			group.wait();
		});
	});
	run_check(run, counter);
}

void spawn_int(struct run *run)
{
	spawn_inside(run, [] { add_one(); });
}

void spawn_frame(struct run *run)
{
	spawn_inside(run, [] { add_frame(); });
}

uint64_t fib_group(uint64_t n)
{
	if (n < 2)
		return n;

	uint64_t left, right;
	tbb::task_group group;

	group.run([&left, n] { left = fib_group(n - 1); });
	right = fib_group(n - 2);
	group.wait();
	return left + right;
}

uint64_t fib_invoke(uint64_t n)
{
	uint64_t left, right;

	if (n < 2)
		return n;
	tbb::parallel_invoke([&left, n] { left = fib_invoke(n - 1); },
			     [&right, n] { right = fib_invoke(n - 2); });
	return left + right;
}

template <class F> void fib_measure(struct run *run, F fib)
{
	uint64_t value;

	runtime(run).inside([&value, run, fib] {
		fib(run->n > 6 ? run->n - 6 : 1);
		run_start(run);
		value = fib(run->n);
		run_stop(run);
	});
	fib_check(run, value);
}

void fib(struct run *run)
{
	fib_measure(run, fib_group);
}

void forkjoin(struct run *run)
{
	fib_measure(run, fib_invoke);
}

/* Parallel loops */

template <class Partitioner> void pfor_loop(float *y, const float *x, size_t size)
{
	tbb::parallel_for(
		tbb::blocked_range<size_t>(0, size),
		[=](const tbb::blocked_range<size_t> &range) {
			pfor_body(y, x, range.begin(), range.end());
		},
		Partitioner());
}

template <class Partitioner> void pfor(struct run *run, size_t size)
{
	uint64_t loops;

	runtime(run).inside(
		[&loops, run, size] { loops = pfor_measure(run, size, pfor_loop<Partitioner>); });
	run_check(run, loops);
}

void pfor_fine(struct run *run)
{
	pfor<tbb::static_partitioner>(run, PFOR_FINE);
}

void pfor_big(struct run *run)
{
	pfor<tbb::auto_partitioner>(run, PFOR_BIG);
}

/* Channels, between threads */

using channel = tbb::concurrent_bounded_queue<uint64_t>;

constexpr uint64_t end = UINT64_MAX;

/* One side asks; the other answers each request with the next number. */
uint64_t ask_all(channel &requests, channel &answers, uint64_t rounds)
{
	uint64_t good = 0, last = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		const uint64_t request = last;

		requests.push(request);
		answers.pop(last);
		good += last == request + 1;
	}
	return good;
}

void pingpong(struct run *run)
{
	channel requests, answers;
	uint64_t good;

	requests.set_capacity(1);
	answers.set_capacity(1);
	std::thread answering([&] {
		uint64_t message;

		for (requests.pop(message); message != end; requests.pop(message))
			answers.push(message + 1);
	});
	std::thread asking([&] {
		ask_all(requests, answers, run->n / 10);
		run_start(run);
		good = ask_all(requests, answers, run->n);
		run_stop(run);
	});
	asking.join();
	requests.push(end);
	answering.join();
	run_check(run, good);
}

/* A request is a task of its own, which is how TBB hears of anything; main blocks on a queue. */
struct exchange {
	runtime tbb;
	channel answers;
	uint64_t last = 0;

	explicit exchange(const struct run *run) : tbb(run)
	{
		answers.set_capacity(1);
	}

	bool ask()
	{
		const uint64_t request = last;

		tbb.arena->enqueue([this, request] { answers.push(request + 1); });
		answers.pop(last);
		return last == request + 1;
	}
};

void wake(struct run *run, enum gap gap)
{
	exchange exchange(run);

	latencies_measure(
		run, gap, [](void *arg) { return ((struct exchange *)arg)->ask(); }, &exchange);
	if (!exchange.tbb.stop()) /* the last answer's sender may still be at the queue */
		run_fail(run, "TBB has not shut down");
}

void wake_ext(struct run *run)
{
	wake(run, GAP_NONE);
}

void wake_ext_200(struct run *run)
{
	wake(run, GAP_TICK);
}

void wake_ext_cold(struct run *run)
{
	wake(run, GAP_COLD);
}

struct received {
	uint64_t count = 0, sum = 0;
	bool ordered = true;
};

/* Sends 0 to n - 1, then an end for each consumer. No capacity: as many as there are. */
received channel_round(uint64_t n, unsigned sides, std::optional<size_t> capacity)
{
	channel messages;
	std::vector<std::thread> producers, consumers;
	std::vector<received> parts(sides);
	received all;
	uint64_t first = 0;

	if (capacity)
		messages.set_capacity(*capacity);
	for (unsigned i = 0; i < sides; i++) {
		const uint64_t count = share(n, sides, i);

		consumers.emplace_back([&messages, &part = parts[i]] {
			received mine;
			uint64_t message;

			for (messages.pop(message); message != end; messages.pop(message)) {
				mine.ordered &= message == mine.count++;
				mine.sum += message;
			}
			part = mine;
		});
		producers.emplace_back([&messages, first, count] {
			for (uint64_t i = 0; i < count; i++)
				messages.push(first + i);
		});
		first += count;
	}
	for (std::thread &producer : producers)
		producer.join();
	for (unsigned i = 0; i < sides; i++)
		messages.push(end);
	for (unsigned i = 0; i < sides; i++) {
		consumers[i].join();
		all.count += parts[i].count;
		all.sum += parts[i].sum;
		all.ordered &= parts[i].ordered;
	}
	return all;
}

void channel_measure(struct run *run, unsigned sides, std::optional<size_t> capacity = CHANNEL_SIZE)
{
	received all;

	channel_round(run->n / 10, sides, capacity);
	run_start(run);
	all = channel_round(run->n, sides, capacity);
	run_stop(run);
	channel_check(run, all.count, all.sum);
	if (sides == 1 && !all.ordered)
		run_fail(run, "out of order");
}

void chan_spsc(struct run *run)
{
	channel_measure(run, 1);
}

void chan_mpmc(struct run *run)
{
	channel_measure(run, SIDES);
}

void chan_unbounded(struct run *run)
{
	channel_measure(run, 1, std::nullopt);
}

void startup(struct run *run)
{
	runtime tbb(run);
	double began;

	tbb.inside(add_one);
	startup_done(run);
	run_check(run, counter);
	began = now();
	if (!tbb.stop())
		run_fail(run, "TBB has not shut down");
	run_extra(run, "exit_seconds", now() - began);
}

} /* namespace */

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {
		{ "spawn_ext", 0, spawn_ext },
		{ "spawn_int", 0, spawn_int },
		{ "spawn_frame", 0, spawn_frame },
		{ "pingpong", 0, pingpong },
		{ "chan_spsc", 0, chan_spsc },
		{ "chan_mpmc", 0, chan_mpmc },
		{ "chan_ends_2", 0, chan_spsc },
		{ "chan_ends_8", 0, chan_mpmc },
		{ "chan_unbounded", 0, chan_unbounded },
		{ "fib", 0, fib },
		{ "forkjoin", 0, forkjoin },
		{ "pfor_fine", 0, pfor_fine },
		{ "pfor_big", 0, pfor_big },
		{ "wake_ext", 0, wake_ext },
		{ "wake_ext_200", 0, wake_ext_200 },
		{ "wake_ext_cold", 0, wake_ext_cold },
		{ "startup", 0, startup },
		{ nullptr, 0, nullptr },
	};

	return work_main(argc, argv, "tbb", TBB_runtime_version(), cases);
}
