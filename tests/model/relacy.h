/* SPDX-License-Identifier: MIT */
/* Relacy, without its macros for programs written for it, and what memory.cc is to search.cc. */
#ifndef MODEL_RELACY_H
#define MODEL_RELACY_H

#include <relacy/relacy.hpp>

#undef assert
#undef calloc
#undef delete
#undef errno
#undef free
#undef malloc
#undef memory_order_acq_rel
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_relaxed
#undef memory_order_seq_cst
#undef new
#undef realloc

#include "model.h"

#define _Thread_local __thread
#include "thread.h"

/*
 * An execution begins, its threads run (each is new at first), they have run, it ends. forget: a
 * new atomic_data is told that nobody has read it; only who knows the number of threads knows its
 * type.
 */
void memory_begin(const model &m, void (*forget)(rl::atomic_data *));
void memory_run(void);
void memory_new_thread(void);
void memory_stop(void);
void memory_end(void);

#endif
