#!/bin/sh
# build.sh FOLDER: builds the peers that can be built here into FOLDER; names the others. Nothing is
# fetched: Go's peer needs its standard library only, Rust's are built of Debian's crates.

out=${1:?FOLDER}
mkdir -p "$out/log" && out=$(cd "$out" && pwd) && cd "$(dirname "$0")" || exit 1

# newer NAME SOURCE: NAME is there, and neither its source nor, in C, a header has changed since.
newer() {
	made=$out/$1
	shift
	[ -d "$1" ] || set -- "$1" ./*.h ../*.h
	[ -x "$made" ] && [ -z "$(find "$@" -newer "$made" -print)" ]
}

# why LOG: the crate that cargo misses, or the first error, or else the last line.
why() {
	grep -m 1 'searched package name' "$1" || grep -m 1 -iE 'error|cannot find' "$1" ||
		tail -n 1 "$1"
}

# peer NAME SOURCE COMMAND...: runs it if the source, a file or a folder, is newer than what it made.
peer() {
	name=$1 source=$2
	shift 2
	newer "$name" "$source" && return
	echo "building $name" >&2
	"$@" >"$out/log/$name" 2>&1 && return
	echo "going on without $name, which could not be built: $(why "$out/log/$name")" >&2
	rm -f "${out:?}/$name"
}

# c NAME [FLAG...]; packages are what pkg-config knows them as.
c() {
	name=$1
	shift
	peer "$name" "$name.c" ${CC:-gcc} -O3 -std=gnu11 -I.. "$name.c" -o "$out/$name" -pthread "$@"
}

flags() {
	pkg-config --cflags --libs "$1" 2>/dev/null || echo "-l$1"
}

go_build() {
	cd go && GO111MODULE=on GOFLAGS=-mod=mod GOPROXY=off GOCACHE="$out/go-cache" \
		GOPATH="$out/go-path" go build -trimpath -buildvcs=false -o "$out/go" .
}

# rust_build NAME. cargo writes Cargo.lock beside the sources: so they are copied. Debian's own cargo
# knows Debian's crates; a newer one may be first in the path.
rust_build() {
	cargo=/usr/bin/cargo
	[ -x $cargo ] || cargo=cargo
	rm -rf "$out/rust" && cp -r rust "$out/rust" && cd "$out/rust/$1" &&
		PATH=/usr/bin:/bin:$PATH CARGO_HOME="$out/cargo" CARGO_TARGET_DIR="$out/target" \
			$cargo build --release --offline &&
		cp "$out/target/release/$1" "$out/$1"
}

c pthread
# shellcheck disable=SC2046 # words
c libuv $(flags libuv)
# shellcheck disable=SC2046 # words
c glib $(flags glib-2.0)
c gomp -fopenmp
# shellcheck disable=SC2046 # words
peer tbb tbb.cc ${CXX:-g++} -O3 -std=c++17 -I.. tbb.cc -o "$out/tbb" -pthread $(flags tbb)
(peer go go go_build)
for name in tokio smol rayon; do
	(peer $name rust rust_build $name)
done
exit 0
