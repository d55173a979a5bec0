// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const words[] = {
	[FINE] = "fine",
	[NOTE] = "note",
	[UNKNOWN] = "unknown",
	[OBSTACLE] = "obstacle",
};

static const enum paint paints[] = {
	[FINE] = PAINT_GOOD,
	[NOTE] = PAINT_NOTE,
	[UNKNOWN] = PAINT_NOTE,
	[OBSTACLE] = PAINT_BAD,
};

static void add(struct check *c, enum weight weight, const char *what,
		json_t *more, const char *text)
{
	json_t *finding = xjson(json_pack("{ss ss so}", "weight", words[weight],
					  "what", what, "text",
					  json_text(text)));

	json_object_update_missing(finding, more);
	json_decref(more);
	json_array_append_new(c->findings, finding);
	c->obstacles += weight == OBSTACLE;
	c->unknown += weight == UNKNOWN;
	if (!output.json)
		printf("  %s%-9s%s %s\n", paint(paints[weight]),
		       weight == FINE ? "ok" : words[weight], paint(PAINT_OFF),
		       text);
}

static void add_sentence(struct check *c, enum weight weight, const char *what,
			 json_t *more, const char *format, va_list args)
{
	char *text = xvasprintf(format, args);

	add(c, weight, what, more, text);
	free(text);
}

/**
 * find() - add a finding, and print it
 * @c: the device
 * @weight: what it means
 * @what: what it is about
 * @format: a sentence, as of printf()
 */
void find(struct check *c, enum weight weight, const char *what,
	  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(c, weight, what, NULL, format, args);
	va_end(args);
}

/**
 * find_with() - likewise, with what programs would have to pick out of the sentence
 * @c: the device
 * @weight: what it means
 * @what: what it is about
 * @more: object that is added in JSON; taken over
 * @format: a sentence, as of printf()
 */
void find_with(struct check *c, enum weight weight, const char *what,
	       json_t *more, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(c, weight, what, more, format, args);
	va_end(args);
}
