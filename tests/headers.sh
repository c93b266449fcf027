#!/bin/sh
# Each public header compiles alone, twice in a row, as C11 and as C++17, without a warning.

cd "${top_srcdir:-.}" || exit 99
tests=0 skipped=0 failed=0

# try COMPILER LANGUAGE STANDARD HEADER
try() {
	tests=$((tests + 1))
	if ! command -v "$1" >/dev/null 2>&1; then
		echo "ok $tests - $4 as $3 # SKIP $1 is not installed"
		skipped=$((skipped + 1))
	elif printf '#include <%s>\n#include <%s>\n' "$4" "$4" |
		"$1" -x "$2" -std="$3" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-Ilib -Ichannel -Ipool -; then
		echo "ok $tests - $4 as $3 by $1"
	else
		echo "not ok $tests - $4 as $3 by $1"
		failed=$((failed + 1))
	fi
}

for path in lib/pirn*.h channel/pirn*.h pool/pirn*.h; do
	header=$(basename "$path")
	try gcc c c11 "$header"
	try clang c c11 "$header"
	try g++ c++ c++17 "$header"
	try clang++ c++ c++17 "$header"
done

echo "1..$tests"
echo "$((tests - skipped - failed)) passed, $failed failed"
[ $failed -eq 0 ]
