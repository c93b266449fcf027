// SPDX-License-Identifier: MIT
// The bench on rayon: what a pool for fork and join can do of it.

use bench::{share, touch, Case, Run};
use rayon::prelude::*;
use rayon::{Scope, ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

static COUNT: AtomicU64 = AtomicU64::new(0);

fn pool(run: &Run) -> ThreadPool {
	ThreadPoolBuilder::new().num_threads(run.threads).build().unwrap()
}

fn spawn_adds<'scope>(scope: &Scope<'scope>, n: u64) {
	for _ in 0..n {
		scope.spawn(|_| {
			COUNT.fetch_add(1, Relaxed);
		});
	}
}

fn spawn_adds_from_frame<'scope>(scope: &Scope<'scope>, n: u64) {
	for _ in 0..n {
		let mut locals = [1u64; 12];
		touch(&mut locals);
		scope.spawn(move |_| {
			let mut locals = locals;
			touch(&mut locals);
			COUNT.fetch_add(locals[11], Relaxed);
		});
	}
}

/* Ten rounds, each over when all of its tasks are. */
fn spawn_rounds(n: u64, mut round: impl FnMut(u64)) -> u64 {
	let before = COUNT.load(Relaxed);

	for i in 0..10 {
		round(share(n, 10, i));
	}
	COUNT.load(Relaxed) - before
}

fn spawn_ext(run: &mut Run) {
	let pool = pool(run);

	run.measure(|n| spawn_rounds(n, |n| pool.in_place_scope(|scope| spawn_adds(scope, n))));
}

fn spawn_int(run: &mut Run) {
	let pool = pool(run);

	run.measure(|n| {
		pool.install(|| spawn_rounds(n, |n| rayon::scope(|scope| spawn_adds(scope, n))))
	});
}

fn spawn_frame(run: &mut Run) {
	let pool = pool(run);

	run.measure(|n| {
		pool.install(|| {
			spawn_rounds(n, |n| rayon::scope(|scope| spawn_adds_from_frame(scope, n)))
		})
	});
}

fn fib(n: u64) -> u64 {
	if n < 2 {
		return n;
	}
	let mut other = 0;
	let own = rayon::scope(|scope| {
		scope.spawn(|_| other = fib(n - 1));
		fib(n - 2)
	});
	own + other
}

fn fibonacci(run: &mut Run) {
	let pool = pool(run);

	run.fib(|n| pool.install(|| fib(n)));
}

fn join_fib(n: u64) -> u64 {
	if n < 2 {
		return n;
	}
	let (other, own) = rayon::join(|| join_fib(n - 1), || join_fib(n - 2));
	own + other
}

fn forkjoin(run: &mut Run) {
	let pool = pool(run);

	run.fib(|n| pool.install(|| join_fib(n)));
}

fn step(y: f32, x: f32) -> f32 {
	y * 0.5 + x
}

/// Loops over len floats, no piece of less than min. x is i modulo 16, but x[0] is the number of
/// the loop, so that y[0] tells how many there were.
fn pfor(run: &mut Run, len: usize, min: usize) {
	let pool = pool(run);
	let mut x: Vec<f32> = (0..len).map(|i| (i % 16) as f32).collect();
	let mut y = vec![1.0; len];
	let mut first = 0;
	let mut loops = |n: u64| {
		pool.install(|| {
			for i in first..first + n {
				x[0] = i as f32;
				y.par_iter_mut()
					.zip(&x)
					.with_min_len(min)
					.for_each(|(y, x)| *y = step(*y, *x));
			}
		});
		first += n;
	};

	loops(run.warm());
	run.start();
	loops(run.n);
	run.stop();

	let done = run.warm() + run.expect;
	let first = (0..done).fold(1.0, |y, i| step(y, i as f32));
	let others: Vec<_> =
		(0..16).map(|x| (0..done).fold(1.0, |y, _| step(y, x as f32))).collect();
	if y[0] != first || (1..len).any(|i| y[i] != others[i % 16]) {
		run.fail("wrong floats");
	}
}

/* The loop in one piece is the fastest: to hand over half of it costs more than to do it. */
fn pfor_fine(run: &mut Run) {
	pfor(run, 1000, 1000);
}

fn pfor_big(run: &mut Run) {
	pfor(run, 100_000_000, 1);
}

/* A dropped pool does not wait for its threads. */
fn startup(run: &mut Run) {
	run.start_at_main();
	let pool = pool(run);
	let counted = pool.install(|| 1);
	run.stop();
	run.check(counted);
	let start = Instant::now();
	drop(pool);
	run.extra("exit_seconds", start.elapsed().as_secs_f64());
}

fn find(name: &str) -> Option<Case> {
	Some(match name {
		"spawn_ext" => spawn_ext,
		"spawn_int" => spawn_int,
		"spawn_frame" => spawn_frame,
		"fib" => fibonacci,
		"forkjoin" => forkjoin,
		"pfor_fine" => pfor_fine,
		"pfor_big" => pfor_big,
		"startup" => startup,
		_ => return None,
	})
}

fn main() {
	bench::bench_main("rayon", env!("PEER_VERSION"), find);
}
