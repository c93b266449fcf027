// SPDX-License-Identifier: MIT
// Each program reports the version of the crate that it is about. Cargo has just written it to
// Cargo.lock.

use std::fs;

fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
	let package = format!("name = \"{}\"\nversion = \"", name);

	lock.split(&package).nth(1)?.split('"').next()
}

fn main() {
	let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock");
	let about = ["tokio", "async-executor", "rayon"];
	let version = about.iter().find_map(|name| version(&lock, name)).expect("its crate");

	println!("cargo:rerun-if-changed=Cargo.lock");
	println!("cargo:rustc-env=PEER_VERSION={}", version);
}
