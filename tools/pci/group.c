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
#include "pci/lost.h"
#include "pci/topology.h"

/* The state of one placement: who has been looked at. */
struct search {
	const struct topology *t;
	struct groups *g;
	bool hopeful;
	bool seen[256];
	struct group_reason *reason;
};

static bool isolates(const struct search *s, int index)
{
	struct acs_verdict verdict = acs_judge(&s->t->functions[index],
					       ACS_ISOLATED);

	return verdict.isolates ||
	       (s->hopeful && verdict.basis == ACS_UNKNOWN);
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

/* The first port from @index upwards that does not isolate, -1 for none. */
static int leak_above(const struct search *s, int index)
{
	for (; index >= 0; index = topology_above(s->t, index))
		if (!isolates(s, index))
			return index;
	return -1;
}

static bool look_at_slot(struct search *s, int index);

static bool look_at_aliases(struct search *s, int index)
{
	const struct function *f = &s->t->functions[index];
	int i;

	if (s->seen[f->devfn])
		return false;
	s->seen[f->devfn] = true;
	if (joined(s, index, GROUP_SLOT, index))
		return true;
	for (i = 0; i < s->t->nr; i++) {
		const struct function *other = &s->t->functions[i];

		if (i == index || other->bus != f->bus ||
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
	int i;

	if (!f->multifunction || isolates(s, index))
		return false;
	for (i = 0; i < s->t->nr; i++) {
		const struct function *other = &s->t->functions[i];

		if (i == index || other->bus != f->bus ||
		    slot_of(other) != slot_of(f) || isolates(s, i))
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
		leak = leak_above(s, above);
		if (leak < 0)
			break;
		at = above;
		if (joined(s, at, GROUP_BELOW, leak))
			return true;
	}
	return look_at_aliases(s, at) || look_at_slot(s, at);
}

/* Make one group of two. */
static void merge(const struct topology *t, struct groups *g, int from, int into)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (g->of[i] == from)
			g->of[i] = into;
}

/* Numbers without gaps, by the first function. */
static void renumber(const struct topology *t, struct groups *g)
{
	int *number = xcalloc(g->nr, sizeof(*number));
	int i, nr = 0;

	for (i = 0; i < t->nr; i++) {
		int *new = &number[g->of[i]];

		if (!*new)
			*new = ++nr;
		g->of[i] = *new - 1;
	}
	g->nr = nr;
	free(number);
}

/*
 * All of a domain that may be behind or beside one bridge, which is not known, is one
 * group.
 */
static void join_lost(const struct topology *t, struct groups *g)
{
	int i, first;

	for (i = 0; i < t->nr; i++) {
		if (!lost_may_share(t, i))
			continue;
		for (first = 0; t->functions[first].domain !=
				t->functions[i].domain ||
				!lost_may_share(t, first); first++)
			;
		if (g->of[i] == g->of[first])
			continue;
		g->reason[i] = (struct group_reason){ GROUP_LOST, first, first };
		merge(t, g, g->of[i], g->of[first]);
	}
	renumber(t, g);
}

static struct groups *predict(const struct topology *t, bool hopeful)
{
	struct groups *g = xcalloc(1, sizeof(*g));
	int i;

	g->of = xcalloc(t->nr, sizeof(*g->of));
	g->reason = xcalloc(t->nr, sizeof(*g->reason));
	for (i = 0; i < t->nr; i++)
		g->of[i] = -1;
	for (i = 0; i < t->nr; i++) {
		struct search s = { .t = t, .g = g, .hopeful = hopeful,
				    .reason = &g->reason[i] };

		g->reason[i].with = g->reason[i].culprit = -1;
		g->of[i] = place(&s, i) ? g->of[g->reason[i].with] : g->nr++;
	}
	if (t->lost && !hopeful)
		join_lost(t, g);
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
	int i;

	if (!t->blind && !t->lost)
		return g;
	finest = predict(t, true);
	g->open = xcalloc(t->nr, sizeof(*g->open));
	for (i = 0; i < t->nr; i++)
		g->open[i] = groups_member_differs(t, g, finest, i);
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
	for (i = 0; i < t->nr; i++) {
		g->of[i] = t->functions[i].group;
		if (g->of[i] >= g->nr)
			g->nr = g->of[i] + 1;
	}
	if (g->nr)
		return g;
	groups_free(g);
	return NULL;
}

/**
 * groups_member_differs() - is a function with others in another partition?
 * @t: the machine
 * @a: a partition
 * @b: another one
 * @function: the function
 *
 * Only functions that have a group in both are compared.
 *
 * Return: whether.
 */
bool groups_member_differs(const struct topology *t, const struct groups *a,
			   const struct groups *b, int function)
{
	int i;

	if (a->of[function] < 0 || b->of[function] < 0)
		return false;
	for (i = 0; i < t->nr; i++) {
		if (a->of[i] < 0 || b->of[i] < 0)
			continue;
		if ((a->of[i] == a->of[function]) !=
		    (b->of[i] == b->of[function]))
			return true;
	}
	return false;
}

/**
 * groups_size() - how many functions a group has
 * @t: the machine
 * @g: the groups
 * @group: which
 *
 * Return: the number.
 */
int groups_size(const struct topology *t, const struct groups *g, int group)
{
	int i, n = 0;

	for (i = 0; i < t->nr; i++)
		n += g->of[i] == group;
	return n;
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
	free(g);
}
