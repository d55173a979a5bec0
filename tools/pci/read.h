/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the PCI functions of a machine with libpci, from sysfs or a dump.
 */
#ifndef IOASID_READ_H
#define IOASID_READ_H

#include <stdbool.h>

struct topology;

/**
 * struct topology_source - where to read a machine
 * @dump: the output of lspci -xxxx, or NULL for the running system
 * @root: a directory with the sys of the running system
 * @numeric: no names from pci.ids
 * @acs_defaults: assume ACS as Linux sets it up, not as it is
 */
struct topology_source {
	const char *dump;
	const char *root;
	bool numeric;
	bool acs_defaults;
};

struct topology *topology_read(const struct topology_source *source);

#endif
