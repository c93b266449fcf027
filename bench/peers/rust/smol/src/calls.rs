// SPDX-License-Identifier: MIT
// The blocking calls, and the file: each read a blocking call, or by Unblock, which is what
// async-fs has inside.

use crate::{sum, task, Pool, EXECUTOR};
use async_io::Timer;
use bench::{file, share, Random, Run};
use blocking::{unblock, Unblock};
use futures_lite::io::{AsyncReadExt, AsyncSeekExt};
use std::fs::File;
use std::io::SeekFrom;
use std::time::{Duration, Instant};

pub fn seq(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| {
		task(async move {
			let mut counted = 0;
			for _ in 0..n {
				counted += unblock(|| 1).await;
			}
			counted
		})
	});
}

pub fn cold(run: &mut Run) {
	let _pool = Pool::new(run);
	let mut latencies = Vec::new();

	run.measure(|n| {
		let (counted, times) = task(async move {
			let mut counted = 0;
			let mut times = Vec::with_capacity(n as usize);
			for _ in 0..n {
				Timer::after(Duration::from_millis(2)).await;
				let start = Instant::now();
				counted += unblock(|| 1).await;
				times.push(start.elapsed());
			}
			(counted, times)
		});
		latencies = times;
		counted
	});
	run.latencies(latencies);
}

pub fn burst(run: &mut Run) {
	let _pool = Pool::new(run);

	run.measure(|n| task(async move { sum((0..n).map(|_| unblock(|| 1)).collect()).await }));
}

/* The buffer goes to the blocking thread and comes back. */
async fn blocking_reader(file: &'static File, n: u64, i: u64) -> u64 {
	let mut random = Random::new(i);
	let mut data = Box::new([0; file::BLOCK]);
	let mut counted = 0;

	for _ in 0..n {
		let block = random.below(file::BLOCKS);
		let (good, back) =
			unblock(move || (file::pread(file, block, &mut data), data)).await;
		counted += good;
		data = back;
	}
	counted
}

pub fn pread(run: &mut Run) {
	let _pool = Pool::new(run);
	let path = file::path(run);
	let file: &'static File = Box::leak(Box::new(File::open(&path).unwrap()));

	file::measure(run, &path, |n| {
		task(async move {
			let reader = |i| {
				EXECUTOR.spawn(blocking_reader(file, share(n, file::READERS, i), i))
			};
			sum((0..file::READERS).map(reader).collect()).await
		})
	});
}

/* With no capacity for more than a block it reads no more than one ahead. */
async fn file_reader(file: File, n: u64, i: u64) -> u64 {
	let mut file = Unblock::with_capacity(file::BLOCK, file);
	let mut random = Random::new(i);
	let mut data = [0; file::BLOCK];
	let mut counted = 0;

	for _ in 0..n {
		let block = random.below(file::BLOCKS);
		file.seek(SeekFrom::Start(block * file::BLOCK as u64)).await.unwrap();
		file.read_exact(&mut data).await.unwrap();
		counted += u64::from(file::is_block(&data, block));
	}
	counted
}

pub fn file_read(run: &mut Run) {
	let _pool = Pool::new(run);
	let path = file::path(run);

	file::measure(run, &path, |n| {
		let path = path.clone();
		task(async move {
			let open = |_| File::open(&path).unwrap();
			let reader = |i| {
				EXECUTOR.spawn(file_reader(open(i), share(n, file::READERS, i), i))
			};
			sum((0..file::READERS).map(reader).collect()).await
		})
	});
}
