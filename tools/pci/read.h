/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the PCI functions of a machine with libpci, from sysfs or a dump.
 */
#ifndef IOASID_READ_H
#define IOASID_READ_H

#include <stdbool.h>

struct topology;

/**
 * struct topology_source - where to read it
 * @dump: a file as of lspci -xxxx, or NULL for the running system
 * @root: a directory that has the sys of the running system
 * @numeric: no names from pci.ids
 * @acs_defaults: take ACS not as it is, but as Linux sets it up
 */
struct topology_source {
	const char *dump;
	const char *root;
	bool numeric;
	bool acs_defaults;
};

struct topology *topology_read(const struct topology_source *source);

#endif
