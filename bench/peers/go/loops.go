// SPDX-License-Identifier: MIT

package main

import "sync"

// The channel brings the result and the news of it at once; a WaitGroup beside a variable for the
// result was no faster.
func fibSpawn(n uint64) uint64 {
	if n < 2 {
		return n
	}
	result := make(chan uint64, 1)
	go func() { result <- fibSpawn(n - 1) }()
	b := fibSpawn(n - 2)
	return <-result + b
}

func fibPlain(n uint64) uint64 {
	a, b := uint64(0), uint64(1)
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

// n is the argument. The ops are the calls, of which fib(n) takes 2 fib(n + 1) - 1.
func fib(r *run) {
	onTask(func() {
		if r.n > 5 {
			fibSpawn(r.n - 5) // a tenth of the calls, or less
		}
		r.start()
		value := fibSpawn(r.n)
		r.stop()
		if want := fibPlain(r.expect); value != want {
			r.fail("fib is %d, expected %d", value, want)
		}
	})
	r.nsPerOp = r.seconds * 1e9 / float64(2*fibPlain(r.n+1)-1)
}

func scale(y, x []float32) {
	y = y[:len(x)]
	for i := range x {
		y[i] = y[i]*0.5 + x[i]
	}
}

// pfor runs the loops over so many elements, one after the other, each split evenly: one part for
// the calling task and one goroutine for each of the other workers.
func pfor(r *run, length int) {
	const period = 1000

	x, y := make([]float32, length), make([]float32, length)
	want := make([]float32, period)
	for i := range x {
		x[i] = float32(i % period)
		y[i] = 1
	}
	copy(want, y)

	done := make([]paddedCount, r.threads) // elements, by each part
	loops := func(n uint64) {
		var wg sync.WaitGroup

		part := func(p int) {
			from, to := length*p/r.threads, length*(p+1)/r.threads
			scale(y[from:to], x[from:to])
			done[p].Add(uint64(to - from))
		}
		for ; n > 0; n-- {
			wg.Add(r.threads - 1)
			for p := 1; p < r.threads; p++ {
				go func(p int) {
					part(p)
					wg.Done()
				}(p)
			}
			part(0)
			wg.Wait()
		}
	}
	counted := uint64(0)
	onTask(func() {
		loops(r.n / 10)
		for p := range done {
			done[p].Store(0)
		}
		r.start()
		loops(r.n)
		r.stop()
	})
	for p := range done {
		counted += done[p].Load()
	}
	if counted%uint64(length) != 0 {
		r.fail("%d elements done, in loops of %d", counted, length)
	}
	for i := uint64(0); i < r.n/10+r.n; i++ {
		scale(want, x[:period])
	}
	for i := range y {
		if y[i] != want[i%period] {
			r.fail("y[%d] is %g, not %g", i, y[i], want[i%period])
		}
	}
	r.check(counted / uint64(length))
}

func pforFine(r *run) {
	pfor(r, 1000)
}

func pforBig(r *run) {
	pfor(r, 100e6)
}
