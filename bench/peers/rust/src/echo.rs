// SPDX-License-Identifier: MIT
// The load of tcp_echo: one plain thread with epoll and nonblocking sockets, in a closed loop.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};

pub const CONNECTIONS: usize = 64;
pub const MESSAGE: usize = 64;

struct Connection {
	stream: TcpStream,
	sent: [u8; MESSAGE],
	got: [u8; MESSAGE],
	len: usize, /* of got */
}

pub struct Load {
	epoll: OwnedFd,
	connections: Vec<Connection>,
}

fn check(result: libc::c_int) -> libc::c_int {
	assert!(result >= 0, "{}", std::io::Error::last_os_error());
	result
}

impl Connection {
	/* 64 bytes always fit into the empty buffer of a socket. */
	fn send(&mut self, number: u64) {
		self.sent[..8].copy_from_slice(&number.to_le_bytes());
		assert_eq!(self.stream.write(&self.sent).unwrap(), MESSAGE);
	}

	/* Whether the whole message is back, just as it was sent. */
	fn receive(&mut self) -> bool {
		match self.stream.read(&mut self.got[self.len..]) {
			Ok(0) => panic!("the server hung up"),
			Ok(n) => self.len += n,
			Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
			Err(e) => panic!("{}", e),
		}
		if self.len < MESSAGE {
			return false;
		}
		assert_eq!(self.got, self.sent);
		self.len = 0;
		true
	}
}

impl Load {
	pub fn connect(server: SocketAddr) -> Self {
		let epoll = unsafe {
			OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC)))
		};
		let mut connections = Vec::new();

		for i in 0..CONNECTIONS {
			let stream = TcpStream::connect(server).unwrap();
			let (add, fd) = (libc::EPOLL_CTL_ADD, stream.as_raw_fd());
			let mut event =
				libc::epoll_event { events: libc::EPOLLIN as u32, u64: i as u64 };
			stream.set_nodelay(true).unwrap();
			stream.set_nonblocking(true).unwrap();
			check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), add, fd, &mut event) });
			let (sent, got) = ([i as u8; MESSAGE], [0; MESSAGE]);
			connections.push(Connection { stream, sent, got, len: 0 });
		}
		Self { epoll, connections }
	}

	/// Has n messages echoed and returns how many were.
	pub fn round(&mut self, n: u64) -> u64 {
		let mut events = [libc::epoll_event { events: 0, u64: 0 }; CONNECTIONS];
		let (mut sent, mut counted) = (0, 0);

		for connection in self.connections.iter_mut().take(n as usize) {
			connection.send(sent);
			sent += 1;
		}
		while counted < n {
			let (fd, most) = (self.epoll.as_raw_fd(), CONNECTIONS as libc::c_int);
			let ready = check(unsafe {
				libc::epoll_wait(fd, events.as_mut_ptr(), most, -1)
			});
			for event in &events[..ready as usize] {
				let connection = &mut self.connections[event.u64 as usize];
				if !connection.receive() {
					continue;
				}
				counted += 1;
				if sent < n {
					connection.send(sent);
					sent += 1;
				}
			}
		}
		counted
	}
}
