/* SPDX-License-Identifier: MIT */
/*
 * Stands in front of the compiler's <stdatomic.h> where the library is compiled for the models:
 * lib/atomic.h, as it ships, then asks model.cc for each operation.
 */
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include "model.h"

/* clang-format off */
#define _Atomic(type) type

#define MODEL_BITS(v) ((uint64_t)(uintptr_t)(v))
#define MODEL_TYPED(p, bits) ((__typeof__(*(p)))(uintptr_t)(bits))
#define MODEL_CHANGE(p, change, v, order) \
	MODEL_TYPED(p, model_change(p, sizeof(*(p)), change, MODEL_BITS(v), order))

#define atomic_init(p, v) model_init(p, sizeof(*(p)), MODEL_BITS(v))
#define atomic_load_explicit(p, order) MODEL_TYPED(p, model_load(p, sizeof(*(p)), order))
#define atomic_store_explicit(p, v, order) model_store(p, sizeof(*(p)), MODEL_BITS(v), order)
#define atomic_exchange_explicit(p, v, order) MODEL_CHANGE(p, MODEL_SWAP, v, order)
#define atomic_fetch_add_explicit(p, v, order) MODEL_CHANGE(p, MODEL_ADD, v, order)
#define atomic_fetch_sub_explicit(p, v, order) MODEL_CHANGE(p, MODEL_SUB, v, order)
#define atomic_fetch_and_explicit(p, v, order) MODEL_CHANGE(p, MODEL_AND, v, order)
#define atomic_fetch_or_explicit(p, v, order) MODEL_CHANGE(p, MODEL_OR, v, order)
#define atomic_compare_exchange_strong_explicit(p, expected, v, order, failure) \
	((void)sizeof(char[(failure) == memory_order_relaxed ? 1 : -1]), \
	 model_cas(p, sizeof(*(p)), expected, MODEL_BITS(v), order))
/* clang-format on */

#endif
