/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of a topology with its groups and paths, in any format.
 */
#ifndef IOASID_PICTURE_H
#define IOASID_PICTURE_H

#include "isolation/plan.h"
#include "pci/group.h"
#include "pci/path.h"
#include "pci/topology.h"

/**
 * struct picture - what is drawn
 * @t: the machine
 * @g: its groups
 * @ways: the paths of requests to draw, each from a to b
 */
struct picture {
	const struct topology *t;
	const struct groups *g;
	struct pairs ways;
};

int picture_back(const struct picture *p, int way);
const char *picture_colour(enum route route);

#endif
