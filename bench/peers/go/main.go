// SPDX-License-Identifier: MIT

// The Go peer of the bench. It keeps the protocol that ../../bench.h describes; this file is the
// command line, the clocks and the line of JSON, the others are the cases by family.
//
// GOMAXPROCS is P. The main goroutine is a goroutine like any other here: where a case says that
// main does something it has one of the P processors meanwhile, and it parks in all other cases.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Clocks of clock_gettime that the syscall package does not name.
const (
	clockMonotonic  = 1
	clockProcessCPU = 2
)

type run struct {
	// The command line.
	name      string
	threads   int
	n, expect uint64

	// Filled by the case.
	seconds, cpuSeconds float64
	nsPerOp             float64 // 0: seconds by n
	extra               strings.Builder
}

type benchCase struct {
	name string
	n    uint64     // the default
	run  func(*run) // nil: unsupported
}

var cases = []benchCase{
	{"spawn_ext", 1e6, spawnExt},
	{"spawn_int", 1e6, spawnInt},
	{"spawn_frame", 1e6, spawnFrame},
	{"yield", 1e6, yield},
	{"pingpong", 500e3, pingpong},
	{"chan_spsc", 5e6, chanSpsc},
	{"chan_mpmc", 4e6, chanMpmc},
	{"chan_spsc_batch", 5e6, nil}, // a channel hands out one value at a time
	{"chan_mpmc_batch", 4e6, nil},
	{"chan_batch64", 5e6, nil},
	{"chan_ends_2", 4e6, chanSpsc},
	{"chan_ends_8", 4e6, chanMpmc},
	{"chan_ends_64", 4e6, chanEnds64},
	{"chan_unbounded", 5e6, nil}, // every channel has a bound
	{"chan_rendezvous", 500e3, chanRendezvous},
	{"oneshot", 500e3, oneshot},
	{"watch", 500e3, nil}, // no channel keeps what has been received, none has one value for all
	{"broadcast", 4e6, nil},
	{"fib", 30, fib},
	{"combine", 64, nil},  // a select is over with its first wake
	{"forkjoin", 36, fib}, // go and wait are all that Go has for fork and join
	{"pfor_fine", 20e3, pforFine},
	{"pfor_big", 10, pforBig},
	{"blocking_seq", 100e3, blockingSeq},
	{"blocking_inplace", 100e3, blockingInplace},
	{"blocking_burst", 200e3, blockingBurst},
	{"blocking_batch", 200e3, nil}, // go starts one call at a time
	{"blocking_cold", 1e3, blockingCold},
	{"blocking_pread", 400e3, blockingPread},
	{"blocking_pread_strict", 400e3, blockingPread},
	{"file_read", 400e3, fileRead},
	{"mem_task", 1e6, memTask},
	{"timers", 1e6, timers},
	{"timeout_cancel", 2e6, timeoutCancel},
	{"wake_ext", 20e3, wakeExt},
	{"wake_ext_200", 2e3, wakeExt200},
	{"wake_ext_cold", 1e3, wakeExtCold},
	{"idle", 1000, idle},
	{"tcp_echo", 300e3, tcpEcho},
	{"startup", 1, startup},
}

func clockNow(clock uintptr) syscall.Timespec {
	var t syscall.Timespec

	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0)
	return t
}

func clockSeconds(clock uintptr) float64 {
	t := clockNow(clock)
	return float64(t.Sec) + float64(t.Nsec)/1e9
}

// start and stop run the clocks; several stretches add up.
func (r *run) start() {
	r.seconds -= clockSeconds(clockMonotonic)
	r.cpuSeconds -= clockSeconds(clockProcessCPU)
}

func (r *run) stop() {
	r.seconds += clockSeconds(clockMonotonic)
	r.cpuSeconds += clockSeconds(clockProcessCPU)
}

// measure warms up with a tenth of the work, then does all of it by the clock. work returns the ops
// that it counted.
func (r *run) measure(work func(n uint64) uint64) {
	work(r.n / 10)
	r.start()
	counted := work(r.n)
	r.stop()
	r.check(counted)
}

// fail ends the program: the result is wrong, or something failed.
func (r *run) fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, r.name+": "+format+"\n", args...)
	os.Exit(1)
}

func (r *run) must(err error) {
	if err != nil {
		r.fail("%v", err)
	}
}

// check: what was counted must be what was asked for.
func (r *run) check(counted uint64) {
	if counted != r.expect {
		r.fail("%d ops counted, %d expected", counted, r.expect)
	}
}

func (r *run) addExtra(key string, value float64) {
	fmt.Fprintf(&r.extra, ", %q: %.6g", key, value)
}

// addLatencies sorts the latencies and reports two of them under keys with this prefix.
func (r *run) addLatencies(prefix string, latency []time.Duration) {
	sort.Slice(latency, func(i, j int) bool { return latency[i] < latency[j] })
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	r.addExtra(prefix+"p50_us", us(latency[len(latency)/2]))
	r.addExtra(prefix+"p99_us", us(latency[len(latency)*99/100]))
}

// onTask does the work in a goroutine of its own while the caller is parked.
func onTask(work func()) {
	done := make(chan struct{})
	go func() {
		work()
		close(done)
	}()
	<-done
}

// share is the part of n that falls to the i-th of so many.
func share(n uint64, i, of int) uint64 {
	return n*uint64(i+1)/uint64(of) - n*uint64(i)/uint64(of)
}

// A number on a cache line of its own, and no neighbour's prefetch.
type paddedCount struct {
	_ [128]byte
	atomic.Uint64
	_ [120]byte
}

// A generator of its own for each user: the same numbers in each run.
type random uint64

func seeded(i int) random {
	return random(uint64(i+1) * 0x9e3779b97f4a7c15)
}

func (state *random) next() uint64 {
	*state ^= *state << 13
	*state ^= *state >> 7
	*state ^= *state << 17
	return uint64(*state)
}

func rusage() syscall.Rusage {
	var usage syscall.Rusage

	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage
}

// residentBytes is the resident memory of now.
func residentBytes() int64 {
	var size, resident int64

	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		fmt.Sscan(string(text), &size, &resident)
	}
	return resident * int64(os.Getpagesize())
}

func number(option string, args []string) uint64 {
	if len(args) > 0 {
		if n, err := strconv.ParseUint(args[0], 10, 63); err == nil && n > 0 {
			return n
		}
	}
	fmt.Fprintf(os.Stderr, "%s wants a number of 1 or more\n", option)
	os.Exit(2)
	return 0
}

func usage() {
	fmt.Fprintf(os.Stderr,
		"Usage: %s --case CASE [--threads P] [--n N] [--lose]\nCases:", os.Args[0])
	for _, c := range cases {
		fmt.Fprint(os.Stderr, " ", c.name)
	}
	fmt.Fprintln(os.Stderr)
	os.Exit(2)
}

// When main began, for the startup case.
var mainStart float64

func main() {
	mainStart = clockSeconds(clockMonotonic)

	var c *benchCase
	var lose uint64
	r := run{threads: runtime.NumCPU()}

	for args := os.Args[1:]; len(args) > 0; args = args[1:] {
		option := args[0]
		switch {
		case option == "--case" && len(args) > 1:
			args = args[1:]
			r.name = args[0]
		case option == "--threads":
			args = args[1:]
			r.threads = int(number(option, args))
		case option == "--n":
			args = args[1:]
			r.n = number(option, args)
		case option == "--lose":
			lose = 1
		default:
			usage()
		}
	}
	for i := range cases {
		if cases[i].name == r.name {
			c = &cases[i]
		}
	}
	if c == nil {
		usage()
	}
	version := runtime.Version()
	if c.run == nil {
		fmt.Printf("{\"case\": %q, \"rt\": \"go\", \"version\": %q, "+
			"\"unsupported\": true}\n", r.name, version)
		return
	}
	if r.n == 0 {
		r.n = c.n
	}
	r.expect = r.n + lose
	runtime.GOMAXPROCS(r.threads)
	c.run(&r)
	if r.nsPerOp == 0 {
		r.nsPerOp = r.seconds * 1e9 / float64(r.n)
	}
	fmt.Printf("{\"case\": %q, \"rt\": \"go\", \"version\": %q, \"threads\": %d, "+
		"\"n\": %d, \"seconds\": %.6f, \"ns_per_op\": %.6g, "+
		"\"cpu_seconds\": %.6f, \"rss_kib\": %d%s}\n",
		r.name, version, r.threads, r.n, r.seconds, r.nsPerOp, r.cpuSeconds,
		rusage().Maxrss, r.extra.String())
}
