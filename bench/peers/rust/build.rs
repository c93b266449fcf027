// SPDX-License-Identifier: MIT
// The programs report the versions of the crates that they were built with. Cargo has just
// written them to Cargo.lock.

use std::fs;

fn version<'a>(lock: &'a str, name: &str) -> &'a str {
	let package = format!("name = \"{}\"\nversion = \"", name);

	lock.split(&package).nth(1).and_then(|rest| rest.split('"').next()).expect(name)
}

fn main() {
	let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock");

	println!("cargo:rerun-if-changed=Cargo.lock");
	println!("cargo:rustc-env=TOKIO_VERSION={}", version(&lock, "tokio"));
	println!("cargo:rustc-env=SMOL_VERSION={}", version(&lock, "async-executor"));
	println!("cargo:rustc-env=RAYON_VERSION={}", version(&lock, "rayon"));
}
