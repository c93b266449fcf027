// SPDX-License-Identifier: MIT

package main

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Go has no pool of threads to hand a blocking call to. A goroutine makes the call in place, on the
// thread that it runs on; a system call that lasts makes the runtime hand the queue of that
// thread's processor to another thread. So an "offloaded" call is a goroutine of its own, whose
// answer comes through a channel, and the no-op is an empty function, as for the other peers.
//
//go:noinline
func noop() uint64 {
	return 1
}

// In place there would be nothing left to measure. There the no-op is a system call, made through
// syscall.Syscall, which tells the scheduler before and after.
func noopSyscall() uint64 {
	if pid, _, err := syscall.Syscall(syscall.SYS_GETPID, 0, 0, 0); err == 0 && pid > 0 {
		return 1
	}
	return 0
}

func blockingSeq(r *run) {
	r.measure(func(n uint64) uint64 {
		counted := uint64(0)
		onTask(func() {
			answer := make(chan uint64, 1)
			call := func() { answer <- noop() }
			for i := uint64(0); i < n; i++ {
				go call()
				counted += <-answer
			}
		})
		return counted
	})
}

func blockingInplace(r *run) {
	r.measure(func(n uint64) uint64 {
		counted := uint64(0)
		onTask(func() {
			for i := uint64(0); i < n; i++ {
				counted += noopSyscall()
			}
		})
		return counted
	})
}

func blockingBurst(r *run) {
	r.measure(func(n uint64) uint64 {
		var count atomic.Uint64
		onTask(func() {
			var wg sync.WaitGroup

			call := func() {
				count.Add(noop())
				wg.Done()
			}
			wg.Add(int(n))
			for i := uint64(0); i < n; i++ {
				go call()
			}
			wg.Wait()
		})
		return count.Load()
	})
}

func blockingCold(r *run) {
	latency := make([]time.Duration, r.n)
	work := func(n uint64) uint64 {
		counted := uint64(0)
		onTask(func() {
			answer := make(chan uint64, 1)
			call := func() { answer <- noop() }
			for i := uint64(0); i < n; i++ {
				time.Sleep(2 * time.Millisecond)
				begin := time.Now()
				go call()
				counted += <-answer
				latency[i] = time.Since(begin)
			}
		})
		return counted
	}
	r.measure(work)
	r.addLatencies("", latency)
}

const (
	blockSize = 4096
	fileSize  = 256 << 20
)

// makeFile writes the file of the reads, in which word i holds i. It gets its name when it is
// whole, for another bench may look for it at the same time.
func makeFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for word := uint64(0); word < fileSize/8; {
		for i := 0; i < len(buf); i += 8 {
			binary.LittleEndian.PutUint64(buf[i:], word)
			word++
		}
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// openFile opens the file, made where there is none, and reads it once into the page cache.
func openFile() (*os.File, error) {
	path := os.Getenv("PIRN_BENCH_FILE")
	if path == "" {
		path = filepath.Join(os.TempDir(), "pirn-bench.dat")
	}
	if info, err := os.Stat(path); err != nil || info.Size() != fileSize {
		if err := makeFile(path); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(path)
	if err == nil {
		_, err = io.Copy(io.Discard, f)
	}
	return f, err
}

type readFunc func(buf []byte, offset int64) (int, error)

// readBlocks reads n blocks at random, as the i-th task does, and counts those that are right.
func readBlocks(i int, n uint64, read readFunc) uint64 {
	counted := uint64(0)
	place := seeded(i)
	buf := make([]byte, blockSize)

	for ; n > 0; n-- {
		offset := place.next() % (fileSize / blockSize) * blockSize
		got, err := read(buf, int64(offset))
		if err == nil && got == blockSize && binary.LittleEndian.Uint64(buf) == offset/8 {
			counted++
		}
	}
	return counted
}

// reads times n reads by 64 tasks, beside the same reads by a plain thread in a loop. That thread
// makes raw system calls, of which the scheduler does not hear, as a C program would.
func reads(r *run, fd int, read readFunc) {
	const tasks = 64

	direct := func(buf []byte, offset int64) (int, error) {
		got, _, err := syscall.RawSyscall6(syscall.SYS_PREAD64, uintptr(fd),
			uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), uintptr(offset), 0, 0)
		if err != 0 {
			return 0, err
		}
		return int(got), nil
	}
	directSeconds := 0.0
	onTask(func() {
		runtime.LockOSThread()
		directSeconds -= clockSeconds(clockMonotonic)
		counted := uint64(0)
		for i := 0; i < tasks; i++ {
			counted += readBlocks(i, share(r.n, i, tasks), direct)
		}
		directSeconds += clockSeconds(clockMonotonic)
		if counted != r.n {
			r.fail("%d of %d direct reads were right", counted, r.n)
		}
	})
	r.measure(func(n uint64) uint64 {
		var count atomic.Uint64
		var wg sync.WaitGroup

		wg.Add(tasks)
		for i := 0; i < tasks; i++ {
			go func(i int) {
				count.Add(readBlocks(i, share(n, i, tasks), read))
				wg.Done()
			}(i)
		}
		wg.Wait()
		return count.Load()
	})
	r.addExtra("direct_seconds", directSeconds)
	r.addExtra("x_direct", r.seconds/directSeconds)
}

// Each pread in place, as above: with help or without is the same for Go.
func blockingPread(r *run) {
	f, err := openFile()
	r.must(err)
	defer f.Close()
	fd := int(f.Fd())
	reads(r, fd, func(buf []byte, offset int64) (int, error) {
		return syscall.Pread(fd, buf, offset)
	})
}

func fileRead(r *run) {
	f, err := openFile()
	r.must(err)
	defer f.Close()
	reads(r, int(f.Fd()), f.ReadAt)
}
