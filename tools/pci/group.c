// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of how Linux forms groups (pci_device_group()).  It goes through the
 * functions in the order in which they are found, and looks for one that already has
 * a group and cannot be kept apart from this one:
 *
 * 0. Behind a VMD, that: the IOMMU sees nothing of the ports there.
 * 1. A bridge on the way to the root that substitutes its own requester ID: the
 *    IOMMU cannot tell it from the function.
 * 2. From there upwards, the first port above which everything isolates.  Below it,
 *    requests may turn round: what is there belongs together.
 * 3. At that point, functions that use another's requester ID, and functions of the
 *    same device if neither isolates.
 *
 * What could not be read is taken not to isolate.  If the contrary makes other groups,
 * these are open.
 *
 * Linux does not ask whether a device beside that path can reach in; path.h does.
 */
#include "pci/group.h"

#include <stdint.h>
#include <stdlib.h>

#include "output.h"
#include "pci/alias.h"
#include "pci/indices.h"
#include "pci/lost.h"
#include "pci/topology.h"

/**
 * struct search - the state of one placement
 * @t: the machine
 * @g: the groups so far
 * @leak: for each function the first one from there upwards that does not isolate,
 *	-1 for none
 * @aliases: for each bus, whether alias_of() is of interest there
 * @hopeful: what could not be read isolates
 * @seen: who has been looked at
 * @reason: where to put the reason
 */
struct search {
	const struct topology *t;
	struct groups *g;
	const int *leak;
	const bool *aliases;
	bool hopeful;
	bool seen[256];
	struct group_reason *reason;
};

static bool isolates(const struct search *s, int index)
{
	return s->leak[index] != index;
}

static bool joined(struct search *s, int with, enum group_cause cause,
		   int culprit)
{
	if (s->g->of[with] < 0)
		return false;
	s->reason->cause = cause;
	s->reason->with = with;
	s->reason->culprit = culprit;
	return true;
}

/* Who does the IOMMU take for the origin of this function's requests? */
static int requester(struct search *s, int index, bool *found)
{
	const struct topology *t = s->t;
	int above, self = index;

	for (above = topology_above(t, index); above >= 0;
	     above = topology_above(t, above)) {
		const struct function *bridge = &t->functions[above];

		if (alias_ends_here(bridge))
			break;
		if (s->hopeful && !bridge->pcie_known)
			continue;
		if (bridge->pcie && bridge->type != PORT_PCI_TO_PCIE &&
		    (bridge->type != PORT_PCIE_TO_PCI ||
		     alias_not_taken(bridge)))
			continue;
		self = above;
		if (joined(s, above, GROUP_BRIDGE, above)) {
			*found = true;
			return self;
		}
	}
	return self;
}

static bool look_at_slot(struct search *s, int index);

static bool look_at_aliases(struct search *s, int index)
{
	const struct function *f = &s->t->functions[index];
	const struct bus *bus = &s->t->buses[f->bus];
	int i;

	if (s->seen[f->devfn])
		return false;
	s->seen[f->devfn] = true;
	if (joined(s, index, GROUP_SLOT, index))
		return true;
	if (!s->aliases[f->bus])
		return false;
	for (i = bus->first; i < bus->first + bus->nr; i++) {
		const struct function *other = &s->t->functions[i];

		if (i == index ||
		    (!alias_of(f, other->devfn) &&
		     !alias_of(other, f->devfn)))
			continue;
		if (look_at_aliases(s, i) || look_at_slot(s, i)) {
			s->reason->cause = GROUP_ALIAS;
			s->reason->culprit = i;
			return true;
		}
	}
	return false;
}

static bool look_at_slot(struct search *s, int index)
{
	const struct function *f = &s->t->functions[index];
	const struct bus *bus = &s->t->buses[f->bus];
	int i;

	if (!f->multifunction || isolates(s, index))
		return false;
	for (i = bus->first; i < bus->first + bus->nr; i++) {
		const struct function *other = &s->t->functions[i];

		if (i == index || slot_of(other) != slot_of(f) ||
		    isolates(s, i))
			continue;
		if (look_at_aliases(s, i)) {
			s->reason->cause = GROUP_SLOT;
			s->reason->culprit = i;
			return true;
		}
	}
	return false;
}

/* A virtual function's bus has no bridge of its own: that one is skipped. */
static bool place(struct search *s, int index)
{
	const struct topology *t = s->t;
	bool found = false;
	int as = t->functions[index].dma_as;
	int at, above, leak;

	if (as >= 0)
		return as != index && joined(s, as, GROUP_DMA, as);
	at = requester(s, index, &found);
	if (found)
		return true;
	for (above = topology_above(t, at); above >= 0;
	     above = topology_above(t, above)) {
		leak = s->leak[above];
		if (leak < 0)
			break;
		at = above;
		if (joined(s, at, GROUP_BELOW, leak))
			return true;
	}
	return look_at_aliases(s, at) || look_at_slot(s, at);
}

/* Which group one has become part of. */
static int merged(const int *into, int group)
{
	while (into[group] != group)
		group = into[group];
	return group;
}

/* Numbers without gaps, by the first function. */
static void renumber(const struct topology *t, struct groups *g, int *into,
		     int groups)
{
	int *number = xcalloc(groups, sizeof(*number));
	int i, nr = 0;

	for (i = 0; i < t->nr; i++) {
		int *new = &number[merged(into, g->of[i])];

		if (!*new)
			*new = ++nr;
		g->of[i] = *new - 1;
	}
	free(number);
}

/* The first function of a domain that may be behind or beside a bridge not known. */
static int first_lost(const struct topology *t, struct indices *firsts, int index)
{
	int i;

	for (i = firsts->nr - 1; i >= 0; i--)
		if (t->functions[firsts->at[i]].domain ==
		    t->functions[index].domain)
			return firsts->at[i];
	indices_add(firsts, index);
	return index;
}

/*
 * All of a domain that may be behind or beside one bridge, which is not known, is one
 * group.
 */
static void join_lost(const struct topology *t, struct groups *g, int groups)
{
	int *into = xcalloc(groups, sizeof(*into)), i, first, from, to;
	struct indices firsts = { };

	for (i = 0; i < groups; i++)
		into[i] = i;
	for (i = 0; i < t->nr; i++) {
		if (!lost_may_share(t, i))
			continue;
		first = first_lost(t, &firsts, i);
		from = merged(into, g->of[i]);
		to = merged(into, g->of[first]);
		if (from == to)
			continue;
		g->reason[i] = (struct group_reason){ GROUP_LOST, first, first };
		into[from] = to;
	}
	renumber(t, g, into, groups);
	free(firsts.at);
	free(into);
}

static bool isolates_alone(const struct topology *t, int index, bool hopeful)
{
	struct acs_verdict verdict = acs_judge(&t->functions[index],
					       ACS_ISOLATED);

	return verdict.isolates ||
	       (hopeful && verdict.basis == ACS_UNKNOWN);
}

/* Bridges have a lower index than what is behind them. */
static int *find_leaks(const struct topology *t, bool hopeful)
{
	int *leak = xcalloc(t->nr, sizeof(*leak)), i, above;

	for (i = 0; i < t->nr; i++) {
		above = topology_above(t, i);
		if (!isolates_alone(t, i, hopeful))
			leak[i] = i;
		else
			leak[i] = above < 0 ? -1 : leak[above];
	}
	return leak;
}

static bool *find_aliases(const struct topology *t)
{
	bool *aliases = xcalloc(t->nr_buses, sizeof(*aliases));
	int i;

	for (i = 0; i < t->nr; i++)
		if (alias_any(&t->functions[i]))
			aliases[t->functions[i].bus] = true;
	return aliases;
}

static int by_group(const void *left, const void *right, void *data)
{
	const int *of = data, a = *(const int *)left, b = *(const int *)right;

	if (of[a] != of[b])
		return of[a] < of[b] ? -1 : 1;
	return (a > b) - (a < b);
}

static void sort_members(const struct topology *t, struct groups *g)
{
	int i;

	g->member = xcalloc(t->nr, sizeof(*g->member));
	g->first = xcalloc(t->nr + 1, sizeof(*g->first));
	for (i = 0; i < t->nr; i++)
		g->member[i] = i;
	qsort_r(g->member, t->nr, sizeof(*g->member), by_group, g->of);
	for (i = 0; i < t->nr; i++)
		if (g->of[g->member[i]] >= 0 &&
		    (!i || g->of[g->member[i]] != g->of[g->member[i - 1]]))
			g->first[g->nr++] = i;
	g->first[g->nr] = t->nr;
}

static struct groups *predict(const struct topology *t, bool hopeful)
{
	struct groups *g = xcalloc(1, sizeof(*g));
	int *leak = find_leaks(t, hopeful), i, nr = 0;
	bool *aliases = find_aliases(t);

	g->of = xcalloc(t->nr, sizeof(*g->of));
	g->reason = xcalloc(t->nr, sizeof(*g->reason));
	for (i = 0; i < t->nr; i++)
		g->of[i] = -1;
	for (i = 0; i < t->nr; i++) {
		struct search s = {
			.t = t, .g = g, .leak = leak, .aliases = aliases,
			.hopeful = hopeful, .reason = &g->reason[i],
		};

		g->reason[i].with = g->reason[i].culprit = -1;
		g->of[i] = place(&s, i) ? g->of[g->reason[i].with] : nr++;
	}
	if (t->lost && !hopeful)
		join_lost(t, g, nr);
	free(leak);
	free(aliases);
	sort_members(t, g);
	return g;
}

/**
 * groups_predict() - the groups that Linux would form
 * @t: the machine, all of it behind IOMMUs
 *
 * Return: the groups.
 */
struct groups *groups_predict(const struct topology *t)
{
	struct groups *g = predict(t, false), *finest;

	if (!t->blind && !t->lost)
		return g;
	finest = predict(t, true);
	g->open = groups_differences(t, g, finest);
	groups_free(finest);
	return g;
}

/**
 * groups_open() - may the group be smaller than it is said to be?
 * @g: predicted groups
 * @function: one of the group
 *
 * Return: whether registers that could not be read decide about it.
 */
bool groups_open(const struct groups *g, int function)
{
	return g->open && g->open[function];
}

/**
 * groups_of_kernel() - the groups that the running kernel has formed
 * @t: the machine
 *
 * Return: the groups, without reasons; NULL if there are none.
 */
struct groups *groups_of_kernel(const struct topology *t)
{
	struct groups *g = xcalloc(1, sizeof(*g));
	int i;

	g->of = xcalloc(t->nr, sizeof(*g->of));
	for (i = 0; i < t->nr; i++)
		g->of[i] = t->functions[i].group;
	sort_members(t, g);
	if (g->nr)
		return g;
	groups_free(g);
	return NULL;
}

/**
 * groups_free() - the end of it
 * @g: the groups, or NULL
 */
void groups_free(struct groups *g)
{
	if (!g)
		return;
	free(g->of);
	free(g->reason);
	free(g->open);
	free(g->member);
	free(g->first);
	free(g);
}

/**
 * groups_members() - who is in a group
 * @g: the groups
 * @group: the number of one; or -1: who is in none
 * @nr: where to put how many there are
 *
 * Return: their indices, in ascending order.
 */
const int *groups_members(const struct groups *g, int group, int *nr)
{
	int low = 0, high = g->nr;

	if (group < 0) {
		*nr = g->first[0];
		return g->member;
	}
	while (low < high) {
		int middle = (low + high) / 2;

		if (groups_number(g, middle) < group)
			low = middle + 1;
		else
			high = middle;
	}
	*nr = 0;
	if (low < g->nr && groups_number(g, low) == group)
		*nr = g->first[low + 1] - g->first[low];
	return g->member + g->first[low];
}

/* Mark all members of groups of @a in which groups of @b meet. */
static void mark_mixed(const struct groups *a, const struct groups *b,
		       bool *mixed)
{
	int group, i, other;
	bool differ;

	for (group = 0; group < a->nr; group++) {
		differ = false;
		other = -1;
		for (i = a->first[group]; i < a->first[group + 1]; i++) {
			int there = b->of[a->member[i]];

			if (there >= 0)
				differ = differ || (other >= 0 && there != other);
			if (there >= 0)
				other = there;
		}
		for (i = a->first[group]; differ && i < a->first[group + 1]; i++)
			mixed[a->member[i]] |= b->of[a->member[i]] >= 0;
	}
}

/**
 * groups_differences() - which functions are with others in another partition?
 * @t: the machine
 * @a: a partition
 * @b: another one
 *
 * Only functions that have a group in both are compared.
 *
 * Return: for each function, whether it is one of them; to be freed.
 */
bool *groups_differences(const struct topology *t, const struct groups *a,
			 const struct groups *b)
{
	bool *differs = xcalloc(t->nr, sizeof(*differs));

	mark_mixed(a, b, differs);
	mark_mixed(b, a, differs);
	return differs;
}
