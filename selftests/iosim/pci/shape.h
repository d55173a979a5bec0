/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shape of a function of PCI: what is decided before it is plugged in.
 */
#ifndef IOSIM_SHAPE_H
#define IOSIM_SHAPE_H

#include <linux/pci_regs.h>
#include <linux/types.h>

/* Kinds of functions. */
enum shape_type {
	SHAPE_ENDPOINT,
	SHAPE_ROOT_PORT,
	SHAPE_UPSTREAM,
	SHAPE_DOWNSTREAM,
	SHAPE_NR_TYPES,
};

#define SHAPE_NAME_LEN	64
#define SHAPE_ANY	(-1)

/**
 * struct shape - what a function is like; see iosim.h for the attributes
 * @type: kind of function
 * @port: name of the port that it is below; empty: on the root bus
 * @devfn: device and function, or SHAPE_ANY
 * @multifunction: its device has more functions
 * @vendor: of its ID
 * @device: likewise
 * @acs: capabilities of ACS; 0: none
 * @ats: it has ATS
 * @flr: it can be reset alone
 * @msi: it has MSI, of one vector
 * @msix: vectors of MSI-X; 0: none
 * @memory: bytes of BAR 2, a power of two; 0: none
 * @siov: it has the DVSEC of Scalable I/O Virtualization
 */
struct shape {
	enum shape_type type;
	char port[SHAPE_NAME_LEN];
	int devfn;
	bool multifunction;
	u16 vendor;
	u16 device;
	u16 acs;
	bool ats;
	bool flr;
	bool msi;
	u16 msix;
	u32 memory;
	bool siov;
};

/* What a port of a switch, or a root port, is: it has a bus below it. */
static inline bool shape_is_port(const struct shape *shape)
{
	return shape->type != SHAPE_ENDPOINT;
}

#endif
