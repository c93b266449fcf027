// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"sync/atomic"
)

func pingpong(r *run) {
	r.measure(func(n uint64) uint64 {
		ping, pong := make(chan uint64, 1), make(chan uint64, 1)
		counted := uint64(0)

		go func() {
			for v := range ping {
				pong <- v + 1
			}
			close(pong)
		}()
		onTask(func() {
			for i := uint64(0); i < n; i++ {
				ping <- i
				if <-pong == i+1 {
					counted++
				}
			}
			close(ping)
		})
		return counted
	})
}

// Each ball comes by a channel of its own, made for that one, and brings the one for the answer.
type ball struct {
	number uint64
	back   chan ball
}

// throw returns where the answer comes.
func throw(number uint64, to chan ball) chan ball {
	back := make(chan ball, 1)
	to <- ball{number, back}
	return back
}

func oneshot(r *run) {
	r.measure(func(n uint64) uint64 {
		first := make(chan ball, 1)
		counted := uint64(0)

		go func() {
			from := first
			for i := uint64(0); i < n; i++ {
				b := <-from
				from = throw(b.number+1, b.back)
			}
		}()
		onTask(func() {
			to := first
			for i := uint64(0); i < n; i++ {
				b := <-throw(2*i, to)
				if b.number == 2*i+1 {
					counted++
				}
				to = b.back
			}
		})
		return counted
	})
}

func oneToOne(r *run, capacity int) {
	r.measure(func(n uint64) uint64 {
		messages := make(chan uint64, capacity)
		next, sum := uint64(0), uint64(0)

		go func() {
			for i := uint64(0); i < n; i++ {
				messages <- i
			}
			close(messages)
		}()
		onTask(func() {
			for v := range messages {
				if v != next {
					r.fail("message %d came in place of %d", v, next)
				}
				next++
				sum += v
			}
		})
		r.checkSum(sum, n)
		return next
	})
}

func chanSpsc(r *run) {
	oneToOne(r, 1024)
}

func chanRendezvous(r *run) {
	oneToOne(r, 0)
}

// checkSum: sum must be that of 0 to n - 1. Both wrap around alike where they are long enough.
func (r *run) checkSum(sum, n uint64) {
	want := n / 2 * (n - 1)
	if n%2 == 1 {
		want = (n - 1) / 2 * n
	}
	if sum != want {
		r.fail("the sum of the messages is %d, not %d", sum, want)
	}
}

func manyToMany(r *run, ends int) {
	r.measure(func(n uint64) uint64 {
		var count, total atomic.Uint64
		var producers, consumers sync.WaitGroup

		messages := make(chan uint64, 1024)
		producers.Add(ends)
		consumers.Add(ends)
		for i := 0; i < ends; i++ {
			go func(first uint64) {
				for v := first; v < n; v += uint64(ends) {
					messages <- v
				}
				producers.Done()
			}(uint64(i))
			go func() {
				got, sum := uint64(0), uint64(0)
				for v := range messages {
					got++
					sum += v
				}
				count.Add(got)
				total.Add(sum)
				consumers.Done()
			}()
		}
		producers.Wait()
		close(messages)
		consumers.Wait()
		r.checkSum(total.Load(), n)
		return count.Load()
	})
}

func chanMpmc(r *run) {
	manyToMany(r, 4)
}

func chanEnds64(r *run) {
	manyToMany(r, 32)
}
