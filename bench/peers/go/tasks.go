// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Go gives out no handle of a goroutine. A WaitGroup for the round is how all of them are awaited.
func spawnRound(n uint64) uint64 {
	var count atomic.Uint64
	var wg sync.WaitGroup

	task := func() {
		count.Add(1)
		wg.Done()
	}
	wg.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go task()
	}
	wg.Wait()
	return count.Load()
}

// locals reads all of its argument, so that it has to be there.
//
//go:noinline
func locals(frame *[12]uint64) uint64 {
	sum := uint64(0)
	for _, v := range frame {
		sum += v
	}
	return sum
}

// The same with 96 bytes of locals in each task, which is counted when their sum is right.
func spawnFrameRound(n uint64) uint64 {
	var count atomic.Uint64
	var wg sync.WaitGroup

	task := func() {
		var frame [12]uint64

		for i := range frame {
			frame[i] = uint64(i)
		}
		if locals(&frame) == 66 {
			count.Add(1)
		}
		wg.Done()
	}
	wg.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go task()
	}
	wg.Wait()
	return count.Load()
}

func spawnRounds(r *run, round func(n uint64) uint64) {
	counted := uint64(0)

	round(r.n / 10)
	r.start()
	for i := 0; i < 10; i++ {
		counted += round(share(r.n, i, 10))
	}
	r.stop()
	r.check(counted)
}

func spawnExt(r *run) {
	spawnRounds(r, spawnRound)
}

func spawnInt(r *run) {
	onTask(func() { spawnRounds(r, spawnRound) })
}

func spawnFrame(r *run) {
	onTask(func() { spawnRounds(r, spawnFrameRound) })
}

func yield(r *run) {
	const tasks = 1000

	r.measure(func(n uint64) uint64 {
		var count atomic.Uint64
		var wg sync.WaitGroup

		wg.Add(tasks)
		for i := 0; i < tasks; i++ {
			times := share(n, i, tasks)
			go func() {
				done := uint64(0)
				for done < times {
					runtime.Gosched()
					done++
				}
				count.Add(done)
				wg.Done()
			}()
		}
		wg.Wait()
		return count.Load()
	})
}

// parked makes n tasks that await one event, the closing of a channel, and returns when each has
// run up to it. The returned function lets them go and counts those that ended.
func parked(n uint64) (release func() uint64) {
	var count atomic.Uint64
	var begun, ended sync.WaitGroup

	event := make(chan struct{})
	task := func() {
		begun.Done()
		<-event
		count.Add(1)
		ended.Done()
	}
	begun.Add(int(n))
	ended.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go task()
	}
	begun.Wait()
	return func() uint64 {
		close(event)
		ended.Wait()
		return count.Load()
	}
}

func memTask(r *run) {
	// Few, for Go keeps what ended goroutines had, and that would not count as growth.
	parked(r.n / 1000)()
	before := residentBytes()
	r.start()
	release := parked(r.n)
	r.stop()
	r.addExtra("bytes_per_task", float64(residentBytes()-before)/float64(r.n))
	r.check(release())
}

// The runtime has started before main, so that this is no more than the first goroutine. There is
// nothing to shut down.
func startup(r *run) {
	counted := uint64(0)

	for i := uint64(0); i < r.n; i++ {
		onTask(func() { counted++ })
	}
	r.seconds = clockSeconds(clockMonotonic) - mainStart
	r.cpuSeconds = clockSeconds(clockProcessCPU)
	r.addExtra("exit_seconds", 0)
	r.check(counted)
}
