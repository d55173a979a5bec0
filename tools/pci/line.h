/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of a dump, without what mail, forums, terminals and logs have put around it.
 */
#ifndef IOASID_LINE_H
#define IOASID_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES 16
/* An offset, 16 bytes, and what may stand before them. */
#define LINE_PLAIN 256

/**
 * enum line_kind - what a line is
 * @LINE_EMPTY: nothing
 * @LINE_ADDRESS: the head of a function, with its address
 * @LINE_REGISTERS: an offset, and bytes
 * @LINE_DAMAGED: an offset, and no byte that could be used
 * @LINE_RULE: something ends, or begins: a ruler, or a command line with lspci
 * @LINE_TEXT: anything else
 */
enum line_kind {
	LINE_EMPTY,
	LINE_ADDRESS,
	LINE_REGISTERS,
	LINE_DAMAGED,
	LINE_RULE,
	LINE_TEXT,
};

/**
 * struct line - a line that has been taken apart
 * @kind: what it is
 * @indent: characters before it
 * @domain: of LINE_ADDRESS: PCI domain
 * @bus: of LINE_ADDRESS: bus number
 * @devfn: of LINE_ADDRESS: device << 3 | function
 * @name: of LINE_ADDRESS: what follows the address, in @plain
 * @offset: of LINE_REGISTERS: of the first byte
 * @bytes: of LINE_REGISTERS: the bytes
 * @nr: and their number
 * @half: the first digit of a byte that is cut in two, -1 for none
 * @cut: the bytes are followed by something else
 * @plain: what it was taken out of: the text without what stands around it
 */
struct line {
	enum line_kind kind;
	unsigned int indent;
	unsigned int domain;
	uint8_t bus, devfn;
	uint8_t name;
	unsigned int offset;
	uint8_t bytes[LINE_BYTES];
	unsigned int nr;
	int half;
	bool cut;
	char plain[LINE_PLAIN];
};

void line_parse(struct line *line, const char *text, size_t length);
bool line_complete(struct line *line, const char *text, size_t length);
size_t line_more(const struct line *line, const char *text, size_t length);
bool line_is_message(const char *text, size_t length);
size_t line_interrupted(const struct line *line);
bool line_join(struct line *line, size_t head, const char *text, size_t length);

#endif
