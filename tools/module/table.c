// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows below each other, as wide as they have to be, or as JSON.
 */
#include "module/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

static bool is_number(const struct field *field)
{
	return field->type == FIELD_U32 || field->type == FIELD_U64 ||
	       field->type == FIELD_BYTES;
}

/* As wide as its widest cell. */
static int width_of(json_t *rows, const struct field *field)
{
	int width = strlen(field->name), len;
	json_t *row;
	char *text;
	size_t i;

	json_array_foreach(rows, i, row) {
		netlink_text(json_object_get(row, field->name), field, &text);
		len = strlen(text);
		width = len > width ? len : width;
		free(text);
	}
	return width;
}

static void print_cell(const struct field *field, const char *text, int width)
{
	bool last = !field[1].attr || field[1].hidden;

	if (is_number(field))
		printf("%*s", width, text);
	else
		printf("%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", stdout);
}

/**
 * table_text() - rows below each other
 * @rows: array of objects
 * @fields: columns; hidden ones come last
 */
void table_text(json_t *rows, const struct field *fields)
{
	const struct field *field;
	int widths[32];
	json_t *row;
	char *text;
	size_t i;

	if (!json_array_size(rows))
		return;
	fputs(paint(PAINT_HEAD), stdout);
	for (field = fields; field->attr && !field->hidden; field++) {
		widths[field - fields] = width_of(rows, field);
		print_cell(field, field->name, widths[field - fields]);
	}
	fputs(paint(PAINT_OFF), stdout);
	json_array_foreach(rows, i, row) {
		for (field = fields; field->attr && !field->hidden; field++) {
			netlink_text(json_object_get(row, field->name), field,
				     &text);
			print_cell(field, text, widths[field - fields]);
			free(text);
		}
	}
}

/**
 * table_print() - rows as the options want them, which is the end of them
 * @rows: array of objects
 * @fields: columns; hidden ones come last
 */
void table_print(json_t *rows, const struct field *fields)
{
	if (output.json) {
		output_json(rows);
	} else {
		table_text(rows, fields);
		json_decref(rows);
	}
}
