// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line is first copied, as far as it can matter, with its characters made plain: no
 * entities and tags of HTML, no escape sequences, no spaces that are none.  Then what
 * stands before it is passed over: indentation, quotes, brackets, times.
 */
#include "pci/line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OFFSET_END 4096

/* Characters ---------------------------------------------------------------- */

/* More than one byte, as UTF-8 or HTML has it, and what it stands for; 0 for nothing. */
static const struct {
	const char *bytes;
	char plain;
} signs[] = {
	{ "\xc2\xa0", ' ' },		/* no-break space */
	{ "\xe2\x80\xaf", ' ' },	/* a narrow one */
	{ "\xe2\x80\x82", ' ' }, { "\xe2\x80\x83", ' ' },
	{ "\xe2\x80\x89", ' ' }, { "\xe3\x80\x80", ' ' },
	{ "\xe2\x80\x8b", 0 },		/* zero width */
	{ "\xe2\x80\x8e", 0 }, { "\xe2\x80\x8f", 0 },
	{ "\xef\xbb\xbf", 0 },		/* byte order marks */
	{ "\xff\xfe", 0 }, { "\xfe\xff", 0 },
	{ "\xe2\x94\x82", '|' },	/* boxes drawn around */
	{ "\xc2\xbb", '>' },
	{ "&nbsp;", ' ' }, { "&gt;", '>' }, { "&lt;", '<' }, { "&amp;", '&' },
	{ "&quot;", '"' },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool starts(const char *at, const char *end, const char *with)
{
	size_t length = strlen(with);

	return (size_t)(end - at) >= length && !strncasecmp(at, with, length);
}

/* "&#160;" and "&#xa0;": its length, 0 if it is none. */
static size_t numeric_entity(const char *at, const char *end, char *plain)
{
	char text[12];
	size_t length = 0;
	unsigned long code;
	char *rest;

	if (!starts(at, end, "&#"))
		return 0;
	while (length < sizeof(text) - 1 && at + 2 + length < end) {
		text[length] = at[2 + length];
		if (text[length++] == ';')
			break;
	}
	text[length] = '\0';
	code = *text == 'x' || *text == 'X' ? strtoul(text + 1, &rest, 16) :
					      strtoul(text, &rest, 10);
	if (*rest != ';' || rest == text)
		return 0;
	*plain = code == 160 ? ' ' : code > ' ' && code < 127 ? (char)code : 0;
	return 2 + length;
}

/* A tag of HTML: lspci writes "<TAbort-", too, but nothing that matters behind it. */
static size_t tag(const char *at, const char *end)
{
	const char *close;

	if (*at != '<' || end - at < 3 ||
	    (!isalpha((unsigned char)at[1]) && at[1] != '/' && at[1] != '!'))
		return 0;
	close = memchr(at, '>', end - at);
	return close ? (size_t)(close - at + 1) : 0;
}

/* An escape sequence of a terminal. */
static size_t escape(const char *at, const char *end)
{
	const char *last = at + 2;

	if (*at != '\033' || end - at < 2)
		return 0;
	if (at[1] != '[')
		return 2;
	while (last < end && (*last < '@' || *last > '~'))
		last++;
	return last < end ? (size_t)(last - at + 1) : (size_t)(end - at);
}

/* What is at @at: how long it is, and the character it stands for, 0 for none. */
static size_t sign_at(const char *at, const char *end, char *plain)
{
	size_t i, length;

	*plain = 0;
	if (*at == '<' || *at == '\033') {
		length = *at == '<' ? tag(at, end) : escape(at, end);
		if (length)
			return length;
	}
	if (*at == '&') {
		length = numeric_entity(at, end, plain);
		if (length)
			return length;
	}
	if (*at == '&' || *at & 0x80) {
		for (i = 0; i < COUNT(signs); i++) {
			if (!starts(at, end, signs[i].bytes))
				continue;
			*plain = signs[i].plain;
			return strlen(signs[i].bytes);
		}
	}
	*plain = *at == '\t' || *at == '\xa0' ? ' ' : *at == '\r' ? 0 : *at;
	return 1;
}

/* What stands before a line ------------------------------------------------- */

static bool is_quote(char c)
{
	return strchr(" >|`", c) && c;
}

/* "[code]", "[   12.345678]", "<6>": how long, 0 if it is none. */
static size_t bracket(const char *text)
{
	const char *close;

	if (*text == '<' && isdigit((unsigned char)text[1]) && text[2] == '>')
		return 3;
	if (*text != '[')
		return 0;
	close = strchr(text, ']');
	return close && close - text < 48 ? (size_t)(close - text + 1) : 0;
}

/* What forums put before the first line of what they quote, without an end. */
static size_t caption(const char *text)
{
	static const char *const captions[] = {
		"Code: Select all", "Code:", "Quote:", "Copy code",
	};
	size_t i;

	for (i = 0; i < COUNT(captions); i++)
		if (!strncasecmp(text, captions[i], strlen(captions[i])))
			return strlen(captions[i]);
	return 0;
}

/* "12. ": the number of a line in a list. */
static size_t item(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits < 7 && text[digits] == '.' &&
	       text[digits + 1] == ' ' ? digits + 2 : 0;
}

static size_t decoration(const char *text)
{
	size_t at = 0, length;

	for (;;) {
		length = is_quote(text[at]) ? 1 : bracket(text + at);
		if (!length)
			length = caption(text + at);
		if (!length)
			length = item(text + at);
		if (!length)
			return at;
		at += length;
	}
}

/* The first "12:34:56" of a line, NULL if there is none; "0012:34:56.7" is none. */
static const char *time_in(const char *text)
{
	unsigned int hour, minute, second;
	const char *at;
	int length;

	for (at = text; *at && at < text + 40; at++) {
		length = 0;
		if (at > text && isalnum((unsigned char)at[-1]) && at[-1] != 'T')
			continue;
		if (isdigit((unsigned char)*at) &&
		    sscanf(at, "%2u:%2u:%2u%n", &hour, &minute, &second,
			   &length) == 3 && length == 8)
			return at;
	}
	return NULL;
}

/* Kinds --------------------------------------------------------------------- */

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' :
	       isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 :
	       -1;
}

/* A hexadecimal number of @min to @max digits, and what follows it. */
static const char *number(const char *at, int min, int max, unsigned int *value)
{
	int n = 0;

	for (*value = 0; n < max && digit(*at) >= 0; n++, at++)
		*value = *value << 4 | digit(*at);
	return n >= min && digit(*at) < 0 ? at : NULL;
}

static const char *address_tail(const char *at, struct line *line)
{
	unsigned int bus, slot, function;

	at = number(at, 2, 2, &bus);
	if (!at || *at != ':')
		return NULL;
	at = number(at + 1, 2, 2, &slot);
	if (!at || *at != '.' || slot > 31)
		return NULL;
	at = number(at + 1, 1, 1, &function);
	if (!at || function > 7 || (*at && *at != ' '))
		return NULL;
	line->name = at - line->plain + strspn(at, " ");
	line->bus = bus;
	line->devfn = slot << 3 | function;
	return at;
}

static bool parse_address(struct line *line, const char *text)
{
	const char *rest = number(text, 4, 8, &line->domain);

	if (rest && *rest == ':')
		return address_tail(rest + 1, line);
	line->domain = 0;
	return address_tail(text, line);
}

/* Bytes, each of two digits and followed by no third one. */
static const char *parse_bytes(struct line *line, const char *at)
{
	line->half = -1;
	for (;;) {
		at += strspn(at, " ");
		if (line->nr == LINE_BYTES || digit(at[0]) < 0)
			break;
		if (digit(at[1]) < 0) {
			line->half = digit(*at++);
			break;
		}
		if (digit(at[2]) >= 0)
			break;
		line->bytes[line->nr++] = digit(at[0]) << 4 | digit(at[1]);
		at += 2;
	}
	return at;
}

/* Are its bytes where a function has registers? */
static bool in_space(const struct line *line)
{
	return line->offset < OFFSET_END && !(line->offset % 4) &&
	       line->offset + line->nr <= OFFSET_END;
}

static bool parse_registers(struct line *line, const char *text)
{
	const char *rest = number(text, 2, 8, &line->offset);

	if (!rest || *rest != ':' || rest[1] != ' ')
		return false;
	rest = parse_bytes(line, rest + 1);
	/* Behind all 16 may be the same as text */
	line->cut = *rest && line->nr < LINE_BYTES;
	line->kind = LINE_REGISTERS;
	if (!in_space(line) || (!line->nr && line->half < 0))
		line->kind = LINE_DAMAGED;
	return true;
}

/* A ruler, or a command line: what follows is another listing. */
static bool is_rule(const char *text)
{
	const char *word = strstr(text, "lspci");

	if (strchr("_-=*#~", *text) && *text && strspn(text, (char[]){ *text, 0 }) >= 8)
		return true;
	return word && (!word[5] || word[5] == ' ') &&
	       (word == text || strchr(" /$#", word[-1]));
}

static bool parse_plain(struct line *line, const char *text)
{
	if (parse_address(line, text)) {
		line->kind = LINE_ADDRESS;
		return true;
	}
	return parse_registers(line, text);
}

/* Behind the time, or behind a colon after it, as in logs. */
static bool parse_logged(struct line *line, const char *text)
{
	const char *at = time_in(text);
	int tries;

	for (tries = 0; at && tries < 4; tries++) {
		at += strcspn(at, " ");
		at += decoration(at);
		if (!*at)
			line->kind = LINE_EMPTY;
		if (!*at || parse_plain(line, at))
			return true;
		at = strstr(at, ": ");
		if (at)
			at++;
	}
	return false;
}

/* The number of a line, as of cat -n, which a tab follows. */
static bool is_counter(const char *plain, size_t used)
{
	size_t spaces, digits;

	spaces = strspn(plain, " ");
	digits = strspn(plain + spaces, "0123456789");
	return digits && spaces + digits == used;
}

static void make_plain(char plain[LINE_PLAIN], const char *text, size_t length,
		       unsigned int *indent)
{
	const char *end = text + length;
	size_t used = 0, skipped;
	char c;

	*indent = 0;
	*plain = '\0';
	while (text < end && used < LINE_PLAIN - 1) {
		if (*text == '\t' && is_counter(plain, used))
			used = 0;
		text += sign_at(text, end, &c);
		if (c)
			plain[used++] = c;
		plain[used] = '\0';
		/* However far it is indented */
		if (used == LINE_PLAIN - 1 && strspn(plain, " ") == used) {
			*indent += used;
			used = 0;
		}
	}
	plain[used] = '\0';
	skipped = decoration(plain);
	*indent += skipped;
	memmove(plain, plain + skipped, used - skipped + 1);
}

static void classify(struct line *line)
{
	const char *plain = line->plain;

	line->kind = LINE_TEXT;
	line->half = -1;
	line->nr = 0;
	line->cut = false;
	if (!*plain)
		line->kind = LINE_EMPTY;
	else if (!parse_plain(line, plain) && !parse_logged(line, plain) &&
		 is_rule(plain))
		line->kind = LINE_RULE;
}

/**
 * line_parse() - take a line apart
 * @line: the result
 * @text: the line
 * @length: of @text
 */
void line_parse(struct line *line, const char *text, size_t length)
{
	*line = (struct line){ };
	make_plain(line->plain, text, length, &line->indent);
	classify(line);
}

/**
 * line_complete() - the rest of registers that were cut in two
 * @line: a line of fewer than LINE_BYTES bytes
 * @text: what comes after it
 * @length: of @text
 *
 * Another program has written to where the dump went, or a window was narrow.
 *
 * Return: whether it is the rest, no more and no less; then @line has it.
 */
bool line_complete(struct line *line, const char *text, size_t length)
{
	char plain[LINE_PLAIN], *at = plain;
	struct line whole = *line;
	unsigned int indent;

	if (line->nr == LINE_BYTES)
		return false;
	make_plain(plain, text, length, &indent);
	if (line->half >= 0) {
		if (digit(*at) < 0 || digit(at[1]) >= 0)
			return false;
		whole.bytes[whole.nr++] = line->half << 4 | digit(*at++);
	}
	if (*parse_bytes(&whole, at) || whole.half >= 0 ||
	    whole.nr != LINE_BYTES || !in_space(&whole))
		return false;
	*line = whole;
	line->kind = LINE_REGISTERS;
	line->cut = false;
	return true;
}

static const char *const messages[] = { "pcilib: ", "lspci: " };

/**
 * line_is_message() - is it a message of lspci, or nothing?
 * @text: the line
 * @length: of @text
 *
 * Return: whether.
 */
bool line_is_message(const char *text, size_t length)
{
	char plain[LINE_PLAIN];
	unsigned int indent;
	size_t i;

	make_plain(plain, text, length, &indent);
	for (i = 0; i < COUNT(messages); i++)
		if (!strncmp(plain, messages[i], strlen(messages[i])))
			return true;
	return !*plain;
}

/**
 * line_interrupted() - is a message of lspci in the middle of a line?
 * @line: the line
 *
 * Its messages go past the buffer that the dump is written from, and so come between
 * any two characters of that.
 *
 * Return: where in its plain text that begins, 0 if there is none.
 */
size_t line_interrupted(const struct line *line)
{
	const char *found;
	size_t i, head;

	for (i = 0; i < COUNT(messages); i++) {
		found = strstr(line->plain, messages[i]);
		head = found ? (size_t)(found - line->plain) : 0;
		/* Behind what belongs to an address or registers only */
		if (head && strspn(line->plain, "0123456789abcdefABCDEF:. ") >= head)
			return head;
	}
	return 0;
}

/**
 * line_join() - the two ends of a line that a message was written into
 * @line: the line with the message
 * @head: where in its plain text that begins
 * @text: the line after it
 * @length: of @text
 *
 * Whether there was a space between the two is seen by what comes of it.
 *
 * Return: whether they are an address or registers; then @line has these.
 */
bool line_join(struct line *line, size_t head, const char *text, size_t length)
{
	struct line whole;
	char tail[LINE_PLAIN];
	unsigned int indent;
	int space;

	make_plain(tail, text, length, &indent);
	for (space = 0; space < 2; space++) {
		whole = *line;
		whole.plain[head] = ' ';
		memccpy(whole.plain + head + space, tail, '\0',
			LINE_PLAIN - 1 - head - space);
		whole.plain[LINE_PLAIN - 1] = '\0';
		classify(&whole);
		if (whole.kind == LINE_ADDRESS ||
		    (whole.kind == LINE_REGISTERS && whole.nr == LINE_BYTES)) {
			*line = whole;
			return true;
		}
	}
	return false;
}

/* "40: " and 16 bytes, as lspci writes it and not otherwise: how long, 0 if it is none. */
static size_t strict_registers(const char *at, const char *end)
{
	const char *start = at;
	int i;

	while (at < end && at - start < 3 && digit(*at) >= 0)
		at++;
	if (at - start < 2 || end - at < 1 + 3 * LINE_BYTES || *at++ != ':')
		return 0;
	for (i = 0; i < LINE_BYTES; i++, at += 3)
		if (at[0] != ' ' || digit(at[1]) < 0 || digit(at[2]) < 0)
			return 0;
	return at == end || *at == ' ' ? (size_t)(at - start) : 0;
}

/**
 * line_more() - registers that follow in the same line, as their ends have been lost
 * @line: what was taken out of it
 * @text: the line
 * @length: of @text
 *
 * Text that is no code to a forum is filled like a paragraph.
 *
 * Return: where they begin, @length if there are none.
 */
size_t line_more(const struct line *line, const char *text, size_t length)
{
	const char *at, *end = text + length;
	bool own = line->kind == LINE_REGISTERS;
	size_t size;

	for (at = text; at < end; at++) {
		if (at > text && at[-1] != ' ')
			continue;
		size = strict_registers(at, end);
		if (size && !own)
			return at - text;
		own = own && !size;
		at += size;
	}
	return length;
}
