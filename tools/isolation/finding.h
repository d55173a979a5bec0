/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ioasid why has found out about a device, finding by finding.
 */
#ifndef IOASID_FINDING_H
#define IOASID_FINDING_H

#include "output.h"
#include "pci/topology.h"

struct holds;
struct machine;

/**
 * enum weight - what a finding means
 * @FINE: as it should be
 * @NOTE: worth knowing
 * @UNKNOWN: it cannot be seen whether something is in the way
 * @OBSTACLE: binding or attaching will fail
 */
enum weight {
	FINE,
	NOTE,
	UNKNOWN,
	OBSTACLE,
};

/**
 * struct check - looking at one device
 * @t: the machine
 * @root: directory instead of /
 * @machine: facts about it
 * @index: the device
 * @address: and its address
 * @group: its group, -1 for none
 * @owners: by the name of a device: the context that it is bound in, as the module
 *	says; NULL if that does not answer
 * @holds: what processes have
 * @findings: JSON array of what was found
 * @obstacles: how many of that are obstacles
 * @unknown: and how many cannot be seen
 */
struct check {
	const struct topology *t;
	const char *root;
	struct machine *machine;
	int index;
	char address[ADDRESS_SIZE];
	int group;
	json_t *owners;
	struct holds *holds;
	json_t *findings;
	int obstacles;
	int unknown;
};

void find(struct check *c, enum weight weight, const char *what,
	  const char *format, ...) __attribute__((format(printf, 4, 5)));
void find_with(struct check *c, enum weight weight, const char *what,
	       json_t *more, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
