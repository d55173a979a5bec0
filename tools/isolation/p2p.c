// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid p2p: how two functions reach each other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "isolation/explain.h"
#include "isolation/objects.h"
#include "pci/defaults.h"
#include "pci/p2pdma.h"
#include "pci/path.h"
#include "pci/span.h"

#define STEPS_MAX 64

static const char *const traffic_names[TRAFFIC_KINDS] = {
	[TRAFFIC_REQUEST] = "requests",
	[TRAFFIC_TRANSLATED] = "translated",
	[TRAFFIC_COMPLETION] = "completions",
};

/* What a route means to somebody who wants it, or fears it. */
static const char *meaning(enum route route, enum traffic traffic)
{
	if (traffic == TRAFFIC_COMPLETION && route == ROUTE_DIRECT)
		return "straight back";
	if (traffic == TRAFFIC_COMPLETION && route == ROUTE_REDIRECTED)
		return "by way of the root complex, unless relaxed in order";
	if (traffic == TRAFFIC_COMPLETION && route == ROUTE_POSSIBLE)
		return "straight back, if the hardware does such a thing";
	switch (route) {
	case ROUTE_DIRECT:
		return "past the IOMMU, whatever is mapped";
	case ROUTE_POSSIBLE:
		return "past the IOMMU, if the hardware does such a thing: nothing forbids it";
	case ROUTE_REDIRECTED:
		return "through the IOMMU, if the target's BAR is mapped for the sender; whether the root complex forwards it is not known";
	case ROUTE_ROOT:
		return "up to the root complex: whether that forwards it is not known";
	case ROUTE_BLOCKED:
		return "never";
	case ROUTE_UNKNOWN:
		return "take it for direct until it is known";
	}
	return "";
}

static enum paint colour_of(enum route route)
{
	switch (route) {
	case ROUTE_DIRECT:
	case ROUTE_POSSIBLE:
	case ROUTE_UNKNOWN:
		return PAINT_NOTE;
	case ROUTE_BLOCKED:
		return PAINT_BAD;
	default:
		return PAINT_GOOD;
	}
}

/* Completions of what @from reads come back from @to. */
static struct path way_of(const struct topology *t, int from, int to,
			  enum traffic traffic)
{
	return traffic == TRAFFIC_COMPLETION ?
	       path_find(t, to, from, traffic) :
	       path_find(t, from, to, traffic);
}

static void direction_text(const struct topology *t, int from, int to)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];
	int steps[STEPS_MAX], n, i;

	printf("%s%s -> %s%s\n", paint(PAINT_HEAD),
	       topology_address(&t->functions[from], a),
	       topology_address(&t->functions[to], b), paint(PAINT_OFF));
	n = path_steps(t, from, to, steps, STEPS_MAX);
	for (i = 0; i < n; i++)
		printf("%s%s %s", i ? ", " : "  way: ",
		       topology_kind(&t->functions[steps[i]]),
		       topology_address(&t->functions[steps[i]], a));
	putchar('\n');
	if (!topology_is_target(&t->functions[to]))
		printf("  %s has no memory BAR: there is nothing in it that the other could address\n",
		       topology_address(&t->functions[to], a));
	for (i = 0; i < TRAFFIC_KINDS; i++) {
		struct path path = way_of(t, from, to, i);
		char *text = path_text(t, &path, i);

		printf("  %-12s %s%s%s (%s): %s\n", traffic_names[i],
		       paint(colour_of(path.route)),
		       path_route_name(path.route), paint(PAINT_OFF),
		       meaning(path.route, i), text);
		free(text);
	}
}

/* Two verdicts: above, what the hardware does; and what the kernel makes of it. */
static void kernel_text(const struct topology *t, int a, int b)
{
	struct p2pdma verdict = p2pdma_judge(t, a, b);
	char *text = p2pdma_text(t, &verdict);

	printf("%sthe kernel's own drivers (p2pdma)%s\n  %-12s %s%s%s (%s): %s\n",
	       paint(PAINT_HEAD), paint(PAINT_OFF), "both ways",
	       paint(verdict.map == P2PDMA_REFUSED ? PAINT_BAD : PAINT_GOOD),
	       p2pdma_name(verdict.map), paint(PAINT_OFF),
	       p2pdma_meaning(verdict.map), text);
	free(text);
}

static json_t *kernel_json(const struct topology *t, int a, int b)
{
	struct p2pdma verdict = p2pdma_judge(t, a, b);
	char *text = p2pdma_text(t, &verdict);
	char *host = p2pdma_host_text(t, &verdict);
	json_t *value = json_pack("{ss so so so so}", "verdict",
				  p2pdma_name(verdict.map), "redirecting",
				  explain_address(t, verdict.redirecting),
				  "root_complex_forwards",
				  verdict.host == HOST_CPU_UNKNOWN ?
				  json_null() :
				  json_boolean(verdict.host <= HOST_LISTED),
				  "host", json_text(host),
				  "text", json_text(text));

	free(host);
	free(text);
	return xjson(value);
}

/* The two are not alone: who else is let through to them? */
static bool reaches(const struct topology *t, int from, int to)
{
	return !t->functions[from].bridge &&
	       topology_is_target(&t->functions[to]) &&
	       path_reaches(t, from, to);
}

/* A line for those that reach both, and one for those that reach either. */
static void others_text(const struct topology *t, int a, int b)
{
	int *from = xcalloc(t->nr, sizeof(*from)), pair[] = { a, b };
	int i, n, which;
	char *who, *whom;

	if (a > b)
		pair[0] = b, pair[1] = a;
	for (which = 3; which > 0; which--) {
		for (i = n = 0; i < t->nr; i++)
			if (i != a && i != b && which ==
			    (reaches(t, i, pair[0]) | reaches(t, i, pair[1]) << 1))
				from[n++] = i;
		if (!n)
			continue;
		who = span_text(t, from, n);
		whom = span_text(t, which == 2 ? pair + 1 : pair,
				 which == 3 ? 2 : 1);
		printf("%s can write to %s past the IOMMU, too\n", who, whom);
		free(who);
		free(whom);
	}
	free(from);
}

static json_t *direction_json(const struct topology *t, int from, int to)
{
	json_t *value = json_pack("{so so sb}",
				  "from", explain_address(t, from),
				  "to", explain_address(t, to), "addressable",
				  topology_is_target(&t->functions[to]));
	json_t *way = xjson(json_array());
	int steps[STEPS_MAX], n, i;

	xjson(value);
	n = path_steps(t, from, to, steps, STEPS_MAX);
	for (i = 0; i < n; i++)
		json_array_append_new(way, explain_address(t, steps[i]));
	json_object_set_new(value, "way", way);
	for (i = 0; i < TRAFFIC_KINDS; i++) {
		struct path path = way_of(t, from, to, i);
		char *text = path_text(t, &path, i);

		json_object_set_new(value, traffic_names[i],
				    json_pack("{ss so so}", "route",
					      path_route_name(path.route),
					      "at", explain_address(t, path.at),
					      "text", json_text(text)));
		free(text);
	}
	return value;
}

static json_t *others_json(const struct topology *t, int a, int b)
{
	json_t *array = xjson(json_array());
	int i, j;

	for (i = 0; i < t->nr; i++) {
		if (i == a || i == b || t->functions[i].bridge)
			continue;
		for (j = 0; j < 2; j++)
			if (reaches(t, i, j ? b : a))
				json_array_append_new(array,
					json_pack("{so so}", "from",
						  explain_address(t, i), "to",
						  explain_address(t, j ? b : a)));
	}
	return array;
}

static enum status verdict(const struct session *session, int a, int b)
{
	const struct topology *t = session->topology;
	bool known = true, to;
	int i;

	if (path_find(t, a, b, TRAFFIC_REQUEST).route == ROUTE_BLOCKED ||
	    path_find(t, b, a, TRAFFIC_REQUEST).route == ROUTE_BLOCKED)
		return STATUS_NO;
	for (i = 0; i < TRAFFIC_KINDS; i++)
		for (to = false;; to = true) {
			if (path_find(t, to ? b : a, to ? a : b, i).route ==
			    ROUTE_UNKNOWN)
				known = false;
			if (to)
				break;
		}
	return session_status(session, known);
}

static enum status p2p(struct session *session, int argc, char **argv)
{
	const struct topology *t;
	int a, b;

	if (argc != 2)
		fail(STATUS_USAGE, "p2p takes two devices; see ioasid p2p help");
	t = session_topology(session);
	a = session_function(session, argv[0]);
	b = session_function(session, argv[1]);
	if (a == b)
		fail(STATUS_USAGE, "p2p takes two devices, not one twice");
	if (t->functions[a].bridge || t->functions[b].bridge)
		fail(STATUS_USAGE, "%s is a bridge: name devices behind it",
		     argv[t->functions[a].bridge ? 0 : 1]);
	if (output.json) {
		output_json(session_json(session, json_pack("{so s[oo] so so}",
				      "acs_settings", defaults_json(t),
				      "directions", direction_json(t, a, b),
				      direction_json(t, b, a),
				      "kernel", kernel_json(t, a, b),
				      "others", others_json(t, a, b))));
	} else {
		defaults_text(t);
		direction_text(t, a, b);
		direction_text(t, b, a);
		kernel_text(t, a, b);
		others_text(t, a, b);
	}
	return verdict(session, a, b);
}

static const struct command commands[] = {
	{ "", "DEVICE DEVICE",
	  "the ways between two devices, and what ACS does on them", p2p },
	{ }
};

const struct object p2p_object = {
	"p2p", "peer-to-peer DMA between two devices", commands,
};
