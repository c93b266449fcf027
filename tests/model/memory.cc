/* SPDX-License-Identifier: MIT */
/*
 * What a model's threads share. All memory of an execution lies in one arena, in which each unit
 * of four bytes can have a plain variable of Relacy's, which knows when it was read and written,
 * and each address a word, which has its last few values, with a clock vector each. They are made
 * at the first access. What lies outside (stacks, constants) is not looked at, but for words.
 */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relacy.h"

namespace
{

enum { ARENA = 1 << 20, UNIT = 4, ALIGN = 16, WORDS = 4096, BLOCKS = 1024 };

struct word {
	char *at;
	rl::atomic_data *data;
	uint64_t first, value, values[rl::atomic_history_size];
};

struct block {
	size_t start, size;
	bool freed, kept;
};

alignas(ALIGN) char arena[ARENA];
size_t used;
unsigned words, blocks, outside, touched;
word word_table[WORDS];
block block_table[BLOCKS];
uint16_t word_of[ARENA / UNIT], block_of[ARENA / ALIGN], outside_table[16];
rl::var_data *plain[ARENA / UNIT];
uint32_t touched_table[ARENA / UNIT];

const model *current;
void (*forget_readers)(rl::atomic_data *);
bool running;         /* not before the threads begin or after they have ended */
unsigned steadiness;  /* of this execution: 256ths, in which the turn stays with a thread */
uint64_t ticks, tick; /* the clock, and how far it goes at each look, in nanoseconds */
const void *sleeps_on[MODEL_THREADS];

/* ---- what happened, told behind a failure --------------------------------------------------- */

uintptr_t load_address()
{
	uintptr_t found = 0;

	dl_iterate_phdr(
		[](struct dl_phdr_info *info, size_t, void *to) {
			*static_cast<uintptr_t *>(to) = info->dlpi_addr;
			return 1;
		},
		&found);
	return found;
}

/* Who called, by way of lib/atomic.h: "function file:line". */
const char *place_of(void *pc)
{
	static struct {
		void *pc;
		char text[96];
	} known[256];
	static unsigned n;
	char command[96], function[64], file[64];
	FILE *out;

	for (unsigned i = 0; i < n; i++)
		if (known[i].pc == pc)
			return known[i].text;
	if (n == 256)
		return "";
	known[n].pc = pc;
	snprintf(command, sizeof(command), "addr2line -i -f -s -e /proc/%d/exe %#lx", (int)getpid(),
		 (unsigned long)((uintptr_t)pc - 1 - load_address()));
	out = popen(command, "r");
	while (out && fgets(function, sizeof(function), out) && fgets(file, sizeof(file), out)) {
		snprintf(known[n].text, sizeof(known[n].text), "%.*s %.*s",
			 (int)strcspn(function, "\n"), function, (int)strcspn(file, " \n"), file);
		if (strncmp(file, "atomic.h", 8) != 0)
			break;
	}
	if (out)
		pclose(out);
	return known[n++].text;
}

struct event {
	const char *what;
	const char *order;
	const void *at;
	uint64_t from, to;
	void *pc;

	void output(std::ostream &s) const
	{
		size_t offset = (size_t)((const char *)at - arena);
		unsigned n = offset < ARENA ? block_of[offset / ALIGN] : 0;

		s << what << " " << order << " ";
		if (n)
			s << "block " << n << " + " << offset - block_table[n].start;
		else
			s << at;
		s << std::hex << ": 0x" << from;
		if (from != to)
			s << " -> 0x" << to;
		s << std::dec << " @ " << place_of(pc);
	}
};

const char *const order_name[] = { "relaxed", "acquire", "release", "acq_rel", "seq_cst" };

void tell(const char *what, const char *order, const void *at, uint64_t from, uint64_t to, void *pc)
{
	if (rl::ctx().collecting_history()) {
		event e = { what, order, at, from, to, pc };
		rl::ctx().exec_log(rl::debug_info(), e);
	}
}

[[noreturn]] void fail(const char *why, rl::test_result_e result)
{
	rl::ctx().fail_test(why, result, rl::debug_info());
	abort(); /* it does not return */
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* Another thread may come first. The library's one thread-local goes with the fiber. */
void turn()
{
	struct pirn_thread mine = pirn__thread;

	if (!running || (steadiness && rl::ctx().rand(256, rl::sched_type_user) < steadiness))
		return;
	rl::ctx().sched();
	pirn__thread = mine;
}

/* ---- plain memory --------------------------------------------------------------------------- */

/* NULL: outside. */
block *block_at(const void *p)
{
	size_t offset = (size_t)((const char *)p - arena);

	if (offset >= ARENA)
		return NULL;
	if (block_of[offset / ALIGN] == 0)
		fail("an address in no block", rl::test_result_access_to_freed_memory);
	return &block_table[block_of[offset / ALIGN]];
}

void touch(const void *p, size_t size, bool write, void *pc)
{
	block *b = block_at(p);
	size_t offset = (size_t)((const char *)p - arena);
	rl::thread_info_base &self = *rl::ctx().threadx_;

	if (!b || size == 0)
		return;
	if (b->freed || offset + size > b->start + b->size) {
		tell("use of", b->freed ? "freed" : "what is behind", p, 0, 0, pc);
		fail("", rl::test_result_access_to_freed_memory);
	}
	if (!running)
		return;
	for (size_t u = offset / UNIT; u <= (offset + size - 1) / UNIT; u++) {
		if (!plain[u]) {
			plain[u] = rl::ctx().var_ctor();
			touched_table[touched++] = (uint32_t)u;
		}
		if (!(write ? plain[u]->store(self) : plain[u]->load(self))) {
			tell(write ? "race: write" : "race: read", "of", p, 0, 0, pc);
			fail("", rl::test_result_data_race);
		}
	}
}

void *allocate(size_t size, bool kept)
{
	size_t start = (used + ALIGN - 1) / ALIGN * ALIGN;

	if (start + size + ALIGN > ARENA || blocks == BLOCKS - 1)
		fail("the arena is too small", rl::test_result_inconsistent_test_suite);
	used = start + size;
	block_table[++blocks] = { start, size, false, kept };
	for (size_t i = start / ALIGN; i * ALIGN < used; i++)
		block_of[i] = (uint16_t)blocks;
	used += ALIGN;
	memset(arena + start, 0xa5, size);
	return arena + start;
}

/* ---- words ---------------------------------------------------------------------------------- */

uint64_t read_bits(const void *p, size_t size)
{
	uint32_t half;
	uint64_t whole;

	memcpy(&half, p, sizeof(half));
	if (size == sizeof(half))
		return half;
	memcpy(&whole, p, sizeof(whole));
	return whole;
}

/* So that a debugger, and who looks when all threads have ended, find it there. */
void write_bits(void *p, size_t size, uint64_t v)
{
	memcpy(p, &v, size); /* little-endian, as are the machines with a futex that we know */
}

word *find(void *p)
{
	size_t offset = (size_t)((char *)p - arena);

	if (offset < ARENA)
		return word_of[offset / UNIT] ? &word_table[word_of[offset / UNIT]] : NULL;
	for (unsigned i = 0; i < outside; i++)
		if (word_table[outside_table[i]].at == p)
			return &word_table[outside_table[i]];
	return NULL;
}

/* To an atomic operation on it, initialising and freeing a word are writes, all else is a read. */
word &reach(void *p, size_t size, void *pc)
{
	size_t offset = (size_t)((char *)p - arena);
	word *w;

	turn();
	touch(p, size, false, pc);
	w = find(p);
	if (w)
		return *w;
	if (words == WORDS - 1 || (offset >= ARENA && outside == 16))
		fail("too many words", rl::test_result_inconsistent_test_suite);
	w = &word_table[++words];
	w->at = (char *)p;
	w->first = w->value = read_bits(p, size);
	w->data = rl::ctx().atomic_ctor(w);
	w->values[rl::ctx().threadx_->atomic_init(w->data)] = w->value;
	forget_readers(w->data);
	if (offset < ARENA)
		word_of[offset / UNIT] = (uint16_t)words;
	else
		outside_table[outside++] = (uint16_t)words;
	return *w;
}

void set(word &w, size_t size, unsigned index, uint64_t v)
{
	if (size == sizeof(uint32_t))
		v = (uint32_t)v;
	w.value = w.values[index] = v;
	write_bits(w.at, size, v);
}

unsigned read_and_write(word &w, memory_order order)
{
	rl::thread_info_base &self = *rl::ctx().threadx_;
	bool aba;

	switch (order) {
	case memory_order_relaxed:
		return self.atomic_rmw_relaxed(w.data, aba);
	case memory_order_acquire:
		return self.atomic_rmw_acquire(w.data, aba);
	case memory_order_release:
		return self.atomic_rmw_release(w.data, aba);
	case memory_order_acq_rel:
		return self.atomic_rmw_acq_rel(w.data, aba);
	case memory_order_seq_cst:
		break;
	}
	return self.atomic_rmw_seq_cst(w.data, aba);
}

} // namespace

void model_init(void *p, size_t size, uint64_t v)
{
	word *w = find(p);

	touch(p, size, true, __builtin_return_address(0));
	write_bits(p, size, v);
	if (w)
		set(*w, size, rl::ctx().threadx_->atomic_store_relaxed(w->data), v);
}

uint64_t model_load(void *p, size_t size, memory_order order)
{
	void *pc = __builtin_return_address(0);
	word &w = reach(p, size, pc);
	rl::thread_info_base &self = *rl::ctx().threadx_;
	unsigned i;

	if (order == memory_order_relaxed)
		i = self.atomic_load_relaxed(w.data);
	else if (order == memory_order_acquire)
		i = self.atomic_load_acquire(w.data);
	else
		i = self.atomic_load_seq_cst(w.data);
	tell(w.values[i] == w.value ? "load" : "load (old)", order_name[order], p, w.values[i],
	     w.values[i], pc);
	return w.values[i];
}

void model_store(void *p, size_t size, uint64_t v, memory_order order)
{
	void *pc = __builtin_return_address(0);
	word &w = reach(p, size, pc);
	rl::thread_info_base &self = *rl::ctx().threadx_;
	uint64_t before = w.value;
	unsigned i;

	if (order == memory_order_relaxed)
		i = self.atomic_store_relaxed(w.data);
	else if (order == memory_order_release)
		i = self.atomic_store_release(w.data);
	else
		i = self.atomic_store_seq_cst(w.data);
	set(w, size, i, v);
	tell("store", order_name[order], p, before, w.value, pc);
}

uint64_t model_change(void *p, size_t size, enum model_change change, uint64_t v,
		      memory_order order)
{
	static const char *const name[] = { "swap", "add", "sub", "and", "or" };
	void *pc = __builtin_return_address(0);
	word &w = reach(p, size, pc);
	uint64_t before = w.value;

	switch (change) {
	case MODEL_SWAP:
		break;
	case MODEL_ADD:
		v = before + v;
		break;
	case MODEL_SUB:
		v = before - v;
		break;
	case MODEL_AND:
		v = before & v;
		break;
	case MODEL_OR:
		v = before | v;
		break;
	}
	set(w, size, read_and_write(w, order), v);
	tell(name[change], order_name[order], p, before, w.value, pc);
	return before;
}

bool model_cas(void *p, size_t size, void *expected, uint64_t v, memory_order order)
{
	void *pc = __builtin_return_address(0);
	word &w = reach(p, size, pc);
	uint64_t before = w.value;

	if (before == read_bits(expected, size)) {
		set(w, size, read_and_write(w, order), v);
		tell("cas", order_name[order], p, before, w.value, pc);
		return true;
	}
	rl::ctx().threadx_->atomic_load_relaxed_rmw(w.data);
	write_bits(expected, size, before);
	tell("cas failed", order_name[order], p, before, before, pc);
	return false;
}

/* ---- sleep ---------------------------------------------------------------------------------- */

/* Orders nothing by itself: that is the word's business. */
enum model_wait model_wait(void *p, size_t size, uint64_t value, bool timed)
{
	void *pc = __builtin_return_address(0);
	word &w = reach(p, size, pc);
	struct pirn_thread mine = pirn__thread;
	const void *&mark = sleeps_on[rl::ctx().threadx_->index_];
	rl::unpark_reason reason;

	tell(w.value == value ? "sleeps" : "does not sleep", "on", p, w.value, w.value, pc);
	if (w.value != value)
		return MODEL_CHANGED;
	mark = p;
	reason = rl::ctx().park_current_thread(timed && current->timers, false, false,
					       rl::debug_info());
	mark = NULL;
	pirn__thread = mine;
	return reason == rl::unpark_reason_timeout ? MODEL_TIMED_OUT : MODEL_WOKEN;
}

void model_wake(void *p)
{
	unsigned sleepers = 0, chosen;

	turn();
	touch(p, UNIT, false, __builtin_return_address(0));
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		sleepers += sleeps_on[i] == p;
	if (sleepers == 0)
		return;
	chosen = model_choose(sleepers);
	for (unsigned i = 0; i < MODEL_THREADS; i++) {
		if (sleeps_on[i] == p && chosen-- == 0) {
			sleeps_on[i] = NULL;
			rl::ctx().unpark_thread((int)i, false, rl::debug_info());
			return;
		}
	}
}

/* ---- the rest of model.h -------------------------------------------------------------------- */

void model_fail(const char *why)
{
	fail(why, rl::test_result_user_assert_failed);
}

unsigned model_choose(unsigned n)
{
	return n > 1 ? rl::ctx().rand(n, rl::sched_type_user) : 0;
}

void model_yield(void)
{
	struct pirn_thread mine = pirn__thread;

	rl::ctx().yield(1, rl::debug_info());
	pirn__thread = mine;
}

unsigned model_self(void)
{
	return (unsigned)rl::ctx().threadx_->index_;
}

uint64_t model_time(void)
{
	return ticks += tick;
}

void model_touch(const void *p, size_t size, bool write)
{
	touch(p, size, write, __builtin_return_address(0));
}

void *model_alloc(size_t size)
{
	return allocate(size, true);
}

void *model_memory_alloc(size_t size)
{
	return allocate(size, false);
}

void model_memory_free(void *p, size_t size)
{
	block *b = block_at(p);

	turn();
	if (!b || arena + b->start != p || b->size != size)
		fail("free of something else", rl::test_result_double_free);
	touch(p, size, true, __builtin_return_address(0));
	tell("free", "of", p, size, size, __builtin_return_address(0));
	b->freed = true;
}

/* ---- called by what gcc's -fsanitize=thread makes of plain accesses -------------------------- */

extern "C" {

/* clang-format off */
#define ACCESS(kind, n, write)									\
	void __tsan_##kind##n(void *p) { touch(p, n, write, __builtin_return_address(0)); }
#define ACCESSES(n)										\
	ACCESS(read, n, false) ACCESS(write, n, true)						\
	ACCESS(unaligned_read, n, false) ACCESS(unaligned_write, n, true)
/* clang-format on */

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *p, size_t size)
{
	touch(p, size, false, __builtin_return_address(0));
}

void __tsan_write_range(void *p, size_t size)
{
	touch(p, size, true, __builtin_return_address(0));
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *)
{
}

void __tsan_func_exit(void)
{
}
}

/* ---- one execution -------------------------------------------------------------------------- */

/* Also behind one that was broken off. */
void memory_begin(const model &m, void (*forget)(rl::atomic_data *))
{
	static const unsigned choice[] = { 0, 128, 216, 250 };

	for (unsigned i = 0; i < outside; i++) {
		word &w = word_table[outside_table[i]];

		write_bits(w.at, sizeof(uint32_t), w.first);
	}
	memset(word_of, 0, (used / UNIT + 1) * sizeof(word_of[0]));
	memset(block_of, 0, (used / ALIGN + 1) * sizeof(block_of[0]));
	for (unsigned i = 0; i < touched; i++)
		plain[touched_table[i]] = NULL;
	memset(sleeps_on, 0, sizeof(sleeps_on));
	memset(&pirn__thread, 0, sizeof(pirn__thread));
	used = words = blocks = outside = touched = 0;
	ticks = 0;
	tick = model_choose(4) ? 1000000000 : 5000;
	running = false;
	current = &m;
	forget_readers = forget;
	steadiness = choice[model_choose(4)];
}

/* Where the clock is slow it can pay to wait awake: then some have seen that. */
void memory_new_thread(void)
{
	memset(&pirn__thread, 0, sizeof(pirn__thread));
	if (tick < 1000000 && model_choose(2))
		pirn__thread.linger = (unsigned)(4 * tick);
}

void memory_run(void)
{
	running = true;
}

void memory_stop(void)
{
	running = false;
	memset(&pirn__thread, 0, sizeof(pirn__thread));
}

void memory_end(void)
{
	for (unsigned i = 1; i <= blocks; i++)
		if (!block_table[i].kept && !block_table[i].freed)
			fail("", rl::test_result_memory_leak);
	for (unsigned i = 1; i <= words; i++)
		rl::ctx().atomic_dtor(word_table[i].data);
	for (unsigned i = 0; i < touched; i++)
		rl::ctx().var_dtor(plain[touched_table[i]]);
}
