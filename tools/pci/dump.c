// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a text tells is first noted as it comes: a mention for each head of a function,
 * with the registers that follow.  lspci goes up by address, so where an address is
 * not higher than the one before, or where a ruler or a command line is, another
 * listing begins.  Of listings that tell of the same functions the most complete one
 * counts; those that tell of others are parts of one machine.
 *
 * A register that is not there is not 0: for each byte it is kept whether it is known.
 */
#include "pci/dump.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "output.h"
#include "pci/file.h"
#include "pci/line.h"

#define SPACE_SIZE 4096
#define LINE_SIZE 16
/* No machine has more functions; a file may. */
#define MENTIONS_MAX 65536
/* So many messages may come between the two ends of a line. */
#define MESSAGES_MAX 64

/**
 * struct space - the configuration space of a function, as far as it was told
 * @bytes: the registers
 * @known: a bit for each
 * @nr: how many are known
 * @end: offset behind the last
 */
struct space {
	uint8_t bytes[SPACE_SIZE];
	uint8_t known[SPACE_SIZE / 8];
	unsigned int nr;
	unsigned int end;
};

/**
 * struct mention - what a text says of a function in one place
 * @domain: its address
 * @bus: same
 * @devfn: same
 * @listing: number of the listing
 * @space: its registers, NULL if there is none
 */
struct mention {
	unsigned int domain;
	uint8_t bus, devfn;
	unsigned int listing;
	struct space *space;
};

/**
 * struct listing - a part of the text that goes up by address
 * @first: index of its first mention
 * @nr: how many it has
 * @full: and how many of these have registers
 * @bytes: which are known, of all
 * @used: it counts
 */
struct listing {
	int first;
	int nr;
	int full;
	unsigned long bytes;
	bool used;
};

/**
 * struct dump - a dump
 * @mentions: what the text says, in its order
 * @nr: how many
 * @functions: those that count, sorted by address, each once
 * @nr_functions: how many
 * @tree: the same while they are being chosen, as of tsearch()
 * @report: what has been made of the text
 */
struct dump {
	struct mention *mentions;
	int nr;
	struct mention *functions;
	int nr_functions;
	void *tree;
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

static int by_address(const void *left, const void *right)
{
	const struct mention *a = left, *b = right;

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	return (a->devfn > b->devfn) - (a->devfn < b->devfn);
}

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
		.listing = last ? last->listing : 0,
	};
	if (last && (r->rule || by_address(last, mention) >= 0))
		mention->listing++;
	r->open = true;
	r->rule = false;
	r->indent = line->indent;
}

static bool is_known(const struct space *space, unsigned int offset)
{
	return space->known[offset / 8] & 1 << offset % 8;
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

/* Listings ------------------------------------------------------------------ */

static struct listing *find_listings(const struct dump *dump, int *nr)
{
	struct listing *listings, *l;
	int i;

	*nr = dump->nr ? (int)dump->mentions[dump->nr - 1].listing + 1 : 0;
	listings = xcalloc(*nr, sizeof(*listings));
	for (i = 0; i < dump->nr; i++) {
		l = &listings[dump->mentions[i].listing];
		if (!l->nr++)
			l->first = i;
		if (dump->mentions[i].space) {
			l->full++;
			l->bytes += dump->mentions[i].space->nr;
		}
	}
	return listings;
}

/* The most complete one first; of equals the last. */
static int by_content(const void *left, const void *right)
{
	const struct listing *a = left, *b = right;

	if (a->full != b->full)
		return a->full > b->full ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr > b->nr ? -1 : 1;
	return a->first > b->first ? -1 : 1;
}

/* The same function, as far as both tell: IDs, class, and the buses of a bridge. */
static bool agree(const struct space *a, const struct space *b)
{
	static const unsigned int at[] = { 0, 1, 2, 3, 8, 10, 11, 14 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (!is_known(a, at[i]) || !is_known(b, at[i]) ||
		    a->bytes[at[i]] != b->bytes[at[i]])
			return false;
	return (a->bytes[14] & 0x7f) != 1 ||
	       !memcmp(&a->bytes[0x18], &b->bytes[0x18], 3);
}

static struct mention *find_chosen(const struct dump *dump,
				 const struct mention *mention)
{
	struct mention **found = tfind(mention, &dump->tree, by_address);

	return found ? *found : NULL;
}

/*
 * Does a function that is chosen have registers in the listing, too?  In a text
 * without any, it is enough that it is there.
 */
static bool overlaps(const struct dump *dump, const struct listing *l,
		     bool blind)
{
	const struct mention *chosen;
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		if (!dump->mentions[i].space && !blind)
			continue;
		chosen = find_chosen(dump, &dump->mentions[i]);
		if (chosen && (chosen->space || blind))
			return true;
	}
	return false;
}

static void choose(struct dump *dump, struct listing *l)
{
	struct mention *chosen;
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		chosen = find_chosen(dump, &dump->mentions[i]);
		if (!chosen) {
			chosen = &dump->functions[dump->nr_functions++];
			*chosen = dump->mentions[i];
			if (!tsearch(chosen, &dump->tree, by_address))
				fail(STATUS_FAILED, "out of memory");
		} else if (dump->mentions[i].space) {
			chosen->space = dump->mentions[i].space;
		}
	}
	l->used = true;
}

/* Of a function that two listings tell of, what tells more. */
static void choose_fuller(struct dump *dump, const struct listing *l)
{
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		struct space *space = dump->mentions[i].space;
		struct mention *chosen = find_chosen(dump, &dump->mentions[i]);

		if (space && chosen && chosen->space &&
		    space->nr > chosen->space->nr &&
		    agree(space, chosen->space))
			chosen->space = space;
	}
}

static void forget(void *mention)
{
	(void)mention;
}

static void choose_listings(struct dump *dump)
{
	struct listing *listings;
	bool blind;
	int nr, i;

	listings = find_listings(dump, &nr);
	qsort(listings, nr, sizeof(*listings), by_content);
	dump->functions = xcalloc(dump->nr, sizeof(*dump->functions));
	dump->report.listings = nr;
	/* Without registers, addresses are no part of a dump that has some */
	blind = nr && !listings[0].full;
	for (i = 0; i < nr; i++)
		if ((listings[i].full || blind) &&
		    !overlaps(dump, &listings[i], blind))
			choose(dump, &listings[i]);
	for (i = 0; i < nr; i++) {
		if (listings[i].used)
			continue;
		choose_fuller(dump, &listings[i]);
		dump->report.unused++;
	}
	tdestroy(dump->tree, forget);
	dump->tree = NULL;
	qsort(dump->functions, dump->nr_functions, sizeof(*dump->functions),
	      by_address);
	free(listings);
}

/* What libpci gets ------------------------------------------------------------ */

/* Bytes that are known and side by side, which libpci takes 16 of in a line. */
static void print_space(FILE *file, const struct space *space)
{
	unsigned int at;

	for (at = 0; at < space->end; at++) {
		if (!is_known(space, at))
			continue;
		if (!(at % LINE_SIZE) || !is_known(space, at - 1))
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
	choose_listings(dump);
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
	for (i = 0; i < dump->nr; i++)
		free(dump->mentions[i].space);
	free(dump->mentions);
	free(dump->functions);
	free(dump);
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
	struct mention key = { .domain = domain, .bus = bus, .devfn = devfn };
	const struct mention *f = bsearch(&key, dump->functions,
					dump->nr_functions, sizeof(key),
					by_address);
	unsigned int i;

	if (!f || !f->space || offset + size > SPACE_SIZE)
		return false;
	for (i = offset; i < offset + size; i++)
		if (!is_known(f->space, i))
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
