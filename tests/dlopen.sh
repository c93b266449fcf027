#!/bin/sh
# A program that loads libpirn by dlopen: it works where pirn was built --without-jemalloc. With
# jemalloc the loader refuses, by a message that README.md names, and the mend it names works.
#
# CC, top_srcdir, top_builddir, PIRN_JEMALLOC (yes, no) and PIRN_SANITIZER come from make check.

if [ "${PIRN_SANITIZER:-no}" != no ]; then
	echo "a sanitizer's run-time wants to be loaded first"
	exit 77
fi
library=${top_builddir:-.}/.libs/libpirn.so.0
if [ ! -e "$library" ]; then
	echo "no shared library was built"
	exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/pirn-dlopen.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT

cat >"$dir/load.c" <<'EOF'
#include <dlfcn.h>
#include <errno.h>
#include <pirn_blocking.h>
#include <pirn_pool.h>
#include <stdio.h>

static __typeof__(pirn_pool_new) *pool_new;
static __typeof__(pirn_spawn_at) *spawn_at;
static __typeof__(pirn_block_on) *block_on;
static __typeof__(pirn_drop) *drop;
static __typeof__(pirn_task_detach) *detach;
static __typeof__(pirn_executor_free) *executor_free;
static __typeof__(pirn_call_poll) *call_poll;
static __typeof__(pirn_call_drop) *call_drop;
static struct pirn_future_ops *join_ops;

/* A call of square as a future of its own: what PIRN_UNBLOCK_FN writes names our symbols. */
struct squaring {
	struct pirn_future future;
	struct pirn_call call;
	int n;
};

static int run(void *data)
{
	int *n = data;

	*n *= *n;
	return 0;
}

static enum pirn_poll poll_it(struct pirn_future *f, struct pirn_context *cx)
{
	return call_poll(f, cx);
}

static int result;

static void drop_it(struct pirn_future *f)
{
	result = ((struct squaring *)(void *)f)->n;
	call_drop(f);
}

static const struct pirn_call_type type = { offsetof(struct squaring, n), sizeof(int), run, NULL };
static const struct pirn_future_ops ops = {
	"squaring", __FILE__, sizeof(struct squaring), poll_it, drop_it
};

static void *look_up(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol)
		fprintf(stderr, "%s\n", dlerror());
	return symbol;
}

#define LOOK_UP(var, name) (*(void **)&(var) = look_up(library, name))

int main(int argc, char **argv)
{
	void *library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
	struct pirn_pool_config config = { .threads = 2 };
	struct pirn_executor *pool;
	struct pirn_task *task;
	struct pirn_join join;
	struct squaring s = { .n = 12 };

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
	if (!LOOK_UP(pool_new, "pirn_pool_new") || !LOOK_UP(spawn_at, "pirn_spawn_at") ||
	    !LOOK_UP(block_on, "pirn_block_on") || !LOOK_UP(drop, "pirn_drop") ||
	    !LOOK_UP(detach, "pirn_task_detach") || !LOOK_UP(join_ops, "pirn_join_ops") ||
	    !LOOK_UP(executor_free, "pirn_executor_free") ||
	    !LOOK_UP(call_poll, "pirn_call_poll") || !LOOK_UP(call_drop, "pirn_call_drop"))
		return 1;
	if (pool_new(&pool, &config))
		return 1;
	pirn_call_init(&s.future, &s.call, &ops, &type);
	if (spawn_at(pool, &task, &s.future, "load.c"))
		return 1;
	pirn_future_init(&join.future, join_ops);
	join.task = task;
	if (block_on(&join.future))
		return 1;
	detach(task);
	executor_free(pool);
	printf("12 * 12 = %d\n", result);
	return result != 144 || dlclose(library) != 0;
}
EOF

src=${top_srcdir:-..}
# shellcheck disable=SC2086 # CC may be several words
${CC:-cc} -o "$dir/load" "$dir/load.c" -I"$src/lib" -I"$src/channel" -I"$src/pool" -ldl -lpthread ||
	exit 1

works() {
	"$@" "$dir/load" "$library" >"$dir/out" 2>"$dir/err"
	status=$?
	cat "$dir/out" "$dir/err"
	return $status
}

if [ "${PIRN_JEMALLOC:-no}" = no ]; then
	works env || exit 1
	exit 0
fi
if works env; then
	echo "this loader has room enough for jemalloc"
	exit 77
fi
if ! grep -q 'cannot allocate memory in static TLS block' "$dir/err"; then
	echo "another message than README.md has"
	exit 1
fi
works env GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 || {
	echo "README.md's mend does not help"
	exit 1
}
