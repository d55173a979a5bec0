/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU groups: which ones Linux would form, and why.
 */
#ifndef IOASID_GROUP_H
#define IOASID_GROUP_H

#include "pci/acs.h"

struct topology;

/**
 * enum group_cause - what has put a function into its group
 * @GROUP_FIRST: nothing: it is the first of its group
 * @GROUP_BELOW: a port on its way up does not isolate
 * @GROUP_BRIDGE: a bridge does DMA for it, under the bridge's own name
 * @GROUP_SLOT: another function of its device may talk to it
 * @GROUP_DMA: its DMA has the other's requester ID: it is behind a VMD
 * @GROUP_LOST: the bridge above both is not known
 * @GROUP_ALIAS: Linux knows that two functions use one another's address
 */
enum group_cause {
	GROUP_FIRST,
	GROUP_BELOW,
	GROUP_BRIDGE,
	GROUP_SLOT,
	GROUP_DMA,
	GROUP_LOST,
	GROUP_ALIAS,
};

/**
 * struct group_reason - why a function is in its group
 * @cause: what kind of reason
 * @with: whose group it has joined (index), -1 with GROUP_FIRST
 * @culprit: with GROUP_BELOW the port that does not isolate, with GROUP_BRIDGE
 *	the bridge, otherwise the other function
 */
struct group_reason {
	enum group_cause cause;
	int with;
	int culprit;
};

/**
 * struct groups - a partition of the functions of a machine
 * @of: for each function the number of its group, -1 for none
 * @reason: for each function, NULL where the kernel has formed the groups
 * @open: for each function, whether registers that could not be read may put it into a
 *	smaller group; NULL if all could
 * @member: the functions, sorted by group; first those without one
 * @first: where in @member each group begins; one more for the end of the last
 * @nr: how many groups there are; their numbers may have gaps
 */
struct groups {
	int *of;
	struct group_reason *reason;
	bool *open;
	int *member;
	int *first;
	int nr;
};

struct groups *groups_predict(const struct topology *t);
struct groups *groups_of_kernel(const struct topology *t);
bool groups_open(const struct groups *g, int function);
void groups_free(struct groups *g);
const int *groups_members(const struct groups *g, int group, int *nr);
bool *groups_differences(const struct topology *t, const struct groups *a,
			 const struct groups *b);

/**
 * groups_number() - what a group is called
 * @g: the groups
 * @at: one of them, from 0 to g->nr - 1, in ascending order of numbers
 *
 * Return: its number.
 */
static inline int groups_number(const struct groups *g, int at)
{
	return g->of[g->member[g->first[at]]];
}

#endif
