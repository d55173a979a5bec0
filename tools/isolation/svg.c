// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture as SVG, without the help of Graphviz.  Each row of functions has a line,
 * indented below its bridge, so that a group is mostly a block of lines with a frame
 * around it; a group whose lines are scattered has several frames.  Bars are root
 * buses, and above those of one NUMA node is another.  On the right are paths: arcs from
 * one row to another, and where all below a bridge reach each other, a line with
 * a dot for who sends and an arrow to who can be reached.
 *
 * All text is in one width of letters: what fits can be told without knowing the font.
 */
#include "isolation/svg.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/picture.h"
#include "output.h"

#define ROW 34
#define BOX 24
#define BAR 26
#define INDENT 30		/* below a bridge, if the tree is not deep */
#define INDENTS 420		/* that are no more than this together */
#define INDENT_MIN 4
#define LEFT 24
#define TOP 14
#define NAMES 720		/* width of the box at the deepest place */
#define FRAME 5			/* from a box to its group's frame */
#define LABEL 96		/* room for "8192 groups", at least */
#define LANES 24		/* from the frames to the first arc */
#define LANE 14			/* from one arc to the next */
#define LEGEND 200		/* from one word of the legend to the next */
#define FONT 11
#define LETTER 6.9		/* a letter of that size, at most */
#define CHARS(pixels) ((int)((pixels) / LETTER))
#define ADDRESS_WIDTH 112	/* "10000000:00:00.0" */

/**
 * struct layout - where things are
 * @p: the picture
 * @indent: from a bridge to what is below it
 * @right: the right edge of the boxes
 * @label: room for names of groups, right of it
 * @y: for each row the upper edge of its box
 * @bar: for each root bus the upper edge of its bar
 * @lane: for each way, and then for each junction, which line it has on the right
 * @width: of the whole
 * @height: of the whole
 */
struct layout {
	const struct picture *p;
	int indent;
	int right;
	int label;
	int *y;
	int *bar;
	int *lane;
	int width;
	int height;
};

static bool new_node(const struct rows *rows, int section)
{
	int node = rows->sections[section].node;

	return node >= 0 &&
	       (!section || rows->sections[section - 1].node != node);
}

static int legend_entries(const struct picture *p)
{
	int i, n = 0;

	for (i = 0; i <= ROUTE_UNKNOWN; i++)
		n += picture_has(p, i);
	return n;
}

static int find_lane(struct indices *ends, int first, int last)
{
	int lane;

	for (lane = 0; lane < ends->nr; lane++)
		if (ends->at[lane] < first)
			break;
	if (lane == ends->nr)
		indices_add(ends, last);
	ends->at[lane] = last;
	return lane;
}

/* What does not come near each other shares a line. Return: how many there are. */
static int find_lanes(struct layout *l)
{
	const struct picture *p = l->p;
	struct indices ends = { };
	int i, n = p->nr_ways;

	l->lane = xcalloc(n + p->nr_junctions, sizeof(*l->lane));
	for (i = 0; i < p->nr_junctions; i++)
		l->lane[n + i] = find_lane(&ends, p->junctions[i].first,
					   p->junctions[i].last);
	/* Arcs cross what is between them and their rows: outside */
	for (i = 0, n = ends.nr; i < p->nr_ways; i++)
		l->lane[i] = n++;
	free(ends.at);
	return n;
}

/* For the longest of them. */
static int label_width(const struct rows *rows)
{
	int width = LABEL, i;

	for (i = 0; i < rows->nr; i++) {
		char *label = rows_group_label(rows, i);

		if (label && strlen(label) * LETTER + 16 > width)
			width = strlen(label) * LETTER + 16;
		free(label);
	}
	return width;
}

static void layout(struct layout *l)
{
	const struct rows *rows = l->p->rows;
	int i, row, y = TOP, words = (legend_entries(l->p) + 1) * LEGEND;

	l->y = xcalloc(rows->nr, sizeof(*l->y));
	l->bar = xcalloc(rows->nr_sections, sizeof(*l->bar));
	l->indent = INDENT;
	if (rows->deepest * l->indent > INDENTS)
		l->indent = INDENTS / rows->deepest;
	if (l->indent < INDENT_MIN)
		l->indent = INDENT_MIN;
	l->label = label_width(rows);
	l->right = LEFT + rows->deepest * l->indent + NAMES;
	for (i = 0; i < rows->nr_sections; i++) {
		const struct section *s = &rows->sections[i];

		if (new_node(rows, i))
			y += BAR + 8;
		l->bar[i] = y;
		y += BAR + 10;
		for (row = s->first; row < s->first + s->nr; row++, y += ROW)
			l->y[row] = y;
		y += 8;
	}
	l->height = y + 34;
	l->width = l->right + l->label + LANES + 28 + find_lanes(l) * LANE;
	if (l->width < LEFT + words)
		l->width = LEFT + words;
}

static int left_of(const struct layout *l, int row)
{
	return LEFT + l->p->rows->at[row].depth * l->indent;
}

static int middle_of(const struct layout *l, int row)
{
	return l->y[row] + BOX / 2;
}

static void text(int x, int y, const char *class, const char *words)
{
	printf("<text x=\"%d\" y=\"%d\"%s%s%s>", x, y, *class ? " class=\"" : "",
	       class, *class ? "\"" : "");
	for (; *words; words++) {
		switch (*words) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		default:
			putchar(*words < ' ' || *words > '~' ? '?' : *words);
		}
	}
	puts("</text>");
}

/* Rows on end that are of one group, or of the same several, from @first on. */
static int run_of(const struct rows *rows, int first)
{
	const struct row *a = &rows->at[first];
	int last = first;

	while (last + 1 < rows->nr && rows->at[last + 1].group == a->group &&
	       rows->at[last + 1].groups == a->groups &&
	       rows->at[last + 1].section == a->section)
		last++;
	return last;
}

static void draw_frames(const struct layout *l)
{
	static const char *const fills[] = {
		"#e3f2fd", "#fff3e0", "#e8f5e9", "#f3e5f5", "#fffde7",
		"#fce4ec", "#e0f7fa", "#f1f8e9",
	};
	const struct rows *rows = l->p->rows;
	int first, last, i;

	for (first = 0; first < rows->nr; first = last + 1) {
		const struct row *row = &rows->at[first];
		int left = left_of(l, first);
		char *label;

		last = run_of(rows, first);
		if (row->group < 0)
			continue;
		for (i = first; i <= last; i++)
			if (left_of(l, i) < left)
				left = left_of(l, i);
		printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"#5c6bc0\"%s/>\n",
		       left - FRAME, l->y[first] - FRAME + 1,
		       l->right - left + l->label + FRAME,
		       l->y[last] - l->y[first] + BOX + 2 * FRAME - 2,
		       fills[row->group % 8],
		       row->groups > 1 ? " stroke-dasharray=\"5 3\"" : "");
		label = rows_group_label(rows, first);
		text(l->right + 8, middle_of(l, first) + 4, "g", label);
		free(label);
	}
}

static void draw_bars(const struct layout *l)
{
	const struct rows *rows = l->p->rows;
	int i, width = l->right + l->label - 4;

	for (i = 0; i < rows->nr_sections; i++) {
		char *label = picture_section(&rows->sections[i]), *node;

		if (new_node(rows, i)) {
			node = xasprintf("NUMA node %d",
					 rows->sections[i].node);
			printf("<rect x=\"4\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" class=\"n\"/>\n",
			       l->bar[i] - BAR - 8, width, BAR);
			text(LEFT, l->bar[i] - BAR - 8 + 17, "a", node);
			free(node);
		}
		printf("<rect x=\"4\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" class=\"r\"/>\n",
		       l->bar[i], width, BAR);
		text(LEFT, l->bar[i] + 17, "a", label);
		free(label);
	}
}

/*
 * From each row up to its bridge or bar: a line to the right.  A bridge has one line
 * down, to the last of them, so that lines do not add up.
 */
static void draw_tree(const struct layout *l)
{
	const struct rows *rows = l->p->rows;
	int *last = xcalloc(rows->nr, sizeof(*last)), i, step = l->indent / 2;

	if (step > 12)
		step = 12;
	for (i = 0; i < rows->nr; i++) {
		int above = rows->at[i].above;
		int x = above < 0 ? LEFT - 12 : left_of(l, above) + step;

		printf("<path d=\"M%d %dH%d\" class=\"t\"/>\n", x,
		       middle_of(l, i), left_of(l, i));
		if (above >= 0)
			last[above] = i;
	}
	for (i = 0; i < rows->nr; i++)
		if (last[i])
			printf("<path d=\"M%d %dV%d\" class=\"t\"/>\n",
			       left_of(l, i) + step, l->y[i] + BOX,
			       middle_of(l, last[i]));
	for (i = 0; i < rows->nr_sections; i++) {
		const struct section *s = &rows->sections[i];
		int end = s->first + s->nr - 1;

		while (rows->at[end].above >= 0)
			end = rows->at[end].above;
		printf("<path d=\"M%d %dV%d\" class=\"t\"/>\n", LEFT - 12,
		       l->bar[i] + BAR, middle_of(l, end));
	}
	free(last);
}

static void draw_box(const struct layout *l, int row)
{
	const struct row *r = &l->p->rows->at[row];
	const struct function *f = &l->p->rows->t->functions[
					r->functions.at[0]];
	int x = left_of(l, row), y = l->y[row], width = l->right - x;
	char *label = rows_label(l->p->rows, row), *shorter;
	char address[ADDRESS_SIZE];

	/* Several: a second edge shows below the first */
	if (r->functions.nr > 1)
		printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" class=\"%s\"/>\n",
		       x, y + 3, width, BOX, f->bridge ? "b" : "f");
	shorter = picture_cut(label, CHARS(width - ADDRESS_WIDTH - 14));
	printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" class=\"%s\"/>\n",
	       x, y, width, BOX, f->bridge ? "b" : "f");
	text(x + 8, y + 16, "a", topology_address(f, address));
	text(x + 8 + ADDRESS_WIDTH, y + 16, "", shorter);
	free(shorter);
	free(label);
}

static void draw_way(const struct layout *l, int i)
{
	const struct way *way = &l->p->ways[i];
	int x = l->right + l->label + 6, far = x + LANES + l->lane[i] * LANE;
	/* So that arcs of one device do not all begin and end in one point */
	int from = middle_of(l, way->from) - 8 + i % 3 * 7;
	int to = middle_of(l, way->to) - 8 + i % 3 * 7;

	/* Among those of one row */
	if (way->from == way->to) {
		from = l->y[way->from] + 2;
		to = l->y[way->from] + BOX - 2;
	}
	printf("<path d=\"M%d %dH%dC%d %d %d %d %d %dH%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s",
	       x, from, far - 12, far, from, far, to, far - 12, to, x,
	       picture_colour(way->route), way->route == ROUTE_BLOCKED ?
	       " stroke-dasharray=\"4 3\"" : "");
	if (way->both)
		printf(" marker-start=\"url(#m%d)\"", (int)way->route);
	printf(" marker-end=\"url(#m%d)\"><title>%s</title></path>\n",
	       (int)way->route, path_route_name(way->route));
}

/* So that arrows of two lines do not lie on each other. */
static int tick_of(const struct layout *l, int row, int lane)
{
	return middle_of(l, row) - 5 + lane % 3 * 5;
}

static void draw_junction(const struct layout *l, int index)
{
	const struct junction *j = &l->p->junctions[index];
	int lane = l->lane[l->p->nr_ways + index], i;
	int x = l->right + l->label + 6, far = x + LANES + lane * LANE;
	const char *colour = picture_colour(j->route);

	printf("<path d=\"M%d %dV%d\" stroke=\"%s\" stroke-width=\"2\"><title>%s</title></path>\n",
	       far, tick_of(l, j->first, lane), tick_of(l, j->last, lane),
	       colour, path_route_name(j->route));
	for (i = j->first; i <= j->last; i++) {
		int y = tick_of(l, i, lane);

		if (!j->sends[i] && !j->takes[i])
			continue;
		printf("<path d=\"M%d %dH%d\" stroke=\"%s\" stroke-width=\"2\"",
		       far, y, x, colour);
		if (j->takes[i])
			printf(" marker-end=\"url(#m%d)\"", (int)j->route);
		puts("/>");
		if (j->sends[i])
			printf("<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"%s\"/>\n",
			       far, y, colour);
	}
}

/* What the colours mean, of those that are there, and what is missing. */
static void draw_legend(const struct layout *l)
{
	int i, x = LEFT, y = l->height - 18, hidden;
	char *words;

	for (i = 0; i <= ROUTE_UNKNOWN; i++) {
		if (!picture_has(l->p, i))
			continue;
		printf("<path d=\"M%d %dh22\" stroke=\"%s\" stroke-width=\"2\"/>\n",
		       x, y - 4, picture_colour(i));
		text(x + 26, y, "", picture_meaning(i));
		x += LEGEND;
	}
	if (l->p->nr_junctions)
		text(x, y, "", "from dots to arrows");
	hidden = rows_left_out(l->p->rows);
	if (!hidden)
		return;
	words = xasprintf("%d functions are not drawn", hidden);
	text(LEFT, y + 14, "", words);
	free(words);
}

static void draw_head(const struct layout *l)
{
	int i;

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
	       l->width, l->height, l->width, l->height);
	printf("<style>text{font:%dpx monospace}.a{font-weight:bold}"
	       ".g{font-weight:bold;fill:#3949ab}"
	       ".n{fill:#90a4ae;stroke:#37474f}.r{fill:#cfd8dc;stroke:#546e7a}"
	       ".b{fill:#eceff1;stroke:#546e7a}.f{fill:#fff;stroke:#37474f}"
	       ".t{fill:none;stroke:#90a4ae}</style>\n<defs>\n", FONT);
	for (i = 0; i <= ROUTE_UNKNOWN; i++)
		if (picture_has(l->p, i))
			printf("<marker id=\"m%d\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"%s\"/></marker>\n",
			       i, picture_colour(i));
	printf("</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
	       l->width, l->height);
}

/**
 * picture_svg() - write a picture as SVG
 * @p: the picture
 */
void picture_svg(const struct picture *p)
{
	struct layout l = { .p = p };
	int i;

	layout(&l);
	draw_head(&l);
	draw_frames(&l);
	draw_bars(&l);
	draw_tree(&l);
	for (i = 0; i < p->rows->nr; i++)
		draw_box(&l, i);
	for (i = 0; i < p->nr_ways; i++)
		draw_way(&l, i);
	for (i = 0; i < p->nr_junctions; i++)
		draw_junction(&l, i);
	draw_legend(&l);
	puts("</svg>");
	free(l.y);
	free(l.bar);
	free(l.lane);
}
