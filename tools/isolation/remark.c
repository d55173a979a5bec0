// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/remark.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"

/**
 * remarks_open() - none yet
 * @f: the remarks
 */
void remarks_open(struct remarks *f)
{
	*f = (struct remarks){ .list = xjson(json_array()) };
}

/**
 * remark() - one more
 * @f: the remarks
 * @kind: what it means
 * @what: what it is about, a word for programs
 * @where: the part of the command line, or the device; or NULL
 * @format: the rest of the sentence
 */
void remark(struct remarks *f, enum remark kind, const char *what,
	     const char *where, const char *format, ...)
{
	static const char *const words[] = {
		[REMARK_FINE] = "ok", [REMARK_NOTE] = "note",
		[REMARK_UNKNOWN] = "unknown", [REMARK_WRONG] = "wrong",
		[REMARK_DANGER] = "danger",
	};
	static const enum paint colours[] = {
		[REMARK_FINE] = PAINT_GOOD, [REMARK_NOTE] = PAINT_NOTE,
		[REMARK_UNKNOWN] = PAINT_NOTE, [REMARK_WRONG] = PAINT_BAD,
		[REMARK_DANGER] = PAINT_BAD,
	};
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	f->count[kind]++;
	if (output.json)
		json_array_append_new(f->list, json_pack("{ss ss so so}",
				      "weight", kind == REMARK_FINE ? "fine" :
				      words[kind], "what", what, "where",
				      json_text(where), "text",
				      json_text(text)));
	else
		printf("  %s%-8s%s %s%s%s\n", paint(colours[kind]), words[kind],
		       paint(PAINT_OFF), where ? where : "",
		       where ? ": " : "", text);
	free(text);
}
