/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of a topology with its groups and paths, in any format.
 */
#ifndef IOASID_PICTURE_H
#define IOASID_PICTURE_H

#include "isolation/rows.h"
#include "pci/path.h"

/**
 * struct way - paths of requests from one row to another
 * @from: the row that they come from
 * @to: the row that they lead to, which may be the same
 * @route: how they go
 * @both: others lead back, by the same route
 */
struct way {
	int from;
	int to;
	enum route route;
	bool both;
};

/**
 * struct junction - where all get to all, below one bridge
 * @sends: for each row, whether paths come from it
 * @takes: for each row, whether they lead to it
 * @first: the first row that has one of the two
 * @last: the last one
 * @route: how they go
 */
struct junction {
	bool *sends;
	bool *takes;
	int first;
	int last;
	enum route route;
};

/**
 * struct picture - what is drawn
 * @rows: functions
 * @ways: paths between two of them
 * @nr_ways: how many
 * @junctions: paths between many
 * @nr_junctions: how many
 */
struct picture {
	struct rows *rows;
	struct way *ways;
	int nr_ways;
	struct junction *junctions;
	int nr_junctions;
};

void picture_way(struct picture *p, int from, int to, enum route route);
void picture_junction(struct picture *p, const struct indices *senders,
		      const struct indices *targets, enum route route);
void picture_free(struct picture *p);
const char *picture_colour(enum route route);
const char *picture_meaning(enum route route);
bool picture_has(const struct picture *p, enum route route);
char *picture_section(const struct section *s);
char *picture_cut(const char *text, int max);

#endif
