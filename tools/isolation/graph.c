// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid isolation graph: what to draw.
 */
#include "isolation/graph.h"

#include <stdlib.h>
#include <string.h>

#include "isolation/dot.h"
#include "isolation/picture.h"
#include "isolation/picture_json.h"
#include "isolation/svg.h"
#include "pci/class.h"
#include "pci/defaults.h"
#include "pci/gaps.h"
#include "pci/reach.h"
#include "wrap.h"

/* More than that nobody could tell apart in a picture. */
#define WAYS_MAX 60

/**
 * struct wish - what was asked for
 * @svg: SVG, not dot
 * @all: nothing is to be folded
 * @only: for each function, that it is to be drawn; NULL for all of them
 * @p2p: ways that are to be drawn, a pair of functions each; none: those that leak
 */
struct wish {
	bool svg;
	bool all;
	bool *only;
	struct crossings p2p;
};

/*
 * Who gets to whom in another group.  Below a bridge, as a rule, all get to all or
 * nobody does.  If not, what holds for the first function of a row holds for the
 * others, as they are alike.
 */
static void add_reach(struct picture *p, const struct reach *reach,
		      enum route route)
{
	struct indices from = { }, to = { };
	int i, j;

	for (i = 0; i < p->rows->t->nr; i++) {
		reach_below(reach, i, &from, &to);
		if (from.nr && to.nr)
			picture_junction(p, &from, &to, route);
	}
	for (i = 0; i < p->rows->nr && p->nr_ways <= WAYS_MAX; i++) {
		int sender = p->rows->at[i].functions.at[0];

		reach_listed(reach, sender, &to);
		for (j = 0; j < to.nr && p->nr_ways <= WAYS_MAX; j++)
			picture_way(p, sender, to.at[j], route);
	}
	free(from.at);
	free(to.at);
}

/* Ways past the IOMMU, and those of which that is not known. */
static void add_leaks(struct picture *p)
{
	const struct topology *t = p->rows->t;
	struct reach *reach = reach_new(t, p->rows->g, path_reaches);

	add_reach(p, reach, ROUTE_DIRECT);
	reach_free(reach);
	if (gaps_any(t)) {
		reach = reach_new(t, p->rows->g, path_unknown);
		add_reach(p, reach, ROUTE_UNKNOWN);
		reach_free(reach);
	}
	if (p->nr_ways > WAYS_MAX) {
		warn("more than %d ways between groups: not all are drawn",
		     WAYS_MAX);
		p->nr_ways = WAYS_MAX;
	}
}

static void add_wanted(struct picture *p, const struct crossings *p2p)
{
	int i;

	for (i = 0; i < p2p->nr; i++) {
		int from = p2p->at[i].from, to = p2p->at[i].to;

		picture_way(p, from, to, path_find(p->rows->t, from, to,
						   TRAFFIC_REQUEST).route);
	}
}

/* Words ----------------------------------------------------------------------- */

static void wish_p2p(struct session *session, struct wish *wish, char *list)
{
	char *comma = strchr(list, ',');
	int a, b;

	if (!comma)
		usage_error("--p2p takes two devices with a comma, not", list);
	*comma = '\0';
	a = session_function(session, list);
	b = session_function(session, comma + 1);
	crossings_add(&wish->p2p, a, b);
	crossings_add(&wish->p2p, b, a);
}

/* A device, and what is behind it. */
static void wish_branch(const struct topology *t, bool *only, int index)
{
	int i, at;

	for (i = index; i < t->nr; i++)
		for (at = i; at >= index; at = topology_above(t, at))
			if (at == index)
				only[i] = true;
}

static void wish_only(struct session *session, struct wish *wish, char *list)
{
	const struct topology *t = session_topology(session);
	char *word, *rest;
	int i;

	if (!wish->only)
		wish->only = xcalloc(t->nr, sizeof(*wish->only));
	for (word = strtok_r(list, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (strchr(word, ':')) {
			wish_branch(t, wish->only,
				    session_function(session, word));
			continue;
		}
		if (!class_known(word))
			fail(STATUS_USAGE, "--only takes PCI addresses, and classes: %s, or as 0302; not \"%s\"",
			     class_words(), word);
		for (i = 0; i < t->nr; i++)
			if (class_fits(t->functions[i].class, word))
				wish->only[i] = true;
	}
}

static void parse(struct session *session, struct wish *wish, int argc,
		  char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		bool more = i + 1 < argc;

		if (!strcmp(argv[i], "svg") || !strcmp(argv[i], "dot"))
			wish->svg = *argv[i] == 's';
		else if (!strcmp(argv[i], "--all"))
			wish->all = true;
		else if (!strcmp(argv[i], "--p2p") && more)
			wish_p2p(session, wish, argv[++i]);
		else if (!strcmp(argv[i], "--only") && more)
			wish_only(session, wish, argv[++i]);
		else
			usage_error("graph does not know", argv[i]);
	}
}

/* What was asked for is in the picture, and by itself if it was named. */
static void arrange(struct rows *rows, struct wish *wish)
{
	int i, n = 0;

	for (i = 0; i < wish->p2p.nr; i++)
		rows->single[wish->p2p.at[i].from] = true;
	for (i = 0; wish->only && i < rows->t->nr; i++) {
		wish->only[i] |= rows->single[i];
		n += wish->only[i];
	}
	if (wish->only && !n)
		fail(STATUS_FAILED, "no function is of what --only takes");
	if (wish->only)
		rows_only(rows, wish->only);
	rows_arrange(rows, !wish->all && !output.json);
}

static void draw(const struct topology *t, const struct picture *p, bool svg)
{
	defaults_warn(t);
	wrap_end();
	if (svg)
		picture_svg(p);
	else
		picture_dot(p);
}

/**
 * graph() - the command
 * @session: the machine
 * @argc: number of words
 * @argv: the words
 *
 * Return: exit status.
 */
enum status graph(struct session *session, int argc, char **argv)
{
	const struct topology *t = session_topology(session);
	struct groups *model = groups_predict(t);
	struct groups *kernel = t->live ? groups_of_kernel(t) : NULL;
	struct picture p = { .rows = rows_new(t, kernel ? kernel : model) };
	struct wish wish = { };

	parse(session, &wish, argc, argv);
	arrange(p.rows, &wish);
	if (wish.p2p.nr)
		add_wanted(&p, &wish.p2p);
	else
		add_leaks(&p);
	if (output.json)
		output_json(session_json(session, picture_json(&p)));
	else
		draw(t, &p, wish.svg);
	picture_free(&p);
	free(wish.p2p.at);
	free(wish.only);
	groups_free(kernel);
	groups_free(model);
	return session_status(session, false);
}
