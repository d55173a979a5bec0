/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of a picture: which functions are drawn, and which of them as one.
 */
#ifndef IOASID_ROWS_H
#define IOASID_ROWS_H

#include <stdbool.h>

#include "pci/group.h"
#include "pci/reach.h"
#include "pci/topology.h"

/**
 * struct row - a function, or several that are alike
 * @functions: these
 * @above: the row of the bridge above, -1 for none
 * @depth: how many bridges are above
 * @section: the root bus that it is below
 * @group: the group of the first function, -1 for none
 * @groups: in how many groups they are
 */
struct row {
	struct indices functions;
	int above;
	int depth;
	int section;
	int group;
	int groups;
};

/**
 * struct section - a root bus
 * @domain: its PCI domain
 * @number: its number
 * @node: the NUMA node that it belongs to, -1 if that is not known
 * @first: its first row
 * @nr: how many rows
 */
struct section {
	unsigned int domain;
	uint8_t number;
	int node;
	int first;
	int nr;
};

/**
 * struct rows - a picture from top to bottom
 * @t: the machine
 * @g: its groups
 * @single: for each function, that it is to have a row of its own
 * @drawn: for each function, that it is drawn
 * @of: for each function its row, -1 for none
 * @at: the rows
 * @nr: how many
 * @sections: the root buses
 * @nr_sections: how many
 * @deepest: the greatest depth
 */
struct rows {
	const struct topology *t;
	const struct groups *g;
	bool *single;
	bool *drawn;
	int *of;
	struct row *at;
	int nr;
	struct section *sections;
	int nr_sections;
	int deepest;
};

struct rows *rows_new(const struct topology *t, const struct groups *g);
void rows_free(struct rows *rows);
void rows_only(struct rows *rows, const bool *wanted);
void rows_arrange(struct rows *rows, bool fold);
int rows_left_out(const struct rows *rows);
char *rows_label(const struct rows *rows, int row);
char *rows_group_label(const struct rows *rows, int row);

#endif
