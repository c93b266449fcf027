// SPDX-License-Identifier: MIT
// What the Rust peers share: the protocol of bench.h, that is the command line, the clocks and
// the line of JSON, and the part of each case that is the same on every runtime.

pub mod echo;
pub mod file;

use std::arch::asm;
use std::fmt::Display;
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Every case with its default n.
const CASES: &[(&str, u64)] = &[
	("spawn_ext", 1_000_000),
	("spawn_int", 1_000_000),
	("spawn_frame", 1_000_000),
	("yield", 1_000_000),
	("pingpong", 500_000),
	("chan_spsc", 5_000_000),
	("chan_mpmc", 4_000_000),
	("chan_spsc_batch", 5_000_000),
	("chan_mpmc_batch", 4_000_000),
	("chan_batch64", 5_000_000),
	("chan_ends_2", 4_000_000),
	("chan_ends_8", 4_000_000),
	("chan_ends_64", 4_000_000),
	("chan_unbounded", 5_000_000),
	("chan_rendezvous", 500_000),
	("oneshot", 500_000),
	("watch", 500_000),
	("broadcast", 4_000_000),
	("fib", 30),
	("combine", 64),
	("forkjoin", 36),
	("pfor_fine", 20_000),
	("pfor_big", 10),
	("blocking_seq", 100_000),
	("blocking_inplace", 100_000),
	("blocking_cold", 1_000),
	("blocking_burst", 200_000),
	("blocking_batch", 200_000),
	("blocking_pread", 400_000),
	("blocking_pread_strict", 400_000),
	("file_read", 400_000),
	("mem_task", 1_000_000),
	("timers", 1_000_000),
	("timeout_cancel", 2_000_000),
	("wake_ext", 20_000),
	("wake_ext_200", 2_000),
	("wake_ext_cold", 1_000),
	("idle", 1_000),
	("tcp_echo", 300_000),
	("startup", 1),
];

pub type Case = fn(&mut Run);

pub struct Run {
	pub name: &'static str,
	pub threads: usize,
	pub n: u64,
	/// What the case must count: n.
	pub expect: u64,
	pub ns_per_op: Option<f64>,
	began: Clocks,
	started: Clocks,
	spent: Clocks,
	extra: String,
}

#[derive(Clone, Copy, Default)]
struct Clocks {
	wall: Duration,
	cpu: Duration,
}

impl Clocks {
	fn now() -> Self {
		Self {
			wall: clock(libc::CLOCK_MONOTONIC),
			cpu: clock(libc::CLOCK_PROCESS_CPUTIME_ID),
		}
	}
}

fn clock(id: libc::clockid_t) -> Duration {
	let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };

	unsafe { libc::clock_gettime(id, &mut t) };
	Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

impl Run {
	/// The clocks run from start to stop.
	pub fn start(&mut self) {
		self.started = Clocks::now();
	}

	/// As if the clocks had run since the first line of main.
	pub fn start_at_main(&mut self) {
		self.started = self.began;
	}

	pub fn stop(&mut self) {
		let now = Clocks::now();

		self.spent.wall += now.wall - self.started.wall;
		self.spent.cpu += now.cpu - self.started.cpu;
	}

	pub fn seconds(&self) -> f64 {
		self.spent.wall.as_secs_f64()
	}

	/// The ops of the round before the clocks start.
	pub fn warm(&self) -> u64 {
		(self.n / 10).max(1)
	}

	/// The result is wrong: ends the program.
	pub fn fail(&self, what: impl Display) -> ! {
		eprintln!("{}: {}", self.name, what);
		exit(1);
	}

	/// What was counted must be what was asked for.
	pub fn check(&self, counted: u64) {
		if counted != self.expect {
			self.fail(format_args!(
				"{} ops counted, {} expected",
				counted, self.expect
			));
		}
	}

	/// One more number in the line of JSON.
	pub fn extra(&mut self, key: &str, value: f64) {
		self.extra += &format!(", \"{}\": {:.6}", key, value);
	}

	pub fn latencies(&mut self, mut latencies: Vec<Duration>) {
		latencies.sort_unstable();
		let n = latencies.len();
		self.extra("p50_us", latencies[n / 2].as_secs_f64() * 1e6);
		self.extra("p99_us", latencies[n * 99 / 100].as_secs_f64() * 1e6);
	}

	/// A case that is rounds of some number of ops and tells how many were done.
	pub fn measure(&mut self, mut round: impl FnMut(u64) -> u64) {
		round(self.warm());
		self.start();
		let counted = round(self.n);
		self.stop();
		self.check(counted);
	}

	/// fib of n, however it is computed. Five less is 9 % of the work.
	pub fn fib(&mut self, mut fib: impl FnMut(u64) -> u64) {
		fib(self.n.saturating_sub(5));
		self.start();
		let value = fib(self.n);
		self.stop();
		let expected = fib_value(self.expect);
		if value != expected {
			self.fail(format_args!("{}, not {}", value, expected));
		}
		let calls = 2 * fib_value(self.n + 1) - 1;
		self.ns_per_op = Some(self.spent.wall.as_secs_f64() * 1e9 / calls as f64);
	}

	/// Round trips from main to a task and back, each after a pause.
	pub fn wake(&mut self, pause: Pause, mut trip: impl FnMut(u64) -> u64) {
		let mut latencies = Vec::with_capacity(self.n as usize);
		let mut counted = 0;

		for i in 0..self.warm() {
			trip(i);
		}
		self.start();
		for i in 0..self.n {
			match pause {
				Pause::None => (),
				Pause::Tick(period) => sleep_to_tick(period),
				Pause::Sleep(time) => thread::sleep(time),
			}
			let sent = Instant::now();
			counted += u64::from(trip(i) == i);
			latencies.push(sent.elapsed());
		}
		self.stop();
		self.check(counted);
		self.latencies(latencies);
	}

	/// Two seconds of nothing.
	pub fn idle(&mut self) {
		let before = context_switches();

		self.start();
		thread::sleep(Duration::from_secs(2));
		self.stop();
		/* Main's own sleep is one. */
		let switches = context_switches() - before - 1;
		self.extra("cpu_ms", self.spent.cpu.as_secs_f64() * 1e3);
		self.extra("ctx_switches", switches.max(0) as f64);
	}
}

pub enum Pause {
	None,
	Tick(Duration),
	Sleep(Duration),
}

/* To the next multiple of the period, by the clock's own count. */
fn sleep_to_tick(period: Duration) {
	let next = (clock(libc::CLOCK_MONOTONIC).as_nanos() / period.as_nanos() + 1)
		* period.as_nanos();
	let t = libc::timespec {
		tv_sec: (next / 1_000_000_000) as libc::time_t,
		tv_nsec: (next % 1_000_000_000) as libc::c_long,
	};

	let flags = libc::TIMER_ABSTIME;
	unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, flags, &t, std::ptr::null_mut()) };
}

fn fib_value(n: u64) -> u64 {
	(0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

/// The share of the i-th of several parts of n.
pub fn share(n: u64, parts: u64, i: u64) -> u64 {
	n * (i + 1) / parts - n * i / parts
}

/// Main waits here until as many tasks have arrived as it said.
pub struct Gate {
	arrived: AtomicU64,
	wanted: AtomicU64,
	open: Mutex<bool>,
	opened: Condvar,
}

impl Gate {
	pub const fn new() -> Self {
		Self {
			arrived: AtomicU64::new(0),
			wanted: AtomicU64::new(0),
			open: Mutex::new(false),
			opened: Condvar::new(),
		}
	}

	/// Before any task can arrive.
	pub fn reset(&self, wanted: u64) {
		*self.open.lock().unwrap() = false;
		self.arrived.store(0, Ordering::Relaxed);
		self.wanted.store(wanted, Ordering::Relaxed);
	}

	pub fn arrive(&self) {
		let arrived = self.arrived.fetch_add(1, Ordering::AcqRel) + 1;

		if arrived == self.wanted.load(Ordering::Relaxed) {
			*self.open.lock().unwrap() = true;
			self.opened.notify_one();
		}
	}

	/// Returns how many arrived.
	pub fn wait(&self) -> u64 {
		drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
		self.arrived.load(Ordering::Acquire)
	}
}

impl Default for Gate {
	fn default() -> Self {
		Self::new()
	}
}

/// As far as the compiler can tell, something has read and changed the value.
pub fn touch<T>(value: &mut T) {
	unsafe { asm!("/* {} */", in(reg) value, options(nostack, preserves_flags)) };
}

/// A generator of its own for each user: the same numbers in each run.
pub struct Random(u64);

impl Random {
	pub fn new(seed: u64) -> Self {
		Self(0x9e37_79b9_7f4a_7c15 ^ seed)
	}

	pub fn below(&mut self, limit: u64) -> u64 {
		self.0 ^= self.0 << 13;
		self.0 ^= self.0 >> 7;
		self.0 ^= self.0 << 17;
		self.0 % limit
	}
}

/// Resident memory now, in KiB.
pub fn rss_kib() -> u64 {
	let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
	let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();

	pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64 / 1024
}

fn usage() -> libc::rusage {
	unsafe {
		let mut usage = std::mem::zeroed();
		libc::getrusage(libc::RUSAGE_SELF, &mut usage);
		usage
	}
}

fn context_switches() -> i64 {
	let usage = usage();

	usage.ru_nvcsw + usage.ru_nivcsw
}

fn number(text: Option<String>) -> Option<u64> {
	text.and_then(|text| text.parse().ok()).filter(|n| *n > 0)
}

/* The case and its n are 0 where the command line does not say. None: it is wrong. */
fn options(run: &mut Run) -> Option<()> {
	let mut args = std::env::args().skip(1);
	let mut lose = false;

	while let Some(arg) = args.next() {
		match arg.as_str() {
			"--case" => {
				let name = args.next()?;
				let case = CASES.iter().find(|(case, _)| *case == name)?;
				run.name = case.0;
				if run.n == 0 {
					run.n = case.1;
				}
			}
			"--threads" => run.threads = number(args.next())? as usize,
			"--n" => run.n = number(args.next())?,
			"--lose" => lose = true,
			_ => return None,
		}
	}
	run.expect = run.n + u64::from(lose);
	(!run.name.is_empty()).then(|| ())
}

/// The first line of main of every program. find tells how a case runs, None where the runtime
/// has no way of its own to do it.
pub fn bench_main(rt: &str, version: &str, find: fn(&str) -> Option<Case>) {
	let mut run = Run {
		name: "",
		threads: thread::available_parallelism().map_or(1, |n| n.get()),
		n: 0,
		expect: 0,
		ns_per_op: None,
		began: Clocks::now(),
		started: Clocks::default(),
		spent: Clocks::default(),
		extra: String::new(),
	};
	if options(&mut run).is_none() {
		eprintln!("Usage: {} --case CASE [--threads P] [--n N] [--lose]", rt);
		let names: Vec<_> = CASES.iter().map(|(name, _)| *name).collect();
		eprintln!("Cases: {}", names.join(" "));
		exit(2);
	}
	let who = format!(
		"\"case\": \"{}\", \"rt\": \"{}\", \"version\": \"{}\"",
		run.name, rt, version
	);
	let case = match find(run.name) {
		Some(case) => case,
		None => return println!("{{{}, \"unsupported\": true}}", who),
	};
	/* Whatever fails in a task must not leave main waiting for it. */
	std::panic::set_hook(Box::new(|what| {
		eprintln!("{}", what);
		exit(1);
	}));
	case(&mut run);
	let seconds = run.spent.wall.as_secs_f64();
	println!(
		"{{{}, \"threads\": {}, \"n\": {}, \"seconds\": {:.6}, \"ns_per_op\": {:.3}, \
		 \"cpu_seconds\": {:.6}, \"rss_kib\": {}{}}}",
		who,
		run.threads,
		run.n,
		seconds,
		run.ns_per_op.unwrap_or(seconds * 1e9 / run.n as f64),
		run.spent.cpu.as_secs_f64(),
		usage().ru_maxrss,
		run.extra
	);
}
