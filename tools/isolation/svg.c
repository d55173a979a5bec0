// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture as SVG, without the help of Graphviz.  Each function has a line,
 * indented below its bridge, so that a group is mostly a block of lines with a frame
 * around it; a group whose lines are scattered has several frames.  Paths are arcs
 * on the right.
 */
#include "isolation/svg.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "isolation/picture.h"
#include "output.h"

#define ROW 34
#define BOX 24
#define INDENT 30
#define LEFT 24
#define TOP 64
#define WIDTH 640		/* right edge of the boxes */
#define FRAME 5			/* from a box to its group's frame */
#define LABEL 74		/* room for "group 123" */
#define LANE 14			/* from one arc to the next */
#define LEGEND 178		/* from one word of the legend to the next */
#define CHARS(pixels) ((pixels) / 7)

/**
 * struct layout - where things are
 * @order: functions from top to bottom
 * @row: for each function its line
 * @depth: and how many bridges are above it
 * @nr: how many
 */
struct layout {
	int *order;
	int *row;
	int *depth;
	int nr;
};

static void place(const struct picture *p, struct layout *l, int index,
		  int depth)
{
	int i;

	l->row[index] = l->nr;
	l->depth[index] = depth;
	l->order[l->nr++] = index;
	for (i = p->t->functions[index].inside; i >= 0;
	     i = p->t->functions[i].beside)
		place(p, l, i, depth + 1);
}

static void layout(const struct picture *p, struct layout *l)
{
	int i;

	l->order = xcalloc(p->t->nr, sizeof(int));
	l->row = xcalloc(p->t->nr, sizeof(int));
	l->depth = xcalloc(p->t->nr, sizeof(int));
	l->nr = 0;
	for (i = p->t->roots; i >= 0; i = p->t->functions[i].beside)
		place(p, l, i, 0);
}

static int left_of(const struct layout *l, int index)
{
	return LEFT + l->depth[index] * INDENT;
}

static int middle_of(const struct layout *l, int index)
{
	return TOP + l->row[index] * ROW + BOX / 2;
}

/* At most @max characters of @text. */
static void text_of(const char *text, int max)
{
	for (; *text && max > 0; text++, max--) {
		switch (*text) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		default:
			putchar(*text < ' ' || *text > '~' ? '?' : *text);
		}
	}
	if (*text)
		fputs("...", stdout);
}

/* Lines on end that are of one group, from line @first on. */
static int run_of(const struct picture *p, const struct layout *l, int first)
{
	int last = first;

	while (last + 1 < l->nr &&
	       p->g->of[l->order[last + 1]] == p->g->of[l->order[first]])
		last++;
	return last;
}

static void draw_frames(const struct picture *p, const struct layout *l)
{
	static const char *const fills[] = {
		"#e3f2fd", "#fff3e0", "#e8f5e9", "#f3e5f5", "#fffde7",
		"#fce4ec", "#e0f7fa", "#f1f8e9",
	};
	int first, last, i;

	for (first = 0; first < l->nr; first = last + 1) {
		int group = p->g->of[l->order[first]], left = WIDTH;

		last = run_of(p, l, first);
		if (group < 0)
			continue;
		for (i = first; i <= last; i++)
			if (left_of(l, l->order[i]) < left)
				left = left_of(l, l->order[i]);
		printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"#5c6bc0\"/>\n",
		       left - FRAME, TOP + first * ROW - FRAME + 1,
		       WIDTH - left + LABEL + FRAME,
		       (last - first) * ROW + BOX + 2 * FRAME - 2,
		       fills[group % 8]);
		printf("<text x=\"%d\" y=\"%d\" class=\"g\">group %d</text>\n",
		       WIDTH + 8, middle_of(l, l->order[first]) + 4, group);
	}
}

/* From each function up to its bridge: a line down, and one to the right. */
static void draw_tree(const struct picture *p, const struct layout *l)
{
	int i;

	for (i = 0; i < p->t->nr; i++) {
		int above = topology_above(p->t, i);
		int x = above < 0 ? LEFT - 12 : left_of(l, above) + 12;
		int top = above < 0 ? TOP - 14 : middle_of(l, above) + BOX / 2;

		printf("<path d=\"M%d %dV%dH%d\" class=\"t\"/>\n", x, top,
		       middle_of(l, i), left_of(l, i));
	}
}

static void draw_box(const struct picture *p, const struct layout *l, int i)
{
	const struct function *f = &p->t->functions[i];
	char address[ADDRESS_SIZE], *line;
	int x = left_of(l, i), y = TOP + l->row[i] * ROW;

	printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" class=\"%s\"/>\n",
	       x, y, WIDTH - x, BOX, f->bridge ? "b" : "f");
	printf("<text x=\"%d\" y=\"%d\" class=\"a\">%s</text>\n", x + 8,
	       y + 16, topology_address(f, address));
	line = xasprintf("%s, %s", topology_kind(f), f->name);
	printf("<text x=\"%d\" y=\"%d\">", x + 108, y + 16);
	text_of(line, CHARS(WIDTH - x - 130));
	puts("</text>");
	free(line);
}

static void draw_way(const struct picture *p, const struct layout *l, int i,
		     int lane)
{
	const struct pair *way = &p->ways.at[i];
	enum route route = path_find(p->t, way->a, way->b,
				     TRAFFIC_REQUEST).route;
	int x = WIDTH + LABEL + 10, far = x + 24 + lane * LANE;
	/* So that arcs of one device do not all begin and end in one point */
	int from = middle_of(l, way->a) - 8 + lane % 3 * 7;
	int to = middle_of(l, way->b) - 8 + lane % 3 * 7;

	printf("<path d=\"M%d %dH%dC%d %d %d %d %d %dH%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s",
	       x, from, far - 12, far, from, far, to, far - 12, to, x,
	       picture_colour(route),
	       route == ROUTE_BLOCKED ? " stroke-dasharray=\"4 3\"" : "");
	if (picture_back(p, i) >= 0)
		printf(" marker-start=\"url(#m%d)\"", (int)route);
	printf(" marker-end=\"url(#m%d)\"><title>%s</title></path>\n",
	       (int)route, path_route_name(route));
}

/* Return: how many there are. */
static int draw_ways(const struct picture *p, const struct layout *l,
		     bool really)
{
	int i, lane = 0;

	for (i = 0; i < p->ways.nr; i++) {
		int back = picture_back(p, i);

		if (back >= 0 && back < i)
			continue;
		if (really)
			draw_way(p, l, i, lane);
		lane++;
	}
	return lane;
}

static void draw_legend(int y)
{
	static const char *const words[] = {
		[ROUTE_DIRECT] = "direct, past the IOMMU",
		[ROUTE_POSSIBLE] = "possibly past the IOMMU",
		[ROUTE_REDIRECTED] = "through the IOMMU",
		[ROUTE_ROOT] = "inside the root complex",
		[ROUTE_BLOCKED] = "blocked",
	};
	int i;

	for (i = 0; i <= ROUTE_BLOCKED; i++)
		printf("<path d=\"M%d %dh22\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%d\" y=\"%d\" class=\"l\">%s</text>\n",
		       LEFT + i * LEGEND, y, picture_colour(i),
		       LEFT + i * LEGEND + 26, y + 4, words[i]);
}

static void draw_head(int width, int height)
{
	int i;

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
	       width, height, width, height);
	puts("<style>text{font:12px sans-serif}.a{font:bold 12px monospace}"
	     ".g{font:bold 12px sans-serif;fill:#3949ab}.l{font-size:11px}"
	     ".b{fill:#eceff1;stroke:#546e7a}.f{fill:#fff;stroke:#37474f}"
	     ".t{fill:none;stroke:#90a4ae}</style>\n<defs>");
	for (i = 0; i <= ROUTE_BLOCKED; i++)
		printf("<marker id=\"m%d\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"%s\"/></marker>\n",
		       i, picture_colour(i));
	printf("</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
	       width, height);
}

/**
 * picture_svg() - write a picture as SVG
 * @p: the picture
 */
void picture_svg(const struct picture *p)
{
	int width = WIDTH + LABEL + 52, height, i;
	struct layout l;

	layout(p, &l);
	width += draw_ways(p, &l, false) * LANE;
	height = TOP + l.nr * ROW + 44;
	if (width < LEFT + 5 * LEGEND)
		width = LEFT + 5 * LEGEND;
	draw_head(width, height);
	draw_frames(p, &l);
	printf("<rect x=\"4\" y=\"16\" width=\"%d\" height=\"34\" rx=\"8\" fill=\"#cfd8dc\" stroke=\"#546e7a\"/><text x=\"%d\" y=\"38\" class=\"a\">root complex</text>\n",
	       WIDTH + LABEL - 4, LEFT);
	draw_tree(p, &l);
	for (i = 0; i < l.nr; i++)
		draw_box(p, &l, i);
	draw_ways(p, &l, true);
	draw_legend(height - 20);
	puts("</svg>");
	free(l.order);
	free(l.row);
	free(l.depth);
}
