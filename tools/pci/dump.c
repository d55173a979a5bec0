// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a text tells is first noted as it comes: a mention for each head of a function,
 * with the registers that follow.  Then the mentions that count are chosen.
 *
 * A register that is not there is not 0: for each byte it is kept whether it is known.
 */
#include "pci/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "output.h"
#include "pci/file.h"
#include "pci/line.h"
#include "pci/mention.h"

#define LINE_SIZE 16
/* No machine has more functions; a file may. */
#define MENTIONS_MAX 65536
/* So many messages may come between the two ends of a line. */
#define MESSAGES_MAX 64

/**
 * struct dump - a dump
 * @mentions: what the text says, in its order
 * @nr: how many
 * @functions: those that count, sorted by address, each once
 * @nr_functions: how many
 * @report: what has been made of the text
 */
struct dump {
	struct mention *mentions;
	int nr;
	struct mention *functions;
	int nr_functions;
	struct dump_report report;
};

/* Where the reading of a text is. */
struct reader {
	struct dump *dump;
	const char *at, *end;
	int size;
	unsigned long number;
	unsigned long line;	/* number of the one that is being taken */
	bool newline;		/* what comes is another line of the file */
	bool open;		/* the last mention gets the registers that come */
	bool rule;		/* the next address begins a listing */
	unsigned int indent;	/* of the last address */
};

/* Lines --------------------------------------------------------------------- */

/* A line of the file may be several in HTML, and counts once. */
static void count_line(struct dump_lines *lines, unsigned long number)
{
	if (lines->last == number)
		return;
	lines->last = number;
	if (lines->nr < DUMP_FIRST)
		lines->first[lines->nr] = number;
	lines->nr++;
}

static void leave_out(struct reader *r)
{
	count_line(&r->dump->report.left_out, r->line);
}

static void damaged(struct reader *r)
{
	leave_out(r);
	count_line(&r->dump->report.damaged, r->line);
}

/* Tags of HTML that begin another line. */
static bool breaks_line(const char *at, const char *end)
{
	static const char *const tags[] = {
		"<br", "<p>", "<p ", "</p", "<div", "</div", "<li", "</li",
		"<tr", "</tr",
	};
	size_t i, length;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		length = strlen(tags[i]);
		if ((size_t)(end - at) >= length &&
		    !strncasecmp(at, tags[i], length))
			return true;
	}
	return false;
}

/* The next line, without its end; false if there is none. */
static bool next_line(struct reader *r, const char **line, size_t *length)
{
	const char *at, *stop;

	if (r->at == r->end)
		return false;
	r->number += r->newline;
	stop = memchr(r->at, '\n', r->end - r->at);
	if (!stop)
		stop = r->end;
	for (at = r->at; at < stop && *at != '\r'; at++)
		if (*at == '<' && at > r->at && breaks_line(at, stop))
			break;
	*line = r->at;
	*length = at - r->at;
	/* A tag is part of what it begins; CR LF is one end */
	if (at < stop && *at == '\r' && at + 1 == stop)
		at++;
	r->newline = at == stop;
	r->at = at < r->end && *at != '<' ? at + 1 : at;
	return true;
}

/* Functions ----------------------------------------------------------------- */

static void add_mention(struct reader *r, const struct line *line)
{
	struct dump *dump = r->dump;
	struct mention *mention, *last = dump->nr ? &dump->mentions[dump->nr - 1] :
						NULL;

	if (dump->nr == MENTIONS_MAX)
		fail(STATUS_FAILED, "line %lu: there are more than %d functions, which no machine has",
		     r->number, MENTIONS_MAX);
	if (dump->nr == r->size) {
		r->size = r->size ? 2 * r->size : 64;
		dump->mentions = xrealloc(dump->mentions, r->size,
					 sizeof(*mention));
		last = dump->nr ? &dump->mentions[dump->nr - 1] : NULL;
	}
	mention = &dump->mentions[dump->nr++];
	*mention = (struct mention){
		.domain = line->domain, .bus = line->bus, .devfn = line->devfn,
		.name = xasprintf("%s", line->plain + line->name),
		.listing = last ? last->listing : 0, .node = -1,
	};
	if (last && (r->rule || mention_order(last, mention) >= 0))
		mention->listing++;
	r->open = true;
	r->rule = false;
	r->indent = line->indent;
}

static void add_registers(struct reader *r, const struct line *line)
{
	struct mention *mention = &r->dump->mentions[r->dump->nr - 1];
	struct space *space;
	unsigned int i;

	if (!mention->space)
		mention->space = xcalloc(1, sizeof(*mention->space));
	space = mention->space;
	/* From the start again: another table than lspci's, say of an EDID */
	if (!line->offset && space->end)
		r->open = false;
	if (!r->open || line->offset < space->end) {
		damaged(r);
		return;
	}
	for (i = 0; i < line->nr; i++) {
		unsigned int at = line->offset + i;

		space->bytes[at] = line->bytes[i];
		space->known[at / 8] |= 1 << at % 8;
	}
	space->nr += line->nr;
	space->end = line->offset + line->nr;
	if (line->cut)
		damaged(r);
}

/* Of what lspci -v says in words, one thing is not in registers. */
static void add_words(struct reader *r, const char *text, size_t length)
{
	static const char words[] = "NUMA node: ";
	const char *at = memmem(text, length, words, strlen(words));
	char number[8] = "";
	size_t left;

	if (!at)
		return;
	at += strlen(words);
	left = length - (at - text);
	memcpy(number, at, left < sizeof(number) ? left : sizeof(number) - 1);
	if (*number >= '0' && *number <= '9')
		r->dump->mentions[r->dump->nr - 1].node = atoi(number);
}

/* Messages in the middle ---------------------------------------------------- */

/* The line after messages, and after an empty one. */
static bool peek_line(struct reader *r, const char **line, size_t *length)
{
	int tries;

	for (tries = 0; tries < MESSAGES_MAX; tries++) {
		if (!next_line(r, line, length))
			return false;
		if (!line_is_message(*line, *length))
			return true;
	}
	return false;
}

/* A line that a message has been written into: without that. */
static void join(struct reader *r, struct line *line)
{
	size_t head = line_interrupted(line), length;
	struct reader before = *r;
	const char *rest;

	if (!head)
		return;
	if (peek_line(r, &rest, &length) && line_join(line, head, rest, length))
		leave_out(r);
	else
		*r = before;
}

/* The same, where nothing but what is missing tells. */
static void complete(struct reader *r, struct line *line)
{
	struct reader before = *r;
	const char *rest;
	size_t length;
	bool cut = line->cut;

	if (!peek_line(r, &rest, &length) ||
	    !line_complete(line, rest, length)) {
		*r = before;
		return;
	}
	if (cut)
		leave_out(r);
}

/* Return: what was taken, of which there may be more in the same line. */
static struct line take_line(struct reader *r, const char *text, size_t length)
{
	struct line line;

	r->line = r->number;
	line_parse(&line, text, length);
	join(r, &line);
	if (line.kind == LINE_REGISTERS && line.nr < LINE_BYTES)
		complete(r, &line);
	switch (line.kind) {
	case LINE_EMPTY:
		break;
	case LINE_ADDRESS:
		add_mention(r, &line);
		break;
	case LINE_REGISTERS:
		if (r->open && line.nr)
			add_registers(r, &line);
		else
			damaged(r);
		break;
	case LINE_DAMAGED:
		/* lspci -v has words that look like an offset, as "DAC:" */
		if (!r->open || line.indent <= r->indent)
			damaged(r);
		break;
	case LINE_RULE:
		r->rule = true;
		r->open = false;
		leave_out(r);
		break;
	case LINE_TEXT:
		/* lspci -v says what a function is, indented below it */
		if (!r->dump->nr || !r->open || line.indent <= r->indent)
			leave_out(r);
		else
			add_words(r, text, length);
		break;
	}
	return line;
}

static void take_all(struct reader *r, const char *text, size_t length)
{
	struct line line;
	size_t more;

	for (;;) {
		line = take_line(r, text, length);
		if (line.kind != LINE_ADDRESS && line.kind != LINE_REGISTERS)
			break;
		more = line_more(&line, text, length);
		if (more == length)
			break;
		text += more;
		length -= more;
	}
}

/* What libpci gets ------------------------------------------------------------ */

/* Bytes that are known and side by side, which libpci takes 16 of in a line. */
static void print_space(FILE *file, const struct space *space)
{
	unsigned int at;

	for (at = 0; at < space->end; at++) {
		if (!space_knows(space, at))
			continue;
		if (!(at % LINE_SIZE) || !space_knows(space, at - 1))
			fprintf(file, "\n%02x:", at);
		fprintf(file, " %02x", space->bytes[at]);
	}
}

/**
 * dump_memfd() - a dump as libpci can read it
 * @dump: the dump
 *
 * Return: a descriptor, to be closed.
 */
int dump_memfd(const struct dump *dump)
{
	int fd = memfd_create("dump", MFD_CLOEXEC), own = dup(fd), i;
	FILE *file = own < 0 ? NULL : fdopen(own, "w");
	bool bad;

	if (!file)
		fail(STATUS_FAILED, "cannot make a file in memory: %s",
		     strerror(errno));
	for (i = 0; i < dump->nr_functions; i++) {
		const struct mention *f = &dump->functions[i];

		fprintf(file, "%04x:%02x:%02x.%x -", f->domain, f->bus,
			f->devfn >> 3, f->devfn & 7);
		if (f->space)
			print_space(file, f->space);
		fputs("\n\n", file);
	}
	bad = ferror(file);
	if (fclose(file) || bad)
		fail(STATUS_FAILED, "cannot write to memory: %s",
		     strerror(errno));
	return fd;
}

/* What others ask ------------------------------------------------------------- */

/**
 * dump_read() - read a dump
 * @name: of the file, "-" for standard input
 *
 * Does not return if no function is in it.
 *
 * Return: the dump.
 */
struct dump *dump_read(const char *name)
{
	struct dump *dump = xcalloc(1, sizeof(*dump));
	struct reader r = { .dump = dump };
	struct file_text text;
	const char *line;
	size_t length;

	file_read(&text, name);
	dump->report.broken = text.broken;
	r.at = text.bytes;
	r.end = text.bytes + text.size;
	r.newline = true;
	while (next_line(&r, &line, &length))
		take_all(&r, line, length);
	dump->report.lines = r.number;
	free(text.bytes);
	if (!dump->nr)
		fail(STATUS_FAILED, "there is no PCI device in %s: in %lu lines, none begins with an address as lspci writes it (00:1c.0 or 0000:00:1c.0)",
		     name, dump->report.lines);
	dump->functions = xcalloc(dump->nr, sizeof(*dump->functions));
	dump->nr_functions = mentions_choose(dump->mentions, dump->nr,
					     dump->functions,
					     &dump->report.listings,
					     &dump->report.unused);
	return dump;
}

/**
 * dump_free() - the end of it
 * @dump: the dump, or NULL
 */
void dump_free(struct dump *dump)
{
	int i;

	if (!dump)
		return;
	for (i = 0; i < dump->nr; i++) {
		free(dump->mentions[i].space);
		free(dump->mentions[i].name);
	}
	free(dump->mentions);
	free(dump->functions);
	free(dump);
}

static const struct mention *find(const struct dump *dump, unsigned int domain,
				  uint8_t bus, uint8_t devfn)
{
	struct mention key = { .domain = domain, .bus = bus, .devfn = devfn };

	return bsearch(&key, dump->functions, dump->nr_functions, sizeof(key),
		       mention_order);
}

/**
 * dump_node() - the NUMA node of a function
 * @dump: the dump
 * @domain: address of the function
 * @bus: same
 * @devfn: same
 *
 * Return: its number, -1 if the dump does not tell.
 */
int dump_node(const struct dump *dump, unsigned int domain, uint8_t bus,
	      uint8_t devfn)
{
	const struct mention *f = find(dump, domain, bus, devfn);

	return f ? f->node : -1;
}

/**
 * dump_name() - what a function is called in a dump
 * @dump: the dump
 * @domain: address of the function
 * @bus: same
 * @devfn: same
 *
 * Return: what follows its address, NULL if it is not there.
 */
const char *dump_name(const struct dump *dump, unsigned int domain, uint8_t bus,
		      uint8_t devfn)
{
	const struct mention *f = find(dump, domain, bus, devfn);

	return f ? f->name : NULL;
}

/**
 * dump_knows() - does a dump have certain registers?
 * @dump: the dump
 * @domain: address of the function
 * @bus: same
 * @devfn: same
 * @offset: of the first byte
 * @size: how many
 *
 * Return: whether it has all of them.
 */
bool dump_knows(const struct dump *dump, unsigned int domain, uint8_t bus,
		uint8_t devfn, unsigned int offset, unsigned int size)
{
	const struct mention *f = find(dump, domain, bus, devfn);
	unsigned int i;

	if (!f || !f->space || offset + size > SPACE_SIZE)
		return false;
	for (i = offset; i < offset + size; i++)
		if (!space_knows(f->space, i))
			return false;
	return true;
}

/**
 * dump_report() - what has been made of the text
 * @dump: the dump
 *
 * Return: that.
 */
const struct dump_report *dump_report(const struct dump *dump)
{
	return &dump->report;
}
