#!/bin/sh
# The first page of README.md, as it stands there, compiles, runs, and prints what README says.

LC_ALL=C
export LC_ALL
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 99
build=${top_builddir:-build}
[ "${PIRN_SANITIZER:-no}" = no ] || { echo "not under sanitizers"; exit 77; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/pirn-readme.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
awk '/^```c$/ { on = 1; next } on && /^```$/ { exit } on' README.md >"$dir/page.c"
sed -n 's/^    \([0-9]* of 1000 answered.*\)/\1/p' README.md >"$dir/expected"
lines=$(grep -cEv '^#include|^$' "$dir/page.c")

# shellcheck disable=SC2086 # CC and PIRN_LIBS are lists
${CC:-cc} -Wall -Wextra -Werror -O2 -Ilib -Ichannel -Ipool "$dir/page.c" -o "$dir/page" \
	"$build/.libs/libpirn.a" ${PIRN_LIBS:-} -lm -lpthread || exit 1
"$dir/page" >"$dir/printed" || exit 1
diff "$dir/expected" "$dir/printed" || exit 1
[ -s "$dir/expected" ] || { echo "README.md does not say what the page prints"; exit 1; }
[ "$lines" -lt 40 ] || { echo "the first page has $lines lines"; exit 1; }
