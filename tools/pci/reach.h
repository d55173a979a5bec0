/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets to whom of another group, for all functions of a machine at once.
 */
#ifndef IOASID_REACH_H
#define IOASID_REACH_H

#include "pci/group.h"
#include "pci/indices.h"
#include "pci/topology.h"

struct reach;

/**
 * struct crossing - where requests cross from one branch of the tree to another
 * @from: the branch that they come from, which begins with this function
 * @to: the branch that they go to, which begins beside it
 */
struct crossing {
	int from;
	int to;
};

/**
 * struct crossings - several of them
 * @at: the crossings
 * @nr: how many
 * @size: room in @at
 */
struct crossings {
	struct crossing *at;
	int nr;
	int size;
};

void crossings_add(struct crossings *list, int from, int to);

struct reach *reach_new(const struct topology *t, const struct groups *g,
			bool (*gets)(const struct topology *t, int from,
				     int to));
void reach_free(struct reach *r);
void reach_into(const struct reach *r, int to, struct indices *list);
void reach_crossings(const struct reach *r, int to, struct crossings *list);
int reach_senders(const struct reach *r, int from, int member);
void reach_from(const struct reach *r, int from, struct indices *list);
void reach_below(const struct reach *r, int bridge, struct indices *senders,
		 struct indices *targets);
void reach_listed(const struct reach *r, int from, struct indices *list);

#endif
