// SPDX-License-Identifier: MIT
// The blocking calls, and the file: each read a blocking call, or by tokio::fs.

use crate::{runtime, sum, task};
use bench::{file, share, Random, Run};
use std::fs::File;
use std::io::SeekFrom;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::sleep;

pub fn seq(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| {
		task(&rt, async move {
			let mut counted = 0;
			for _ in 0..n {
				counted += spawn_blocking(|| 1).await.unwrap();
			}
			counted
		})
	});
}

pub fn inplace(run: &mut Run) {
	let rt = runtime(run);

	run.measure(|n| task(&rt, async move { (0..n).map(|_| block_in_place(|| 1)).sum() }));
}

pub fn cold(run: &mut Run) {
	let rt = runtime(run);
	let mut latencies = Vec::new();

	run.measure(|n| {
		let (counted, times) = task(&rt, async move {
			let mut counted = 0;
			let mut times = Vec::with_capacity(n as usize);
			for _ in 0..n {
				sleep(Duration::from_millis(2)).await;
				let start = Instant::now();
				counted += spawn_blocking(|| 1).await.unwrap();
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
	let rt = runtime(run);

	run.measure(|n| {
		task(&rt, async move { sum((0..n).map(|_| spawn_blocking(|| 1)).collect()).await })
	});
}

/* The buffer goes to the blocking thread and comes back. */
async fn blocking_reader(file: &'static File, n: u64, i: u64) -> u64 {
	let mut random = Random::new(i);
	let mut data = Box::new([0; file::BLOCK]);
	let mut counted = 0;

	for _ in 0..n {
		let block = random.below(file::BLOCKS);
		let read = move || (file::pread(file, block, &mut data), data);
		let (good, back) = spawn_blocking(read).await.unwrap();
		counted += good;
		data = back;
	}
	counted
}

pub fn pread(run: &mut Run) {
	let rt = runtime(run);
	let path = file::path(run);
	let file: &'static File = Box::leak(Box::new(File::open(&path).unwrap()));

	file::measure(run, &path, |n| {
		task(&rt, async move {
			let reader = |i| {
				tokio::spawn(blocking_reader(file, share(n, file::READERS, i), i))
			};
			sum((0..file::READERS).map(reader).collect()).await
		})
	});
}

async fn file_reader(file: File, n: u64, i: u64) -> u64 {
	let mut file = tokio::fs::File::from_std(file);
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
	let rt = runtime(run);
	let path = file::path(run);

	file::measure(run, &path, |n| {
		let path = path.clone();
		task(&rt, async move {
			let open = |_| File::open(&path).unwrap();
			let reader = |i| {
				tokio::spawn(file_reader(open(i), share(n, file::READERS, i), i))
			};
			sum((0..file::READERS).map(reader).collect()).await
		})
	});
}
