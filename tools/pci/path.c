// SPDX-License-Identifier: GPL-2.0-only
/*
 * A transaction climbs until it reaches the bus where the path to its target
 * branches off.  The port or function that it comes out of there may let it cross,
 * or, by ACS, send it further up.  Each port above then sees it arrive from below
 * for an address below, and Upstream Forwarding lets it pass.  At the top, the IOMMU
 * translates it.
 */
#include "pci/path.h"

#include <stdlib.h>

#include "output.h"
#include "pci/acs.h"
#include "pci/quirk.h"
#include "pci/topology.h"

static bool on_root(const struct topology *t, int index)
{
	return topology_above(t, index) < 0;
}

static bool is_port(const struct function *f)
{
	return f->pcie && (f->type == PORT_ROOT || f->type == PORT_DOWNSTREAM);
}

/* Where the ways up from two functions meet. */
static bool find_turn(const struct topology *t, int from, int to,
		      struct path *path)
{
	const struct function *functions = t->functions;

	while (functions[from].depth > functions[to].depth)
		from = topology_above(t, from);
	while (functions[to].depth > functions[from].depth)
		to = topology_above(t, to);
	while (topology_above(t, from) != topology_above(t, to)) {
		from = topology_above(t, from);
		to = topology_above(t, to);
	}
	/* Root buses of one domain are taken for one */
	if (on_root(t, from) && functions[from].domain != functions[to].domain)
		return false;
	path->turn_from = from;
	path->turn_to = to;
	return true;
}

static struct path *decide(struct path *path, enum route route,
			   enum path_cause cause, int at)
{
	path->route = route;
	path->cause = cause;
	path->at = at;
	return path;
}

/*
 * Redirected from the bus that @from is on: does it come to the root complex?
 * A port without ACS that gets a request for what is below it: a root port may
 * send it back down, a switch takes it for an error.
 */
static struct path *go_up(const struct topology *t, struct path *path,
			  int from, enum path_cause cause)
{
	int above;

	for (above = topology_above(t, from); above >= 0;
	     above = topology_above(t, above)) {
		const struct function *f = &t->functions[above];
		struct acs_verdict verdict;

		verdict = acs_judge(f, ACS_UF);
		if (verdict.basis == ACS_UNKNOWN)
			return decide(path, ROUTE_UNKNOWN, PATH_UNREADABLE,
				      above);
		if (!is_port(f))
			continue;
		if (verdict.isolates)
			continue;
		if (f->type == PORT_ROOT && verdict.basis == ACS_ABSENT)
			return decide(path, ROUTE_POSSIBLE,
				      PATH_TURNED_AT_PORT, above);
		return decide(path, ROUTE_BLOCKED, PATH_NOT_FORWARDED, above);
	}
	if (topology_lost(t, from))
		return decide(path, ROUTE_UNKNOWN, PATH_LOST, from);
	return decide(path, ROUTE_REDIRECTED, cause, from);
}

/* Does the egress control vector of @f name the way to @target? */
static bool egress_stops(const struct topology *t, const struct function *f,
			 int target)
{
	const struct function *to = &t->functions[target];
	unsigned int bit = is_port(f) ? to->port : to->devfn & 7;

	return f->acs.ctrl & ACS_EC && f->acs.cap & ACS_EC &&
	       bit < f->acs.vector_bits &&
	       f->acs.vector[bit / 32] & 1U << bit % 32;
}

/* With ACS registers: the specification's table of how RR, EC and DT interact. */
static struct path *by_control(const struct topology *t, struct path *path,
			       enum traffic traffic)
{
	const struct function *f = &t->functions[path->turn_from];
	bool root = on_root(t, path->turn_from);
	enum route over = root || !is_port(f) ? ROUTE_POSSIBLE : ROUTE_DIRECT;
	uint16_t redirect = traffic == TRAFFIC_COMPLETION ? ACS_CR : ACS_RR;

	if (traffic == TRAFFIC_TRANSLATED && f->acs.ctrl & ACS_DT &&
	    f->acs.cap & ACS_DT)
		return decide(path, over, PATH_DIRECT_TRANSLATED,
			      path->turn_from);
	if (traffic != TRAFFIC_COMPLETION && f->acs.cap & ACS_EC &&
	    f->acs.ctrl & ACS_EC) {
		if (!egress_stops(t, f, path->turn_to))
			return decide(path, over, PATH_EGRESS,
				      path->turn_from);
		if (!acs_on(f, ACS_RR))
			return decide(path, ROUTE_BLOCKED, PATH_EGRESS,
				      path->turn_from);
	}
	if (acs_on(f, redirect))
		return go_up(t, path, path->turn_from, PATH_CONTROL_ON);
	return decide(path, over, PATH_CONTROL_OFF, path->turn_from);
}

/* On a shared bus there is nothing between the two. */
static bool shared_bus(const struct topology *t, int index)
{
	int above = topology_above(t, index);
	const struct function *bridge;

	if (above < 0)
		return false;
	bridge = &t->functions[above];
	return !bridge->pcie || bridge->type == PORT_PCIE_TO_PCI;
}

static struct path *turn(const struct topology *t, struct path *path,
			 enum traffic traffic)
{
	const struct function *f = &t->functions[path->turn_from];
	struct acs_verdict verdict;
	uint16_t wanted = traffic == TRAFFIC_COMPLETION ? ACS_CR : ACS_RR;
	bool root = on_root(t, path->turn_from);
	int above;

	above = topology_above(t, path->turn_from);
	if (above >= 0 && !t->functions[above].pcie_known)
		return decide(path, ROUTE_UNKNOWN, PATH_UNREADABLE, above);
	if (shared_bus(t, path->turn_from))
		return decide(path, ROUTE_DIRECT, PATH_SHARED_BUS, above);
	verdict = acs_judge(f, wanted);
	if (verdict.basis == ACS_UNKNOWN)
		return decide(path, ROUTE_UNKNOWN, PATH_UNREADABLE,
			      path->turn_from);
	if (verdict.basis == ACS_BY_QUIRK && verdict.isolates)
		return go_up(t, path, path->turn_from, PATH_QUIRK);
	if (f->acs.present)
		return by_control(t, path, traffic);
	if (root && !is_port(f))
		return decide(path, ROUTE_ROOT, PATH_INSIDE_ROOT, -1);
	if (verdict.basis == ACS_NOT_NEEDED)
		return go_up(t, path, path->turn_from, PATH_TRUSTED);
	/* Switches do it as a rule; devices and root complexes may */
	return decide(path, is_port(f) && !root ? ROUTE_DIRECT :
		      ROUTE_POSSIBLE, PATH_NO_ACS, path->turn_from);
}

/* Translated requests die at the first port on their way up that blocks them. */
static int translation_blocker(const struct topology *t, int from, int last)
{
	int at;

	for (at = from; at >= 0; at = topology_above(t, at)) {
		const struct function *f = &t->functions[at];

		if (is_port(f) && f->acs.present && f->acs.cap & ACS_TB &&
		    f->acs.ctrl & ACS_TB)
			return at;
		if (at == last)
			break;
	}
	return -1;
}

/* Is it not known what blocks translated requests from @from up to @last? */
static int translation_unknown(const struct topology *t, int from, int last)
{
	int at;

	if (!t->functions[from].caps.known && !t->functions[from].caps.ats)
		return from;
	for (at = from; at >= 0; at = topology_above(t, at)) {
		const struct function *f = &t->functions[at];

		if (!f->pcie_known || (is_port(f) && !f->acs.known))
			return at;
		if (at == last)
			break;
	}
	return -1;
}

/* Where the two meet, the bridge above one is not known: they may meet elsewhere. */
static bool is_lost(const struct topology *t, int index)
{
	return t->buses[t->functions[index].bus].lost;
}

static bool unknown(const struct topology *t, struct path *path, int from,
		    enum traffic traffic)
{
	int at = -1;

	if (traffic == TRAFFIC_TRANSLATED)
		at = translation_unknown(t, from, path->turn_from);
	if (at >= 0)
		decide(path, ROUTE_UNKNOWN, PATH_UNREADABLE, at);
	else if (path->turn_from >= 0 && is_lost(t, path->turn_from))
		decide(path, ROUTE_UNKNOWN, PATH_LOST, path->turn_from);
	else if (path->turn_to >= 0 && is_lost(t, path->turn_to))
		decide(path, ROUTE_UNKNOWN, PATH_LOST, path->turn_to);
	else
		return false;
	return true;
}

/**
 * path_find() - the way of a transaction
 * @t: the machine
 * @from: the function that sends it
 * @to: the function that it is for
 * @traffic: its kind
 *
 * Return: the way.
 */
struct path path_find(const struct topology *t, int from, int to,
		      enum traffic traffic)
{
	struct path path = { .turn_from = -1, .turn_to = -1, .at = -1 };
	bool meet = find_turn(t, from, to, &path);
	int blocker;

	if (unknown(t, &path, from, traffic))
		return path;
	if (traffic == TRAFFIC_TRANSLATED && !t->functions[from].caps.ats)
		return *decide(&path, ROUTE_BLOCKED, PATH_NO_ATS, from);
	if (!meet)
		return *decide(&path, ROUTE_ROOT, PATH_OTHER_ROOT, -1);
	if (traffic == TRAFFIC_TRANSLATED) {
		blocker = translation_blocker(t, from, path.turn_from);
		if (blocker >= 0)
			return *decide(&path, ROUTE_BLOCKED,
				       PATH_TRANSLATION_BLOCKED, blocker);
	}
	turn(t, &path, traffic);
	if (traffic == TRAFFIC_TRANSLATED && path.route == ROUTE_REDIRECTED) {
		blocker = translation_blocker(t, from, -1);
		if (blocker >= 0)
			decide(&path, ROUTE_BLOCKED, PATH_TRANSLATION_BLOCKED,
			       blocker);
	}
	return path;
}

/**
 * path_reaches() - can a function write to another, past the IOMMU?
 * @t: the machine
 * @from: who writes
 * @to: and to whom
 *
 * Return: whether it can for certain.
 */
bool path_reaches(const struct topology *t, int from, int to)
{
	return path_find(t, from, to, TRAFFIC_REQUEST).route == ROUTE_DIRECT;
}

/**
 * path_unknown() - is it unknown whether path_reaches()?
 * @t: the machine
 * @from: who writes
 * @to: and to whom
 *
 * In the root complex nobody reaches another for certain, whatever the registers.
 *
 * Return: whether it is.
 */
bool path_unknown(const struct topology *t, int from, int to)
{
	struct path path;

	if (!t->blind && !t->lost)
		return false;
	path = path_find(t, from, to, TRAFFIC_REQUEST);
	return path.route == ROUTE_UNKNOWN &&
	       (path.cause == PATH_LOST || !path_at_root(t, &path));
}

/**
 * path_at_root() - do the ways meet no earlier than in the root complex?
 * @t: the machine
 * @path: the way
 *
 * Return: whether.
 */
bool path_at_root(const struct topology *t, const struct path *path)
{
	return path->turn_from < 0 || on_root(t, path->turn_from);
}

/**
 * path_steps() - all functions on the way, both ends included
 * @t: the machine
 * @from: one end
 * @to: the other
 * @steps: where to put them
 * @max: room in @steps
 *
 * Of those above the turning point none is named.
 *
 * Return: how many.
 */
int path_steps(const struct topology *t, int from, int to, int *steps, int max)
{
	struct path path = { .turn_from = -1, .turn_to = -1 };
	int at, n = 0, back[256], m = 0;

	find_turn(t, from, to, &path);
	for (at = from; at >= 0 && n < max; at = topology_above(t, at)) {
		steps[n++] = at;
		if (at == path.turn_from)
			break;
	}
	for (at = to; at >= 0 && m < 256; at = topology_above(t, at)) {
		back[m++] = at;
		if (at == path.turn_to)
			break;
	}
	while (m > 0 && n < max)
		if (back[--m] != steps[n - 1])
			steps[n++] = back[m];
	return n;
}

/**
 * path_route_name() - a word for a route
 * @route: which
 *
 * Return: the word.
 */
const char *path_route_name(enum route route)
{
	static const char *const names[] = {
		[ROUTE_DIRECT] = "direct",
		[ROUTE_POSSIBLE] = "possible",
		[ROUTE_REDIRECTED] = "redirected",
		[ROUTE_ROOT] = "root-complex",
		[ROUTE_BLOCKED] = "blocked",
		[ROUTE_UNKNOWN] = "unknown",
	};

	return names[route];
}

static char *control_text(const char *kind, const char *at,
			  enum traffic traffic, bool on)
{
	return xasprintf("%s %s has %s %s", kind, at,
			 acs_bit_name(traffic == TRAFFIC_COMPLETION ? 3 : 2),
			 on ? "on" : "off");
}

/**
 * path_text() - the reason for a route, as a clause
 * @t: the machine
 * @path: the way
 * @traffic: of what
 *
 * Return: the clause, to be freed.
 */
char *path_text(const struct topology *t, const struct path *path,
		enum traffic traffic)
{
	const struct function *f = path->at < 0 ? NULL :
				   &t->functions[path->at];
	char at[ADDRESS_SIZE] = "";
	const char *kind = f ? topology_kind(f) : "";

	if (f)
		topology_address(f, at);
	switch (path->cause) {
	case PATH_SHARED_BUS:
		return xasprintf("both are on the conventional bus below %s %s",
				 kind, at);
	case PATH_NO_ACS:
		return xasprintf("%s %s has no ACS", kind, at);
	case PATH_CONTROL_OFF:
	case PATH_CONTROL_ON:
		return control_text(kind, at, traffic,
				    path->cause == PATH_CONTROL_ON);
	case PATH_EGRESS:
		return xasprintf("%s %s %s it by its egress control vector",
				 kind, at, path->route == ROUTE_BLOCKED ?
				 "stops" : "admits");
	case PATH_QUIRK:
		return xasprintf("%s %s, says the kernel: %s", kind, at,
				 quirk_text(quirk_vouches(f)));
	case PATH_TRUSTED:
		return xasprintf("%s %s has no ACS; Linux takes functions of SR-IOV for isolated from each other",
				 kind, at);
	case PATH_DIRECT_TRANSLATED:
		return xasprintf("%s %s has Direct Translated P2P on", kind,
				 at);
	case PATH_TRANSLATION_BLOCKED:
		return xasprintf("%s %s has Translation Blocking on", kind,
				 at);
	case PATH_NO_ATS:
		return xasprintf("%s has no ATS to translate with", at);
	case PATH_NOT_FORWARDED:
		return xasprintf("redirected upwards, but %s %s does no Upstream Forwarding",
				 kind, at);
	case PATH_TURNED_AT_PORT:
		return xasprintf("redirected upwards, but %s %s has no ACS and may send it back down",
				 kind, at);
	case PATH_INSIDE_ROOT:
		return xasprintf("what the root complex does inside is not visible");
	case PATH_OTHER_ROOT:
		return xasprintf("they are below different host bridges");
	case PATH_UNREADABLE:
		return xasprintf("the registers of %s %s could not be read",
				 kind, at);
	case PATH_LOST:
		return xasprintf("the bridge above %s is not known", at);
	}
	abort();
}
