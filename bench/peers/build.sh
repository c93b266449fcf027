#!/bin/sh
# build.sh FOLDER: builds the peers that can be built here into FOLDER; names the others. Nothing is
# fetched: Go's peer needs its standard library only, Rust's are built of Debian's crates.

out=${1:?FOLDER}
mkdir -p "$out/log" && out=$(cd "$out" && pwd) && cd "$(dirname "$0")" || exit 1

# newer NAME SOURCE HOW: NAME is there, was built by that compiler and command, and neither its
# source nor, in C, a header has changed since.
newer() {
	made=$out/$1 how=$out/log/$1.how
	[ -x "$made" ] && [ "$(cat "$how" 2>/dev/null)" = "$3" ] || return
	set -- "$2"
	[ -d "$1" ] || set -- "$1" ./*.h ../*.h
	[ -z "$(find "$@" -newer "$made" -print)" ]
}

# first COMMAND...: the first line of what it prints, which is a compiler's version.
first() {
	"$@" 2>/dev/null | head -n 1
}

# why LOG: the crate that cargo misses, or the first error, or else the last line.
why() {
	grep -m 1 'searched package name' "$1" || grep -m 1 -iE 'error|cannot find' "$1" ||
		tail -n 1 "$1"
}

# peer NAME SOURCE VERSION COMMAND...: runs it if the source, a file or a folder, is newer than what
# it made, or if the compiler's version or the command was another one then.
peer() {
	name=$1 source=$2
	shift 2
	newer "$name" "$source" "$*" && return
	echo "building $name" >&2
	how=$*
	shift
	"$@" >"$out/log/$name" 2>&1 && echo "$how" >"$out/log/$name.how" && return
	echo "going on without $name, which could not be built: $(why "$out/log/$name")" >&2
	rm -f "${out:?}/$name"
}

# c NAME [FLAG...]; packages are what pkg-config knows them as.
c() {
	name=$1
	shift
	peer "$name" "$name.c" "$cc_version" ${CC:-gcc} -O3 -std=gnu11 -I.. "$name.c" \
		-o "$out/$name" -pthread "$@"
}

flags() {
	pkg-config --cflags --libs "$1" 2>/dev/null || echo "-l$1"
}

go_build() {
	cd go && GO111MODULE=on GOFLAGS=-mod=mod GOPROXY=off GOCACHE="$out/go-cache" \
		GOPATH="$out/go-path" go build -trimpath -buildvcs=false -o "$out/go" .
}

# Debian's own cargo and rustc first, which know Debian's crates.
debian_path=/usr/bin:/bin:$PATH

# rust_build NAME. cargo writes Cargo.lock beside the sources: so they are copied.
rust_build() {
	cargo=/usr/bin/cargo
	[ -x $cargo ] || cargo=cargo
	rm -rf "$out/rust" && cp -r rust "$out/rust" && cd "$out/rust/$1" &&
		PATH=$debian_path CARGO_HOME="$out/cargo" CARGO_TARGET_DIR="$out/target" \
			$cargo build --release --offline &&
		cp "$out/target/release/$1" "$out/$1"
}

cc_version=$(first ${CC:-gcc} --version)
c pthread
# shellcheck disable=SC2046 # words
c libuv $(flags libuv)
# shellcheck disable=SC2046 # words
c glib $(flags glib-2.0)
c gomp -fopenmp
# shellcheck disable=SC2046 # words
peer tbb tbb.cc "$(first ${CXX:-g++} --version)" ${CXX:-g++} -O3 -std=c++17 -I.. tbb.cc \
	-o "$out/tbb" -pthread $(flags tbb)
(peer go go "$(go version 2>/dev/null)" go_build)
rust_version=$(PATH=$debian_path first rustc --version)
for name in tokio smol rayon; do
	(peer $name rust "$rust_version" rust_build $name)
done
exit 0
