// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything is printed as if lines had no end.  Here they get one, between words and
 * never inside: an address, or a kernel parameter, is for copying.
 */
#include "wrap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Narrower than that, nothing of what is printed could be read. */
#define WIDTH_MIN 24
#define HANG 4

/* The line that is being written, and the stream that it goes to; messages beside it. */
static struct {
	FILE *out;
	unsigned int width;
	char *text;
	size_t used, room;
	unsigned int error_width;
} wrap;

/* How many bytes take no column here: an escape sequence, the rest of a character. */
static size_t invisible(const char *at, const char *end)
{
	const char *last = at + 2;

	if ((*at & 0xc0) == 0x80)
		return 1;
	if (*at != '\033' || end - at < 2 || at[1] != '[')
		return 0;
	while (last < end && (*last < '@' || *last > '~'))
		last++;
	return last < end ? last - at + 1 : end - at;
}

/* The end of as many words from @at on as fit @columns; of at least one. */
static const char *fitting(const char *at, const char *end, unsigned int columns)
{
	const char *fits = NULL;
	unsigned int used = 0;
	bool word = false;

	while (at < end) {
		size_t none = invisible(at, end);

		if (none) {
			at += none;
			continue;
		}
		if (*at == ' ' && word) {
			if (used > columns)
				return fits ? fits : at;
			fits = at;
		}
		word = *at != ' ';
		used++;
		at++;
	}
	return used <= columns || !fits ? end : fits;
}

static void write_line(FILE *out, unsigned int width, const char *text,
		       size_t length)
{
	const char *at = text, *end = text + length, *stop;
	unsigned int indent = 0, hang;

	while (indent < length && text[indent] == ' ')
		indent++;
	hang = indent + HANG < width / 2 ? indent + HANG : HANG;
	for (;;) {
		stop = fitting(at, end, at == text ? width : width - hang);
		fwrite(at, 1, stop - at, out);
		for (at = stop; at < end && *at == ' '; at++)
			;
		if (at == end)
			break;
		fprintf(out, "\n%*s", hang, "");
	}
}

static ssize_t take(void *cookie, const char *bytes, size_t size)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < size; i++) {
		if (bytes[i] == '\n') {
			write_line(wrap.out, wrap.width, wrap.text, wrap.used);
			putc('\n', wrap.out);
			wrap.used = 0;
			continue;
		}
		if (wrap.used == wrap.room) {
			char *text = realloc(wrap.text, 2 * wrap.room + 256);

			if (!text)
				return 0;
			wrap.text = text;
			wrap.room = 2 * wrap.room + 256;
		}
		wrap.text[wrap.used++] = bytes[i];
	}
	return fflush(wrap.out) ? 0 : (ssize_t)size;
}

static int finish(void *cookie)
{
	(void)cookie;
	write_line(wrap.out, wrap.width, wrap.text, wrap.used);
	free(wrap.text);
	wrap.text = NULL;
	return fclose(wrap.out);
}

static unsigned int at_least(unsigned int width)
{
	return width && width < WIDTH_MIN ? WIDTH_MIN : width;
}

/**
 * wrap_begin() - from here on, lines of standard output fit
 * @width: columns, 0 for as many as there are
 */
void wrap_begin(unsigned int width)
{
	static const cookie_io_functions_t functions = {
		.write = take, .close = finish,
	};
	FILE *stream;

	if (!width)
		return;
	stream = fopencookie(NULL, "w", functions);
	if (!stream)
		return;
	wrap.out = stdout;
	wrap.width = at_least(width);
	/* Of a terminal; what writes a lot flushes by itself */
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	stdout = stream;
}

/**
 * wrap_end() - from here on they need not: what comes is no text
 */
void wrap_end(void)
{
	if (!wrap.out)
		return;
	fflush(stdout);
	stdout = wrap.out;
	wrap.out = NULL;
}

/**
 * wrap_errors() - from here on, lines of wrap_error() fit
 * @width: columns, 0 for as many as there are
 */
void wrap_errors(unsigned int width)
{
	wrap.error_width = at_least(width);
}

/**
 * wrap_error() - write a line to standard error
 * @text: the line
 */
void wrap_error(const char *text)
{
	if (wrap.error_width)
		write_line(stderr, wrap.error_width, text, strlen(text));
	else
		fputs(text, stderr);
	fputc('\n', stderr);
}

/**
 * wrap_width() - how wide lines may be, if nobody says so
 * @fd: where they go
 *
 * COLUMNS, which shells set and do not export, is meant for us if it is there at all;
 * otherwise it is the width of the terminal.
 *
 * Return: columns, 0 where there is no limit: a file, a pipe.
 */
unsigned int wrap_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	char *rest;
	unsigned long width;

	if (columns && *columns) {
		width = strtoul(columns, &rest, 10);
		if (!*rest && width < 100000)
			return width;
	}
	if (!ioctl(fd, TIOCGWINSZ, &size))
		return size.ws_col;
	return 0;
}
