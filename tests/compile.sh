#!/bin/sh
# Misuses that a compiler or a trap must catch: one per file in tests/compile, .c or .cc.
#
# The first lines of a file say what must happen:
#
#	/* error: REGEX */            does not compile, and the diagnostics match
#	/* warning: FLAGS: REGEX */   compiles with these flags, and a warning matches
#	/* trap: REGEX */             compiles, runs, aborts, and what it writes to stderr matches
#
# With the name of a compiler in front (`/* clang: error: ... */`; gcc, clang, g++, clang++) a line
# holds for that compiler alone, and comes before one without.  A compiler for which no line holds
# does not see the file.  REGEX is one of grep -E.

ulimit -c 0 2>/dev/null # a trap leaves no core, where the shell can say so
build=$(cd "${top_builddir:-.}" && pwd) || exit 99
cd "${top_srcdir:-.}" || exit 99
work=$(mktemp -d "${TMPDIR:-/tmp}/pirn-compile.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT

if [ "${PIRN_SANITIZER:-no}" != no ]; then
	echo "one build without a sanitizer is enough"
	exit 77
fi
library=$build/.libs/libpirn.so
[ -e "$library" ] || library=$build/.libs/libpirn.a

tests=0 skipped=0 failed=0

# check COMPILER STANDARD FILE KIND REST: succeeds if FILE does what KIND and REST say.
check() {
	flags="-std=$2 -Wall -Wextra -Ilib -Ichannel -Ipool"
	case $4 in
	error)
		! $1 $flags -c "$3" -o "$work/o" >"$work/log" 2>&1 && grep -Eq -- "$5" "$work/log"
		;;
	warning)
		$1 $flags ${5%%: *} -c "$3" -o "$work/o" >"$work/log" 2>&1 &&
			grep 'warning:' "$work/log" | grep -Eq -- "${5#*: }"
		;;
	trap)
		$1 $flags "$3" -o "$work/program" "$library" $PIRN_LIBS -pthread \
			-Wl,-rpath,"$build/.libs" >"$work/log" 2>&1 || return 1
		timeout 20 "$work/program" >"$work/log" 2>&1
		# 128 + SIGABRT
		[ $? -eq 134 ] && grep -Eq -- "$5" "$work/log"
		;;
	*)
		echo "no such kind of test: $4" >"$work/log"
		false
		;;
	esac
}

# try COMPILER STANDARD FILE
try() {
	line=$(sed -n "1,6s|^/\* $1: \(.*\) \*/\$|\1|p" "$3" | head -n 1)
	[ -n "$line" ] || line=$(sed -n '1,6s|^/\* \([a-z]*: .*\) \*/$|\1|p' "$3" |
		grep -Ev '^(gcc|clang|g\+\+|clang\+\+): ' | head -n 1)
	[ -n "$line" ] || return

	tests=$((tests + 1))
	name="$1 $(basename "$3"): $line"
	if ! command -v "$1" >/dev/null 2>&1; then
		echo "ok $tests - $name # SKIP $1 is not installed"
		skipped=$((skipped + 1))
	elif check "$1" "$2" "$3" "${line%%: *}" "${line#*: }"; then
		echo "ok $tests - $name"
	else
		echo "not ok $tests - $name"
		sed 's/^/# /' "$work/log"
		failed=$((failed + 1))
	fi
}

for file in tests/compile/*.c; do
	try gcc c11 "$file"
	try clang c11 "$file"
done
for file in tests/compile/*.cc; do
	[ -e "$file" ] || continue
	try g++ c++17 "$file"
	try clang++ c++17 "$file"
done

echo "1..$tests"
echo "$((tests - skipped - failed)) passed, $failed failed"
[ $failed -eq 0 ]
