// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// sleepUntil sleeps in the kernel as a thread outside the runtime would.
func sleepUntil(t syscall.Timespec) {
	const absolute = 1

	for {
		_, _, err := syscall.Syscall6(syscall.SYS_CLOCK_NANOSLEEP, clockMonotonic, absolute,
			uintptr(unsafe.Pointer(&t)), 0, 0, 0)
		if err != syscall.EINTR {
			return
		}
	}
}

func later(t syscall.Timespec, by time.Duration) syscall.Timespec {
	return syscall.NsecToTimespec(t.Nano() + by.Nanoseconds())
}

// wakes sends n requests to a task, each after the pause has been slept, and counts the answers
// that were right.
func wakes(n uint64, pause func(), latency []time.Duration) uint64 {
	request, answer := make(chan uint64, 1), make(chan uint64, 1)
	counted := uint64(0)

	go func() {
		for v := range request {
			answer <- v + 1
		}
		close(answer)
	}()
	for i := uint64(0); i < n; i++ {
		pause()
		begin := time.Now()
		request <- i
		v := <-answer
		latency[i] = time.Since(begin)
		if v == i+1 {
			counted++
		}
	}
	close(request)
	<-answer
	return counted
}

// The case is about a thread outside the runtime. Go knows none; what comes nearest is the main
// goroutine locked to its thread, which is how a Go program keeps, say, the thread of a user
// interface. Beside it the figures without the lock: then nothing has to be woken, for both sides
// are goroutines, and it is the pingpong case by another name.
func wake(r *run, pause func()) {
	latency := make([]time.Duration, r.n)

	runtime.LockOSThread()
	r.measure(func(n uint64) uint64 { return wakes(n, pause, latency) })
	r.addLatencies("", latency)
	runtime.UnlockOSThread()

	wakes(r.n, pause, latency)
	r.addLatencies("unlocked_", latency)
}

func wakeExt(r *run) {
	wake(r, func() {})
}

func wakeExt200(r *run) {
	const period = 200 * time.Microsecond
	tick := clockNow(clockMonotonic)

	wake(r, func() {
		now := clockNow(clockMonotonic)
		for tick = later(tick, period); tick.Nano() <= now.Nano(); {
			tick = later(tick, period)
		}
		sleepUntil(tick)
	})
}

func wakeExtCold(r *run) {
	wake(r, func() { sleepUntil(later(clockNow(clockMonotonic), 2*time.Millisecond)) })
}

func idle(r *run) {
	release := parked(r.n)
	switches := func() int64 {
		usage := rusage()
		return usage.Nvcsw + usage.Nivcsw
	}

	time.Sleep(10 * time.Millisecond) // until the workers have gone to sleep
	before := switches()
	r.start()
	time.Sleep(2 * time.Second)
	r.stop()
	r.addExtra("cpu_ms", r.cpuSeconds*1e3)
	r.addExtra("ctx_switches", float64(switches()-before-1)) // but main's own
	r.check(release())
}
