#!/bin/sh
# What `make installcheck` runs: programs of somebody who has pkg-config and nothing else.
#
# CC, CXX, CFLAGS, PKG_CONFIG  as configured; CXX may be empty
# prefix, libdir, DESTDIR      where the library was installed

set -u
cc=${CC:-cc} cxx=${CXX:-}
# As make knows the prefix: it can be changed at installation.
pkg_config="${PKG_CONFIG:-pkg-config} --define-variable=prefix=$prefix"
passed=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/pirn-install.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT

installed=${DESTDIR:-}$libdir
export PKG_CONFIG_PATH="$installed/pkgconfig"
[ -z "${DESTDIR:-}" ] || export PKG_CONFIG_SYSROOT_DIR="$DESTDIR"

cat >"$work/user.c" <<'END'
#include <pirn.h>
#include <pirn_channel.h>
#include <pirn_pool.h>
#include <pirn_blocking.h>

int main(void)
{
	struct pirn_ready r = pirn_ready(0);
	return pirn_block_on(&r.future) != 0;
}
END
cp "$work/user.c" "$work/user.cc"
sed 's/main/plugin/' "$work/user.c" >"$work/plugin.c"
echo 'int plugin(void); int main(void) { return plugin(); }' >"$work/host.c"

skip() {
	echo "skip: $*"
}

# test_of NAME COMMAND...: the command builds $work/program, which then runs.
test_of() {
	name=$1
	shift
	rm -f "$work/program"
	if "$@" >"$work/log" 2>&1 &&
		LD_LIBRARY_PATH="$installed:$work" timeout 60 "$work/program" \
			>>"$work/log" 2>&1; then
		echo "ok: $name"
		passed=$((passed + 1))
	else
		echo "FAILED: $name: $*"
		cat "$work/log"
		failed=$((failed + 1))
	fi
}

# The words of pkg-config are split on purpose, here and below.
cflags="${CFLAGS:-} $($pkg_config --cflags pirn)" || exit 1
shared=$($pkg_config --libs pirn)
archive=$($pkg_config --static --libs pirn | sed 's/-lpirn/-l:libpirn.a/')
strict="-Wall -Wextra -Wpedantic -Werror"

# build FLAGS... : one program out of files and flags.
c_program() {
	$cc $cflags -o "$work/program" "$@"
}
cxx_program() {
	$cxx $cflags -o "$work/program" "$@"
}
program_with_plugin() {
	$cc $cflags -fPIC -shared -o "$work/libplugin.so" "$work/plugin.c" $archive &&
		$cc $cflags -o "$work/program" "$work/host.c" -L"$work" -lplugin
}
links_statically() {
	echo 'int main(void) { return 0; }' >"$work/empty.c"
	$cc $cflags -static -o "$work/empty" "$work/empty.c" ${archive##*-l:libpirn.a} \
		>/dev/null 2>&1
}

if [ -e "$installed/libpirn.so" ]; then
	test_of "C, shared" c_program $strict "$work/user.c" $shared
	if [ -n "$cxx" ]; then
		test_of "C++, shared" cxx_program -std=c++17 $strict "$work/user.cc" $shared
	else
		skip "C++, shared: no C++ compiler"
	fi
else
	skip "shared: built with --disable-shared"
fi

if [ -e "$installed/libpirn.a" ]; then
	test_of "C, static" c_program $strict "$work/user.c" $archive
	if [ -n "$cxx" ]; then
		test_of "C++, static" cxx_program -std=c++17 $strict "$work/user.cc" $archive
	else
		skip "C++, static: no C++ compiler"
	fi
	test_of "the archive in a shared object" program_with_plugin
	if links_statically; then
		test_of "C, fully static" c_program -static $strict "$work/user.c" $archive
	else
		skip "C, fully static: $cc -static ${archive##*-l:libpirn.a} does not link here"
	fi
else
	skip "static: built with --disable-static"
fi

# Nothing of the build, and nothing of DESTDIR, in what others read.
if grep -n -e "$(pwd)" -e "${DESTDIR:-/ no DESTDIR /}" "$installed/pkgconfig/pirn.pc"; then
	echo "FAILED: pirn.pc names a folder of the build"
	failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
