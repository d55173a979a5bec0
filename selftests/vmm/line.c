// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "line.h"

/* The clock of deadlines, in ms. */
long line_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/**
 * line_get() - take the next line
 * @line: where from
 * @out: set to it, without its end
 * @size: of @out
 * @deadline: wait no longer than until then
 *
 * Return: 0, -ETIMEDOUT, or -EPIPE if the other end is closed.
 */
int line_get(struct line *line, char *out, size_t size, long deadline)
{
	for (;;) {
		char *end = memchr(line->text, '\n', line->length);
		struct pollfd poller = { .fd = line->fd, .events = POLLIN };
		size_t length;
		long left;
		ssize_t n;

		/* One that is too long is given away in pieces */
		if (!end && line->length == sizeof(line->text))
			end = line->text + line->length - 1;
		if (end) {
			length = end - line->text;
			snprintf(out, size, "%.*s", (int)length, line->text);
			out[strcspn(out, "\r")] = '\0';
			line->length -= length + 1;
			memmove(line->text, end + 1, line->length);
			return 0;
		}
		left = deadline - line_now_ms();
		if (left <= 0 || poll(&poller, 1, left) == 0)
			return -ETIMEDOUT;
		n = read(line->fd, line->text + line->length,
			 sizeof(line->text) - line->length);
		if (n <= 0)
			return -EPIPE;
		line->length += n;
	}
}

/**
 * line_put() - send text
 * @line: where to
 * @text: with the newline
 *
 * Return: 0 or -EPIPE.
 */
int line_put(struct line *line, const char *text)
{
	size_t length = strlen(text);

	return send(line->fd, text, length, MSG_NOSIGNAL) == (ssize_t)length ?
		0 : -EPIPE;
}
