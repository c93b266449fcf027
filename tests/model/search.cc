/* SPDX-License-Identifier: MIT */
/* Runs models, each many times, by Relacy's random scheduler. Says in TAP how each ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relacy.h"

namespace
{

const model *current;

template <int N> struct suite : rl::test_suite<suite<N>, N> {
	static void forget(rl::atomic_data *d)
	{
		rl::atomic_data_impl<N> *data = static_cast<rl::atomic_data_impl<N> *>(d);

		for (auto &record : data->history_)
			for (auto &seen : record.first_seen_order_)
				seen = (rl::timestamp_t)-1;
	}

	void before()
	{
		memory_begin(*current, forget);
		model_host_begin(current->threads, current->made);
		current->before();
		memory_run();
	}

	void thread(unsigned i)
	{
		memory_new_thread();
		if (i >= current->threads) {
			model_host_serve(i - current->threads);
			return;
		}
		current->thread(i);
		model_host_ended();
	}

	void after()
	{
		memory_stop();
		if (current->after)
			current->after();
		memory_end();
	}
};

bool quiet;

/* As comments, in the order in which it happened; Relacy sorts them by thread behind that. */
void print_notes(const char *text)
{
	for (; *text && strncmp(text, "thread ", 7) != 0; text += strcspn(text, "\n") + 1) {
		int length = (int)strcspn(text, "\n");
		const char *place = strstr(text, ", in , (0)"); /* one that we left out */

		if (place && place - text < length)
			length = (int)(place - text);
		printf("# %.*s\n", length, text);
	}
}

/* The number of the execution that failed, or 0. */
template <int N> uint64_t search(uint64_t rounds)
{
	typedef rl::random_scheduler<N> scheduler;
	rl::ostringstream told; /* with an allocator of its own, in and out of an execution */
	std::ostream nowhere(NULL);
	rl::ostringstream state;
	rl::test_params params;

	params.iteration_count = rounds;
	params.output_stream = params.progress_stream = &nowhere;
	params.execution_depth_limit = 20000;
	if (rl::run_test<suite<N>, scheduler>(params, state, false) == rl::test_result_success)
		return 0;
	if (quiet)
		return params.stop_iteration;
	/* The same once more, with notes. */
	params.initial_state = state.str();
	params.collect_history = true;
	params.output_stream = &told;
	rl::run_test<suite<N>, scheduler>(params, state, true);

	print_notes(told.str().c_str());
	return params.stop_iteration;
}

uint64_t search(const model &m, uint64_t rounds)
{
	/* One for each number: they take long to compile. */
	static uint64_t (*const by_threads[])(uint64_t) = { NULL, NULL, search<2>, search<3>,
							    search<4> };

	current = &m;
	return by_threads[m.threads + m.made](rounds);
}

bool wanted(const char *name, char **parts)
{
	if (!*parts)
		return true;
	for (; *parts; parts++)
		if (strncmp(name, *parts, strlen(*parts)) == 0)
			return true;
	return false;
}

} // namespace

/* models [-q] [PART...]: those whose names begin so. PIRN_STRESS multiplies the executions. */
int main(int argc, char **argv)
{
	static const model *const all[] = { task_models,     lock_models,      injector_models,
					    local_models,    job_models,       block_on_models,
					    registry_models, pool_models,      pool_end_models,
					    lent_models,     channel_models,   event_models,
					    loop_models,     semaphore_models, condition_models,
					    once_models,     oneshot_models,   feed_models };
	const char *stress = getenv("PIRN_STRESS");
	uint64_t factor = stress ? strtoull(stress, NULL, 10) : 1;
	unsigned n = 0, failed = 0;
	char **parts = argv + 1;

	(void)argc;
	if (*parts && strcmp(*parts, "-q") == 0) {
		quiet = true;
		parts++;
	}
	for (const model *list : all) {
		for (const model *m = list; m->name; m++) {
			uint64_t rounds = m->rounds * (factor ? factor : 1), at;
			clock_t start = clock();

			if (!wanted(m->name, parts))
				continue;
			at = search(*m, rounds);
			failed += at != 0;
			printf("%s %u - %s # ", at ? "not ok" : "ok", ++n, m->name);
			if (at)
				printf("execution %llu\n", (unsigned long long)at);
			else
				printf("%llu executions, %.1f s\n", (unsigned long long)rounds,
				       (double)(clock() - start) / CLOCKS_PER_SEC);
			fflush(stdout);
			if (at && quiet)
				return 1;
		}
	}
	printf("1..%u\n", n);
	return failed != 0;
}
