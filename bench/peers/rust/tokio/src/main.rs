// SPDX-License-Identifier: MIT
// The bench on tokio's multi-thread runtime.

mod calls;

use bench::{echo, share, touch, Case, Gate, Pause, Random, Run};
use futures_lite::future::poll_once;
use std::future::{ready, Future};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, mpsc, oneshot, watch, Notify};
use tokio::task::{yield_now, JoinHandle};
use tokio::time::{sleep, sleep_until, Instant};

static COUNT: AtomicU64 = AtomicU64::new(0);
/// What many tasks wait for at once, and where they say that they have come there, or to the end.
static EVENT: Notify = Notify::const_new();
static WAITING: Gate = Gate::new();
static ENDED: Gate = Gate::new();

fn runtime(run: &Run) -> Runtime {
	Builder::new_multi_thread().worker_threads(run.threads).enable_all().build().unwrap()
}

/// Runs one task on the pool.
fn task<T: Send + 'static>(rt: &Runtime, main: impl Future<Output = T> + Send + 'static) -> T {
	rt.block_on(rt.spawn(main)).unwrap()
}

async fn sum(tasks: Vec<JoinHandle<u64>>) -> u64 {
	let mut sum = 0;

	for task in tasks {
		sum += task.await.unwrap();
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
		let tasks: Vec<_> = (0..share(n, 10, i)).map(|_| tokio::spawn(make())).collect();
		for task in tasks {
			task.await.unwrap();
		}
	}
	COUNT.load(Relaxed) - before
}

fn spawn_ext(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| rt.block_on(spawn_rounds(n, add)));
}

fn spawn_int(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| task(&rt, spawn_rounds(n, add)));
}

fn spawn_frame(run: &mut Run) {
	let rt = runtime(run);

	assert!(std::mem::size_of_val(&add_from_frame()) >= 96);
	run.measure(|n| task(&rt, spawn_rounds(n, add_from_frame)));
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
	let rt = runtime(run);

	run.measure(|n| {
		task(&rt, async move {
			sum((0..1000).map(|i| tokio::spawn(yields(share(n, 1000, i)))).collect())
				.await
		})
	});
}

async fn answer(mut from: mpsc::Receiver<u64>, to: mpsc::Sender<u64>) {
	while let Some(value) = from.recv().await {
		if to.send(value).await.is_err() {
			break;
		}
	}
}

async fn ping(n: u64, to: mpsc::Sender<u64>, mut from: mpsc::Receiver<u64>) -> u64 {
	let mut counted = 0;

	for i in 0..n {
		to.send(i).await.unwrap();
		counted += u64::from(from.recv().await == Some(i));
	}
	counted
}

fn pingpong(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let (to, from) = mpsc::channel(1);
		let (back_to, back_from) = mpsc::channel(1);

		rt.spawn(answer(from, back_to));
		task(&rt, ping(n, to, back_from))
	});
}

fn chan_spsc(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let (to, mut from) = mpsc::channel(1024);

		rt.spawn(async move {
			for i in 0..n {
				to.send(i).await.unwrap();
			}
		});
		task(&rt, async move {
			let mut counted = 0;
			while let Some(value) = from.recv().await {
				counted += u64::from(value == counted);
			}
			counted
		})
	});
}

fn chan_unbounded(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let (to, mut from) = mpsc::unbounded_channel();

		rt.spawn(async move {
			for i in 0..n {
				to.send(i).unwrap();
			}
		});
		task(&rt, async move {
			let mut counted = 0;
			while let Some(value) = from.recv().await {
				counted += u64::from(value == counted);
			}
			counted
		})
	});
}

/// A number, and where to send the answer.
struct Ball {
	number: u64,
	back: oneshot::Sender<Ball>,
}

/* Each ball by a oneshot of its own. Returns where the answer comes. */
fn throw(number: u64, to: oneshot::Sender<Ball>) -> oneshot::Receiver<Ball> {
	let (back, from) = oneshot::channel();

	assert!(to.send(Ball { number, back }).is_ok());
	from
}

async fn return_balls(n: u64, mut from: oneshot::Receiver<Ball>) {
	for _ in 0..n {
		let ball = from.await.unwrap();
		from = throw(ball.number + 1, ball.back);
	}
}

async fn throw_balls(n: u64, mut to: oneshot::Sender<Ball>) -> u64 {
	let mut counted = 0;

	for i in 0..n {
		let ball = throw(2 * i, to).await.unwrap();
		counted += u64::from(ball.number == 2 * i + 1);
		to = ball.back;
	}
	counted
}

fn oneshots(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let (to, from) = oneshot::channel();

		rt.spawn(return_balls(n, from));
		task(&rt, throw_balls(n, to))
	});
}

async fn watch_back(mut from: watch::Receiver<u64>, to: watch::Sender<u64>) {
	while from.changed().await.is_ok() {
		let number = *from.borrow();
		to.send(number + 1).unwrap();
	}
}

async fn watch_there(n: u64, to: watch::Sender<u64>, mut from: watch::Receiver<u64>) -> u64 {
	let mut counted = 0;

	for i in 0..n {
		to.send(2 * i).unwrap();
		from.changed().await.unwrap();
		counted += u64::from(*from.borrow() == 2 * i + 1);
	}
	counted
}

fn watching(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let (to, from) = watch::channel(0);
		let (back_to, back_from) = watch::channel(0);

		rt.spawn(watch_back(from, back_to));
		task(&rt, watch_there(n, to, back_from))
	});
}

const EARS: u64 = 4;
const WINDOW: u64 = 512; /* two fit into the ring; each listener says when it has had one */

async fn speak(n: u64, to: broadcast::Sender<u64>, mut credits: mpsc::Receiver<usize>) {
	let mut windows = [0; EARS as usize];

	for number in 0..n {
		/* While there is one that would lose what the next window overwrites. */
		while windows.iter().any(|had| had + 1 < number / WINDOW) {
			windows[credits.recv().await.unwrap()] += 1;
		}
		to.send(number).unwrap();
	}
}

async fn listen(
	me: usize,
	mut from: broadcast::Receiver<u64>,
	credits: mpsc::Sender<usize>,
) -> u64 {
	let mut counted = 0;

	loop {
		match from.recv().await {
			Ok(number) => counted += u64::from(number == counted),
			Err(broadcast::error::RecvError::Closed) => return counted,
			Err(e) => panic!("{}", e),
		}
		if counted % WINDOW == 0 {
			let _ = credits.send(me).await; /* at the end nobody asks for it */
		}
	}
}

/* n is what all listeners hear together, the same for each. */
fn broadcasting(run: &mut Run) {
	let rt = runtime(run);
	let more = (EARS - run.n % EARS) % EARS;

	run.n += more;
	run.expect += more;
	run.measure(|n| {
		let (to, _) = broadcast::channel(2 * WINDOW as usize);
		let (credits, credits_from) = mpsc::channel(4 * EARS as usize);
		let listeners = (0..EARS as usize)
			.map(|i| rt.spawn(listen(i, to.subscribe(), credits.clone())))
			.collect();

		drop(credits);
		rt.spawn(speak(n / EARS, to, credits_from));
		task(&rt, sum(listeners))
	});
}

/* A task for n - 1; n - 2 here, boxed, as all recursion must be. */
async fn fib(n: u64) -> u64 {
	if n < 2 {
		return n;
	}
	let other: JoinHandle<u64> = spawn_fib(n - 1);
	let own = if n < 4 { n - 2 } else { boxed_fib(n - 2).await };
	own + other.await.unwrap()
}

fn boxed_fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
	Box::pin(fib(n))
}

fn spawn_fib(n: u64) -> JoinHandle<u64> {
	tokio::spawn(fib(n))
}

fn fibonacci(run: &mut Run) {
	let rt = runtime(run);

	run.fib(|n| task(&rt, fib(n)));
}

async fn wait_for_event() {
	/* Once it is made, notify_waiters wakes it, polled or not. */
	let event = EVENT.notified();

	WAITING.arrive();
	event.await;
	ENDED.arrive();
}

fn start_waiting(rt: &Runtime, n: u64) {
	WAITING.reset(n);
	ENDED.reset(n);
	for _ in 0..n {
		rt.spawn(wait_for_event());
	}
	WAITING.wait();
}

fn end_waiting() -> u64 {
	EVENT.notify_waiters();
	ENDED.wait()
}

fn mem_task(run: &mut Run) {
	let rt = runtime(run);

	/* Few: memory that they give back would count as no growth. */
	start_waiting(&rt, run.warm().min(1000));
	end_waiting();
	let before = bench::rss_kib();
	run.start();
	start_waiting(&rt, run.n);
	run.stop();
	let grown = bench::rss_kib() - before;
	let counted = end_waiting();
	run.check(counted);
	run.extra("bytes_per_task", grown as f64 * 1024.0 / run.n as f64);
}

fn idle(run: &mut Run) {
	let rt = runtime(run);

	start_waiting(&rt, run.n);
	thread::sleep(Duration::from_millis(100));
	run.idle();
	let counted = end_waiting();
	run.check(counted);
}

async fn timer(time: Duration) {
	let due = Instant::now() + time;

	sleep_until(due).await;
	COUNT.fetch_max(due.elapsed().as_micros() as u64, Relaxed);
	ENDED.arrive();
}

fn timers(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		let mut random = Random::new(0);
		COUNT.store(0, Relaxed);
		ENDED.reset(n);
		for _ in 0..n {
			rt.spawn(timer(Duration::from_micros(random.below(1_000_000))));
		}
		ENDED.wait()
	});
	run.extra("late_ms_max", COUNT.load(Relaxed) as f64 / 1e3);
}

fn timeout_cancel(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		task(&rt, async move {
			let long = Duration::from_secs(10);
			let mut flying: Vec<_> = (0..1000).map(|_| Box::pin(sleep(long))).collect();
			let mut counted = 0;
			for i in 0..n {
				/* The old one is dropped where the new one comes. */
				let timer = &mut flying[i as usize % 1000];
				timer.set(sleep(long));
				counted += u64::from(poll_once(timer.as_mut()).await.is_none());
			}
			counted
		})
	});
}

fn wake(run: &mut Run, pause: Pause) {
	let rt = runtime(run);
	let (to, from) = mpsc::channel(1);
	let (back_to, mut back_from) = mpsc::channel(1);

	rt.spawn(answer(from, back_to));
	run.wake(pause, |i| {
		to.blocking_send(i).unwrap();
		back_from.blocking_recv().unwrap()
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

async fn echo(mut stream: TcpStream) {
	/* Longer than a message: a read that does not fill it spares the one that finds nothing. */
	let mut data = [0; 4 * echo::MESSAGE];

	stream.set_nodelay(true).unwrap();
	loop {
		match stream.read(&mut data).await {
			Ok(0) => break,
			Ok(len) => stream.write_all(&data[..len]).await.unwrap(),
			Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
			Err(e) => panic!("{}", e),
		}
	}
}

async fn serve() -> SocketAddr {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();

	tokio::spawn(async move {
		loop {
			tokio::spawn(echo(listener.accept().await.unwrap().0));
		}
	});
	address
}

fn tcp_echo(run: &mut Run) {
	let rt = runtime(run);
	let mut load = echo::Load::connect(rt.block_on(serve()));

	run.measure(|n| load.round(n));
}

fn startup(run: &mut Run) {
	run.start_at_main();
	let rt = runtime(run);
	let counted = task(&rt, async { 1 });
	run.stop();
	run.check(counted);
	let start = Instant::now();
	drop(rt);
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
		"chan_unbounded" => chan_unbounded,
		"oneshot" => oneshots,
		"watch" => watching,
		"broadcast" => broadcasting,
		"fib" => fibonacci,
		"blocking_seq" => calls::seq,
		"blocking_inplace" => calls::inplace,
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
	bench::bench_main("tokio", env!("PEER_VERSION"), find);
}
