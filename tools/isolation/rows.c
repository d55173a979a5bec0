// SPDX-License-Identifier: GPL-2.0-only
/*
 * A large machine has hundreds of functions, and most of them are one of forty.  What
 * is alike below one bridge, with all that is behind it, is drawn once: then a row is
 * for a function and for those in its place in the other branches.
 */
#include "isolation/rows.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/class.h"

/* So many that are alike become one row; so many functions may have a row each. */
#define FOLD_MIN 3
#define ROWS_MAX 40

/**
 * rows_new() - a picture that has all functions, and no rows yet
 * @t: the machine
 * @g: its groups
 *
 * Return: the picture.
 */
struct rows *rows_new(const struct topology *t, const struct groups *g)
{
	struct rows *rows = xcalloc(1, sizeof(*rows));
	int i;

	rows->t = t;
	rows->g = g;
	rows->single = xcalloc(t->nr, sizeof(*rows->single));
	rows->drawn = xcalloc(t->nr, sizeof(*rows->drawn));
	rows->of = xcalloc(t->nr, sizeof(*rows->of));
	for (i = 0; i < t->nr; i++) {
		rows->drawn[i] = true;
		rows->of[i] = -1;
	}
	return rows;
}

/**
 * rows_free() - the end of it
 * @rows: the picture
 */
void rows_free(struct rows *rows)
{
	int i;

	for (i = 0; i < rows->nr; i++)
		free(rows->at[i].functions.at);
	free(rows->at);
	free(rows->sections);
	free(rows->single);
	free(rows->drawn);
	free(rows->of);
	free(rows);
}

/**
 * rows_only() - leave out what nobody asks for
 * @rows: the picture
 * @wanted: for each function, whether it was asked for
 *
 * Drawn are these, who shares a group with one of them, and the bridges above.
 */
void rows_only(struct rows *rows, const bool *wanted)
{
	const struct topology *t = rows->t;
	const int *members;
	int i, j, nr;

	memset(rows->drawn, 0, t->nr * sizeof(*rows->drawn));
	for (i = 0; i < t->nr; i++)
		if (wanted[i])
			rows->drawn[i] = true;
	for (i = 0; i < rows->g->nr; i++) {
		members = groups_members(rows->g, groups_number(rows->g, i),
					 &nr);
		for (j = 0; j < nr && !wanted[members[j]]; j++)
			;
		if (j == nr)
			continue;
		for (j = 0; j < nr; j++)
			rows->drawn[members[j]] = true;
	}
	for (i = t->nr - 1; i >= 0; i--) {
		int above = topology_above(t, i);

		if (above >= 0 && rows->drawn[i])
			rows->drawn[above] = true;
	}
}

/**
 * rows_left_out() - how many functions are not drawn
 * @rows: the picture
 *
 * Return: the number.
 */
int rows_left_out(const struct rows *rows)
{
	int i, n = 0;

	for (i = 0; i < rows->t->nr; i++)
		n += !rows->drawn[i];
	return n;
}

/* What is alike -------------------------------------------------------------- */

/**
 * struct folding - what is worked out before functions are compared
 * @rows: the picture
 * @fold: whether anything is to be folded
 * @hash: for each function, of what it and those behind it are
 * @dull: for each function: its group is of processor and chipset only
 */
struct folding {
	struct rows *rows;
	bool fold;
	uint64_t *hash;
	bool *dull;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

static int group_size(const struct rows *rows, int index)
{
	int nr;

	groups_members(rows->g, rows->g->of[index], &nr);
	return nr;
}

static bool with_above(const struct rows *rows, int index)
{
	int above = topology_above(rows->t, index);

	return above >= 0 && rows->g->of[above] == rows->g->of[index];
}

static uint64_t hash_of(const struct folding *fo, int index)
{
	const struct function *f = &fo->rows->t->functions[index];
	uint64_t hash = mix(f->class, f->bridge);

	hash = mix(hash, f->pcie << 8 | f->type);
	hash = mix(hash, fo->dull[index]);
	if (fo->dull[index])
		return hash;
	hash = mix(hash, (uint32_t)f->vendor << 16 | f->device);
	hash = mix(hash, (uint32_t)f->acs.cap << 16 | f->acs.ctrl);
	return mix(hash, group_size(fo->rows, index));
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Requests go the same ways from and to these two. */
static bool same_to_path(const struct function *a, const struct function *b)
{
	return a->pcie == b->pcie && a->type == b->type &&
	       a->bridge == b->bridge && a->multifunction == b->multifunction &&
	       a->acs.known == b->acs.known &&
	       a->acs.present == b->acs.present && a->acs.cap == b->acs.cap &&
	       a->acs.ctrl == b->acs.ctrl && !(a->acs.ctrl & ACS_EC) &&
	       a->caps.ats == b->caps.ats &&
	       (a->physfn >= 0) == (b->physfn >= 0);
}

static bool same_function(const struct folding *fo, int a, int b)
{
	const struct rows *rows = fo->rows;
	const struct function *f = &rows->t->functions[a];
	const struct function *g = &rows->t->functions[b];

	if (rows->single[a] || rows->single[b] || class_computes(f->class) ||
	    f->class != g->class || !same_to_path(f, g))
		return false;
	if (fo->dull[a] && fo->dull[b])
		return true;
	return f->vendor == g->vendor && f->device == g->device &&
	       same_text(f->driver, g->driver) &&
	       with_above(rows, a) == with_above(rows, b) &&
	       group_size(rows, a) == group_size(rows, b);
}

/* Root buses have a place each in the picture, whatever is beside them. */
static int beside(const struct rows *rows, int index)
{
	const struct function *f = &rows->t->functions[index];

	if (f->beside >= 0 && topology_above(rows->t, index) < 0 &&
	    rows->t->functions[f->beside].bus != f->bus)
		return -1;
	return f->beside;
}

static int next_drawn(const struct rows *rows, int index)
{
	while (index >= 0 && !rows->drawn[index])
		index = beside(rows, index);
	return index;
}

static bool alike(const struct folding *fo, int a, int b)
{
	const struct function *functions = fo->rows->t->functions;

	if (fo->hash[a] != fo->hash[b] || !same_function(fo, a, b))
		return false;
	a = next_drawn(fo->rows, functions[a].inside);
	b = next_drawn(fo->rows, functions[b].inside);
	while (a >= 0 && b >= 0) {
		if (!alike(fo, a, b))
			return false;
		a = next_drawn(fo->rows, beside(fo->rows, a));
		b = next_drawn(fo->rows, beside(fo->rows, b));
	}
	return a < 0 && b < 0;
}

static void find_dull(struct folding *fo)
{
	const struct groups *g = fo->rows->g;
	const struct function *functions = fo->rows->t->functions;
	int group, i;

	for (group = 0; group < g->nr; group++) {
		bool dull = true;

		for (i = g->first[group]; i < g->first[group + 1]; i++)
			dull = dull && class_is_system(
					functions[g->member[i]].class);
		for (i = g->first[group]; i < g->first[group + 1]; i++)
			fo->dull[g->member[i]] = dull;
	}
}

static void find_hashes(struct folding *fo)
{
	int i, above;

	for (i = 0; i < fo->rows->t->nr; i++)
		fo->hash[i] = hash_of(fo, i);
	for (i = fo->rows->t->nr - 1; i >= 0; i--) {
		above = topology_above(fo->rows->t, i);
		if (above >= 0 && fo->rows->drawn[i])
			fo->hash[above] = mix(fo->hash[above], fo->hash[i]);
	}
}

/* Rows ------------------------------------------------------------------------ */

static int count_groups(const struct groups *g, const struct indices *functions)
{
	struct indices groups = { };
	int i, n = 0;

	for (i = 0; i < functions->nr; i++)
		if (g->of[functions->at[i]] >= 0)
			indices_add(&groups, g->of[functions->at[i]]);
	indices_sort(&groups);
	for (i = 0; i < groups.nr; i++)
		n += !i || groups.at[i] != groups.at[i - 1];
	free(groups.at);
	return n;
}

/* The row takes the list of functions over. */
static int add_row(struct rows *rows, struct indices *functions, int above)
{
	struct row *row;
	int i;

	indices_sort(functions);
	rows->at = xrealloc(rows->at, rows->nr + 1, sizeof(*rows->at));
	row = &rows->at[rows->nr];
	*row = (struct row){
		.functions = *functions, .above = above,
		.depth = above < 0 ? 0 : rows->at[above].depth + 1,
		.section = rows->nr_sections - 1,
		.group = rows->g->of[functions->at[0]],
		.groups = count_groups(rows->g, functions),
	};
	if (row->depth > rows->deepest)
		rows->deepest = row->depth;
	for (i = 0; i < functions->nr; i++)
		rows->of[functions->at[i]] = rows->nr;
	return rows->nr++;
}

/**
 * struct places - what is beside each other, in one branch or in several alike
 * @at: for each place who is there, one of each branch
 * @with: for each place the first one that is like it
 * @nr: how many
 */
struct places {
	struct indices *at;
	int *with;
	int nr;
};

/* @heads are the first ones of these branches. */
static void find_places(const struct rows *rows, const struct indices *heads,
			struct places *p)
{
	int i, j, at;

	for (i = 0; i < heads->nr; i++) {
		at = next_drawn(rows, heads->at[i]);
		for (j = 0; at >= 0; j++) {
			if (j == p->nr) {
				p->at = xrealloc(p->at, p->nr + 1,
						 sizeof(*p->at));
				p->at[p->nr++] = (struct indices){ };
			}
			indices_add(&p->at[j], at);
			at = next_drawn(rows, beside(rows, at));
		}
	}
}

/* What holds in the first branch holds in those that are like it. */
static void compare_places(const struct folding *fo, struct places *p)
{
	int i, j;

	p->with = xcalloc(p->nr, sizeof(*p->with));
	for (i = 0; i < p->nr; i++) {
		p->with[i] = i;
		for (j = 0; fo->fold && j < i; j++) {
			if (p->with[j] != j ||
			    !alike(fo, p->at[j].at[0], p->at[i].at[0]))
				continue;
			p->with[i] = j;
			break;
		}
	}
}

static void fold_place(struct places *p, int place)
{
	int i, j, n = 0;

	for (i = place; i < p->nr; i++)
		n += p->with[i] == place;
	for (i = place + 1; n >= FOLD_MIN && i < p->nr; i++) {
		if (p->with[i] != place)
			continue;
		for (j = 0; j < p->at[i].nr; j++)
			indices_add(&p->at[place], p->at[i].at[j]);
		p->at[i].nr = 0;
	}
}

static void arrange(struct folding *fo, const struct indices *heads, int above)
{
	struct places p = { };
	int i, j, row;

	find_places(fo->rows, heads, &p);
	compare_places(fo, &p);
	for (i = 0; i < p.nr; i++) {
		struct indices inside = { };

		if (p.with[i] == i)
			fold_place(&p, i);
		if (!p.at[i].nr) {
			free(p.at[i].at);
			continue;
		}
		row = add_row(fo->rows, &p.at[i], above);
		for (j = 0; j < p.at[i].nr; j++) {
			int first = fo->rows->t->functions[p.at[i].at[j]].inside;

			if (first >= 0)
				indices_add(&inside, first);
		}
		arrange(fo, &inside, row);
		free(inside.at);
	}
	free(p.at);
	free(p.with);
}

/* Root buses --------------------------------------------------------------- */

static int node_of(const struct topology *t, const struct bus *bus)
{
	int i;

	for (i = bus->first; i < bus->first + bus->nr; i++)
		if (t->functions[i].node >= 0)
			return t->functions[i].node;
	return -1;
}

static int by_node(const void *left, const void *right)
{
	const struct section *a = left, *b = right;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

/*
 * In the order of NUMA nodes, then of the machine.  Until it has rows, a section's
 * first one is the first function of the bus.
 */
static struct section *find_sections(const struct topology *t, int *nr)
{
	struct section *sections = NULL;
	int i, bus = -1;

	*nr = 0;
	for (i = t->roots; i >= 0; i = t->functions[i].beside) {
		const struct function *f = &t->functions[i];

		if (f->bus == bus)
			continue;
		bus = f->bus;
		sections = xrealloc(sections, *nr + 1, sizeof(*sections));
		sections[(*nr)++] = (struct section){
			.domain = f->domain, .number = f->number, .first = i,
			.node = node_of(t, &t->buses[bus]),
		};
	}
	qsort(sections, *nr, sizeof(*sections), by_node);
	return sections;
}

/**
 * rows_arrange() - put everything into rows
 * @rows: the picture
 * @fold: what is alike becomes one row, if there is much
 */
void rows_arrange(struct rows *rows, bool fold)
{
	struct folding fo = {
		.rows = rows, .fold = fold,
		.hash = xcalloc(rows->t->nr, sizeof(*fo.hash)),
		.dull = xcalloc(rows->t->nr, sizeof(*fo.dull)),
	};
	struct section *sections;
	int i, nr;

	if (rows->t->nr - rows_left_out(rows) <= ROWS_MAX)
		fo.fold = false;
	find_dull(&fo);
	find_hashes(&fo);
	sections = find_sections(rows->t, &nr);
	rows->sections = sections;
	for (i = 0; i < nr; i++) {
		struct section section = sections[i];
		struct indices head = { .at = &section.first, .nr = 1 };
		int first = rows->nr;

		/* One that has no rows is left out */
		sections[rows->nr_sections++] = section;
		arrange(&fo, &head, -1);
		sections[rows->nr_sections - 1].first = first;
		sections[rows->nr_sections - 1].nr = rows->nr - first;
		if (rows->nr == first)
			rows->nr_sections--;
	}
	free(fo.hash);
	free(fo.dull);
}

/* Words ----------------------------------------------------------------------- */

/* The part of a name before its colon, which is the class; the rest without it. */
static const char *without_class(const char *name)
{
	const char *colon = strstr(name, ": ");

	return colon ? colon + 2 : name;
}

static bool one_name(const struct rows *rows, const struct row *row)
{
	const struct function *functions = rows->t->functions;
	int i;

	for (i = 1; i < row->functions.nr; i++)
		if (strcmp(functions[row->functions.at[i]].name,
			   functions[row->functions.at[0]].name))
			return false;
	return true;
}

/* Dumps have virtual functions without IDs. */
static char *virtual_label(const struct rows *rows, const struct row *row)
{
	const struct function *functions = rows->t->functions;
	const struct function *f = &functions[row->functions.at[0]];
	char address[ADDRESS_SIZE];
	int i;

	if (f->vendor != 0xffff)
		return xasprintf("virtual function, %s", f->name);
	for (i = 1; i < row->functions.nr; i++)
		if (functions[row->functions.at[i]].physfn != f->physfn)
			return xasprintf("virtual functions");
	return xasprintf("virtual function%s of %s", i > 1 ? "s" : "",
			 topology_address(&functions[f->physfn], address));
}

static char *plain_label(const struct rows *rows, const struct row *row)
{
	const struct function *f = &rows->t->functions[row->functions.at[0]];
	const char *kind = topology_kind(f);

	if (f->physfn >= 0)
		return virtual_label(rows, row);
	if (!one_name(rows, row))
		return xasprintf("%s, %.*s, of several kinds", kind,
				 (int)strcspn(f->name, ":["), f->name);
	if (f->bridge)
		return xasprintf("%s: %s", f->pcie_known ? kind : "bridge",
				 without_class(f->name));
	if (!f->pcie_known || !strcmp(kind, "endpoint") || !strcmp(kind, "PCI function"))
		return xasprintf("%s", f->name);
	return xasprintf("%s, %s", kind, f->name);
}

/* The same, and whether that is all that is known. */
static char *known_label(const struct rows *rows, const struct row *row)
{
	const struct function *f = &rows->t->functions[row->functions.at[0]];
	char *plain = plain_label(rows, row), *label;

	if (acs_readable(f))
		return plain;
	label = xasprintf("%s: %s", f->pcie_known ? "not all is known" :
			  "of unknown kind", plain);
	free(plain);
	return label;
}

/**
 * rows_label() - what stands in a row, after the address of its first function
 * @rows: the picture
 * @row: which row
 *
 * Return: the text, to be freed.
 */
char *rows_label(const struct rows *rows, int row)
{
	const struct row *r = &rows->at[row];
	const struct function *first, *last;
	char *plain = known_label(rows, r), *label;
	char address[ADDRESS_SIZE];
	const char *end;

	if (r->functions.nr == 1)
		return plain;
	first = &rows->t->functions[r->functions.at[0]];
	last = &rows->t->functions[r->functions.at[r->functions.nr - 1]];
	end = topology_address(last, address);
	if (first->domain == last->domain)
		end = strchr(end, ':') + 1;
	label = xasprintf("x %d, to %s: %s", r->functions.nr, end, plain);
	free(plain);
	return label;
}

/**
 * rows_group_label() - the name of a row's group
 * @rows: the picture
 * @row: which row
 *
 * Return: the text, to be freed; NULL if there is no group.
 */
char *rows_group_label(const struct rows *rows, int row)
{
	const struct row *r = &rows->at[row];
	const char *open = "";
	int i;

	if (!r->groups)
		return NULL;
	for (i = 0; i < r->functions.nr && !*open; i++)
		if (groups_open(rows->g, r->functions.at[i]))
			open = " (open)";
	return r->groups == 1 ? xasprintf("group %d%s", r->group, open) :
				xasprintf("%d groups%s", r->groups, open);
}
