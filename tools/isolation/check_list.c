// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of config_acs= and disable_acs_redir=, one by one: what is written, whom it
 * is for, and whether the kernel, which reads the list anew for each device, gets there.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/check_line.h"
#include "output.h"
#include "pci/acs.h"
#include "pci/acs_list.h"
#include "pci/kernel.h"

#define HEX "(0x)?[0-9a-f]+"

/**
 * struct entry - an entry of a list
 * @t: the machine
 * @line: the command line
 * @kind: of which list
 * @list: all of the list
 * @at: the entry in it
 * @text: the entry
 * @device: what of @text names the device
 * @where: as it is reported
 * @f: where to report
 */
struct entry {
	const struct topology *t;
	const struct bootline *line;
	enum pci_option kind;
	const char *list;
	const char *at;
	char *text;
	const char *device;
	char *where;
	struct remarks *f;
};

static bool looks_like(const char *text, const char *pattern)
{
	regex_t regex;
	bool fits;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		fail(STATUS_FAILED, "out of memory");
	fits = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return fits;
}

static const char *stop_text(enum acs_reading reading)
{
	static const char *const texts[] = {
		[LIST_NOTHING] = "", [LIST_MATCH] = "",
		[LIST_NO_FLAGS] = "has no flags",
		[LIST_BAD_FLAGS] = "has flags that are not made of 0, 1 and x",
		[LIST_HIGH_FLAGS] = "has more than seven flags",
		[LIST_BAD_DEVICE] = "names no device",
		[LIST_TAIL] = "has something behind the device",
	};

	return texts[reading];
}

/* Flags ---------------------------------------------------------------------- */

static bool check_flags(const struct entry *e)
{
	size_t length = e->device - e->text - 1, first;

	if (e->device == e->text) {
		remark(e->f, REMARK_WRONG, "flags", e->where,
			"no flags: an entry is FLAGS@DEVICE, although the kernel's document shows one without. Linux stops reading here");
		return false;
	}
	first = strspn(e->text, "01xX");
	if (first < length) {
		remark(e->f, REMARK_WRONG, "flags", e->where,
			"\"%c\" is no flag: they are 0, 1 and x, for DT EC UF CR RR TB SV%s. Linux stops reading here",
			e->text[first], e->text[first] == '"' ?
			"; quotes belong around the whole parameter" : "");
		return false;
	}
	if (length > ACS_BITS &&
	    strspn(e->text, "xX") < length - ACS_BITS) {
		remark(e->f, REMARK_WRONG, "flags", e->where,
			"%zu flags: there are seven, for DT EC UF CR RR TB SV. Linux stops reading here",
			length);
		return false;
	}
	return true;
}

/* Devices -------------------------------------------------------------------- */

/* Parts of a path that are too large lose their upper bits. */
static void check_range(const struct entry *e)
{
	const char *at = strrchr(e->device, ':');
	unsigned long slot, function;
	char *end;

	if (!at || !strncmp(e->device, "pci:", 4))
		return;
	do {
		unsigned long decimal = strtoul(at + 1, NULL, 10);

		slot = strtoul(at + 1, &end, 16);
		function = strtoul(end + 1, &end, 16);
		if (slot > 0x1f && decimal <= 0x1f)
			remark(e->f, REMARK_WRONG, "range", e->where,
				"%lx is hexadecimal, and read as %02lx: decimal %lu is %02lx",
				slot, slot & 0x1f, decimal, decimal);
		else if (slot > 0x1f || function > 7)
			remark(e->f, REMARK_WRONG, "range", e->where,
				"%lx.%lx is read as %02lx.%lx: there are devices up to 1f, hexadecimal, and functions up to 7",
				slot, function, slot & 0x1f, function & 7);
		at = end;
	} while (*at == '/');
}

static bool check_device(const struct entry *e)
{
	bool ids = !strncmp(e->device, "pci:", 4);
	bool fine = looks_like(e->device, ids ?
		"^pci:" HEX ":" HEX "(:" HEX ":" HEX ")?$" :
		"^(" HEX ":)?" HEX ":" HEX "\\." HEX "(/" HEX "\\." HEX ")*$");

	if (fine) {
		check_range(e);
		return true;
	}
	remark(e->f, REMARK_WRONG, "device", e->where,
		"\"%s\" is no device to Linux: it takes BUS:DEVICE.FUNCTION with a domain before and /DEVICE.FUNCTION behind it, or pci:VENDOR:DEVICE. It stops reading here",
		e->device);
	return false;
}

/* Whom it is for -------------------------------------------------------------- */

/**
 * struct fit - the functions that an entry is for
 * @all: how many
 * @acs: how many of them have ACS
 * @blind: how many of the others have registers that could not be read
 * @first: one of these, -1 for none
 * @reached: for how many of these the kernel gets to the entry
 * @stopped: where it stops for one that it does not get there for
 */
struct fit {
	int all, acs, blind, first, reached;
	struct acs_entry stopped;
};

static struct fit find_fits(const struct entry *e)
{
	struct fit fit = { .first = -1 };
	const char *end;
	bool fits;
	int i;

	for (i = 0; i < e->t->nr; i++) {
		struct acs_entry got;

		if (!acs_list_device(e->t, i, e->device, &end, &fits) || !fits)
			continue;
		fit.all++;
		fit.blind += !acs_readable(&e->t->functions[i]);
		if (!e->t->functions[i].acs.present)
			continue;
		fit.acs++;
		got = acs_list_read(e->t, i, e->list, e->kind);
		if (got.reading == LIST_MATCH && got.at == e->at) {
			if (!fit.reached++)
				fit.first = i;
		} else {
			fit.stopped = got;
		}
	}
	return fit;
}

static void report_unreached(const struct entry *e, const struct fit *fit)
{
	size_t length = strcspn(fit->stopped.at, ";");

	if (fit->stopped.reading == LIST_MATCH)
		remark(e->f, REMARK_WRONG, "shadowed", e->where,
			"%s: an entry before it, \"%.*s\", is for the same device, and the first one counts",
			fit->reached ? "not for all of its devices" :
			"no effect", (int)length, fit->stopped.at);
	else
		remark(e->f, REMARK_WRONG, "unreached", e->where,
			"%s: Linux stops at \"%.*s\", which %s",
			fit->reached ? "not for all of its devices" :
			"no effect", (int)length, fit->stopped.at,
			stop_text(fit->stopped.reading));
}

/* A few devices at most; how many more there are is said. */
static char *names(const struct entry *e, const struct fit *fit)
{
	const struct function *f = &e->t->functions[fit->first];
	char address[ADDRESS_SIZE];

	if (fit->reached == 1)
		return xasprintf("%s %s", topology_kind(f),
				 topology_address(f, address));
	return xasprintf("%s %s and %d more", topology_kind(f),
			 topology_address(f, address), fit->reached - 1);
}

/* What comes of it; and what of that will not be meant. */
static void report_outcome(const struct entry *e, const struct fit *fit)
{
	const struct function *f = &e->t->functions[fit->first];
	struct acs_state state = acs_list_outcome(e->t, fit->first, e->line,
						  true);
	struct acs_entry got = acs_list_read(e->t, fit->first, e->list,
					     e->kind);
	char on[ACS_NAMES_SIZE], unknown[ACS_NAMES_SIZE], *who = names(e, fit);
	const char *other = bootline_list(e->line, PCI_CONFIG_ACS);
	uint16_t left = state.unknown & ACS_ISOLATED & ~got.mask, cannot;

	if (e->kind == PCI_DISABLE_REDIR && other &&
	    acs_list_read(e->t, fit->first, other,
			  PCI_CONFIG_ACS).reading == LIST_MATCH) {
		remark(e->f, REMARK_WRONG, "overridden", e->where,
			"no effect on %s: config_acs= has an entry for it, and replaces all of the register",
			who);
		free(who);
		return;
	}
	remark(e->f, REMARK_FINE, "entry", e->where, "%s: on %s%s%s", who,
		acs_names(state.on, on), state.unknown ?
		"; as the firmware has left it " : "", state.unknown ?
		acs_names(state.unknown, unknown) : "");
	cannot = got.flags & ~f->acs.cap;
	if (e->kind == PCI_CONFIG_ACS && cannot)
		remark(e->f, REMARK_NOTE, "cannot", e->where,
			"%s cannot switch on %s", who, acs_names(cannot, on));
	if (f->acs.dwords && e->kind == PCI_CONFIG_ACS &&
	    got.flags != (f->acs.cap & ACS_ISOLATED & ~ACS_REDIRECTS))
		remark(e->f, REMARK_WRONG, "erratum", e->where,
			"the registers of %s are 32 bits wide: whatever the flags, Linux switches redirection off and leaves the rest",
			who);
	if (left && e->kind == PCI_CONFIG_ACS)
		remark(e->f, REMARK_WRONG, "firmware", e->where,
			"x does not leave %s as Linux sets it but as the firmware has left it, and that is mostly off",
			acs_names(left, on));
	else if (left)
		remark(e->f, REMARK_NOTE, "firmware", e->where,
			"since 6.11 Linux leaves all but redirection as the firmware has left it: %s may be off, too",
			acs_names(left, on));
	free(who);
}

static void check_entry(const struct entry *e, int nr)
{
	struct fit fit;

	if (!*e->text) {
		remark(e->f, REMARK_WRONG, "empty", e->where,
			"an empty entry: Linux stops reading here");
		return;
	}
	if (e->kind == PCI_CONFIG_ACS && !check_flags(e))
		return;
	if (!check_device(e))
		return;
	fit = find_fits(e);
	if (!fit.all) {
		remark(e->f, e->t->lost ? REMARK_UNKNOWN : REMARK_WRONG,
			"no-device", e->where, "there is no such device%s",
			e->t->lost ? " in what is known of this machine" : "");
		return;
	}
	if (!fit.acs && fit.blind) {
		remark(e->f, REMARK_UNKNOWN, "no-acs", e->where,
			"whether the device has ACS is not known: its registers could not be read");
		return;
	}
	if (!fit.acs) {
		remark(e->f, REMARK_WRONG, "no-acs", e->where,
			"no effect: the device has no ACS capability");
		return;
	}
	if (fit.reached)
		report_outcome(e, &fit);
	if (fit.reached < fit.acs)
		report_unreached(e, &fit);
	if (!nr && kernel_misreads_acs(e->t->kernel))
		remark(e->f, REMARK_WRONG, "misread", e->where,
			"this kernel misreads lists: to each entry it adds those before it, and a 0 does not switch off; mended in 6.12.23, 6.13.11 and 6.14.2");
}

static void check_list(const struct topology *t, const struct bootline *line,
		       enum pci_option kind, struct remarks *f)
{
	const char *list = bootline_list(line, kind), *at, *flags;
	int nr = 0;

	for (at = list; at && *list; at = strchr(at, ';')) {
		struct entry e = { t, line, kind, list, NULL, NULL, NULL, NULL,
				   f };

		at += nr && *at == ';';
		if (nr && !*at)
			break;
		e.at = at;
		e.text = xasprintf("%.*s", (int)strcspn(at, ";"), at);
		flags = kind == PCI_CONFIG_ACS ? strchr(e.text, '@') : NULL;
		e.device = flags ? flags + 1 : e.text;
		e.where = xasprintf("entry %d of %s, \"%s\"", ++nr,
				    kind == PCI_CONFIG_ACS ? "config_acs=" :
				    "disable_acs_redir=", e.text);
		check_entry(&e, nr - 1);
		free(e.where);
		free(e.text);
	}
}

/**
 * check_lists() - what the lists that count say
 * @t: the machine
 * @line: the kernel's command line
 * @f: where to report
 */
void check_lists(const struct topology *t, const struct bootline *line,
		 struct remarks *f)
{
	if (line->config < 0 && line->disable < 0)
		remark(f, REMARK_FINE, "lists", NULL,
			"neither config_acs= nor disable_acs_redir= counts: ACS is as Linux sets it up");
	check_list(t, line, PCI_DISABLE_REDIR, f);
	check_list(t, line, PCI_CONFIG_ACS, f);
}
