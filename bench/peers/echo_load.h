/* SPDX-License-Identifier: MIT */
/*
 * The load of tcp_echo: one plain thread with epoll, ECHO_CONNECTIONS connections to a port of
 * 127.0.0.1, on each one message of ECHO_SIZE bytes that must come back before the next is sent.
 */
#ifndef ECHO_LOAD_H
#define ECHO_LOAD_H

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ECHO_CONNECTIONS 64
#define ECHO_SIZE 64

struct echo_connection {
	int fd;
	uint64_t left;   /* messages to send */
	size_t received; /* of the one on its way */
	uint64_t sent[ECHO_SIZE / sizeof(uint64_t)];
	uint64_t echoed[ECHO_SIZE / sizeof(uint64_t)];
};

struct echo_load {
	int epoll;
	struct echo_connection connection[ECHO_CONNECTIONS];
};

static inline void echo_connect(const struct run *run, struct echo_load *load, uint16_t port)
{
	struct sockaddr_in address;
	const int on = 1;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < ECHO_CONNECTIONS; i++) {
		struct echo_connection *c = &load->connection[i];
		struct epoll_event event;

		memset(c, 0, sizeof(*c));
		for (unsigned word = 1; word < ECHO_SIZE / sizeof(uint64_t); word++)
			c->sent[word] = (uint64_t)i << 32 | word;
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		event.events = EPOLLIN;
		event.data.ptr = c;
		if (c->fd < 0 ||
		    connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
		    epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
			run_fail(run, "cannot connect");
	}
}

/* The next message; the one in flight is so small that send never blocks. */
static inline bool echo_send(const struct run *run, struct echo_connection *c)
{
	if (c->left == 0)
		return false;
	c->left--;
	c->sent[0]++;
	c->received = 0;
	if (send(c->fd, c->sent, ECHO_SIZE, MSG_NOSIGNAL) != ECHO_SIZE)
		run_fail(run, "cannot send");
	return true;
}

/* All n messages there and back; how many came back as they were. */
static inline uint64_t echo_exchange(const struct run *run, struct echo_load *load, uint64_t n)
{
	struct epoll_event events[ECHO_CONNECTIONS];
	unsigned flying = 0;
	uint64_t good = 0;

	for (unsigned i = 0; i < ECHO_CONNECTIONS; i++) {
		load->connection[i].left =
			n / ECHO_CONNECTIONS + (i < n % ECHO_CONNECTIONS ? 1 : 0);
		flying += echo_send(run, &load->connection[i]);
	}
	while (flying > 0) {
		int count = epoll_wait(load->epoll, events, ECHO_CONNECTIONS, -1);

		for (int i = 0; i < count; i++) {
			struct echo_connection *c = (struct echo_connection *)events[i].data.ptr;
			ssize_t size = recv(c->fd, (char *)c->echoed + c->received,
					    ECHO_SIZE - c->received, MSG_DONTWAIT);

			if (size <= 0) {
				if (size < 0 && (errno == EAGAIN || errno == EINTR))
					continue;
				run_fail(run, "a connection has ended");
			}
			c->received += (size_t)size;
			if (c->received < ECHO_SIZE)
				continue;
			good += memcmp(c->sent, c->echoed, ECHO_SIZE) == 0;
			flying -= !echo_send(run, c);
		}
	}
	return good;
}

/* The whole case, but for the server, which listens already. Closes its ends when done. */
static inline void echo_measure(struct run *run, uint16_t port)
{
	static struct echo_load load;
	uint64_t good;

	echo_connect(run, &load, port);
	echo_exchange(run, &load, run->n / 10);
	run_start(run);
	good = echo_exchange(run, &load, run->n);
	run_stop(run);
	run_check(run, good);
	for (unsigned i = 0; i < ECHO_CONNECTIONS; i++)
		close(load.connection[i].fd);
	close(load.epoll);
}

#endif
