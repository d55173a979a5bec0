// SPDX-License-Identifier: GPL-2.0-only
/*
 * A switch of sixteen graphics cards with two functions each has nearly a thousand
 * pairs, and one thing is to be said of them: that these devices reach each other.  So
 * functions that get the same are told together, and those that get each other.
 */
#include "isolation/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "output.h"
#include "pci/gaps.h"
#include "pci/indices.h"
#include "pci/span.h"

/* JSON has more pairs than that as lists. */
#define PAIRS_MAX 1024

/**
 * struct gain - what a function gets
 * @from: the function
 * @to: whom it reaches, in ascending order
 * @nr: how many
 * @certain: it does; otherwise it may
 * @told: it has been printed
 */
struct gain {
	int from;
	int *to;
	int nr;
	bool certain;
	bool told;
};

struct gains {
	struct gain *at;
	int nr;
};

static bool is_certain(const struct plan *p, const struct pair *pair)
{
	return path_find(p->t, pair->a, pair->b, TRAFFIC_REQUEST).route ==
		ROUTE_DIRECT ||
	       path_find(p->t, pair->a, pair->b, TRAFFIC_TRANSLATED).route ==
		ROUTE_DIRECT;
}

/* Pairs are sorted by their first, and then by their second. */
static struct gains collect(struct plan *p, const struct pairs *opened)
{
	struct gains gains = { };
	int i, j, first;

	gains.at = xcalloc(2 * opened->nr + 2, sizeof(*gains.at));
	for (first = 0; first < opened->nr; first = i) {
		struct gain *sure = &gains.at[gains.nr], *maybe = sure + 1;

		for (i = first; i < opened->nr &&
		     opened->at[i].a == opened->at[first].a; i++)
			;
		sure->from = maybe->from = opened->at[first].a;
		sure->certain = true;
		sure->to = xcalloc(i - first, sizeof(*sure->to));
		maybe->to = xcalloc(i - first, sizeof(*maybe->to));
		for (j = first; j < i; j++) {
			if (is_certain(p, &opened->at[j]))
				sure->to[sure->nr++] = opened->at[j].b;
			else
				maybe->to[maybe->nr++] = opened->at[j].b;
		}
		gains.nr += 2;
	}
	return gains;
}

static void drop(struct gains *gains)
{
	int i;

	for (i = 0; i < gains->nr; i++)
		free(gains->at[i].to);
	free(gains->at);
}

static bool same_device(const struct topology *t, int a, int b)
{
	const struct function *f = &t->functions[a], *g = &t->functions[b];

	return f->bus == g->bus && slot_of(f) == slot_of(g);
}

/* Do both get the same, but for functions of their own devices? */
static bool same_but_own(const struct topology *t, const struct gain *a,
			 const struct gain *b)
{
	int i = 0, j = 0;

	for (;;) {
		while (i < a->nr && (same_device(t, a->to[i], a->from) ||
				     same_device(t, a->to[i], b->from)))
			i++;
		while (j < b->nr && (same_device(t, b->to[j], a->from) ||
				     same_device(t, b->to[j], b->from)))
			j++;
		if (i == a->nr || j == b->nr)
			return i == a->nr && j == b->nr;
		if (a->to[i++] != b->to[j++])
			return false;
	}
}

static int by_index(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool gets(const struct gain *gain, int function)
{
	return bsearch(&function, gain->to, gain->nr, sizeof(*gain->to),
		       by_index);
}

static bool each_other(const struct topology *t, const struct gain *a,
		       const struct gain *b)
{
	return a->certain == b->certain && a->nr && b->nr &&
	       !same_device(t, a->from, b->from) && gets(a, b->from) &&
	       gets(b, a->from) && same_but_own(t, a, b);
}

static bool same(const struct gain *a, const struct gain *b)
{
	return a->certain == b->certain && a->nr == b->nr &&
	       !memcmp(a->to, b->to, a->nr * sizeof(*a->to));
}

static const char *how(const struct plan *p)
{
	return p->translated ?
	       "with addresses that it says the IOMMU has translated" :
	       "without the IOMMU seeing it";
}

static const char *verb(const struct gain *gain)
{
	return gain->certain ? "can then" :
	       "may then, if the hardware does such a thing,";
}

static void one_way_text(const struct plan *p, struct gain *gain,
			 const int *from, int nr)
{
	char *who = span_text(p->t, from, nr);
	char *whom = span_text(p->t, gain->to, gain->nr);

	printf("  %s %s read and write, %s: %s\n", who, verb(gain), how(p),
	       whom);
	free(who);
	free(whom);
}

/* Whom the @nr functions in @from get besides each other. */
static void each_other_text(const struct plan *p, const struct gain *gain,
			    const int *from, int nr)
{
	char *who = span_text(p->t, from, nr), *whom;
	int *rest = xcalloc(gain->nr, sizeof(*rest));
	int i, j, n = 0;

	for (i = 0; i < gain->nr; i++) {
		for (j = 0; j < nr; j++)
			if (same_device(p->t, gain->to[i], from[j]))
				break;
		if (j == nr)
			rest[n++] = gain->to[i];
	}
	whom = span_text(p->t, rest, n);
	printf("  %s %s read and write each other%s%s, %s\n", who, verb(gain),
	       n ? " and " : "", whom, how(p));
	free(rest);
	free(who);
	free(whom);
}

/* With those of its own device it shares what it gets, not each other. */
static bool told_with(const struct topology *t, const struct gain *gain,
		      const struct gain *other, bool mutual)
{
	if (!mutual)
		return same(gain, other);
	return each_other(t, gain, other) ||
	       (same_device(t, gain->from, other->from) && same(gain, other));
}

static void gain_text(const struct plan *p, struct gains *gains, int first)
{
	struct gain *gain = &gains->at[first];
	int *from = xcalloc(gains->nr, sizeof(*from));
	bool mutual = false;
	int i, n = 0;

	for (i = first + 1; i < gains->nr && !mutual; i++)
		mutual = !gains->at[i].told &&
			 each_other(p->t, gain, &gains->at[i]);
	for (i = first; i < gains->nr; i++) {
		struct gain *other = &gains->at[i];

		if (i != first && (other->told ||
				   !told_with(p->t, gain, other, mutual)))
			continue;
		other->told = true;
		from[n++] = other->from;
	}
	if (mutual)
		each_other_text(p, gain, from, n);
	else
		one_way_text(p, gain, from, n);
	free(from);
}

static void groups_note(const struct plan *p, const struct pairs *opened)
{
	int i, apart = 0;

	for (i = 0; i < opened->nr; i++)
		apart += p->after->of[opened->at[i].a] !=
			 p->after->of[opened->at[i].b];
	if (apart && !p->translated)
		printf("  %sLinux puts some of these into different groups all the same, as it looks only at the ports above a device: give them to one user, or to users who trust each other%s\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF));
	if (apart && p->translated)
		puts("  Groups remain as they are; that they hold rests on these devices honestly marking requests as translated");
}

/**
 * trust_text() - print what a plan costs
 * @p: the plan, whose machine is as planned
 * @opened: who gets a way to whom, sorted
 */
void trust_text(struct plan *p, const struct pairs *opened)
{
	struct gains gains = collect(p, opened);
	int i;

	puts("\ntrust it costs");
	if (!opened->nr)
		puts("  none: nobody gets a way that was closed before");
	for (i = 0; i < gains.nr; i++)
		if (gains.at[i].nr && !gains.at[i].told)
			gain_text(p, &gains, i);
	drop(&gains);
	groups_note(p, opened);
	if (gaps_any(p->t))
		printf("  %snot counted:%s ways past functions whose registers are not known\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF));
}

static json_t *pair_json(const struct plan *p, const struct pair *pair)
{
	return xjson(json_pack("{so so sb sb}",
			       "from", explain_address(p->t, pair->a),
			       "to", explain_address(p->t, pair->b),
			       "certain", is_certain(p, pair),
			       "one_group", p->after->of[pair->a] ==
					    p->after->of[pair->b]));
}

/* In one group are all, none, or some of these and those: true, false, null. */
static json_t *one_group(const struct plan *p, const struct gain *gain,
			 const struct indices *from)
{
	bool any = false, all = true;
	int i, j;

	for (i = 0; i < from->nr; i++) {
		for (j = 0; j < gain->nr && (all || !any); j++) {
			if (p->after->of[from->at[i]] ==
			    p->after->of[gain->to[j]])
				any = true;
			else
				all = false;
		}
	}
	return any && !all ? json_null() : json_boolean(all);
}

/* All that get the same as the one at @first. */
static json_t *gain_json(const struct plan *p, struct gains *gains, int first)
{
	struct gain *gain = &gains->at[first];
	json_t *from = xjson(json_array()), *to = xjson(json_array());
	struct indices list = { };
	json_t *value;
	int i;

	for (i = first; i < gains->nr; i++) {
		struct gain *other = &gains->at[i];

		if (other->told || !same(gain, other))
			continue;
		other->told = true;
		indices_add(&list, other->from);
		json_array_append_new(from, explain_address(p->t, other->from));
	}
	for (i = 0; i < gain->nr; i++)
		json_array_append_new(to, explain_address(p->t, gain->to[i]));
	value = json_pack("{so so sb so}", "from", from, "to", to, "certain",
			  gain->certain, "one_group", one_group(p, gain, &list));
	free(list.at);
	return xjson(value);
}

/**
 * trust_json() - what a plan costs, for programs
 * @p: the plan, whose machine is as planned
 * @opened: who gets a way to whom
 *
 * Return: an array of pairs; if there are many, each entry has lists of functions that
 * all get to all of others.
 */
json_t *trust_json(struct plan *p, const struct pairs *opened)
{
	json_t *array = xjson(json_array());
	struct gains gains = { };
	int i;

	for (i = 0; i < opened->nr && opened->nr <= PAIRS_MAX; i++)
		json_array_append_new(array, pair_json(p, &opened->at[i]));
	if (opened->nr > PAIRS_MAX)
		gains = collect(p, opened);
	for (i = 0; i < gains.nr; i++)
		if (gains.at[i].nr && !gains.at[i].told)
			json_array_append_new(array,
					      gain_json(p, &gains, i));
	drop(&gains);
	return array;
}
