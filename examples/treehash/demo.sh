#!/bin/sh
# What `./dev demo` runs, with the build folder as its argument: treehash on two real trees, compared
# byte for byte with sha256sum; the times beside those of others; and one case for offloading.

set -u
LC_ALL=C
export LC_ALL
build=$(cd "$1" && pwd) || exit 1
checkout=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
treehash=$build/examples/treehash/treehash
out=$(mktemp -d "${TMPDIR:-/tmp}/pirn-demo.XXXXXX") || exit 1
trap 'rm -rf "$out"' EXIT

die() {
	echo "demo: $*" >&2
	exit 1
}

reference() {
	find "$1" -type f -print0 | sort -z | xargs -0 -r sha256sum
}

in_parallel() {
	find "$1" -type f -print0 | xargs -0 -r -P"$(nproc)" -n 64 sha256sum
}

# seconds COMMAND...: how long it took, its output thrown away.
seconds() {
	start=$(date +%s%N)
	"$@" >/dev/null || die "$1 failed"
	echo "$start $(date +%s%N)" | awk '{ printf "%.3f\n", ($2 - $1) / 1e9 }'
}

# compare TREE: nothing is printed in between, since the log may lie in the tree that is hashed.
compare() {
	"$treehash" "$1" >"$out/ours" || die "treehash failed on $1"
	reference "$1" >"$out/theirs" || die "sha256sum failed on $1"
	cmp "$out/ours" "$out/theirs" || die "not what sha256sum prints for $1"
	count=$(wc -l <"$out/ours")
	[ "$count" -gt 0 ] || die "no file in $1"
	echo "$1: $count files, the same bytes as sha256sum prints"
}

# The comparison is worth something only if it can fail.
caught() {
	if cmp -s "$out/wrong" "$out/theirs"; then
		die "$1 was not noticed"
	fi
	echo "  $1 is noticed"
}

compare "$checkout"
compare /usr/include
sed '1s/^./x/' "$out/ours" >"$out/wrong"
caught "a changed line"
sed '$d' "$out/ours" >"$out/wrong"
caught "a line left out"

# Alternating, and the median of five: the machine may be busy with other things as well.
echo
echo "/usr/include, seconds, median of 5:"
for round in 1 2 3 4 5; do
	seconds "$treehash" /usr/include >>"$out/1"
	seconds "$build/bench/hash-loop" /usr/include >>"$out/2"
	seconds in_parallel /usr/include >>"$out/3"
done
median() {
	sort -n "$1" | sed -n 3p
}
printf '  %-52s %s\n' "treehash" "$(median "$out/1")" \
	"bench/hash-loop, one plain thread" "$(median "$out/2")" \
	"find | xargs -P$(nproc) -n64 sha256sum" "$(median "$out/3")"

echo
"$build/bench/sleep-calls" || die "sleep-calls failed"
