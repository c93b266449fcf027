// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// sleepers makes n tasks that sleep up to most each, and returns how many ended in time and by how
// much the last one was late.
func sleepers(n uint64, most time.Duration) (counted uint64, late time.Duration) {
	var count atomic.Uint64
	var latest atomic.Int64
	var wg sync.WaitGroup

	length := seeded(0)
	steps := uint64(most / time.Millisecond)
	wg.Add(int(n))
	for i := uint64(0); i < n; i++ {
		d := time.Duration(length.next()%(steps+1)) * time.Millisecond
		go func() {
			begin := time.Now()
			time.Sleep(d)
			by := int64(time.Since(begin) - d)
			if by >= 0 { // early would be wrong
				count.Add(1)
			}
			for old := latest.Load(); by > old; old = latest.Load() {
				if latest.CompareAndSwap(old, by) {
					break
				}
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return count.Load(), time.Duration(latest.Load())
}

func timers(r *run) {
	sleepers(r.n/10, 100*time.Millisecond)
	r.start()
	counted, late := sleepers(r.n, time.Second)
	r.stop()
	r.addExtra("late_ms_max", late.Seconds()*1e3)
	r.check(counted)
}

func timeoutCancel(r *run) {
	const inFlight = 1000

	r.measure(func(n uint64) uint64 {
		counted := uint64(0)
		onTask(func() {
			var ring [inFlight]*time.Timer

			drop := func(t *time.Timer) {
				if t != nil && t.Stop() {
					counted++
				}
			}
			for i := uint64(0); i < n; i++ {
				slot := &ring[i%inFlight]
				drop(*slot)
				*slot = time.NewTimer(10 * time.Second)
				select {
				case <-(*slot).C:
					r.fail("a time-out of 10 s came at once")
				default:
				}
			}
			for _, t := range ring {
				drop(t)
			}
		})
		return counted
	})
}
