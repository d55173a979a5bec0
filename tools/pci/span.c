// SPDX-License-Identifier: GPL-2.0-only
#include "pci/span.h"

#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "pci/topology.h"

/*
 * How many of @at, from the first on, follow one another: on one bus, and with no
 * other function between them.  Two of different devices are not worth a range.
 */
static int run(const struct topology *t, const int *at, int nr)
{
	const struct function *first = &t->functions[at[0]], *last = first;
	int n;

	for (n = 1; n < nr && at[n] == at[n - 1] + 1; n++) {
		if (t->functions[at[n]].bus != first->bus)
			break;
		last = &t->functions[at[n]];
	}
	return n == 2 && slot_of(first) != slot_of(last) ? 1 : n;
}

static void print_run(FILE *out, const struct topology *t, int from, int to)
{
	const struct function *first = &t->functions[from];
	const struct function *last = &t->functions[to];
	char address[ADDRESS_SIZE];

	fputs(topology_address(first, address), out);
	if (to == from)
		return;
	if (slot_of(first) == slot_of(last))
		fprintf(out, "-%x", function_of(last));
	else
		fprintf(out, "-%02x.%x", slot_of(last), function_of(last));
}

/**
 * span_text() - name functions
 * @t: the machine
 * @at: their indices, in ascending order
 * @nr: how many
 *
 * The functions of a device are "0000:03:00.0-7", and those of several which follow
 * one another, such as virtual functions, "0000:03:00.0-1f.7".
 *
 * Return: addresses and ranges with commas between them, to be freed.
 */
char *span_text(const struct topology *t, const int *at, int nr)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i, n;

	if (!out)
		fail(STATUS_FAILED, "out of memory");
	for (i = 0; i < nr; i += n) {
		n = run(t, at + i, nr - i);
		if (i)
			fputs(", ", out);
		print_run(out, t, at[i], at[i + n - 1]);
	}
	fclose(out);
	return text;
}
