// SPDX-License-Identifier: GPL-2.0-only
#include "pci/gaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "pci/acs.h"
#include "pci/dump.h"
#include "pci/topology.h"

/**
 * gaps_any() - is something not known?
 * @t: the machine
 *
 * Return: whether answers may have to be "unknown".
 */
bool gaps_any(const struct topology *t)
{
	return t->blind || t->lost;
}

/* "3, 17, 20 and others" */
static void put_numbers(char *text, size_t size, const struct dump_lines *lines)
{
	unsigned long i, n = lines->nr < DUMP_FIRST ? lines->nr : DUMP_FIRST;
	size_t used = 0;

	*text = '\0';
	for (i = 0; i < n && used < size; i++)
		used += snprintf(text + used, size - used, "%s%lu",
				 i ? ", " : "", lines->first[i]);
	if (lines->nr > n && used < size)
		snprintf(text + used, size - used, " and others");
}

static void warn_of_lines(const struct dump_report *report, const char *dump)
{
	char numbers[160];

	if (report->broken)
		warn("%s is compressed, and damaged or cut off: what could be uncompressed is used",
		     dump);
	if (report->left_out.nr) {
		put_numbers(numbers, sizeof(numbers), &report->left_out);
		warn("%s: %lu of %lu lines left out, which are not of lspci -xxxx or cannot be used: %s",
		     dump, report->left_out.nr, report->lines, numbers);
	}
	if (report->damaged.nr) {
		put_numbers(numbers, sizeof(numbers), &report->damaged);
		warn("%s: registers in %lu of them are damaged, or of no function, and not known: %s",
		     dump, report->damaged.nr, numbers);
	}
	if (report->unused)
		warn("%s has %u listings; %u of them tell of functions that another tells of, and were not used: the most complete one was, of equals the last",
		     dump, report->listings, report->unused);
}

/**
 * gaps_warn() - say what is missing, and of a dump, what was left out
 * @t: the machine
 * @dump: name of the dump, or NULL
 */
void gaps_warn(const struct topology *t, const char *dump)
{
	if (t->dump)
		warn_of_lines(dump_report(t->dump), dump);
	if (t->blind && t->live)
		warn("the registers of %d of %d functions could not be read%s: what depends on them is said to be unknown",
		     t->blind, t->nr, geteuid() ? ", as only root can" : "");
	else if (t->blind)
		warn("the dump lacks registers of %d of %d functions, and what depends on them is said to be unknown: make it with lspci -xxxx, as root",
		     t->blind, t->nr);
	if (t->lost)
		warn("the dump lacks bridges above %d functions: make it of all functions, not of some",
		     t->lost);
}

/**
 * gaps_text() - what holds although something is not known
 * @t: the machine
 * @kernel_groups: the groups shown are those of the running kernel
 */
void gaps_text(const struct topology *t, bool kernel_groups)
{
	if (!gaps_any(t))
		return;
	printf("%sunknown:%s ", paint(PAINT_NOTE), paint(PAINT_OFF));
	if (t->blind)
		printf("registers of %d of %d functions%s", t->blind, t->nr,
		       t->live && geteuid() ? " (root could read them)" : "");
	if (t->lost)
		printf("%sthe bridges above %d functions",
		       t->blind ? ", and " : "", t->lost);
	putchar('\n');
	puts(kernel_groups ?
	     "  what holds: which groups there are and who is in them, drivers, the machine\n"
	     "  what may not: that a group is not reached from outside, the reasons that are called unknown" :
	     "  what holds: functions in different groups are kept apart by what could be read\n"
	     "  what may not: groups that are said to be open may be several, and reached from outside");
}

static json_t *lines_json(const struct dump_lines *lines)
{
	json_t *first = xjson(json_array());
	unsigned long i;

	for (i = 0; i < lines->nr && i < DUMP_FIRST; i++)
		json_array_append_new(first, json_integer(lines->first[i]));
	return xjson(json_pack("{sI so}", "count", (json_int_t)lines->nr,
			       "first", first));
}

static json_t *dump_json(const struct topology *t, const char *dump)
{
	const struct dump_report *report;

	if (!t->dump)
		return json_null();
	report = dump_report(t->dump);
	return xjson(json_pack("{so sI so so si si sb}",
			       "file", json_text(dump),
			       "lines", (json_int_t)report->lines,
			       "left_out", lines_json(&report->left_out),
			       "damaged", lines_json(&report->damaged),
			       "listings", (int)report->listings,
			       "listings_unused", (int)report->unused,
			       "broken_off", report->broken));
}

/**
 * gaps_json() - where the machine was read, and what is missing, as JSON
 * @t: the machine
 * @dump: name of the dump, or NULL
 *
 * Return: an object.
 */
json_t *gaps_json(const struct topology *t, const char *dump)
{
	json_t *unknown = xjson(json_array()), *lost = xjson(json_array());
	char address[ADDRESS_SIZE];
	int i;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (!acs_readable(f))
			json_array_append_new(unknown, json_string(
					topology_address(f, address)));
		if (topology_lost(t, i))
			json_array_append_new(lost, json_string(
					topology_address(f, address)));
	}
	return xjson(json_pack("{so so so}", "dump", dump_json(t, dump),
			       "unreadable", unknown, "bridge_unknown", lost));
}
