/*
 * A second runner for the Criterion suites: the same Test() sources, in one process.
 *
 * Criterion runs each test in a process of its own, by means that ThreadSanitizer refuses and
 * that hide AddressSanitizer's leak reports and valgrind's errors.  In such builds this file
 * stands in for its library: it defines what <criterion/criterion.h> declares and the suites use,
 * finds the tests in the section where Test() puts them, and calls one after the other.  It
 * prints TAP and then `N passed, N failed`; the exit status is 1 when a test failed or none ran.
 *
 *	test_x [PATTERN]	runs the tests whose suite/name matches, a shell pattern
 *
 * A test with .signal or .exit_code runs in a child.  Not here: ParameterizedTest, Theory, the
 * new assertions (cr_expect(eq(...))), redirected output.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <criterion/options.h>
#include <fnmatch.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Seconds for a test that names no limit.  One that does gets ten times what it names: sanitizers
 * and valgrind are that slow.
 */
#define DEFAULT_LIMIT 100

/* The linker makes these for the sections that Test() and TestSuite() fill. */
extern struct criterion_test *__start_cr_tst[] __attribute__((weak));
extern struct criterion_test *__stop_cr_tst[] __attribute__((weak));
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

enum result { PASSED, FAILED, SKIPPED };

static const struct criterion_test *current;
static const struct criterion_suite *suite; /* of current; NULL without a TestSuite() */
static pthread_t runner;
static jmp_buf leave;
static bool skipped;
static atomic_uint failures; /* a test's own threads may cr_expect */

/* ---- what the macros of Criterion use ---- */

struct criterion_options criterion_options;

void criterion_internal_test_setup(void)
{
	if (suite && suite->data->init)
		suite->data->init();
	if (current->data->init)
		current->data->init();
}

void criterion_internal_test_main(void (*body)(void))
{
	if (!setjmp(leave))
		body();
}

void criterion_internal_test_teardown(void)
{
	if (current->data->fini)
		current->data->fini();
	if (suite && suite->data->fini)
		suite->data->fini();
}

void cri_asserts_passed_incr(void)
{
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (stats->passed)
		return;
	atomic_fetch_add(&failures, 1);
	fprintf(stderr, "# %s:%u: assertion failed%s%s\n", stats->file, stats->line,
		stats->message && *stats->message ? ": " : "",
		stats->message ? stats->message : "");
}

void criterion_abort_test(void)
{
	if (!pthread_equal(pthread_self(), runner)) {
		fputs("# cr_assert failed on a thread of the test's own: use cr_expect\n", stderr);
		abort();
	}
	longjmp(leave, 1);
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
	va_list args;

	fputs("# ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	skipped = true;
	longjmp(leave, 1);
}

int cr_vasprintf(char **out, const char *format, va_list args)
{
	return vasprintf(out, format, args);
}

int cr_asprintf(char **out, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(out, format, args);
	va_end(args);
	return n;
}

void cr_asprintf_free(char *text)
{
	free(text);
}

/* Criterion has a sentence for each kind of assertion here; file and line say enough. */
char *cr_translate_assert_msg(int index, ...)
{
	(void)index;
	return strdup("");
}

/* ---- the run ---- */

static const struct criterion_suite *suite_of(const struct criterion_test *t)
{
	for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++)
		if (*s && (*s)->data && !strcmp((*s)->name, t->category))
			return *s;
	return NULL;
}

static unsigned limit_of(const struct criterion_test *t)
{
	double limit = t->data->timeout;

	if (limit == 0 && suite)
		limit = suite->data->timeout;
	return limit > 0 ? (unsigned)(limit * 10) + 1 : DEFAULT_LIMIT;
}

static enum result run_here(const struct criterion_test *t)
{
	failures = 0;
	skipped = false;
	alarm(limit_of(t));
	t->test();
	alarm(0);
	return failures ? FAILED : skipped ? SKIPPED : PASSED;
}

/* The test is to end by a signal, or with a status. */
static enum result run_in_child(const struct criterion_test *t)
{
	int status, died, got, want = t->data->signal ? t->data->signal : t->data->exit_code;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0)
		_exit(run_here(t) == FAILED);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return FAILED;
	died = WIFSIGNALED(status);
	got = died ? WTERMSIG(status) : WEXITSTATUS(status);
	if (died == (t->data->signal != 0) && got == want)
		return PASSED;
	fprintf(stderr, "# ended by %s %d, expected %s %d\n", died ? "signal" : "status", got,
		t->data->signal ? "signal" : "status", want);
	return FAILED;
}

static enum result run(const struct criterion_test *t)
{
	current = t;
	suite = suite_of(t);
	if (t->data->disabled || (suite && suite->data->disabled))
		return SKIPPED;
	return t->data->signal || t->data->exit_code ? run_in_child(t) : run_here(t);
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : "*";
	unsigned n = 0, count[] = { [PASSED] = 0, [FAILED] = 0, [SKIPPED] = 0 };

	runner = pthread_self();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
		enum result result;
		char name[256];

		if (!*t) /* the linker may pad the section */
			continue;
		snprintf(name, sizeof(name), "%s/%s", (*t)->category, (*t)->name);
		if (fnmatch(pattern, name, 0))
			continue;
		result = run(*t);
		count[result]++;
		printf("%s %u - %s%s\n", result == FAILED ? "not ok" : "ok", ++n, name,
		       result == SKIPPED ? " # SKIP" : "");
	}
	printf("1..%u\n%u passed, %u failed\n", n, count[PASSED], count[FAILED]);
	return count[FAILED] || !count[PASSED];
}
