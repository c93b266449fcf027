#!/bin/sh
# instructions.sh BUILD_DIR [check]: how many instructions an op takes, counted by callgrind, which
# gives the same number each time. Prints the table that bench/instructions.txt holds. check:
# compares with it instead, and fails where an op takes over a tenth more, if the compiler is the
# same: then either the code should change or, in the same commit, that file.

build=${1:?BUILD_DIR} check=${2:-}
cd "$(dirname "$0")/.." || exit 99
stored=bench/instructions.txt
command -v valgrind >/dev/null || { echo "skip: valgrind is not installed"; exit 77; }

out=$(mktemp "${TMPDIR:-/tmp}/pirn-instructions.XXXXXX") || exit 99
trap 'rm -f "$out" "$out.log"' EXIT

# count OP FUNCTION: instructions below FUNCTION, of a thousand ops.
count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
		--toggle-collect="$2" "$build/bench/instructions" "$1" >"$out.log" 2>&1 ||
		{ cat "$out.log" >&2; exit 1; }
	awk '/Collected/ { n = $NF } END { printf "%d\n", n / 1000 + 0.5; exit n == 0 }' "$out.log"
}

version=$(${CC:-gcc} --version | head -n 1)
flags=$(sed -n 's/^CFLAGS = //p; s/^JEMALLOC_LIBS = //p' "$build/Makefile" | tr '\n' ' ')
{
	echo "# Instructions for one op, on one thread: bench/instructions.sh"
	echo "# compiler: $version $flags"
	for op in spawn wake send recv submit; do
		n=$(count $op op_$op) || exit 1
		echo "$op $n"
	done
	n=$(count poll pirn__task_run) || exit 1
	echo "poll $n"
} >"$out" || exit 1

cat "$out"
[ -n "$check" ] || exit 0
if [ "$(grep '^# compiler' "$out")" != "$(grep '^# compiler' $stored)" ]; then
	echo "skip: $stored was made with another compiler: $(grep '^# compiler' $stored)"
	exit 0
fi
awk '/^#/ { next }
	NR == FNR { before[$1] = $2; next }
	!($1 in before) { print $1 ": not in the stored table"; bad = 1 }
	{ seen[$1] = 1 }
	$2 > before[$1] * 1.1 { print $1 ": " before[$1] " instructions before, now " $2; bad = 1 }
	END {
		for (op in before)
			if (!(op in seen)) { print op ": not counted any more"; bad = 1 }
		exit bad
	}' $stored "$out"
