// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which way a request takes is decided where the ways up from its two ends meet: it
 * is that of a request between the two functions there, which are beside each other
 * (path_find()).  So it is asked once for the functions beside each other, not for
 * each two ends of the tree; and where nobody is let across, nothing is visited.
 *
 * What counts is who gets to another group.  A branch of the tree whose ends are all
 * of the group in question is left out as a whole, so that the work is that of the
 * answer, whatever a large group does inside.
 */
#include "pci/reach.h"

#include <stdlib.h>

#include "output.h"

/* In place of a group: of a branch of the tree, and for leaving nobody out. */
enum {
	NOBODY = -2,
	SEVERAL = -3,
	NO_GROUP = -4,
};

/**
 * enum gate - do requests from below a function cross to what is beside it?
 * @GATE_SHUT: to nothing
 * @GATE_OPEN: to all
 * @GATE_LIST: perhaps to some, by its egress control vector, or as of some it is not
 *	known whether they are beside it
 */
enum gate {
	GATE_SHUT,
	GATE_OPEN,
	GATE_LIST,
};

/**
 * struct reach - what is asked once
 * @t: the machine
 * @g: its groups
 * @gets: what is meant by getting somewhere
 * @gate: for each function
 * @head: for each function the first of those that are beside it, itself included
 * @sender: for each function the next one beside it that is not shut, or -1
 * @senders: for each @head the first such
 * @lost: for each @head, whether one of them is on a bus whose bridge is not known
 * @whole: for each function the group of all ends from it down, or one of the above
 * @ends: for each function how many ends there are from it down
 * @place: and how many are before these in the tree
 * @low: for each function the least place of one of its group
 * @high: and the greatest
 */
struct reach {
	const struct topology *t;
	const struct groups *g;
	bool (*gets)(const struct topology *t, int from, int to);
	enum gate *gate;
	int *head;
	int *sender;
	int *senders;
	bool *lost;
	int *whole;
	int *ends;
	int *place;
	int *low;
	int *high;
};

/**
 * crossings_add() - one more
 * @list: where to
 * @from: where it begins
 * @to: and where it leads
 */
void crossings_add(struct crossings *list, int from, int to)
{
	if (list->nr == list->size) {
		list->size = list->size ? 2 * list->size : 16;
		list->at = xrealloc(list->at, list->size, sizeof(*list->at));
	}
	list->at[list->nr++] = (struct crossing){ from, to };
}

/* Root buses of a domain are one to path_find(). */
static int next_beside(const struct topology *t, int index)
{
	int next = t->functions[index].beside;

	return next >= 0 && t->functions[next].domain ==
			    t->functions[index].domain ? next : -1;
}

static bool is_lost(const struct topology *t, int index)
{
	return t->buses[t->functions[index].bus].lost;
}

static enum gate gate_of(const struct reach *r, int index)
{
	const struct function *f = &r->t->functions[index];
	int other = r->head[index];

	if (other == index)
		other = next_beside(r->t, index);
	if (other < 0)
		return GATE_SHUT;
	if (f->acs.present && f->acs.cap & f->acs.ctrl & ACS_EC)
		return GATE_LIST;
	if (r->lost[r->head[index]] && !is_lost(r->t, index))
		return GATE_LIST;
	return r->gets(r->t, index, other) ? GATE_OPEN : GATE_SHUT;
}

static bool passes(const struct reach *r, int from, int to)
{
	return r->gate[from] == GATE_OPEN || r->gets(r->t, from, to);
}

/* One pass down for heads and gates, one up for the lists and for branches. */
static void find_gates(struct reach *r)
{
	const struct topology *t = r->t;
	int i, next;

	for (i = 0; i < t->nr; i++)
		r->head[i] = r->senders[i] = r->sender[i] = -1;
	for (i = 0; i < t->nr; i++) {
		if (r->head[i] < 0)
			r->head[i] = i;
		if (is_lost(t, i))
			r->lost[r->head[i]] = true;
		next = next_beside(t, i);
		if (next >= 0)
			r->head[next] = r->head[i];
	}
	for (i = t->nr - 1; i >= 0; i--) {
		r->gate[i] = gate_of(r, i);
		if (r->gate[i] == GATE_SHUT)
			continue;
		r->sender[i] = r->senders[r->head[i]];
		r->senders[r->head[i]] = i;
	}
}

static void find_wholes(struct reach *r)
{
	const struct topology *t = r->t;
	int i;

	for (i = 0; i < t->nr; i++) {
		r->ends[i] = !t->functions[i].bridge;
		r->whole[i] = r->ends[i] ? r->g->of[i] : NOBODY;
	}
	for (i = t->nr - 1; i >= 0; i--) {
		int above = topology_above(t, i);

		if (above < 0 || r->whole[i] == NOBODY)
			continue;
		r->ends[above] += r->ends[i];
		if (r->whole[above] == NOBODY)
			r->whole[above] = r->whole[i];
		else if (r->whole[above] != r->whole[i])
			r->whole[above] = SEVERAL;
	}
}

/* Places of what is from @index on: above those inside, from left to right. */
static int find_places(struct reach *r, int index, int place)
{
	for (; index >= 0; index = r->t->functions[index].beside) {
		r->place[index] = place;
		find_places(r, r->t->functions[index].inside, place);
		place += r->ends[index];
	}
	return place;
}

/* From where to where the members of a group are: often side by side. */
static void find_extents(struct reach *r, const int *members, int nr)
{
	int low = r->t->nr, high = -1, i;

	for (i = 0; i < nr; i++) {
		if (r->t->functions[members[i]].bridge)
			continue;
		if (r->place[members[i]] < low)
			low = r->place[members[i]];
		if (r->place[members[i]] > high)
			high = r->place[members[i]];
	}
	for (i = 0; i < nr; i++) {
		r->low[members[i]] = low;
		r->high[members[i]] = high;
	}
}

/**
 * reach_new() - ask what is to be asked once
 * @t: the machine, which must not change
 * @g: its groups
 * @gets: whether one gets to another: path_reaches() or path_unknown(), or any other
 *	question about where requests go in one domain
 *
 * Return: the answers.
 */
struct reach *reach_new(const struct topology *t, const struct groups *g,
			bool (*gets)(const struct topology *t, int from,
				     int to))
{
	struct reach *r = xcalloc(1, sizeof(*r));
	int i;

	r->t = t;
	r->g = g;
	r->gets = gets;
	r->gate = xcalloc(t->nr, sizeof(*r->gate));
	r->head = xcalloc(t->nr, sizeof(*r->head));
	r->sender = xcalloc(t->nr, sizeof(*r->sender));
	r->senders = xcalloc(t->nr, sizeof(*r->senders));
	r->lost = xcalloc(t->nr, sizeof(*r->lost));
	r->whole = xcalloc(t->nr, sizeof(*r->whole));
	r->ends = xcalloc(t->nr, sizeof(*r->ends));
	r->place = xcalloc(t->nr, sizeof(*r->place));
	r->low = xcalloc(t->nr, sizeof(*r->low));
	r->high = xcalloc(t->nr, sizeof(*r->high));
	find_gates(r);
	find_wholes(r);
	find_places(r, t->roots, 0);
	find_extents(r, g->member, g->first[0]);
	for (i = 0; i < g->nr; i++)
		find_extents(r, g->member + g->first[i],
			     g->first[i + 1] - g->first[i]);
	return r;
}

/**
 * reach_free() - the end of it
 * @r: the answers, or NULL
 */
void reach_free(struct reach *r)
{
	if (!r)
		return;
	free(r->gate);
	free(r->head);
	free(r->sender);
	free(r->senders);
	free(r->lost);
	free(r->whole);
	free(r->ends);
	free(r->place);
	free(r->low);
	free(r->high);
	free(r);
}

/* The ends of a branch that are not of this group, or the targets of these. */
static void collect(const struct reach *r, int index, int group, bool targets,
		    struct indices *list)
{
	const struct function *f = &r->t->functions[index];
	int i;

	if (r->whole[index] == NOBODY || r->whole[index] == group)
		return;
	if (!f->bridge) {
		if (!targets || topology_is_target(f))
			indices_add(list, index);
		return;
	}
	for (i = f->inside; i >= 0; i = r->t->functions[i].beside)
		collect(r, i, group, targets, list);
}

/* Is all that is beside a function, itself included, of this group? */
static bool nobody_else(const struct reach *r, int index, int group)
{
	int above = topology_above(r->t, index);

	return above >= 0 && r->whole[above] == group;
}

/**
 * reach_crossings() - where do others get into the branches that a function is in?
 * @r: the answers
 * @to: the function
 * @list: where to add them, from the function upwards
 *
 * Those from which only functions of its own group come are left out.
 */
void reach_crossings(const struct reach *r, int to, struct crossings *list)
{
	int group = r->g->of[to], at, from;

	if (!topology_is_target(&r->t->functions[to]))
		return;
	for (at = to; at >= 0; at = topology_above(r->t, at)) {
		if (nobody_else(r, at, group))
			continue;
		for (from = r->senders[r->head[at]]; from >= 0;
		     from = r->sender[from])
			if (from != at && r->whole[from] != NOBODY &&
			    r->whole[from] != group && passes(r, from, at))
				crossings_add(list, from, at);
	}
}

/**
 * reach_senders() - how many functions of other groups are in a branch?
 * @r: the answers
 * @from: the function that the branch begins with
 * @member: a function of the group that is not counted
 *
 * Return: the number.
 */
int reach_senders(const struct reach *r, int from, int member)
{
	struct indices list = { };

	if (r->low[member] >= r->place[from] + r->ends[from] ||
	    r->high[member] < r->place[from])
		return r->ends[from];
	collect(r, from, r->g->of[member], false, &list);
	free(list.at);
	return list.nr;
}

/**
 * reach_into() - who of other groups gets to a function?
 * @r: the answers
 * @to: the function
 * @list: where to put them, in ascending order
 */
void reach_into(const struct reach *r, int to, struct indices *list)
{
	struct crossings crossings = { };
	int i;

	list->nr = 0;
	reach_crossings(r, to, &crossings);
	for (i = 0; i < crossings.nr; i++)
		collect(r, crossings.at[i].from, r->g->of[to], false,
			list);
	free(crossings.at);
	indices_sort(list);
}

static void find_targets(const struct reach *r, int from, bool listed,
			 struct indices *list)
{
	int group = r->g->of[from], at, to;

	list->nr = 0;
	if (r->t->functions[from].bridge)
		return;
	for (at = from; at >= 0; at = topology_above(r->t, at)) {
		if (r->gate[at] == GATE_SHUT || nobody_else(r, at, group) ||
		    (listed && r->gate[at] != GATE_LIST))
			continue;
		for (to = r->head[at]; to >= 0; to = next_beside(r->t, to))
			if (to != at && passes(r, at, to))
				collect(r, to, group, true, list);
	}
	indices_sort(list);
}

/**
 * reach_from() - to whom of other groups does a function get?
 * @r: the answers
 * @from: the function
 * @list: where to put them, in ascending order
 */
void reach_from(const struct reach *r, int from, struct indices *list)
{
	find_targets(r, from, false, list);
}

/**
 * reach_listed() - the same, where that is decided for each two
 * @r: the answers
 * @from: the function
 * @list: where to put them, in ascending order
 *
 * Those to whom it gets otherwise are in reach_below() of a bridge.
 */
void reach_listed(const struct reach *r, int from, struct indices *list)
{
	find_targets(r, from, true, list);
}

/* Do ends of different groups meet if these two branches do? */
static bool mixes(const struct reach *r, int a, int b)
{
	return a != b && r->whole[a] != NOBODY && r->whole[b] != NOBODY &&
	       (r->whole[a] == SEVERAL || r->whole[a] != r->whole[b]);
}

/**
 * reach_below() - who below a bridge gets to whom there, if all get to all
 * @r: the answers
 * @bridge: the bridge
 * @senders: where to put who gets to the others, in ascending order
 * @targets: where to put to whom they get
 *
 * Those of whom it is decided one by one (reach_listed()) are not among them. If nobody
 * gets to another group, both lists are empty.
 */
void reach_below(const struct reach *r, int bridge, struct indices *senders,
		 struct indices *targets)
{
	const struct function *functions = r->t->functions;
	int first = functions[bridge].inside, a, b;

	senders->nr = targets->nr = 0;
	if (first < 0 || r->whole[bridge] != SEVERAL)
		return;
	for (a = r->senders[first]; a >= 0; a = r->sender[a]) {
		for (b = first; b >= 0 && !mixes(r, a, b);)
			b = functions[b].beside;
		if (b >= 0 && r->gate[a] == GATE_OPEN)
			collect(r, a, NO_GROUP, false, senders);
	}
	for (b = first; b >= 0; b = functions[b].beside) {
		for (a = r->senders[first]; a >= 0; a = r->sender[a])
			if (mixes(r, a, b) && r->gate[a] == GATE_OPEN)
				break;
		if (a >= 0)
			collect(r, b, NO_GROUP, true, targets);
	}
	indices_sort(senders);
	indices_sort(targets);
}
