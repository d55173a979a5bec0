/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the PCI functions of a machine with libpci, from sysfs or a dump.
 */
#ifndef IOASID_READ_H
#define IOASID_READ_H

#include <stdbool.h>

#include "pci/defaults.h"

struct topology;

/**
 * struct topology_source - where to read a machine
 * @dump: the output of lspci -xxxx, or NULL for the running system
 * @root: a directory with the sys of the running system
 * @numeric: no names from pci.ids
 * @kernel: the kernel that is meant, or 0: the one that runs, or KERNEL_MODEL
 * @acs: ACS as it is, or as Linux sets it up
 */
struct topology_source {
	const char *dump;
	const char *root;
	bool numeric;
	unsigned int kernel;
	enum acs_choice acs;
};

struct topology *topology_read(const struct topology_source *source);

#endif
