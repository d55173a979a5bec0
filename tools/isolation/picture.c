// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/picture.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

static const struct {
	const char *colour;
	const char *meaning;
} routes[] = {
	[ROUTE_DIRECT] = { "#c62828", "direct, past the IOMMU" },
	[ROUTE_POSSIBLE] = { "#ef6c00", "possibly past the IOMMU" },
	[ROUTE_REDIRECTED] = { "#2e7d32", "through the IOMMU" },
	[ROUTE_ROOT] = { "#1565c0", "inside the root complex" },
	[ROUTE_BLOCKED] = { "#757575", "blocked" },
	[ROUTE_UNKNOWN] = { "#6a1b9a", "not known" },
};

/**
 * picture_colour() - the colour of a route
 * @route: which
 *
 * Return: as of SVG and Graphviz.
 */
const char *picture_colour(enum route route)
{
	return routes[route].colour;
}

/**
 * picture_meaning() - what a colour means
 * @route: of which route
 *
 * Return: a few words.
 */
const char *picture_meaning(enum route route)
{
	return routes[route].meaning;
}

/**
 * picture_has() - is a route in the picture?
 * @p: the picture
 * @route: which
 *
 * Return: whether.
 */
bool picture_has(const struct picture *p, enum route route)
{
	int i;

	for (i = 0; i < p->nr_ways; i++)
		if (p->ways[i].route == route)
			return true;
	for (i = 0; i < p->nr_junctions; i++)
		if (p->junctions[i].route == route)
			return true;
	return false;
}

/**
 * picture_way() - draw a way, if it is not there yet
 * @p: the picture, with its rows
 * @from: index of the function that it begins at
 * @to: and that it leads to
 * @route: how it goes
 */
void picture_way(struct picture *p, int from, int to, enum route route)
{
	struct way way = { p->rows->of[from], p->rows->of[to], route, false };
	int i;

	if (way.from < 0 || way.to < 0)
		return;
	for (i = 0; i < p->nr_ways; i++) {
		struct way *old = &p->ways[i];

		if (old->route != route)
			continue;
		if (old->from == way.from && old->to == way.to)
			return;
		if (old->from == way.to && old->to == way.from) {
			old->both = true;
			return;
		}
	}
	way.both = way.from == way.to;
	p->ways = xrealloc(p->ways, p->nr_ways + 1, sizeof(*p->ways));
	p->ways[p->nr_ways++] = way;
}

static bool mark(const struct rows *rows, struct junction *j, bool *rows_of,
		 const struct indices *functions)
{
	bool any = false;
	int i, row;

	for (i = 0; i < functions->nr; i++) {
		row = rows->of[functions->at[i]];
		if (row < 0)
			continue;
		rows_of[row] = any = true;
		if (row < j->first)
			j->first = row;
		if (row > j->last)
			j->last = row;
	}
	return any;
}

/**
 * picture_junction() - draw ways from all of some to all of others
 * @p: the picture, with its rows
 * @senders: where they begin
 * @targets: where they lead to
 * @route: how they go
 */
void picture_junction(struct picture *p, const struct indices *senders,
		      const struct indices *targets, enum route route)
{
	struct junction j = { .first = p->rows->nr, .last = -1, .route = route };
	bool drawn;

	j.sends = xcalloc(p->rows->nr, sizeof(*j.sends));
	j.takes = xcalloc(p->rows->nr, sizeof(*j.takes));
	drawn = mark(p->rows, &j, j.sends, senders);
	drawn = mark(p->rows, &j, j.takes, targets) && drawn;
	if (!drawn) {
		free(j.sends);
		free(j.takes);
		return;
	}
	p->junctions = xrealloc(p->junctions, p->nr_junctions + 1,
				sizeof(*p->junctions));
	p->junctions[p->nr_junctions++] = j;
}

/**
 * picture_free() - the end of it, and of its rows
 * @p: the picture
 */
void picture_free(struct picture *p)
{
	int i;

	for (i = 0; i < p->nr_junctions; i++) {
		free(p->junctions[i].sends);
		free(p->junctions[i].takes);
	}
	free(p->junctions);
	free(p->ways);
	rows_free(p->rows);
}

/**
 * picture_section() - the name of a root bus
 * @s: the root bus
 *
 * Return: the text, to be freed.
 */
char *picture_section(const struct section *s)
{
	return xasprintf("root bus %04x:%02x", s->domain, s->number);
}

/**
 * picture_cut() - shorten a text, so that it still differs from others
 * @text: the text
 * @max: how many characters it may have, at least 8
 *
 * Names begin with what many have, and end with the model and the IDs: they are
 * cut before that.
 *
 * Return: the text, to be freed.
 */
char *picture_cut(const char *text, int max)
{
	int length = strlen(text), head;

	if (length <= max)
		return xasprintf("%s", text);
	head = (max - 3) * 2 / 5;
	return xasprintf("%.*s...%s", head, text,
			 text + length - (max - 3 - head));
}
