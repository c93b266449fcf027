#!/usr/bin/env bash
# What examples/treehash does: the same lines as find, sort and sha256sum; how it answers to
# trouble, to signals, and to an output that nobody reads; how much memory it takes. Limits in time
# are wide, so that a busy machine passes.

build=$(cd "${top_builddir:-.}" && pwd) || exit 99
treehash=${TREEHASH:-$build/examples/treehash/treehash}
if [ ! -x "$treehash" ]; then
	echo "treehash was not built: it needs libcrypto"
	exit 77
fi

export LC_ALL=C
unset PIRN_THREADS
work=$(mktemp -d "${TMPDIR:-/tmp}/pirn-treehash.XXXXXX") || exit 99
# In this shell alone: a child that is signalled before its exec still has the trap.
trap '[ $BASHPID -ne $$ ] || { chmod -R u+rwx "$work"; rm -rf "$work"; }' EXIT
# Who is not root can still be sent there: see `trouble`.
chmod 755 "$work"
cd "$work" || exit 99

sanitizer=${PIRN_SANITIZER:-no}
tests=0 skipped=0 failed=0

# report STATUS NAME: the result of one check.
report() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		failed=$((failed + 1))
	fi
}

# check NAME COMMAND...: the command succeeds.
check() {
	local name=$1 status=0
	shift
	"$@" >check.log 2>&1 || status=$?
	[ $status -eq 0 ] || sed 's/^/# /' check.log
	report $status "$name"
}

skip() {
	tests=$((tests + 1))
	skipped=$((skipped + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# expect STATUS COMMAND...: it ends with this status; its output goes to out and err.
expect() {
	local wanted=$1 status=0
	shift
	"$@" >out 2>err </dev/null || status=$?
	[ $status -eq "$wanted" ] && return
	echo "$*: status $status, not $wanted; on stderr:"
	head -n 5 err
	return 1
}

# complains REGEX: the last command said so, in a line of its own, and on stderr.
complains() {
	grep -Eq "^treehash: $1\$" err && return
	echo "no line 'treehash: $1' in:"
	cat err
	return 1
}

reference() {
	local path
	for path; do
		find "$path" -type f -print0 | sort -z | xargs -0 -r sha256sum
	done
}

# The same output as the reference for these PATHs, and no complaint.
same() {
	expect 0 "$treehash" "$@" && [ ! -s err ] && reference "$@" >wanted && cmp out wanted
}

# ---- trees ------------------------------------------------------------------------------------

odd_tree() {
	local name
	mkdir -p odd odd/empty odd/a odd/a/b odd/b odd/-j
	for name in a! a- a. a.b a/x a/b/y a0 aa "with space" "  lead" $'new\nline' $'car\rriage' \
		'back\slash' $'\\\n\r' $'tab\there' $'bytes\xff\xfe' $'\xc3\xa4' "'quote'" '"' -- \
			-n \
		-j/-j '*' '?' $'\x7f' b/b; do
		printf '%s' "$name" >"odd/$name"
	done
	: >odd/nothing
	for size in 1 131071 131072 131073 262143 262144 262145 1048577; do
		head -c $size /dev/urandom >odd/size-$size
	done
	ln -s a odd/link-to-directory
	ln -s a0 odd/link-to-file
	ln -s nowhere odd/link-to-nothing
	mkfifo odd/fifo odd/a/fifo
}

small_tree() {
	local d i
	for d in 0 1 2 3 4 5 6 7 8 9; do
		mkdir -p "small/$d"
		for ((i = 0; i < 200; i++)); do
			echo "$d $i" >"small/$d/$i"
		done
	done
}

# Lines that are more than a pipe takes.
odd_tree
small_tree

# ---- the lines --------------------------------------------------------------------------------

here_tree() {
	(cd odd && "$treehash" >../out && "$treehash" . >../out.dot &&
		find . -type f -print0 | sort -z | xargs -0 sha256sum >../wanted) &&
		cmp out wanted && cmp out.dot wanted
}

from_root() {
	same "$PWD/small/3" && grep -q "  $PWD/small/3/0\$" out
}

leading_dash() {
	(cd odd && expect 0 "$treehash" -- -j -n && cat out err && sha256sum -- -j/-j -n >wanted &&
		cmp out wanted) || return 1
	rm -f odd/out odd/err odd/wanted
}

with_setting() {
	expect 0 "$treehash" "$@" odd small && reference odd small >wanted && cmp out wanted
}

check "odd names, sizes and kinds" same odd
check "a slash at the end is kept" same odd/
check "so are two, and a dot" same odd// ./odd/. odd/../odd/a
check "no PATH is the current directory" here_tree
check "PATHs in the order given, files among them" \
	same small odd/a odd/a0 odd odd/size-131073 small/3
check "an absolute PATH" from_root
check "an empty directory" same odd/empty
check "PATHs that begin with a dash" leading_dash
for setting in "-j1 --blocking 1" "-j 1 --blocking=64" "-j 8 --blocking 2" "-j3 --blocking 3"; do
	# shellcheck disable=SC2086 # words
	check "the same with $setting" with_setting $setting
done

# Names of 250 letters, twenty deep: longer than any path that a call takes.
long_path() {
	local name digest i
	name=$(printf '%0250d' 0)
	mkdir -p long
	digest=$(echo deep | sha256sum | cut -c1-64)
	(
		cd long || exit
		for ((i = 0; i < 20; i++)); do
			mkdir "$name" && cd -P "./$name" || exit
		done 2>/dev/null
		echo deep >file
	)
	expect 0 "$treehash" long && [ "$(wc -l <out)" -eq 1 ] && [ "$(wc -c <out)" -gt 5000 ] &&
		grep -q "^$digest  long/0*/.*/file\$" out
}
check "a path longer than PATH_MAX" long_path

# A file behind a directory on each of 600 levels, and 300 descriptors.
deep_comb() {
	(
		mkdir -p comb && cd comb || exit
		for ((i = 0; i < 600; i++)); do
			echo $i >z
			mkdir d && cd -P d || exit
		done
	)
	reference comb >wanted
	(ulimit -n 300 && expect 0 "$treehash" comb) && cmp out wanted
}
check "a tree deeper than there are descriptors" deep_comb

# ---- trouble ----------------------------------------------------------------------------------

missing() {
	expect 1 "$treehash" odd/a nowhere odd/b &&
		complains 'nowhere: No such file or directory' &&
		reference odd/a odd/b >wanted && cmp out wanted
}

other_kind() {
	expect 1 "$treehash" odd/fifo odd/link-to-file odd/a0 &&
		complains 'odd/fifo: neither .*' && complains 'odd/link-to-file: symbolic link.*' &&
		reference odd/a0 >wanted && cmp out wanted
}

no_directory() {
	expect 1 "$treehash" odd/a0/ "" && complains 'odd/a0/: Not a directory' &&
		complains ': No such file or directory' && [ ! -s out ]
}

one_line() {
	expect 1 "$treehash" $'odd/\e[2J\nx' && complains 'odd/\?\[2J\?x: No such file or directory'
}

# Each file is either printed, or named, or lies in a directory that is. Descriptors 0 to 4 are not
# enough for two levels.
few_descriptors() {
	local limit status digest path
	mkdir -p many/{0,1,2,3,4,5,6,7,8,9}{0,1,2,3,4,5,6,7,8,9}
	for path in many/*; do
		echo "$path" >"$path/file"
	done
	reference many >wanted
	for limit in 5 6 7 8 10 12 16; do
		status=0
		(
			exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- </dev/null >out 2>err
			ulimit -n $limit
			exec "$treehash" many
		) || status=$?
		[ $status -eq 1 ] || { [ $status -eq 0 ] && [ $limit -gt 5 ]; } || return
		[ $status -eq 0 ] || complains 'many.*: Too many open files' || return
		sort out wanted | uniq -d | cmp - <(sort out) || return
		while read -r digest path; do
			grep -q "  $path\$" out || grep -Eq "^treehash: (${path%/*}|$path): " err ||
				return
		done <wanted
	done
}

if [ "$(id -u)" -ne 0 ]; then
	as_user=
elif setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$treehash" 2>/dev/null; then
	as_user="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
	as_user=none
fi

unreadable() {
	mkdir -p shut/dir shut/open shut/listed
	echo 1 >shut/dir/file
	echo 2 >shut/file
	echo 3 >shut/open/file
	echo 4 >shut/listed/file
	chmod 0 shut/dir shut/file
	chmod 444 shut/listed
	# shellcheck disable=SC2086 # words or nothing
	expect 1 $as_user "$treehash" shut || return
	complains 'shut/dir: Permission denied' && complains 'shut/file: Permission denied' &&
		complains 'shut/listed/file: Permission denied' &&
			sha256sum shut/open/file | cmp - out
}

check "a PATH that is not there" missing
check "a PATH of another kind" other_kind
check "a file with a slash, and nothing at all" no_directory
check "a complaint is one line, whatever the name" one_line
if [ "$as_user" = none ]; then
	skip "what may not be read" "root reads everything, and another user cannot run it here"
else
	check "what may not be read" unreadable
fi
if [ "$sanitizer" = no ]; then
	check "too few descriptors" few_descriptors
else
	skip "too few descriptors" "the sanitizer wants some itself"
fi

# ---- usage ------------------------------------------------------------------------------------

usage() {
	expect 2 "$@" && [ ! -s out ] && [ -s err ]
}

threads_variable() {
	usage env PIRN_THREADS="$1" "$treehash" odd/a &&
		complains 'PIRN_THREADS must be a number from 1 to 1024'
}

for arguments in "-j 0" "-j 1025" "-j x" "-j -1" "-j 1x" "-j 99999999999999999999" "-j" \
	"--blocking 0" "--blocking 2000" "--unknown" "-x"; do
	# shellcheck disable=SC2086 # words
	check "usage: $arguments" usage "$treehash" $arguments odd/a
done
check "usage: an empty number" usage "$treehash" -j "" odd/a
check "PIRN_THREADS=abc" threads_variable abc
check "PIRN_THREADS=0" threads_variable 0
check "PIRN_THREADS=abc with -j" expect 0 env PIRN_THREADS=abc "$treehash" -j 2 odd/a
check "PIRN_THREADS=3" expect 0 env PIRN_THREADS=3 "$treehash" odd/a
help() {
	expect 0 "$treehash" --help && grep -q '^Usage: treehash' out &&
		expect 0 "$treehash" --version && grep -q '^treehash ' out
}
check "--help and --version" help

# ---- the output -------------------------------------------------------------------------------

full_device() {
	local status=0
	"$treehash" "$@" >/dev/full 2>err || status=$?
	[ $status -eq 1 ] && complains 'standard output: No space left on device'
}

# The reader is gone before the first line comes.
no_reader() {
	rm -f status
	{
		sleep 0.3
		"$treehash" small 2>err
		echo $? >status
	} | true
	[ "$(cat status)" -eq 1 ] && [ ! -s err ]
}

# The reader goes in the middle.
early_end() {
	rm -f status
	{
		"$treehash" small small small 2>err
		echo $? >status
	} | head -n 1 >out
	[ "$(cat status)" -eq 1 ] && [ ! -s err ] && [ "$(wc -l <out)" -eq 1 ]
}

closed_output() {
	local status=0
	"$treehash" small/0 >&- 2>err || status=$?
	[ $status -eq 1 ] && complains 'standard output: .*' || return 1
	"$treehash" odd/empty >&- 2>err
}

slow_reader() {
	"$treehash" small | (
		sleep 0.5
		cat >out
	)
	reference small >wanted
	cmp out wanted
}

if [ -e /dev/full ]; then
	check "output to /dev/full" full_device small
	check "help to /dev/full" full_device --help
else
	skip "output to /dev/full" "there is none"
fi
check "a pipe that nobody reads any more" no_reader
check "a pipe that is read to the first line" early_end
check "no standard output" closed_output
check "a reader that comes late" slow_reader

# ---- signals ----------------------------------------------------------------------------------

now_ms() {
	local ns
	ns=$(date +%s%N)
	echo $((ns / 1000000))
}

# The sum of a field of all threads of a process.
sum() {
	cat "/proc/$1"/task/*/status | awk -v f="$2:" '$1 == f { n += $2 } END { print n + 0 }'
}

# hang: starts treehash with a pipe as output that is open and full, and that nobody reads.
hang() {
	rm -f pipe
	mkfifo pipe
	exec 9<>pipe
	"$treehash" "$@" small small small >&9 2>err &
	hung=$!
	sleep 1
}

# ends SIGNAL STATUS: what hangs ends by it, soon.
ends() {
	local start status=0 ms
	start=$(now_ms)
	kill -s "$1" "$hung"
	wait "$hung" || status=$?
	ms=$(($(now_ms) - start))
	exec 9>&-
	echo "# $1: status $status after $ms ms"
	[ $status -eq "$2" ] && [ $ms -lt 1000 ]
}

interrupted() {
	hang && ends "$1" "$2" && [ ! -s err ]
}

interrupted_alone() {
	hang -j1 --blocking 1 && ends INT 130
}

# Whatever is there when the signal comes are whole lines, those that the reference begins with.
whole_lines() {
	local delay size pid
	reference small small small small >wanted
	for delay in 0 0.005 0.01 0.02 0.03 0.05 0.1; do
		"$treehash" small small small small >out 2>err &
		pid=$!
		sleep $delay
		kill -s INT $pid 2>/dev/null
		wait $pid
		size=$(wc -c <out)
		head -c "$size" wanted | cmp - out || return
		[ "$size" -eq 0 ] || [ -z "$(tail -c 1 out)" ] || return
	done
}

# While it hangs nothing runs: no thread looks, now and then, whether something has changed.
at_rest() {
	local switches ticks
	hang
	sleep 1.5 # blocking threads with nothing to do end after a second
	switches=$(sum $hung voluntary_ctxt_switches)
	ticks=$(awk '{ print $14 + $15 }' /proc/$hung/stat)
	sleep 1
	switches=$(($(sum $hung voluntary_ctxt_switches) - switches))
	ticks=$(($(awk '{ print $14 + $15 }' /proc/$hung/stat) - ticks))
	ends TERM 143
	echo "in one second $switches context switches, $ticks ticks"
	[ $switches -eq 0 ] && [ $ticks -eq 0 ]
}

check "SIGINT while the output hangs" interrupted INT 130
check "SIGTERM while the output hangs" interrupted TERM 143
check "SIGINT with one thread of each kind, which hangs" interrupted_alone
check "whole lines behind SIGINT" whole_lines
if [ -e /proc/self/task ] && [ "$sanitizer" = no ]; then
	check "nothing runs while the output hangs" at_rest
else
	skip "nothing runs while the output hangs" "needs /proc, and no sanitizer's thread"
fi

progress() {
	script -qec "'$treehash' odd small >out" typescript </dev/null >/dev/null &&
		reference odd small >wanted && cmp out wanted &&
		script -qec "'$treehash' big >out" typescript </dev/null >/dev/null &&
		grep -q 'files, [0-9]* MB, [0-9]* MB/s' typescript
}
mkdir big
truncate -s 1G 'big/!first'
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	check "progress on a terminal" progress
else
	skip "progress on a terminal" "no script here, or no terminals to be had"
fi

# ---- memory and time --------------------------------------------------------------------------

# A sparse file of 1 GiB comes first, and all others must wait for it: 64 MiB, and for each its path
# and 64 bytes.
memory() {
	local i d pid peak=0 seen limit
	for ((d = 0; d < 20; d++)); do
		mkdir big/$d
		(cd big/$d && for ((i = 0; i < 1000; i++)); do : >$i; done)
	done
	limit=$((64 * 1024 * 1024))
	limit=$((limit + $(find big -type f | wc -c) + 64 * $(find big -type f | wc -l)))
	"$treehash" big >out 2>err &
	pid=$!
	while seen=$(awk '/^VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null) &&
		[ -n "$seen" ]; do
		peak=$seen
		sleep 0.01
	done
	wait $pid || return
	echo "$peak KiB of $((limit / 1024))"
	[ "$peak" -gt 0 ] && [ $((peak * 1024)) -lt $limit ] && [ "$(wc -l <out)" -eq 20001 ]
}

# A thread that asks again and again, instead of sleeping, would be seen here. (One that has had to
# wait only shortly of late stays awake for up to 0.1 ms, and yields meanwhile: fewer times than
# there are files.)
no_polling() {
	strace -f -c -qq -o calls "$treehash" small >out 2>err || return
	cat calls
	awk '$NF ~ /^(nanosleep|clock_nanosleep|poll)$/ && $4 > 20 { bad = 1 }
		$NF == "sched_yield" && $4 > 2000 { bad = 1 }
		$NF == "futex" && $4 > 10 * 2000 { bad = 1 }
		END { exit bad }' calls
}

if [ "$sanitizer" = no ] && [ -r /proc/self/status ]; then
	check "memory while all wait for the first" memory
else
	skip "memory while all wait for the first" "a sanitizer takes more"
fi
if [ "$sanitizer" = no ] && strace -o /dev/null true 2>/dev/null; then
	check "no busy polling" no_polling
else
	skip "no busy polling" "strace is not installed, or may not trace"
fi

echo "1..$tests"
echo "$((tests - skipped - failed)) passed, $failed failed"
[ $failed -eq 0 ]
