#!/bin/sh
# Each case of pirn-bench does its work, little of it, and counts right; told to expect one op more
# than it does, as if one had been lost, it fails.

bench=${top_builddir:-.}/bench/pirn-bench
tests=0 failed=0
unset PIRN_THREADS
PIRN_BENCH_FILE=$(mktemp "${top_builddir:-.}/bench/read.XXXXXX") || exit 99
export PIRN_BENCH_FILE
trap 'rm -f "$PIRN_BENCH_FILE" "$PIRN_BENCH_FILE".*' EXIT

# report STATUS NAME
report() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		failed=$((failed + 1))
	fi
}

# A few ops: what does not say here takes a thousand.
size() {
	case $1 in
	fib) echo 12 ;;
	wake_ext_cold | blocking_cold) echo 20 ;;
	idle) echo 10 ;;
	startup) echo 1 ;;
	*) echo 1000 ;;
	esac
}

cases=$("$bench" 2>&1 | sed -n 's/^Cases: //p')
supported=0
for case in $cases; do
	line=$("$bench" --case "$case" --threads 2 --n "$(size "$case")" 2>&1)
	report $? "$case"
	case $line in *'"unsupported": true'*) continue ;; esac
	supported=$((supported + 1))
	! "$bench" --case "$case" --threads 2 --n "$(size "$case")" --lose >/dev/null 2>&1
	report $? "$case notices a lost op"
done
[ $supported -gt 10 ]
report $? "$supported cases are there"

echo "1..$tests"
[ $failed -eq 0 ]
