#!/bin/sh
# On its own thread a local task has no locked instruction: in lib/loop.c they all stand in the
# functions that serve others, and in those that meet what others have done.

build=${top_builddir:-.}
if [ "$(uname -m)" != x86_64 ] || [ "${PIRN_SANITIZER:-no}" != no ] ||
	! command -v objdump >/dev/null 2>&1; then
	echo "needs x86-64, objdump, and no sanitizer"
	exit 77
fi
object=$(find "$build/lib" -name 'libcore_la-loop.o' | head -n 1)
if [ -z "$object" ]; then
	echo "no object of lib/loop.c in $build/lib"
	exit 1
fi

objdump -d --no-show-raw-insn "$object" | awk '
	/^[0-9a-f]+ <.*>:$/ {
		name = $2
		gsub(/[<>:]/, "", name)
		sub(/\..*/, "", name)
	}
	/[ \t]lock[ \t]|[ \t]xchg[a-z]*[ \t].*\(|mfence/ { locked[name]++ }
	/^[0-9a-f]+ <.*>:$/ { functions++ }
	END {
		n = split("foreign_wake foreign_clone foreign_drop take_inbox end_shared", list)
		for (i = 1; i <= n; i++) {
			if (!(list[i] in locked)) {
				print list[i] " has none: is it inlined somewhere?"
				bad = 1
			}
			delete locked[list[i]]
		}
		for (name in locked) {
			print name ": " locked[name] " locked instructions"
			bad = 1
		}
		if (!bad) print functions " functions, " n " of them have locked instructions"
		exit bad
	}'
