/* SPDX-License-Identifier: MIT */
/*
 * Models: a few threads that use the library as it ships, run many times by Relacy, which chooses
 * whose turn it is at every atomic operation, and lets a load return an older value where the
 * orders allow that. Found are: data races between plain accesses, use of memory that was freed or
 * whose free is not ordered behind the use, memory not freed, threads that wait for ever, and what
 * MODEL_CHECK asks.
 *
 * How the C text gets there: lib/atomic.h includes the <stdatomic.h> of this folder; gcc's
 * -fsanitize=thread, without its library, calls model.cc for every plain access; host.h turns
 * system calls and memory functions to host.c.
 *
 * A random search is no proof. That it finds something is what ./dev mutate shows.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pirn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MODEL_THREADS 4 /* in all, of one model; 2 at least (search.cc) */

struct model {
	const char *name; /* "part: what against what" */
	unsigned threads; /* of its own, numbered from 0 */
	unsigned made;    /* how many more the library may start */
	unsigned rounds;  /* executions in make check */
	bool timers;      /* a sleep with a time-out can end by it; else it lasts for ever */
	void (*before)(void);
	void (*thread)(unsigned i);
	void (*after)(void); /* or NULL */
};

/* Ended by one without a name. */
extern const struct model block_on_models[], channel_models[], condition_models[], event_models[],
	feed_models[], injector_models[], job_models[], lent_models[], local_models[],
	lock_models[], loop_models[], once_models[], oneshot_models[], pool_models[],
	pool_end_models[], registry_models[], semaphore_models[], task_models[];

/* clang-format off */
#define MODEL_CHECK(condition)									\
	do {											\
		if (!(condition))								\
			model_fail(#condition);							\
	} while (0)
/* clang-format on */

void model_fail(const char *why) PIRN_NORETURN;

/* Any number below n. */
unsigned model_choose(unsigned n);

/* Others come first: in a loop that waits. */
void model_yield(void);

/* Memory with garbage in it, for one execution: it need not be freed. */
void *model_alloc(size_t size);

/* Memory, threads and time, as a pool's platform. Memory must be freed. */
extern const struct pirn_platform model_platform;

/* ---- operations on words: what stdatomic.h makes of lib/atomic.h --------------------------- */

typedef enum memory_order {
	memory_order_relaxed,
	memory_order_acquire,
	memory_order_release,
	memory_order_acq_rel,
	memory_order_seq_cst
} memory_order;

enum model_change { MODEL_SWAP, MODEL_ADD, MODEL_SUB, MODEL_AND, MODEL_OR };

void model_init(void *word, size_t size, uint64_t v);
uint64_t model_load(void *word, size_t size, memory_order order);
void model_store(void *word, size_t size, uint64_t v, memory_order order);
uint64_t model_change(void *word, size_t size, enum model_change change, uint64_t v,
		      memory_order order);
/* A failure orders nothing. */
bool model_cas(void *word, size_t size, void *expected, uint64_t v, memory_order order);

/* ---- between host.c and model.cc ----------------------------------------------------------- */

enum model_wait { MODEL_WOKEN, MODEL_CHANGED, MODEL_TIMED_OUT };

/* Sleeps while the word has this value, in one step with the look at it. */
enum model_wait model_wait(void *word, size_t size, uint64_t value, bool timed);
/* Wakes one of those who sleep on it. */
void model_wake(void *word);

unsigned model_self(void);
uint64_t model_time(void); /* it jumps, so that no wait for it takes long */
void model_touch(const void *p, size_t size, bool write);

void *model_memory_alloc(size_t size);
void model_memory_free(void *p, size_t size);

void model_host_begin(unsigned threads, unsigned made);
/* Threads of the model's own end, and threads for the library stand ready, by number. */
void model_host_ended(void);
void model_host_serve(unsigned i);

#ifdef __cplusplus
}
#endif
#endif
