// SPDX-License-Identifier: MIT
// The file that the file cases read: 256 MiB, each 8 bytes of it their own number.

use crate::{share, Random, Run};
use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

pub const BLOCK: usize = 4096;
pub const BLOCKS: u64 = 65536;
/// The tasks that read it together.
pub const READERS: u64 = 64;

const WORD: usize = 8;

pub type Block = [u8; BLOCK];

/* Under another name first: programs that start together must not see half a file. */
fn make(path: &Path) -> io::Result<()> {
	let new = path.with_extension(std::process::id().to_string());
	let mut out = BufWriter::new(File::create(&new)?);

	for word in 0..BLOCKS * (BLOCK / WORD) as u64 {
		out.write_all(&word.to_le_bytes())?;
	}
	out.flush()?;
	fs::rename(new, path)
}

/// The file's path: the user's, which is left as it is, or our own, made if need be.
pub fn path(run: &Run) -> PathBuf {
	let users = env::var_os("PIRN_BENCH_FILE").map(PathBuf::from);
	let path = users.clone().unwrap_or_else(|| env::temp_dir().join("pirn-bench.dat"));
	let good = || fs::metadata(&path).map_or(false, |m| m.len() == BLOCKS * BLOCK as u64);

	if !good() && users.is_none() {
		make(&path).unwrap_or_else(|e| run.fail(format_args!("{}: {}", path.display(), e)));
	}
	if !good() {
		run.fail(format_args!("{}: not 256 MiB", path.display()));
	}
	path
}

/// Whether the first word says that this is the block.
pub fn is_block(data: &Block, block: u64) -> bool {
	data[..WORD] == (block * (BLOCK / WORD) as u64).to_le_bytes()
}

/// One pread: 1 if it read the block.
pub fn pread(file: &File, block: u64, data: &mut Block) -> u64 {
	let done = file.read_exact_at(data, block * BLOCK as u64);

	u64::from(done.is_ok() && is_block(data, block))
}

/// Reads the whole file once, then what all readers together are to read, by preads of a plain
/// thread. Returns the seconds of these.
pub fn direct(run: &Run, path: &Path) -> f64 {
	let mut file = File::open(path).unwrap();
	let mut data = [0; BLOCK];
	let n = run.n;

	while file.read(&mut data).unwrap() > 0 {}
	let read_all = move || {
		let start = Instant::now();
		let mut counted = 0;
		for i in 0..READERS {
			let mut random = Random::new(i);
			for _ in 0..share(n, READERS, i) {
				counted += pread(&file, random.below(BLOCKS), &mut data);
			}
		}
		(start.elapsed().as_secs_f64(), counted)
	};
	let (seconds, counted) = thread::spawn(read_all).join().unwrap();
	if counted != n {
		run.fail("a plain pread failed");
	}
	seconds
}

/// A case that reads the file by a round of n reads, beside a plain thread.
pub fn measure(run: &mut Run, path: &Path, round: impl FnMut(u64) -> u64) {
	let direct = direct(run, path);

	run.measure(round);
	run.extra("direct_seconds", direct);
	run.extra("x_direct", run.seconds() / direct);
}
