/* SPDX-License-Identifier: MIT */
/* tcp_echo, of libuv.c. */
#ifndef LIBUV_ECHO_H
#define LIBUV_ECHO_H

/* An echo server: writes at once what it reads, and only the rest by a request. */

static void close_connection(uv_stream_t *stream)
{
	uv_close((uv_handle_t *)stream, (uv_close_cb)free);
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
	static char shared[65536];

	(void)handle;
	(void)wanted;
	*buffer = uv_buf_init(shared, sizeof(shared));
}

static void written(uv_write_t *request, int status)
{
	check(status, "uv_write");
	free(request);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t size)
{
	uv_write_t *request = malloc(sizeof(*request) + size);
	uv_buf_t buffer;

	if (!request)
		check(UV_ENOMEM, "uv_write");
	buffer = uv_buf_init((char *)(request + 1), (unsigned)size);
	memcpy(buffer.base, bytes, size);
	check(uv_write(request, stream, &buffer, 1, written), "uv_write");
}

static void echo(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	uv_buf_t bytes;
	int done;

	if (size < 0) {
		close_connection(stream);
		return;
	}
	if (size == 0)
		return;
	bytes = uv_buf_init(buffer->base, (unsigned)size);
	done = uv_try_write(stream, &bytes, 1);
	if (done == UV_EAGAIN)
		done = 0;
	check(done, "uv_try_write");
	if (done < size)
		write_rest(stream, bytes.base + done, (size_t)(size - done));
}

static void accept_connection(uv_stream_t *server, int status)
{
	uv_tcp_t *connection = malloc(sizeof(*connection));

	check(connection ? status : UV_ENOMEM, "connection");
	check(uv_tcp_init(&loop, connection), "uv_tcp_init");
	check(uv_accept(server, (uv_stream_t *)connection), "uv_accept");
	check(uv_tcp_nodelay(connection, 1), "uv_tcp_nodelay");
	check(uv_read_start((uv_stream_t *)connection, lend_buffer, echo), "uv_read_start");
}

struct server {
	struct run *run;
	uv_tcp_t listener;
	uv_async_t end;
	uint16_t port;
};

static void load_server(void *arg)
{
	struct server *server = arg;

	echo_measure(server->run, server->port);
	uv_async_send(&server->end);
}

static void end_server(uv_async_t *async)
{
	struct server *server = async->data;

	uv_close((uv_handle_t *)&server->listener, NULL);
	uv_close((uv_handle_t *)async, NULL);
}

static void tcp_echo(struct run *run)
{
	struct server server = { .run = run };
	struct sockaddr_in address;
	int size = sizeof(address);
	uv_thread_t thread;

	start(run);
	server.end.data = &server;
	check(uv_async_init(&loop, &server.end, end_server), "uv_async_init");
	check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
	check(uv_tcp_init(&loop, &server.listener), "uv_tcp_init");
	check(uv_tcp_bind(&server.listener, (struct sockaddr *)&address, 0), "uv_tcp_bind");
	check(uv_listen((uv_stream_t *)&server.listener, ECHO_CONNECTIONS, accept_connection),
	      "uv_listen");
	check(uv_tcp_getsockname(&server.listener, (struct sockaddr *)&address, &size),
	      "uv_tcp_getsockname");
	server.port = ntohs(address.sin_port);
	check(uv_thread_create(&thread, load_server, &server), "uv_thread_create");
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_thread_join(&thread);
	stop();
}

#endif
