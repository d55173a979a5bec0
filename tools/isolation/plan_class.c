// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/plan_class.h"

#include <stdlib.h>

#include "isolation/one_device.h"
#include "output.h"
#include "pci/class.h"

/* The port of the root complex that a function is below, -1 for none. */
static int root_of(const struct topology *t, int index)
{
	int at, root = -1;

	for (at = topology_upstream(t, index); at >= 0;
	     at = topology_upstream(t, at))
		root = at;
	return root;
}

/* Virtual functions go where their physical one goes. */
static bool is_meant(const struct function *f, char *const words[], int nr)
{
	int i;

	if (f->bridge || f->physfn >= 0)
		return false;
	for (i = 0; i < nr; i++)
		if (class_fits(f->class, words[i]))
			return true;
	return false;
}

/**
 * plan_want_class() - have all devices of some classes talk inside of each switch
 * @p: the plan
 * @words: the classes, words that class_known() knows
 * @nr: how many
 *
 * A switch, that is all that is below one port of the root complex: switches below
 * switches belong to it.
 *
 * Return: how many pairs there are.
 */
int plan_want_class(struct plan *p, char *const words[], int nr)
{
	const struct topology *t = p->t;
	int *members = xcalloc(t->nr, sizeof(*members));
	int *roots = xcalloc(t->nr, sizeof(*roots));
	int i, j, n = 0, pairs = 0;

	for (i = 0; i < t->nr; i++) {
		if (!is_meant(&t->functions[i], words, nr))
			continue;
		members[n] = i;
		roots[n++] = root_of(t, i);
	}
	for (i = 0; i < n; i++) {
		for (j = i + 1; j < n; j++) {
			if (roots[i] < 0 || roots[i] != roots[j] ||
			    /* What functions of a card do no port decides */
			    one_device(t, members[i], members[j]))
				continue;
			plan_want(&p->p2p, members[i], members[j]);
			pairs++;
		}
	}
	free(members);
	free(roots);
	return pairs;
}
