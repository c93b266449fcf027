// SPDX-License-Identifier: MIT
// The bench on smol's crates: async-executor with threads that run it, blocking, async-channel,
// async-io.

mod calls;

use async_channel::{bounded, unbounded, Receiver, Sender};
use async_executor::{Executor, Task};
use async_io::{Async, Timer};
use bench::{echo, share, touch, Case, Gate, Pause, Random, Run};
use event_listener::Event;
use futures_lite::future::{block_on, poll_once, ready, yield_now, Future};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

static EXECUTOR: Executor = Executor::new();
static COUNT: AtomicU64 = AtomicU64::new(0);
/// What many tasks wait for at once, and where they say that they have come there, or to the end.
static EVENT: Event = Event::new();
static WAITING: Gate = Gate::new();
static ENDED: Gate = Gate::new();

/// The threads that run the executor.
struct Pool {
	threads: Vec<JoinHandle<()>>,
	stop: Option<Sender<()>>,
}

impl Pool {
	fn start(run: &Run, work: fn(Receiver<()>)) -> Self {
		let (stop, stopped) = bounded(1);
		let start = || {
			let stopped = stopped.clone();
			thread::spawn(move || work(stopped))
		};

		Self { threads: (0..run.threads).map(|_| start()).collect(), stop: Some(stop) }
	}

	/// async-io's own thread waits for files and timers: the faster for all but many timers.
	fn new(run: &Run) -> Self {
		Self::start(run, |stopped| {
			let _ = block_on(EXECUTOR.run(stopped.recv()));
		})
	}

	/// The workers themselves wait for files and timers, as smol's own do.
	fn reacting(run: &Run) -> Self {
		Self::start(run, |stopped| {
			let _ = async_io::block_on(EXECUTOR.run(stopped.recv()));
		})
	}
}

impl Drop for Pool {
	fn drop(&mut self) {
		self.stop = None;
		for thread in self.threads.drain(..) {
			thread.join().unwrap();
		}
	}
}

/// Runs one task on the pool.
fn task<T: Send + 'static>(main: impl Future<Output = T> + Send + 'static) -> T {
	block_on(EXECUTOR.spawn(main))
}

async fn sum(tasks: Vec<Task<u64>>) -> u64 {
	let mut sum = 0;

	for task in tasks {
		sum += task.await;
	}
	sum
}

async fn add() {
	COUNT.fetch_add(1, Relaxed);
}

async fn add_from_frame() {
	let mut locals = [1u64; 12];

	touch(&mut locals);
	ready(()).await;
	touch(&mut locals);
	COUNT.fetch_add(locals[11], Relaxed);
}

async fn spawn_rounds<F>(n: u64, make: fn() -> F) -> u64
where
	F: Future<Output = ()> + Send + 'static,
{
	let before = COUNT.load(Relaxed);

	for i in 0..10 {
		let tasks: Vec<_> = (0..share(n, 10, i)).map(|_| EXECUTOR.spawn(make())).collect();
		for task in tasks {
			task.await;
		}
	}
	COUNT.load(Relaxed) - before
}

fn spawn_ext(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| block_on(spawn_rounds(n, add)));
}

fn spawn_int(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| task(spawn_rounds(n, add)));
}

fn spawn_frame(run: &mut Run) {
	let _pool = Pool::new(run);

	assert!(std::mem::size_of_val(&add_from_frame()) >= 96);
	run.measure(|n| task(spawn_rounds(n, add_from_frame)));
}

async fn yields(n: u64) -> u64 {
	let mut counted = 0;

	for _ in 0..n {
		yield_now().await;
		counted += 1;
	}
	counted
}

fn yielding(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| {
		task(async move {
			sum((0..1000).map(|i| EXECUTOR.spawn(yields(share(n, 1000, i)))).collect())
				.await
		})
	});
}

async fn answer(from: Receiver<u64>, to: Sender<u64>) {
	while let Ok(value) = from.recv().await {
		if to.send(value).await.is_err() {
			break;
		}
	}
}

async fn ping(n: u64, to: Sender<u64>, from: Receiver<u64>) -> u64 {
	let mut counted = 0;

	for i in 0..n {
		to.send(i).await.unwrap();
		counted += u64::from(from.recv().await == Ok(i));
	}
	counted
}

fn pingpong(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| {
		let (to, from) = bounded(1);
		let (back_to, back_from) = bounded(1);

		EXECUTOR.spawn(answer(from, back_to)).detach();
		task(ping(n, to, back_from))
	});
}

async fn send(values: std::ops::Range<u64>, to: Sender<u64>) {
	for value in values {
		to.send(value).await.unwrap();
	}
}

fn one_to_one(run: &mut Run, channel: fn() -> (Sender<u64>, Receiver<u64>)) {
	let _pool = Pool::new(run);

	run.measure(|n| {
		let (to, from) = channel();

		EXECUTOR.spawn(send(0..n, to)).detach();
		task(async move {
			let mut counted = 0;
			while let Ok(value) = from.recv().await {
				counted += u64::from(value == counted);
			}
			counted
		})
	});
}

fn chan_spsc(run: &mut Run) {
	one_to_one(run, || bounded(1024));
}

fn chan_unbounded(run: &mut Run) {
	one_to_one(run, unbounded);
}

async fn receive(from: Receiver<u64>) -> (u64, u64) {
	let (mut counted, mut sum) = (0, 0);

	while let Ok(value) = from.recv().await {
		counted += 1;
		sum += value;
	}
	(counted, sum)
}

fn many_to_many(run: &mut Run, many: u64) {
	let _pool = Pool::new(run);

	run.measure(|n| {
		let (to, from) = bounded(1024);

		for i in 0..many {
			let values = n * i / many..n * (i + 1) / many;
			EXECUTOR.spawn(send(values, to.clone())).detach();
		}
		drop(to);
		let consumers: Vec<_> =
			(0..many).map(|_| EXECUTOR.spawn(receive(from.clone()))).collect();
		let (mut counted, mut sum) = (0, 0);
		for consumer in consumers {
			let (c, s) = block_on(consumer);
			counted += c;
			sum += s;
		}
		/* Nothing counts if what came is not what went. */
		if sum == n * (n - 1) / 2 {
			counted
		} else {
			0
		}
	});
}

fn chan_mpmc(run: &mut Run) {
	many_to_many(run, 4);
}

fn chan_ends_64(run: &mut Run) {
	many_to_many(run, 32);
}

/* A task for n - 1; n - 2 here, boxed, as all recursion must be. */
async fn fib(n: u64) -> u64 {
	if n < 2 {
		return n;
	}
	let other: Task<u64> = spawn_fib(n - 1);
	let own = if n < 4 { n - 2 } else { boxed_fib(n - 2).await };
	own + other.await
}

fn boxed_fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
	Box::pin(fib(n))
}

fn spawn_fib(n: u64) -> Task<u64> {
	EXECUTOR.spawn(fib(n))
}

fn fibonacci(run: &mut Run) {
	let _pool = Pool::new(run);

	run.fib(|n| task(fib(n)));
}

async fn wait_for_event() {
	let event = EVENT.listen();

	WAITING.arrive();
	event.await;
	ENDED.arrive();
}

fn start_waiting(n: u64) {
	WAITING.reset(n);
	ENDED.reset(n);
	for _ in 0..n {
		EXECUTOR.spawn(wait_for_event()).detach();
	}
	WAITING.wait();
}

fn end_waiting() -> u64 {
	EVENT.notify(usize::MAX);
	ENDED.wait()
}

fn mem_task(run: &mut Run) {
	let _pool = Pool::new(run);

	/* Few: memory that they give back would count as no growth. */
	start_waiting(run.warm().min(1000));
	end_waiting();
	let before = bench::rss_kib();
	run.start();
	start_waiting(run.n);
	run.stop();
	let grown = bench::rss_kib() - before;
	let counted = end_waiting();
	run.check(counted);
	run.extra("bytes_per_task", grown as f64 * 1024.0 / run.n as f64);
}

fn idle(run: &mut Run) {
	let _pool = Pool::new(run);

	start_waiting(run.n);
	thread::sleep(Duration::from_millis(100));
	run.idle();
	let counted = end_waiting();
	run.check(counted);
}

async fn timer(time: Duration) {
	let due = Instant::now() + time;

	Timer::at(due).await;
	COUNT.fetch_max(due.elapsed().as_micros() as u64, Relaxed);
	ENDED.arrive();
}

fn timers(run: &mut Run) {
	let _pool = Pool::reacting(run);

	run.measure(|n| {
		let mut random = Random::new(0);
		COUNT.store(0, Relaxed);
		ENDED.reset(n);
		for _ in 0..n {
			EXECUTOR.spawn(timer(Duration::from_micros(random.below(1_000_000))))
				.detach();
		}
		ENDED.wait()
	});
	run.extra("late_ms_max", COUNT.load(Relaxed) as f64 / 1e3);
}

fn timeout_cancel(run: &mut Run) {
	let _pool = Pool::reacting(run);

	run.measure(|n| {
		task(async move {
			let long = Duration::from_secs(10);
			let mut flying: Vec<_> = (0..1000).map(|_| Timer::after(long)).collect();
			let mut counted = 0;
			for i in 0..n {
				/* The old one is dropped where the new one comes. */
				let timer = &mut flying[i as usize % 1000];
				*timer = Timer::after(long);
				counted += u64::from(poll_once(timer).await.is_none());
			}
			counted
		})
	});
}

fn wake(run: &mut Run, pause: Pause) {
	let _pool = Pool::new(run);
	let (to, from) = bounded(1);
	let (back_to, back_from) = bounded(1);

	EXECUTOR.spawn(answer(from, back_to)).detach();
	run.wake(pause, |i| {
		to.send_blocking(i).unwrap();
		back_from.recv_blocking().unwrap()
	});
}

fn wake_ext(run: &mut Run) {
	wake(run, Pause::None);
}

fn wake_ext_200(run: &mut Run) {
	wake(run, Pause::Tick(Duration::from_micros(200)));
}

fn wake_ext_cold(run: &mut Run) {
	wake(run, Pause::Sleep(Duration::from_millis(2)));
}

async fn echo(mut stream: Async<TcpStream>) {
	let mut data = [0; 4 * echo::MESSAGE];

	stream.get_ref().set_nodelay(true).unwrap();
	loop {
		match stream.read(&mut data).await {
			Ok(0) => break,
			Ok(len) => stream.write_all(&data[..len]).await.unwrap(),
			Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
			Err(e) => panic!("{}", e),
		}
	}
}

fn serve() -> SocketAddr {
	let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
	let address = listener.get_ref().local_addr().unwrap();

	EXECUTOR.spawn(async move {
		loop {
			EXECUTOR.spawn(echo(listener.accept().await.unwrap().0)).detach();
		}
	})
	.detach();
	address
}

fn tcp_echo(run: &mut Run) {
	let _pool = Pool::new(run);
	let mut load = echo::Load::connect(serve());

	run.measure(|n| load.round(n));
}

fn startup(run: &mut Run) {
	run.start_at_main();
	let pool = Pool::new(run);
	let counted = task(async { 1 });
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
		"yield" => yielding,
		"pingpong" => pingpong,
		"chan_spsc" | "chan_ends_2" => chan_spsc,
		"chan_mpmc" | "chan_ends_8" => chan_mpmc,
		"chan_ends_64" => chan_ends_64,
		"chan_unbounded" => chan_unbounded,
		"fib" => fibonacci,
		"blocking_seq" => calls::seq,
		"blocking_cold" => calls::cold,
		"blocking_burst" => calls::burst,
		"blocking_pread" | "blocking_pread_strict" => calls::pread,
		"file_read" => calls::file_read,
		"mem_task" => mem_task,
		"timers" => timers,
		"timeout_cancel" => timeout_cancel,
		"wake_ext" => wake_ext,
		"wake_ext_200" => wake_ext_200,
		"wake_ext_cold" => wake_ext_cold,
		"idle" => idle,
		"tcp_echo" => tcp_echo,
		"startup" => startup,
		_ => return None,
	})
}

fn main() {
	bench::bench_main("smol", env!("PEER_VERSION"), find);
}
