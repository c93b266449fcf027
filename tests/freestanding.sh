#!/bin/sh
# The static executor compiles freestanding, as pirn_static.h says: those files, with the compiler's
# own headers and no others, want nothing but memcpy and memset, no 64-bit atomics among it.  Here,
# for 32 bits, and for a microcontroller; then the bare program below, which has no C library, runs.

cd "${top_srcdir:-.}" || exit 99
files="async combinator freestanding future loop static_executor thread waker"
work=$(mktemp -d "${TMPDIR:-/tmp}/pirn-freestanding.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
: >"$work/config.h"
flags="-std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -ffreestanding -fno-stack-protector -nostdinc"
tests=0 skipped=0 failed=0

# say NAME: after a command, whose status counts.
say() {
	status=$?
	tests=$((tests + 1))
	if [ $status -eq 0 ]; then
		echo "ok $tests - $1"
	elif [ $status -eq 77 ]; then
		echo "ok $tests - $1 # SKIP $2"
		skipped=$((skipped + 1))
	else
		echo "not ok $tests - $1"
		sed 's/^/# /' "$work/log"
		failed=$((failed + 1))
	fi
}

# compile COMPILER OPTION...: into $work/*.o
compile() {
	command -v "$1" >/dev/null 2>&1 || return 77
	own=$("$1" -print-file-name=include)
	rm -f "$work"/*.o
	for file in $files; do
		"$@" $flags -isystem "$own" -I"$work" -Ilib -c "lib/$file.c" -o "$work/$file.o" \
			>>"$work/log" 2>&1 || return 1
	done
}

# What none of the objects defines. (nm reads those of other machines as well.)
wanted() {
	{
		nm -g --defined-only "$work"/*.o | awk 'NF == 3 { print $3, "defined" }'
		nm -u "$work"/*.o | awk 'NF == 2 { print $2, "wanted" }'
	} | awk '{ seen[$1] = seen[$1] $2 }
		END { for (name in seen) if (seen[name] !~ /defined/) print name }' |
		grep -Ev '^(memcpy|memset|__aeabi_mem(cpy|set|clr)[48]?|_GLOBAL_OFFSET_TABLE_)$'
}

# try COMPILER OPTION...
try() {
	: >"$work/log"
	compile "$@"
	say "$* compiles it" "no $1"
	[ $status -eq 0 ] || return
	[ -z "$(wanted | tee "$work/log")" ]
	say "$* finds nothing else wanted"
}

try gcc
try gcc -m32
try clang
try clang --target=thumbv7m-none-eabi

cat >"$work/bare.c" <<'END'
#include <pirn_static.h>

struct count {
	struct pirn_future future;
	int i, *sum;
};

PIRN_ASYNC(count, f)
{
	PIRN_BEGIN(f);
	for (; f->i < 5; f->i++) {
		*f->sum += f->i;
		PIRN_YIELD(f);
	}
	PIRN_END(f);
}
PIRN_STATIC_TASKS(count, 2);

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
	for (volatile char *t = to; n--; from = (const char *)from + 1)
		*t++ = *(const char *)from;
	return to;
}

void *memset(void *to, int c, size_t n)
{
	for (volatile char *t = to; n--;)
		*t++ = (char)c;
	return to;
}

static struct pirn_static ex;

static int run(void)
{
	int sum = 0;

	pirn_static_init(&ex, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		struct count c = { PIRN_INIT(count), .sum = &sum };

		if (pirn_static_spawn(&ex, NULL, &count_tasks, &c.future) != (i < 2 ? 0 : -ENOMEM))
			return 1;
	}
	while (pirn_static_poll(&ex))
		;
	return sum == 20 && pirn_static_idle(&ex) ? 0 : 2;
}

void _start(void);

/* Linux, by hand: exit(run()). */
__attribute__((force_align_arg_pointer)) void _start(void)
{
	__asm__ volatile("syscall" : : "a"(60), "D"(run()));
	__builtin_unreachable();
}
END
: >"$work/log"
if [ "$(uname -sm)" = "Linux x86_64" ]; then
	compile gcc &&
		gcc $flags -isystem "$(gcc -print-file-name=include)" -I"$work" -Ilib -nostdlib \
			-static "$work/bare.c" "$work"/*.o -o "$work/bare" >>"$work/log" 2>&1 &&
		"$work/bare"
else
	(exit 77)
fi
say "a program without a C library runs" "not on this machine"

echo "1..$tests"
echo "$((tests - skipped - failed)) passed, $failed failed"
[ $failed -eq 0 ]
