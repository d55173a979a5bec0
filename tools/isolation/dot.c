// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture in the language of Graphviz.  What a colour means is told once, in a node of
 * its own: labels at the edges would lie on each other, since the edges do.  Edges leave
 * and enter at the sides, so that they do not cross the names of groups.
 */
#include "isolation/dot.h"

#include <stdio.h>
#include <stdlib.h>

#include "isolation/picture.h"
#include "output.h"

#define LABEL_MAX 80

/* A string between quotes. */
static void string(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? '?' : *text);
	}
}

static void node(const struct picture *p, int row, const char *indent)
{
	const struct row *r = &p->rows->at[row];
	const struct function *f = &p->rows->t->functions[r->functions.at[0]];
	char *label = rows_label(p->rows, row);
	char *shorter = picture_cut(label, LABEL_MAX);
	char address[ADDRESS_SIZE];

	printf("%sn%d [label=\"%s\\n", indent, row,
	       topology_address(f, address));
	string(shorter);
	printf("\"%s%s];\n", r->functions.nr > 1 ? ", peripheries=2" : "",
	       f->bridge ? ", style=filled, fillcolor=\"#eceff1\"" : "");
	free(shorter);
	free(label);
}

/* Rows of one group; those of several alike ones are with the first. */
static void groups(const struct picture *p)
{
	const struct rows *rows = p->rows;
	int *next = xcalloc(rows->nr, sizeof(*next));
	int *last = xcalloc(rows->t->nr, sizeof(*last));
	bool *later = xcalloc(rows->nr, sizeof(*later));
	const int *members;
	int i, nr;

	for (i = 0; i < rows->nr; i++)
		next[i] = -1;
	for (i = 0; i < rows->nr; i++) {
		if (rows->at[i].group < 0)
			continue;
		members = groups_members(rows->g, rows->at[i].group, &nr);
		if (last[members[0]]) {
			next[last[members[0]] - 1] = i;
			later[i] = true;
		}
		last[members[0]] = i + 1;
	}
	for (i = 0; i < rows->nr; i++) {
		char *label = rows_group_label(rows, i);
		int at;

		if (!label)
			node(p, i, "\t");
		if (label && !later[i]) {
			printf("\tsubgraph cluster_%d {\n"
			       "\t\tlabel=\"%s\"; style=\"rounded,bold\"; color=\"#5c6bc0\";\n",
			       rows->at[i].group, label);
			for (at = i; at >= 0; at = next[at])
				node(p, at, "\t\t");
			puts("\t}");
		}
		free(label);
	}
	free(next);
	free(last);
	free(later);
}

static void legend(const struct picture *p)
{
	bool any = false;
	int i;

	for (i = 0; i <= ROUTE_UNKNOWN; i++) {
		if (!picture_has(p, i))
			continue;
		printf("%s<tr><td align=\"left\"><font color=\"%s\">%s</font></td></tr>",
		       any ? "" : "\tlegend [shape=plain, label=<<table border=\"0\">",
		       picture_colour(i), picture_meaning(i));
		any = true;
	}
	if (any)
		puts("</table>>];");
}

/* A point, with an edge to each row: towards it, from it, or both. */
static void junction(const struct picture *p, int index)
{
	const struct junction *j = &p->junctions[index];
	const char *colour = picture_colour(j->route);
	int i;

	printf("\tj%d [shape=point, width=0.1, color=\"%s\", tooltip=\"%s\"];\n",
	       index, colour, path_route_name(j->route));
	for (i = j->first; i <= j->last; i++) {
		if (!j->sends[i] && !j->takes[i])
			continue;
		printf("\tn%d:e -> j%d [color=\"%s\", penwidth=2, dir=%s];\n",
		       i, index, colour, !j->takes[i] ? "forward" :
		       j->sends[i] ? "both" : "back");
	}
}

/**
 * picture_dot() - write a picture for Graphviz
 * @p: the picture
 */
void picture_dot(const struct picture *p)
{
	const struct rows *rows = p->rows;
	int i;

	puts("digraph isolation {\n"
	     "\trankdir=LR; fontname=\"sans-serif\"; fontsize=10;\n"
	     "\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
	     "\tedge [fontname=\"sans-serif\", fontsize=9];");
	for (i = 0; i < rows->nr_sections; i++) {
		char *label = picture_section(&rows->sections[i]);

		printf("\troot%d [label=\"%s", i, label);
		if (rows->sections[i].node >= 0)
			printf("\\nNUMA node %d", rows->sections[i].node);
		puts("\", shape=ellipse];");
		free(label);
	}
	groups(p);
	for (i = 0; i < rows->nr; i++) {
		if (rows->at[i].above < 0)
			printf("\troot%d:e -> n%d:w [dir=none];\n",
			       rows->at[i].section, i);
		else
			printf("\tn%d:e -> n%d:w [dir=none];\n",
			       rows->at[i].above, i);
	}
	for (i = 0; i < p->nr_ways; i++) {
		const struct way *way = &p->ways[i];

		printf("\tn%d:e -> n%d:e [color=\"%s\", tooltip=\"%s\", penwidth=2, constraint=false%s];\n",
		       way->from, way->to, picture_colour(way->route),
		       path_route_name(way->route),
		       way->both ? ", dir=both" : "");
	}
	for (i = 0; i < p->nr_junctions; i++)
		junction(p, i);
	legend(p);
	puts("}");
}
