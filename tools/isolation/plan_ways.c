// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight devices that each reach each other have 56 ways, and mostly the same is to be said
 * of all of them: then it is said once.
 */
#include "isolation/plan_ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "output.h"
#include "pci/p2pdma.h"
#include "pci/span.h"

/**
 * struct said - what there is to say of pairs
 * @pairs: of which
 * @there: for each, of the way from the first to the second, or of both
 * @back: of the way back, or NULL: there is one thing to say of both
 */
struct said {
	const struct pairs *pairs;
	char **there;
	char **back;
};

static void forget(struct said *said)
{
	int i;

	for (i = 0; i < said->pairs->nr; i++) {
		free(said->there[i]);
		if (said->back)
			free(said->back[i]);
	}
	free(said->there);
	free(said->back);
}

/* Clusters ------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int leader(const int *up, int index)
{
	while (up[index] != index)
		index = up[index];
	return index;
}

/* For each function the one that stands for all that are connected with it. */
static int *connect(const struct topology *t, const struct pairs *pairs)
{
	int *up = xcalloc(t->nr, sizeof(*up)), i, a, b;

	for (i = 0; i < t->nr; i++)
		up[i] = i;
	for (i = 0; i < pairs->nr; i++) {
		a = leader(up, pairs->at[i].a);
		b = leader(up, pairs->at[i].b);
		up[a > b ? a : b] = a > b ? b : a;
	}
	for (i = 0; i < t->nr; i++)
		up[i] = leader(up, i);
	return up;
}

/* All pairs of a cluster, once each, with the same said of all ways? */
static bool alike(const struct said *said, const int *up, int head, int members)
{
	const char *first = NULL;
	int i, n = 0;

	for (i = 0; i < said->pairs->nr; i++) {
		if (up[said->pairs->at[i].a] != head)
			continue;
		if (!first)
			first = said->there[i];
		if (strcmp(said->there[i], first) ||
		    (said->back && strcmp(said->back[i], first)))
			return false;
		n++;
	}
	return members > 2 && n == members * (members - 1) / 2;
}

static int members_of(const struct said *said, const int *up, int head,
		      int *members)
{
	int i, n = 0, kept = 0;

	for (i = 0; i < said->pairs->nr; i++) {
		if (up[said->pairs->at[i].a] != head)
			continue;
		members[n++] = said->pairs->at[i].a;
		members[n++] = said->pairs->at[i].b;
	}
	qsort(members, n, sizeof(*members), by_number);
	for (i = 0; i < n; i++)
		if (!kept || members[kept - 1] != members[i])
			members[kept++] = members[i];
	return kept;
}

/* Printing ------------------------------------------------------------------ */

static void print_pair(const struct topology *t, const struct said *said, int i)
{
	const struct pair *pair = &said->pairs->at[i];
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];

	topology_address(&t->functions[pair->a], a);
	topology_address(&t->functions[pair->b], b);
	printf("  %s %s %s: %s\n", a, said->back ? "->" : "-", b,
	       said->there[i]);
	if (said->back)
		printf("  %s -> %s: %s\n", b, a, said->back[i]);
}

static void print_cluster(const struct topology *t, const struct said *said,
			  const int *up, int at, int *members)
{
	int head = up[said->pairs->at[at].a], i, n;
	char *names;

	n = members_of(said, up, head, members);
	if (alike(said, up, head, n)) {
		names = span_text(t, members, n);
		printf("  %s, each with each: %s\n", names, said->there[at]);
		free(names);
		return;
	}
	for (i = at; i < said->pairs->nr; i++)
		if (up[said->pairs->at[i].a] == head)
			print_pair(t, said, i);
}

static void print_all(const struct topology *t, const struct said *said)
{
	int *up = connect(t, said->pairs);
	int *members = xcalloc(2 * said->pairs->nr, sizeof(*members));
	bool *done = xcalloc(t->nr, sizeof(*done));
	int i;

	for (i = 0; i < said->pairs->nr; i++) {
		int head = up[said->pairs->at[i].a];

		if (!done[head])
			print_cluster(t, said, up, i, members);
		done[head] = true;
	}
	free(done);
	free(members);
	free(up);
}

/* Of the hardware ------------------------------------------------------------ */

/* Routes of all ways, there and back, with the settings that the plan has now. */
static enum route *routes(const struct plan *p, const struct pairs *pairs,
			  enum traffic traffic)
{
	enum route *route = xcalloc(2 * pairs->nr + 1, sizeof(*route));
	int i;

	for (i = 0; i < pairs->nr; i++) {
		const struct pair *pair = &pairs->at[i];

		route[2 * i] = path_find(p->t, pair->a, pair->b, traffic).route;
		route[2 * i + 1] = path_find(p->t, pair->b, pair->a,
					     traffic).route;
	}
	return route;
}

static char *change_text(enum route before, enum route after)
{
	return xasprintf("%s before, %s%s%s after", path_route_name(before),
			 paint(PAINT_HEAD), path_route_name(after),
			 paint(PAINT_OFF));
}

static void print_ways(struct plan *p, const struct pairs *pairs,
		       enum traffic traffic)
{
	struct said said = { .pairs = pairs };
	enum route *before, *after;
	int i;

	if (!pairs->nr)
		return;
	plan_use(p, p->now);
	before = routes(p, pairs, traffic);
	plan_use(p, p->then);
	after = routes(p, pairs, traffic);
	said.there = xcalloc(pairs->nr, sizeof(*said.there));
	said.back = xcalloc(pairs->nr, sizeof(*said.back));
	for (i = 0; i < pairs->nr; i++) {
		said.there[i] = change_text(before[2 * i], after[2 * i]);
		said.back[i] = change_text(before[2 * i + 1], after[2 * i + 1]);
	}
	print_all(p->t, &said);
	forget(&said);
	free(before);
	free(after);
}

/**
 * ways_text() - the ways that a plan is about
 * @p: a plan that has been made
 */
void ways_text(struct plan *p)
{
	puts(p->translated ? "\nways (translated requests)" :
			     "\nways (requests)");
	print_ways(p, &p->p2p, p->translated ? TRAFFIC_TRANSLATED :
					       TRAFFIC_REQUEST);
	print_ways(p, &p->isolate, TRAFFIC_REQUEST);
}

static void add_ways(json_t *array, struct plan *p, const struct pairs *pairs,
		     enum traffic traffic)
{
	enum route *before, *after;
	int i;

	plan_use(p, p->now);
	before = routes(p, pairs, traffic);
	plan_use(p, p->then);
	after = routes(p, pairs, traffic);
	for (i = 0; i < 2 * pairs->nr; i++) {
		const struct pair *pair = &pairs->at[i / 2];

		json_array_append_new(array, json_pack("{so so ss ss}",
			"from", explain_address(p->t, i & 1 ? pair->b : pair->a),
			"to", explain_address(p->t, i & 1 ? pair->a : pair->b),
			"before", path_route_name(before[i]),
			"after", path_route_name(after[i])));
	}
	free(before);
	free(after);
}

/**
 * ways_json() - the ways that a plan is about, as JSON
 * @p: a plan that has been made
 *
 * Return: an array.
 */
json_t *ways_json(struct plan *p)
{
	json_t *array = xjson(json_array());

	add_ways(array, p, &p->p2p, p->translated ? TRAFFIC_TRANSLATED :
						    TRAFFIC_REQUEST);
	add_ways(array, p, &p->isolate, TRAFFIC_REQUEST);
	return array;
}

/* Of the kernel -------------------------------------------------------------- */

static struct p2pdma *verdicts(const struct plan *p)
{
	struct p2pdma *verdict = xcalloc(p->p2p.nr + 1, sizeof(*verdict));
	int i;

	for (i = 0; i < p->p2p.nr; i++)
		verdict[i] = p2pdma_judge(p->t, p->p2p.at[i].a,
					  p->p2p.at[i].b);
	return verdict;
}

/* The reason is left out where it would keep apart what is alike. */
static char *verdict_text(const struct plan *p, const struct p2pdma *before,
			  const struct p2pdma *after, bool why)
{
	char *reason = why ? p2pdma_text(p->t, after) : NULL;
	char *text = xasprintf("%s before, %s%s%s after%s%s",
			       p2pdma_name(before->map), paint(PAINT_HEAD),
			       p2pdma_name(after->map), paint(PAINT_OFF),
			       why ? ": " : "", why ? reason : "");

	free(reason);
	return text;
}

/* Is the plan one for speed only? */
static void already_text(const struct plan *p, const struct p2pdma *before,
			 const struct p2pdma *after)
{
	char *host;
	int i;

	for (i = 0; i < p->p2p.nr; i++)
		if (before[i].map == P2PDMA_HOST_BRIDGE &&
		    after[i].map == P2PDMA_DIRECT)
			break;
	if (i == p->p2p.nr)
		return;
	host = p2pdma_host_text(p->t, &before[i]);
	printf("  %swithout the plan they use the way through the root complex: %s%s\n",
	       paint(PAINT_NOTE), host, paint(PAINT_OFF));
	free(host);
}

/**
 * kernel_ways_text() - what the kernel's own drivers make of a plan
 * @p: a plan that has been made
 */
void kernel_ways_text(struct plan *p)
{
	struct said said = { .pairs = &p->p2p };
	struct p2pdma *before, *after;
	int i, short_of = 0;

	if (!p->p2p.nr)
		return;
	plan_use(p, p->now);
	before = verdicts(p);
	plan_use(p, p->then);
	after = verdicts(p);
	said.there = xcalloc(p->p2p.nr, sizeof(*said.there));
	for (i = 0; i < p->p2p.nr; i++) {
		said.there[i] = verdict_text(p, &before[i], &after[i],
			p->p2p.nr == 1 || after[i].map != P2PDMA_DIRECT);
		short_of += after[i].map != P2PDMA_DIRECT &&
			    after[i].common >= 0;
	}
	puts("\nthe kernel's own drivers (p2pdma)");
	print_all(p->t, &said);
	already_text(p, before, after);
	if (short_of && !p->kernel)
		printf("  %sthey would not use all of these ways: --for kernel plans for them%s\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF));
	forget(&said);
	free(before);
	free(after);
}

/**
 * kernel_ways_json() - the same as JSON
 * @p: a plan that has been made
 *
 * Return: an array.
 */
json_t *kernel_ways_json(struct plan *p)
{
	json_t *array = xjson(json_array());
	struct p2pdma *before, *after;
	int i;

	plan_use(p, p->now);
	before = verdicts(p);
	plan_use(p, p->then);
	after = verdicts(p);
	for (i = 0; i < p->p2p.nr; i++) {
		char *text = p2pdma_text(p->t, &after[i]);

		json_array_append_new(array, json_pack("{so so ss ss so}",
			"a", explain_address(p->t, p->p2p.at[i].a),
			"b", explain_address(p->t, p->p2p.at[i].b),
			"before", p2pdma_name(before[i].map),
			"after", p2pdma_name(after[i].map),
			"text", json_text(text)));
		free(text);
	}
	free(before);
	free(after);
	return array;
}
