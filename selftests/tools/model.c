// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: model [SEED [ROUNDS]]
 *        model DUMP...
 *
 * What the tool finds by the shape of the tree, compared with what is found by asking
 * for each two functions: on random machines, or on those of dumps.  Prints how many
 * machines were fine; stops at the first difference, with the seed that repeats it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/plan.h"
#include "output.h"
#include "pci/alias.h"
#include "pci/group.h"
#include "pci/lost.h"
#include "pci/path.h"
#include "pci/reach.h"
#include "pci/read.h"
#include "pci/topology.h"

#define FUNCTIONS_MAX 120

static char what[256];
static uint64_t state;

static void __attribute__((noreturn, format(printf, 1, 2)))
differ(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* Random machines ------------------------------------------------------------ */

static unsigned int under(unsigned int limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

static bool chance(unsigned int percent)
{
	return under(100) < percent;
}

/* Some of which the kernel knows something, and one of which it does not. */
static const struct {
	uint16_t vendor, device;
} ids[] = {
	{ 0x1234, 0x0001 }, { 0x1234, 0x0002 }, { 0x1234, 0x0003 },
	{ 0x10b5, 0x87b0 }, { 0x1b4b, 0x9230 }, { 0x1180, 0xe832 },
	{ 0x8086, 0x1521 }, { 0x8086, 0x2000 }, { 0x14e4, 0x9000 },
	{ 0x10e8, 0xe004 }, { 0x8088, 0x0001 },
};

static struct function *add(struct topology *t, unsigned int domain,
			    uint8_t bus, uint8_t devfn)
{
	struct function *f = &t->functions[t->nr++];
	unsigned int id = under(chance(70) ? 3 : sizeof(ids) / sizeof(ids[0]));

	f->t = t;
	f->domain = domain;
	f->number = bus;
	f->devfn = devfn;
	f->vendor = ids[id].vendor;
	f->device = ids[id].device;
	f->group = (int)under(12) - 1;
	f->bus = f->below = f->physfn = f->dma_as = -1;
	f->known = f->pcie_known = f->caps.known = f->acs.known = true;
	f->bars_known = chance(90);
	f->bars[0] = chance(80) ? 0xe0000000 : 0xc001;
	f->pcie = chance(90);
	f->multifunction = chance(40);
	f->caps.ats = chance(40);
	f->port = under(4);
	if (!f->pcie || chance(40))
		return f;
	f->acs.present = true;
	f->acs.cap = chance(60) ? 0x5f : under(0x80);
	f->acs.ctrl = chance(50) ? ACS_ISOLATED : under(0x80);
	f->acs.vector_bits = f->acs.cap & ACS_EC ? 4 : 0;
	f->acs.vector[0] = under(16);
	return f;
}

static void fill_bus(struct topology *t, unsigned int domain, uint8_t bus,
		     int above, int *next);

static void add_bridge(struct topology *t, struct function *f, int above,
		       int *next)
{
	static const uint8_t types[] = {
		PORT_ROOT, PORT_UPSTREAM, PORT_DOWNSTREAM, PORT_DOWNSTREAM,
		PORT_PCIE_TO_PCI, PORT_PCI_TO_PCIE,
	};

	f->bridge = true;
	f->type = above < 0 && chance(80) ? PORT_ROOT : types[under(6)];
	f->secondary = (*next)++;
	fill_bus(t, f->domain, f->secondary, f - t->functions, next);
	/* A few numbers more, which may be for virtual functions */
	*next += under(3);
	f->subordinate = *next - 1;
}

static void add_virtual(struct topology *t, int physfn, int *next)
{
	const struct function *f = &t->functions[physfn];
	unsigned int domain = f->domain;
	uint8_t bus = chance(50) ? (*next)++ : f->number;
	int i, nr = under(6);

	for (i = 0; i < nr && t->nr < FUNCTIONS_MAX; i++) {
		struct function *vf = add(t, domain, bus, 200 + i);

		vf->pcie = true;
		vf->type = PORT_ENDPOINT;
		vf->multifunction = false;
		vf->physfn = physfn;
	}
}

static void fill_bus(struct topology *t, unsigned int domain, uint8_t bus,
		     int above, int *next)
{
	int slots = 1 + under(above < 0 ? 8 : 4), slot, nr, i;

	for (slot = 0; slot < slots; slot++) {
		nr = chance(70) ? 1 : 1 + under(4);
		for (i = 0; i < nr && t->nr < FUNCTIONS_MAX; i++) {
			struct function *f = add(t, domain, bus,
						 slot << 3 | i);
			int index = t->nr - 1;

			if (*next < 240 && chance(above < 0 ? 50 : 45))
				add_bridge(t, f, above, next);
			else if (above < 0 && chance(30))
				f->type = PORT_ROOT_ENDPOINT;
			else if (above >= 0 && *next < 240 && chance(15))
				add_virtual(t, index, next);
		}
	}
}

/* As in a dump of somebody who is not root, or who has left functions out. */
static void forget_some(struct topology *t)
{
	int i, kept = 0;

	for (i = 0; i < t->nr; i++) {
		struct function f = t->functions[i];

		if (chance(10))
			continue;
		if (chance(20)) {
			f.acs = (struct acs){ };
			f.caps = (struct caps){ };
			f.pcie_known = chance(50);
			t->blind++;
		}
		if (!f.pcie_known)
			f.pcie = false;
		t->functions[kept++] = f;
	}
	t->nr = kept;
}

/* Virtual functions of two on one bus; whose they are does not matter here. */
static void drop_twins(struct topology *t)
{
	int i, kept = 0;

	for (i = 0; i < t->nr; i++) {
		if (t->functions[i].physfn >= 0)
			t->functions[i].physfn = 0;
		if (!kept || topology_compare(&t->functions[kept - 1],
					      &t->functions[i]))
			t->functions[kept++] = t->functions[i];
	}
	t->nr = kept;
}

static struct topology *random_machine(void)
{
	struct topology *t = xcalloc(1, sizeof(*t));
	unsigned int domain, domains = 1 + under(2), i;
	int next;

	t->functions = xcalloc(FUNCTIONS_MAX, sizeof(*t->functions));
	for (domain = 0; domain < domains; domain++) {
		for (i = 0, next = 0; i < 1 + under(3) && next < 200; i++) {
			int bus = next++;

			fill_bus(t, domain * 3, bus, -1, &next);
		}
	}
	qsort(t->functions, t->nr, sizeof(*t->functions), topology_compare);
	drop_twins(t);
	t->live = chance(70);
	if (!t->live)
		forget_some(t);
	topology_link(t);
	lost_find(t);
	return t;
}

/* The tree ------------------------------------------------------------------- */

static void check_bus(const struct topology *t, int index)
{
	const struct bus *bus = &t->buses[index];
	int i, first = -1, nr = 0, best = -1;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->bus == index && !nr++)
			first = i;
		if (f->below >= 0 && f->domain == bus->domain &&
		    f->secondary < bus->number &&
		    f->subordinate >= bus->number &&
		    (best < 0 || f->secondary > t->functions[best].secondary))
			best = i;
	}
	if (nr != bus->nr || (nr && first != bus->first))
		differ("bus %d has %d functions from %d on, not %d from %d on",
		       index, nr, first, bus->nr, bus->first);
	if (bus->self < 0 &&
	    bus->parent != (best < 0 ? -1 : t->functions[best].below))
		differ("bus %d is below bus %d", index, bus->parent);
}

static void check_tree(const struct topology *t)
{
	char text[ADDRESS_SIZE];
	int i, at, depth, next, first;

	for (i = 0; i < t->nr_buses; i++)
		check_bus(t, i);
	for (i = 0; i < t->nr; i++) {
		depth = 0;
		for (at = topology_above(t, i); at >= 0;
		     at = topology_above(t, at))
			depth++;
		for (next = i + 1; next < t->nr; next++)
			if (topology_above(t, next) == topology_above(t, i))
				break;
		for (first = 0; first < t->nr; first++)
			if (topology_above(t, first) == i)
				break;
		if (t->functions[i].depth != depth)
			differ("%d: depth %d", i, t->functions[i].depth);
		if (t->functions[i].beside != (next < t->nr ? next : -1))
			differ("%d: beside %d", i, t->functions[i].beside);
		if (t->functions[i].inside != (first < t->nr ? first : -1))
			differ("%d: inside %d", i, t->functions[i].inside);
		if (topology_find(t, topology_address(&t->functions[i], text)) !=
		    i)
			differ("%d: not found by its address", i);
	}
}

/* Groups --------------------------------------------------------------------- */

static bool slowly_differs(const struct topology *t, const struct groups *a,
			   const struct groups *b, int function)
{
	int i;

	if (a->of[function] < 0 || b->of[function] < 0)
		return false;
	for (i = 0; i < t->nr; i++)
		if (a->of[i] >= 0 && b->of[i] >= 0 &&
		    (a->of[i] == a->of[function]) !=
		    (b->of[i] == b->of[function]))
			return true;
	return false;
}

static void check_members(const struct topology *t, const struct groups *g)
{
	int group, i, at, nr;

	for (group = -1; group < t->nr; group++) {
		const int *members = groups_members(g, group, &nr);

		for (i = at = 0; i < t->nr; i++)
			if (g->of[i] == group &&
			    (at >= nr || members[at++] != i))
				differ("group %d lacks %d", group, i);
		if (at != nr)
			differ("group %d has %d members too many", group,
			       nr - at);
	}
}

static void check_groups(const struct topology *t, const struct groups *a,
			 const struct groups *b)
{
	bool *differs = groups_differences(t, a, b);
	int i;

	check_members(t, a);
	check_members(t, b);
	for (i = 0; i < t->nr; i++)
		if (differs[i] != slowly_differs(t, a, b, i))
			differ("%d: groups differ: %d", i, differs[i]);
	free(differs);
}

/* Groups pass over buses on which nobody uses another's requester ID. */
static void check_aliases(const struct topology *t)
{
	int i, devfn;

	for (i = 0; i < t->nr; i++)
		for (devfn = 0; devfn < 256; devfn++)
			if (alias_of(&t->functions[i], devfn) &&
			    !alias_any(&t->functions[i]))
				differ("%d: uses %02x", i, devfn);
}

/* Ways ----------------------------------------------------------------------- */

/* Where the ways up meet, by trying all that is on both. */
static void slow_turn(const struct topology *t, int from, int to, int turn[2])
{
	int a, b;

	for (a = from; a >= 0; a = topology_above(t, a)) {
		for (b = to; b >= 0; b = topology_above(t, b)) {
			if (topology_above(t, a) != topology_above(t, b) ||
			    (topology_above(t, a) < 0 &&
			     t->functions[a].domain != t->functions[b].domain))
				continue;
			turn[0] = a;
			turn[1] = b;
			return;
		}
	}
	turn[0] = turn[1] = -1;
}

static void check_turns(const struct topology *t)
{
	int from, to, turn[2];

	for (from = 0; from < t->nr; from++) {
		for (to = 0; to < t->nr; to++) {
			struct path path = path_find(t, from, to,
						     TRAFFIC_REQUEST);

			slow_turn(t, from, to, turn);
			if (path.turn_from != turn[0] ||
			    path.turn_to != turn[1])
				differ("%d to %d: turn at %d and %d, not %d and %d",
				       from, to, path.turn_from, path.turn_to,
				       turn[0], turn[1]);
		}
	}
}

/* Questions about requests from one to another. */
static bool is_possible(const struct topology *t, int from, int to)
{
	return path_find(t, from, to, TRAFFIC_REQUEST).route == ROUTE_POSSIBLE;
}

static bool is_blocked(const struct topology *t, int from, int to)
{
	return path_find(t, from, to, TRAFFIC_REQUEST).route == ROUTE_BLOCKED;
}

static const struct question {
	const char *name;
	bool (*gets)(const struct topology *t, int from, int to);
} questions[] = {
	{ "reaches", path_reaches }, { "unknown", path_unknown },
	{ "possible", is_possible }, { "blocked", is_blocked },
};

static bool slowly_gets(const struct topology *t, const struct groups *g,
			int from, int to, const struct question *q)
{
	return g->of[from] != g->of[to] && !t->functions[from].bridge &&
	       topology_is_target(&t->functions[to]) && q->gets(t, from, to);
}

static void check_list(const struct topology *t, const struct groups *g,
		       const struct question *q, int index, bool into,
		       const struct indices *list)
{
	int i, at = 0;

	for (i = 0; i < t->nr; i++)
		if (i != index &&
		    slowly_gets(t, g, into ? i : index, into ? index : i,
				q) &&
		    (at >= list->nr || list->at[at++] != i))
			differ("%s %s %d: not by way of %d", q->name,
			       into ? "into" : "from", index, i);
	if (at != list->nr)
		differ("%s %s %d: %d too many", q->name,
		       into ? "into" : "from", index, list->nr - at);
}

static void check_reach(const struct topology *t, const struct groups *g,
			const struct question *q)
{
	struct reach *reach = reach_new(t, g, q->gets);
	struct crossings crossings = { };
	struct indices list = { };
	int i, j, senders;

	for (i = 0; i < t->nr; i++) {
		reach_from(reach, i, &list);
		check_list(t, g, q, i, false, &list);
		reach_into(reach, i, &list);
		check_list(t, g, q, i, true, &list);
		crossings.nr = senders = 0;
		reach_crossings(reach, i, &crossings);
		for (j = 0; j < crossings.nr; j++)
			senders += reach_senders(reach, crossings.at[j].from,
						 i);
		if (senders != list.nr)
			differ("%s into %d: %d senders, not %d", q->name,
			       i, senders, list.nr);
	}
	free(list.at);
	free(crossings.at);
	reach_free(reach);
}

/* Which branch below a bridge is a function in? -1: it is not below it. */
static int branch_of(const struct topology *t, int bridge, int index)
{
	for (; index >= 0; index = topology_above(t, index))
		if (topology_above(t, index) == bridge)
			return index;
	return -1;
}

static bool has(const struct indices *list, int index)
{
	int i;

	for (i = 0; i < list->nr; i++)
		if (list->at[i] == index)
			return true;
	return false;
}

/* Who crosses below a bridge is told at once, or has its ways listed. */
static void check_below(const struct topology *t, const struct groups *g,
			const struct question *q)
{
	struct reach *reach = reach_new(t, g, q->gets);
	struct indices from = { }, to = { }, listed = { };
	int bridge, i, j, a, b;

	for (bridge = 0; bridge < t->nr; bridge++) {
		reach_below(reach, bridge, &from, &to);
		for (i = 0; i < t->nr; i++) {
			a = branch_of(t, bridge, i);
			reach_listed(reach, i, &listed);
			for (j = 0; a >= 0 && j < t->nr; j++) {
				bool gets, told = has(&from, i) && has(&to, j);

				b = branch_of(t, bridge, j);
				if (b < 0 || a == b)
					continue;
				gets = slowly_gets(t, g, i, j, q);
				if (gets && !told && !has(&listed, j))
					differ("%s from %d to %d is not told below %d",
					       q->name, i, j, bridge);
				if (told && !gets && g->of[i] != g->of[j])
					differ("%s from %d to %d is told below %d",
					       q->name, i, j, bridge);
			}
		}
	}
	free(from.at);
	free(to.at);
	free(listed.at);
	reach_free(reach);
}

/* Plans ---------------------------------------------------------------------- */

static bool may_reach(const struct topology *t, int from, int to)
{
	enum route a = path_find(t, from, to, TRAFFIC_REQUEST).route;
	enum route b = path_find(t, from, to, TRAFFIC_TRANSLATED).route;

	return a == ROUTE_DIRECT || a == ROUTE_POSSIBLE ||
	       b == ROUTE_DIRECT || b == ROUTE_POSSIBLE;
}

static void check_opened(const struct topology *t)
{
	struct plan *p = plan_new(t);
	bool *before = xcalloc((size_t)t->nr * t->nr, sizeof(*before));
	struct pairs opened;
	int i, j, at = 0;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].acs.present && chance(20))
			p->then[i] = under(0x80);
	opened = plan_opened(p);
	plan_use(p, p->now);
	for (i = 0; i < t->nr; i++)
		for (j = 0; j < t->nr; j++)
			before[i * t->nr + j] = may_reach(p->t, i, j);
	plan_use(p, p->then);
	for (i = 0; i < t->nr; i++) {
		for (j = 0; j < t->nr; j++) {
			if (i == j || t->functions[i].bridge ||
			    !topology_is_target(&t->functions[j]) ||
			    before[i * t->nr + j] || !may_reach(p->t, i, j))
				continue;
			if (at >= opened.nr || opened.at[at].a != i ||
			    opened.at[at].b != j)
				differ("%d to %d has been opened", i, j);
			at++;
		}
	}
	if (at != opened.nr)
		differ("%d ways have not been opened", opened.nr - at);
	free(before);
	free(opened.at);
	plan_free(p);
}

/* All of it ------------------------------------------------------------------- */

static void check(const struct topology *t)
{
	struct groups *model = groups_predict(t), *other = groups_of_kernel(t);
	size_t i;

	check_tree(t);
	check_aliases(t);
	check_groups(t, model, other ? other : model);
	if (t->nr > 1000)
		goto out;
	check_turns(t);
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		check_reach(t, model, &questions[i]);
		if (other)
			check_reach(t, other, &questions[i]);
	}
	check_below(t, model, &questions[0]);
	if (other)
		check_below(t, other, &questions[0]);
	check_opened(t);
out:
	groups_free(model);
	groups_free(other);
}

static int dumps(char **files)
{
	int n;

	for (n = 0; files[n]; n++) {
		struct topology_source source = {
			.dump = files[n], .root = "", .numeric = true,
		};
		struct topology *t = topology_read(&source);

		snprintf(what, sizeof(what), "%s", files[n]);
		state = 1;
		check(t);
		topology_free(t);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	int rounds = argc > 2 ? atoi(argv[2]) : 300, i;

	if (argc > 1 && strspn(argv[1], "0123456789") != strlen(argv[1])) {
		printf("%d machines of dumps are fine\n", dumps(argv + 1));
		return 0;
	}
	for (i = 0; i < rounds; i++) {
		struct topology *t;

		state = (seed + i) * 0x9e3779b97f4a7c15 | 1;
		snprintf(what, sizeof(what), "seed %llu",
			 (unsigned long long)seed + i);
		t = random_machine();
		check(t);
		topology_free(t);
	}
	printf("%d random machines are fine\n", rounds);
	return 0;
}
