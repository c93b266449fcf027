#!/bin/sh
# The first page of README.md, as it stands there, compiles, runs, and prints what README says; its
# selects, put into a worker, compile and run.

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

# The selects: each is the body of a worker, which a stop ends wherever it comes.
awk '/^    / { text = text substr($0, 5) "\n"; next }
	text ~ /pirn_select/ { file = dir "/select" ++n ".c"; printf "%s", text >file }
	{ text = "" }' dir="$dir" README.md
[ -e "$dir/select2.c" ] || { echo "README.md has no two selects"; exit 1; }
for snippet in "$dir"/select[0-9].c; do
	{
		cat <<-'END'
			#include <pirn_blocking.h>
			#include <pirn_channel.h>
			#include <pirn_event.h>
			#include <pirn_pool.h>
			#include <stdatomic.h>

			PIRN_CHANNEL(job, int, NULL);
			static int work(int job)
			{
				return job;
			}
			PIRN_UNBLOCK_FN(int, work, int);

			struct worker {
				struct pirn_future future;
				struct job_receiver *rx;
				struct pirn_event *event;
				_Atomic bool *stopped;
				int job;
				struct pirn_recv recv;
				struct pirn_event_wait stop;
				struct pirn_select first;
				struct work_call call;
			};

			PIRN_ASYNC(worker, f)
			{
				PIRN_BEGIN(f);
		END
		sed 's/\.\.\.//' "$snippet"
		cat <<-'END'
				PIRN_END(f);
			}

			int main(void)
			{
				for (int i = 0; i < 300; i++) {
					struct pirn_event event = { 0 };
					_Atomic bool stopped = false;
					struct job_sender *tx;
					struct worker w = { PIRN_INIT(worker), .event = &event,
							    .stopped = &stopped };
					struct pirn_task *t;

					if (job_channel(&tx, &w.rx, 4))
						return 1;
					struct job_receiver *rx = w.rx;
					if (pirn_spawn(NULL, &t, &w.future))
						return 1;
					for (int k = 0; k < i % 4; k++)
						job_send_blocking(tx, &k);
					stopped = true;
					pirn_event_notify(&event, PIRN_EVENT_ALL);
					if (pirn_join_blocking(t))
						return 1;
					pirn_task_detach(t);
					job_sender_unref(tx);
					job_receiver_unref(rx);
				}
				return 0;
			}
		END
	} >"$snippet.program.c"
	# shellcheck disable=SC2086 # as above
	${CC:-cc} -Wall -Wextra -Werror -O2 -Ilib -Ichannel -Ipool "$snippet.program.c" \
		-o "$dir/select" "$build/.libs/libpirn.a" ${PIRN_LIBS:-} -lm -lpthread || exit 1
	timeout 60 "$dir/select" || { echo "a select of README.md missed a stop"; exit 1; }
done
