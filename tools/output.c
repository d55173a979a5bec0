// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wrap.h"

struct output output;

/**
 * output_colour() - decide about colours
 * @when: "auto", "always" or "never"
 *
 * With "auto" they are for a terminal whose user has not set NO_COLOR.
 */
void output_colour(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "always"))
		output.colour = true;
	else if (!strcmp(when, "never"))
		output.colour = false;
	else if (!strcmp(when, "auto"))
		output.colour = isatty(STDOUT_FILENO) && !(no && *no) &&
				term && strcmp(term, "dumb");
	else
		fail(STATUS_USAGE, "--colour takes auto, always or never");
}

/**
 * paint() - the escape sequence that begins a colour
 * @paint: which
 *
 * Return: a string, empty without colours.
 */
const char *paint(enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_HEAD] = "\033[1m",
		[PAINT_GOOD] = "\033[32m",
		[PAINT_BAD] = "\033[31m",
		[PAINT_NOTE] = "\033[33m",
		[PAINT_OFF] = "\033[0m",
	};

	return output.colour ? codes[paint] : "";
}

/**
 * output_json() - print the value that a command has made, and drop it
 * @value: the value
 */
void output_json(json_t *value)
{
	size_t flags = output.pretty ? JSON_INDENT(4) : JSON_COMPACT;

	json_dumpf(xjson(value), stdout, flags | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(value);
}

/**
 * output_close() - make sure that everything has been written
 * @status: what the command has come to
 *
 * Whoever closes a pipe early has seen enough: that is not an error.
 *
 * Return: @status, or STATUS_FAILED with a message.
 */
enum status output_close(enum status status)
{
	int bad = ferror(stdout);

	errno = 0;
	if ((fclose(stdout) || bad) && errno != EPIPE) {
		warn("cannot write: %s", strerror(errno ? errno : EIO));
		return STATUS_FAILED;
	}
	return status;
}

static void complain(const char *format, va_list args)
{
	char *text, *line;

	fflush(stdout);
	/* Not xasprintf(), which complains */
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	if (!text || asprintf(&line, "ioasid: %s", text) < 0)
		line = NULL;
	if (line)
		wrap_error(line);
	else
		fputs("ioasid: out of memory\n", stderr);
	free(line);
	free(text);
}

/**
 * warn() - a message to the standard error
 * @format: as of printf(), without the newline
 */
void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
}

/**
 * fail() - a message, and the end
 * @status: exit status
 * @format: as of printf(), without the newline
 */
void fail(enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	exit(status);
}

/**
 * xcalloc() - zeroed memory, or the end of the program
 * @count: elements
 * @size: bytes of one
 *
 * Return: the memory.
 */
void *xcalloc(size_t count, size_t size)
{
	void *new = calloc(count ? count : 1, size);

	if (!new)
		fail(STATUS_FAILED, "out of memory");
	return new;
}

/**
 * xrealloc() - grow an array, or end the program
 * @old: the array, or NULL
 * @count: elements it shall have
 * @size: bytes of one
 *
 * Return: the array.
 */
void *xrealloc(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count, size);

	if (!new)
		fail(STATUS_FAILED, "out of memory");
	return new;
}

/**
 * xasprintf() - a formatted string in memory of its own
 * @format: as of printf()
 *
 * Return: the string, to be freed.
 */
char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	return text;
}

/**
 * xvasprintf() - a formatted string in memory of its own
 * @format: as of printf()
 * @args: its arguments
 *
 * Return: the string, to be freed.
 */
char *xvasprintf(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		fail(STATUS_FAILED, "out of memory");
	return text;
}

/**
 * xjson() - a value that must have come into being
 * @value: what jansson has returned
 *
 * Return: @value.
 */
json_t *xjson(json_t *value)
{
	if (!value)
		fail(STATUS_FAILED, "cannot make JSON: out of memory?");
	return value;
}

/**
 * xappend() - make a string longer
 * @text: the string, replaced; may be NULL
 * @more: to be appended; freed
 */
void xappend(char **text, char *more)
{
	char *old = *text;

	*text = xasprintf("%s%s", old ? old : "", more);
	free(old);
	free(more);
}

/**
 * json_text() - a string of unknown origin as JSON
 * @text: the string, NULL for null
 *
 * Return: the value.
 */
json_t *json_text(const char *text)
{
	json_t *value;
	char *copy;

	if (!text)
		return json_null();
	value = json_string(text);
	if (!value) {
		copy = xasprintf("%s", text);
		clean_text(copy);
		value = xjson(json_string(copy));
		free(copy);
	}
	return value;
}

/**
 * clean_text() - make a string of unknown origin harmless for a terminal
 * @text: what a process calls itself, for example
 */
void clean_text(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/**
 * bytes_text() - bytes for people: 4 KiB, 1.5 GiB
 * @bytes: how many
 *
 * Return: a string to be freed.
 */
char *bytes_text(uint64_t bytes)
{
	static const char *const units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
	};
	double value = bytes;
	int i = 0;

	while (value >= 1024 && i < 6) {
		value /= 1024;
		i++;
	}
	return value == (uint64_t)value ?
	       xasprintf("%.0f %s", value, units[i]) :
	       xasprintf("%.1f %s", value, units[i]);
}
