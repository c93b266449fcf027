#!/bin/sh
# Each public header compiles alone, twice in a row, as C11, C++17 and C++20, without a warning; so
# do a body that uses what is written by macros, calls, messages that are pointers, and locks that
# are all zero.

cd "${top_srcdir:-.}" || exit 99
tests=0 skipped=0 failed=0

body='
#include <pirn_channel.h>

PIRN_CHANNEL(number, int, NULL);

struct adder {
	struct pirn_future future;
	struct number_receiver *rx;
	int number, sum;
	struct pirn_recv recv;
};

PIRN_ASYNC(adder, f)
{
	PIRN_BEGIN(f);
	PIRN_EACH(f, f->recv, number_recv(f->rx, &f->number)) {
		if (f->number == 0)
			continue;
		if (f->number < 0)
			break;
		f->sum += f->number;
	}
	if (f->number > 0)
		PIRN_TRY(f, &f->recv.future);
	else
		PIRN_YIELD(f);
	PIRN_FINALLY(f);
	pirn_drop(&f->recv.future);
	PIRN_END(f);
}

int add(struct number_receiver *rx, struct number_sender *tx);
int add(struct number_receiver *rx, struct number_sender *tx)
{
	struct adder a = { PIRN_INIT(adder), rx, 0, 0, pirn_recv(NULL, NULL) };
	int oldest = 0;

	number_force_send(tx, &a.sum, &oldest);
	return pirn_block_on(&a.future);
}

int add_field_by_field(struct number_receiver *rx);
int add_field_by_field(struct number_receiver *rx)
{
#ifdef __cplusplus
	adder a = {};
	a.future = PIRN_INIT(adder);
	a.rx = rx;
#else
	struct adder a = { PIRN_INIT(adder), .rx = rx };
#endif
	return pirn_block_on(&a.future);
}
'

locks='
#include <pirn_barrier.h>
#include <pirn_mutex.h>
#include <pirn_once.h>
#include <pirn_rwlock.h>

#ifdef __cplusplus
# define ZERO {}
#else
# define ZERO { 0 }
#endif

struct locks {
	struct pirn_barrier barrier;
	struct pirn_condition condition;
	struct pirn_event event;
	struct pirn_mutex mutex;
	struct pirn_once once;
	struct pirn_rwlock rwlock;
	struct pirn_semaphore semaphore;
};

size_t zeros(void);
size_t zeros(void)
{
	struct pirn_barrier barrier = PIRN_BARRIER_INIT(2);
	struct pirn_condition condition = ZERO;
	struct pirn_event event = ZERO;
	struct pirn_mutex mutex = ZERO;
	struct pirn_once once = ZERO;
	struct pirn_rwlock rwlock = ZERO;
	struct pirn_semaphore semaphore = PIRN_SEMAPHORE_INIT(3), none = ZERO;
	static struct locks locks;

	return sizeof(locks) + sizeof(barrier) + sizeof(condition) + sizeof(event) + sizeof(mutex) +
	       sizeof(once) + sizeof(rwlock) + sizeof(semaphore) + sizeof(none);
}
'

calls='
#include <pirn_blocking.h>
#include <pirn_pool.h>
#include <pirn_static.h>

struct query {
	int question, answer;
};

static int ask(int host)
{
	return host;
}
PIRN_UNBLOCK_FN(int, ask, int);

static int query(struct query *q)
{
	q->answer = q->question;
	return 0;
}
PIRN_UNBLOCK(query, NULL);

struct asker {
	struct pirn_future future;
	struct ask_call ask;
	struct query_call query;
};

PIRN_ASYNC(asker, f)
{
	struct query q = { 1, 0 };

	PIRN_BEGIN(f);
	f->query = query_call(q);
	PIRN_AWAIT(f, &f->query.future);
	if (f->query.data.answer)
		PIRN_RETURN(f, 0);
	f->ask = ask_call(3);
	PIRN_TRY(f, &f->ask.future);
	PIRN_END(f);
}
PIRN_STATIC_TASKS(asker, 2);

int spawn_it(struct pirn_static *ex, struct pirn_task **out, struct asker *a);
int spawn_it(struct pirn_static *ex, struct pirn_task **out, struct asker *a)
{
	if (pirn_static_spawn(ex, out, &asker_tasks, &a->future) == 0)
		return 0;
	return pirn_spawn(NULL, out, &a->future);
}
'

pointers='
#include <pirn_broadcast.h>
#include <pirn_channel.h>
#include <pirn_oneshot.h>
#include <pirn_watch.h>

struct thing;

PIRN_CHANNEL(line, const char *, NULL);
PIRN_ONESHOT(answer, const char *, NULL);
PIRN_WATCH(title, const char *);
PIRN_WATCH(current, struct thing *);
PIRN_BROADCAST(cry, const char *);
PIRN_BROADCAST(moved, struct thing *);

int tell(struct title_sender *tx, struct current_sender *cx, struct cry_sender *rx,
	 struct moved_sender *mx, struct thing *thing);
int tell(struct title_sender *tx, struct current_sender *cx, struct cry_sender *rx,
	 struct moved_sender *mx, struct thing *thing)
{
	const char *text = "text";

	return title_send(tx, &text) + current_send(cx, &thing) + cry_send(rx, &text) +
	       moved_send(mx, &thing);
}
'

# try COMPILER LANGUAGE STANDARD NAME TEXT
try() {
	tests=$((tests + 1))
	if ! command -v "$1" >/dev/null 2>&1; then
		echo "ok $tests - $4 as $3 # SKIP $1 is not installed"
		skipped=$((skipped + 1))
	elif ! "$1" -x "$2" -std="$3" -fsyntax-only /dev/null 2>/dev/null; then
		echo "ok $tests - $4 as $3 # SKIP $1 does not know it"
		skipped=$((skipped + 1))
	elif printf '%s\n' "$5" |
		"$1" -x "$2" -std="$3" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-Ilib -Ichannel -Ipool -; then
		echo "ok $tests - $4 as $3 by $1"
	else
		echo "not ok $tests - $4 as $3 by $1"
		failed=$((failed + 1))
	fi
}

# try_all NAME TEXT
try_all() {
	try gcc c c11 "$1" "$2"
	try clang c c11 "$1" "$2"
	for standard in c++17 c++20; do
		try g++ c++ $standard "$1" "$2"
		try clang++ c++ $standard "$1" "$2"
	done
}

for path in lib/pirn*.h channel/pirn*.h pool/pirn*.h; do
	header=$(basename "$path")
	try_all "$header" "#include <$header>
#include <$header>"
done
try_all "a body" "$body"
try_all "locks that are all zero" "$locks"
try_all "calls and tasks" "$calls"
try_all "messages that are pointers" "$pointers"

echo "1..$tests"
echo "$((tests - skipped - failed)) passed, $failed failed"
[ $failed -eq 0 ]
