// SPDX-License-Identifier: GPL-2.0-only
#include "pci/lost.h"

#include "pci/acs.h"
#include "pci/topology.h"

#define BASE_BRIDGE 0x06
#define BASE_SYSTEM 0x08
#define BASE_SIGNALS 0x11
#define CLASS_HOST_BRIDGE 0x0600
#define CLASS_PCI_BRIDGE 0x0604
#define CLASS_CARDBUS_BRIDGE 0x0607
#define VENDOR_INTEL 0x8086

/* What only the root complex has on a bus of its own. */
static bool is_of_root(const struct function *f)
{
	if (f->pcie)
		return is_pcie(f, PORT_ROOT) || is_pcie(f, PORT_ROOT_ENDPOINT) ||
		       is_pcie(f, PORT_ROOT_EVENT);
	return f->class == CLASS_HOST_BRIDGE;
}

/*
 * Outside of the range of any bridge, Intel's system peripherals and performance
 * counters are of a root bus, too; some have no PCI Express capability.  Others' may be
 * of an old card, as a reader of memory cards is.
 */
static bool may_be_of_root(const struct function *f)
{
	return !f->pcie && f->vendor == VENDOR_INTEL &&
	       (f->class >> 8 == BASE_SYSTEM || f->class >> 8 == BASE_SIGNALS ||
		(f->class >> 8 == BASE_BRIDGE && f->class != CLASS_PCI_BRIDGE &&
		 f->class != CLASS_CARDBUS_BRIDGE));
}

/* A virtual function needs no bridge to its bus. */
static bool is_virtual(const struct function *f)
{
	return f->physfn >= 0 ||
	       (f->known && f->vendor == 0xffff && f->device == 0xffff);
}

/* May a function there have virtual ones, on buses that follow? */
static bool may_have_virtual(const struct topology *t, const struct bus *bus)
{
	int i;

	for (i = bus->first; i < bus->first + bus->nr; i++)
		if (t->functions[i].caps.sriov_vfs || !t->functions[i].caps.known)
			return true;
	return false;
}

/* Of a bus in the range of a bridge, the one that leads to it is missing. */
static bool is_gap(const struct topology *t, const struct bus *bus)
{
	bool gap = !may_have_virtual(t, &t->buses[bus->parent]);
	int i;

	for (i = bus->first; i < bus->first + bus->nr; i++) {
		if (is_of_root(&t->functions[i]))
			return false;
		gap = gap || !is_virtual(&t->functions[i]);
	}
	return gap;
}

/* Others are root buses if something is there that only these have. */
static bool is_root(const struct topology *t, const struct bus *bus)
{
	int i;

	for (i = bus->first; i < bus->first + bus->nr; i++)
		if (is_of_root(&t->functions[i]) ||
		    may_be_of_root(&t->functions[i]))
			return true;
	return false;
}

/* The kernel leaves out no function, and no bridge. */
static bool is_complete(const struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (!t->functions[i].known)
			return false;
	return t->live;
}

/**
 * lost_find() - find buses whose bridge is not known
 * @t: the machine, linked
 */
void lost_find(struct topology *t)
{
	int i;

	if (is_complete(t))
		return;
	for (i = 0; i < t->nr_buses; i++) {
		struct bus *bus = &t->buses[i];

		/* Bus 0 is a root bus */
		if (bus->self < 0 && bus->number)
			bus->lost = bus->parent >= 0 ? is_gap(t, bus) :
						       !is_root(t, bus);
	}
	for (i = 0; i < t->nr; i++)
		t->lost += topology_lost(t, i);
}

/* Beside the bridge that leads to a bus, for all that is known. */
static bool may_be_beside(const struct topology *t, const struct function *f,
			  const struct bus *bus)
{
	const struct bus *own = &t->buses[f->bus];

	if (f->domain != bus->domain)
		return false;
	if (!f->known)
		return f->number < bus->number;
	/* That bridge is one of several functions, and they do not isolate */
	return f->multifunction &&
	       (bus->parent >= 0 ? f->bus == bus->parent :
		own->parent < 0 && own->self < 0) &&
	       !acs_judge(f, ACS_ISOLATED).isolates;
}

/**
 * lost_may_share() - may a function be in one group with what is on such a bus?
 * @t: the machine
 * @index: the function
 *
 * Return: whether it is on or below one, or may be beside the bridge that leads to one.
 */
bool lost_may_share(const struct topology *t, int index)
{
	int i;

	if (topology_lost(t, index))
		return true;
	for (i = 0; i < t->nr_buses; i++)
		if (t->buses[i].lost &&
		    may_be_beside(t, &t->functions[index], &t->buses[i]))
			return true;
	return false;
}
