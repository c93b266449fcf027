/* SPDX-License-Identifier: MIT */
/*
 * Words shared between threads, and the operations on them: each names its memory order, and a
 * plain read or `++` does not compile. No other file names an atomic operation. A failed
 * compare-and-swap orders nothing, and stores what it found in *expected.
 *
 *	struct word	64 bits		word_...
 *	struct half	32 bits		half_...	(a futex word is one)
 *	struct link	a pointer	link_...
 */
#ifndef PIRN_ATOMIC_H
#define PIRN_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define PIRN_SHARED(name, type)									\
	struct name { _Atomic(type) shared; };							\
	static inline void name##_init(struct name *w, type v)					\
	{ atomic_init(&w->shared, v); }								\
	static inline type name##_load_relaxed(struct name *w)					\
	{ return atomic_load_explicit(&w->shared, memory_order_relaxed); }			\
	static inline type name##_load_acquire(struct name *w)					\
	{ return atomic_load_explicit(&w->shared, memory_order_acquire); }			\
	static inline type name##_load_seq_cst(struct name *w)					\
	{ return atomic_load_explicit(&w->shared, memory_order_seq_cst); }			\
	static inline void name##_store_relaxed(struct name *w, type v)				\
	{ atomic_store_explicit(&w->shared, v, memory_order_relaxed); }				\
	static inline void name##_store_release(struct name *w, type v)				\
	{ atomic_store_explicit(&w->shared, v, memory_order_release); }				\
	static inline type name##_exchange_acquire(struct name *w, type v)			\
	{ return atomic_exchange_explicit(&w->shared, v, memory_order_acquire); }		\
	static inline type name##_exchange_release(struct name *w, type v)			\
	{ return atomic_exchange_explicit(&w->shared, v, memory_order_release); }		\
	static inline type name##_exchange_acq_rel(struct name *w, type v)			\
	{ return atomic_exchange_explicit(&w->shared, v, memory_order_acq_rel); }		\
	static inline bool name##_cas_relaxed(struct name *w, type *expected, type v)		\
	{ return atomic_compare_exchange_strong_explicit(&w->shared, expected, v,		\
		memory_order_relaxed, memory_order_relaxed); }					\
	static inline bool name##_cas_acquire(struct name *w, type *expected, type v)		\
	{ return atomic_compare_exchange_strong_explicit(&w->shared, expected, v,		\
		memory_order_acquire, memory_order_relaxed); }					\
	static inline bool name##_cas_release(struct name *w, type *expected, type v)		\
	{ return atomic_compare_exchange_strong_explicit(&w->shared, expected, v,		\
		memory_order_release, memory_order_relaxed); }					\
	static inline bool name##_cas_acq_rel(struct name *w, type *expected, type v)		\
	{ return atomic_compare_exchange_strong_explicit(&w->shared, expected, v,		\
		memory_order_acq_rel, memory_order_relaxed); }					\
	static inline bool name##_cas_seq_cst(struct name *w, type *expected, type v)		\
	{ return atomic_compare_exchange_strong_explicit(&w->shared, expected, v,		\
		memory_order_seq_cst, memory_order_relaxed); }

/* The result is what was there before. */
#define PIRN_COUNTED(name, type)								\
	static inline type name##_add_relaxed(struct name *w, type v)				\
	{ return atomic_fetch_add_explicit(&w->shared, v, memory_order_relaxed); }		\
	static inline type name##_add_acq_rel(struct name *w, type v)				\
	{ return atomic_fetch_add_explicit(&w->shared, v, memory_order_acq_rel); }		\
	static inline type name##_add_seq_cst(struct name *w, type v)				\
	{ return atomic_fetch_add_explicit(&w->shared, v, memory_order_seq_cst); }		\
	static inline type name##_sub_relaxed(struct name *w, type v)				\
	{ return atomic_fetch_sub_explicit(&w->shared, v, memory_order_relaxed); }		\
	static inline type name##_sub_release(struct name *w, type v)				\
	{ return atomic_fetch_sub_explicit(&w->shared, v, memory_order_release); }		\
	static inline type name##_sub_acq_rel(struct name *w, type v)				\
	{ return atomic_fetch_sub_explicit(&w->shared, v, memory_order_acq_rel); }		\
	static inline type name##_and_relaxed(struct name *w, type v)				\
	{ return atomic_fetch_and_explicit(&w->shared, v, memory_order_relaxed); }		\
	static inline type name##_and_acquire(struct name *w, type v)				\
	{ return atomic_fetch_and_explicit(&w->shared, v, memory_order_acquire); }

#if __STDC_HOSTED__ /* bare metal often has none */
PIRN_SHARED(word, uint64_t)
PIRN_COUNTED(word, uint64_t)
#endif
PIRN_SHARED(half, uint32_t)
PIRN_COUNTED(half, uint32_t)
PIRN_SHARED(link, void *)
/* clang-format on */

/* Inside a short spin: lets the other hardware thread run. */
static inline void spin_hint(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

#endif
