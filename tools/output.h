/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output of all commands: errors and their exit status, colours, and the one JSON
 * value that a command prints.
 */
#ifndef IOASID_OUTPUT_H
#define IOASID_OUTPUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/**
 * enum status - exit status of the program
 * @STATUS_OK: done, or the answer is yes
 * @STATUS_NO: the question was answered, and the answer is no
 * @STATUS_USAGE: the command line is wrong
 * @STATUS_FAILED: something could not be read, found or written
 * @STATUS_UNKNOWN: the answer is not complete: registers that decide could not be read,
 *	or processes not be seen
 */
enum status {
	STATUS_OK = 0,
	STATUS_NO = 1,
	STATUS_USAGE = 2,
	STATUS_FAILED = 3,
	STATUS_UNKNOWN = 4,
};

/**
 * enum paint - what a coloured piece of text is
 * @PAINT_HEAD: the name of what follows
 * @PAINT_GOOD: as it should be
 * @PAINT_BAD: what is in the way
 * @PAINT_NOTE: worth knowing
 * @PAINT_OFF: back to normal
 */
enum paint {
	PAINT_HEAD,
	PAINT_GOOD,
	PAINT_BAD,
	PAINT_NOTE,
	PAINT_OFF,
};

/**
 * struct output - how to print
 * @json: JSON instead of text
 * @pretty: JSON with indentation
 * @colour: use colours
 */
struct output {
	bool json;
	bool pretty;
	bool colour;
};

extern struct output output;

void output_colour(const char *when);
const char *paint(enum paint paint);
void output_json(json_t *value);
enum status output_close(enum status status);

void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args);
void xappend(char **text, char *more);
json_t *xjson(json_t *value);
json_t *json_text(const char *text);
void clean_text(char *text);
char *bytes_text(uint64_t bytes);

#endif
