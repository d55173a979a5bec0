// SPDX-License-Identifier: GPL-2.0-only
#include "pci/topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "pci/read.h"

static int by_address(const void *left, const void *right)
{
	const struct function *a = left, *b = right;

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->devfn > b->devfn) - (a->devfn < b->devfn);
}

/* A dump may tell the same twice: the first counts. */
static void sort_functions(struct topology *t)
{
	char text[ADDRESS_SIZE];
	int i, kept = 0;

	qsort(t->functions, t->nr, sizeof(*t->functions), by_address);
	for (i = 0; i < t->nr; i++) {
		if (kept && !by_address(&t->functions[kept - 1],
					&t->functions[i])) {
			warn("%s is there twice",
			     topology_address(&t->functions[i], text));
			free(t->functions[i].name);
			continue;
		}
		t->functions[kept++] = t->functions[i];
	}
	t->nr = kept;
}

/* What sysfs says of a function ------------------------------------------- */

static char *link_target(const char *root, const char *address,
			 const char *name)
{
	char *path = xasprintf("%s/sys/bus/pci/devices/%s/%s", root, address,
			       name);
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	char *slash;

	free(path);
	if (length <= 0)
		return NULL;
	target[length] = '\0';
	slash = strrchr(target, '/');
	return xasprintf("%s", slash ? slash + 1 : target);
}

static void read_sysfs(struct topology *t, const char *root)
{
	char address[ADDRESS_SIZE], *target;
	int i;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		topology_address(f, address);
		f->driver = link_target(root, address, "driver");
		target = link_target(root, address, "iommu_group");
		if (target)
			f->group = atoi(target);
		free(target);
		target = link_target(root, address, "physfn");
		if (target)
			f->physfn = topology_find(t, target);
		free(target);
		if (f->physfn >= 0)
			f->multifunction = false;
	}
	target = xasprintf("%s/sys/firmware/acpi/tables/IVRS", root);
	if (!access(target, F_OK))
		t->amd_iommu = true;
	free(target);
}

static bool has_groups(const struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].group >= 0)
			return true;
	return false;
}

/* A dump shows virtual functions by the IDs that they do not have. */
static void guess_physfn(struct topology *t)
{
	int i, j;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		if (f->vendor != 0xffff || f->device != 0xffff)
			continue;
		f->multifunction = false;
		for (j = i - 1; j >= 0 && f->physfn < 0; j--)
			if (t->functions[j].caps.sriov_vfs)
				f->physfn = j;
	}
}

/* The tree ---------------------------------------------------------------- */

static int add_bus(struct topology *t, unsigned int domain, uint8_t number)
{
	struct bus *bus;

	t->buses = xrealloc(t->buses, t->nr_buses + 1, sizeof(*bus));
	bus = &t->buses[t->nr_buses];
	bus->domain = domain;
	bus->number = number;
	bus->self = bus->parent = -1;
	return t->nr_buses++;
}

static int find_bus(const struct topology *t, unsigned int domain,
		    uint8_t number)
{
	int i;

	for (i = 0; i < t->nr_buses; i++)
		if (t->buses[i].domain == domain &&
		    t->buses[i].number == number)
			return i;
	return -1;
}

static void add_buses_of_functions(struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		f->bus = find_bus(t, f->domain, f->number);
		if (f->bus < 0)
			f->bus = add_bus(t, f->domain, f->number);
	}
}

/*
 * Numbers of buses grow downwards.  Insisting on that keeps a tree a tree,
 * whatever a dump claims.
 */
static void add_buses_of_bridges(struct topology *t)
{
	char text[ADDRESS_SIZE];
	int i, bus;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		if (!f->bridge || !f->secondary)
			continue;
		if (f->secondary <= f->number) {
			warn("bridge %s leads to bus %02x, which is above it: ignored",
			     topology_address(f, text), f->secondary);
			continue;
		}
		bus = find_bus(t, f->domain, f->secondary);
		if (bus < 0)
			bus = add_bus(t, f->domain, f->secondary);
		if (t->buses[bus].self >= 0) {
			warn("bridge %s leads to bus %02x, as another does: ignored",
			     topology_address(f, text), f->secondary);
			continue;
		}
		t->buses[bus].self = i;
		t->buses[bus].parent = f->bus;
		f->below = bus;
	}
}

/* The bridge with the narrowest range that has this bus, without leading to it. */
static int enclosing_bridge(const struct topology *t, const struct bus *bus)
{
	int i, best = -1;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->below < 0 || f->domain != bus->domain ||
		    f->secondary >= bus->number || f->subordinate < bus->number)
			continue;
		if (best < 0 || f->secondary > t->functions[best].secondary)
			best = i;
	}
	return best;
}

/* Buses of virtual functions have no bridge: they hang below another bus. */
static void place_other_buses(struct topology *t)
{
	int i, bridge;

	for (i = 0; i < t->nr_buses; i++) {
		struct bus *bus = &t->buses[i];

		if (bus->self >= 0)
			continue;
		bridge = enclosing_bridge(t, bus);
		if (bridge >= 0)
			bus->parent = t->functions[bridge].below;
	}
}

/* Linux finds all functions of a bus, and then what is behind each of them. */
static int order_bus(const struct topology *t, int bus, int *order, int n)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].bus == bus)
			order[n++] = i;
	for (i = 0; i < t->nr; i++)
		if (t->functions[i].bus == bus && t->functions[i].below >= 0)
			n = order_bus(t, t->functions[i].below, order, n);
	return n;
}

static void order_functions(struct topology *t)
{
	struct function *sorted = xcalloc(t->nr, sizeof(*sorted));
	int *order = xcalloc(t->nr, sizeof(*order));
	int *place = xcalloc(t->nr, sizeof(*place));
	int i, n = 0;

	for (i = 0; i < t->nr_buses; i++)
		if (t->buses[i].parent < 0)
			n = order_bus(t, i, order, n);
	/* Virtual functions come when their driver wants them: last */
	for (i = 0; i < t->nr_buses; i++)
		if (t->buses[i].parent >= 0 && t->buses[i].self < 0)
			n = order_bus(t, i, order, n);
	for (i = 0; i < n; i++) {
		sorted[i] = t->functions[order[i]];
		place[order[i]] = i;
	}
	for (i = 0; i < n; i++)
		if (sorted[i].physfn >= 0)
			sorted[i].physfn = place[sorted[i].physfn];
	for (i = 0; i < t->nr_buses; i++)
		if (t->buses[i].self >= 0)
			t->buses[i].self = place[t->buses[i].self];
	free(t->functions);
	free(order);
	free(place);
	t->functions = sorted;
	t->nr = n;
}

/* Make a tree of functions that have been read, and sorted by address. */
static void link_functions(struct topology *t)
{
	add_buses_of_functions(t);
	add_buses_of_bridges(t);
	place_other_buses(t);
	order_functions(t);
}

/**
 * topology_read() - read a machine
 * @source: where
 *
 * Does not return if there is nothing to be read.
 *
 * Return: the machine.
 */
struct topology *topology_read(const struct topology_source *source)
{
	struct topology *t = xcalloc(1, sizeof(*t));

	t->live = !source->dump;
	reader_fill(t, source);
	if (!t->nr)
		fail(STATUS_FAILED, "there is no PCI device in %s",
		     source->dump ? source->dump : "this machine");
	sort_functions(t);
	if (t->live)
		read_sysfs(t, source->root);
	else
		guess_physfn(t);
	link_functions(t);
	if (source->acs_defaults || (t->live && !has_groups(t)))
		topology_default_acs(t);
	return t;
}

/**
 * topology_default_acs() - ACS as Linux sets it up where it uses an IOMMU
 * @t: a machine whose kernel has none, or may have had none
 */
void topology_default_acs(struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].acs.present)
			t->functions[i].acs.ctrl |= t->functions[i].acs.cap &
						    ACS_ISOLATED;
}

/**
 * topology_free() - the end of it
 * @t: the machine
 */
void topology_free(struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		free(t->functions[i].name);
		free(t->functions[i].driver);
	}
	free(t->functions);
	free(t->buses);
	free(t);
}

/**
 * topology_address() - the address of a function as text
 * @f: the function
 * @text: where to put it
 *
 * Return: @text.
 */
const char *topology_address(const struct function *f,
			     char text[ADDRESS_SIZE])
{
	snprintf(text, ADDRESS_SIZE, "%04x:%02x:%02x.%x", f->domain, f->number,
		 slot_of(f), function_of(f));
	return text;
}

/**
 * topology_find() - the function of an address
 * @t: the machine
 * @address: "[domain:]bus:device.function", the domain being 0 without it
 *
 * Return: its index, -1 if there is none, -2 if that is no address.
 */
int topology_find(const struct topology *t, const char *address)
{
	unsigned int domain = 0, bus, slot, function;
	int i, end = 0;

	if (strspn(address, "0123456789abcdefABCDEF:.") != strlen(address))
		return -2;
	if (sscanf(address, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot,
		   &function, &end) != 4 || address[end]) {
		domain = end = 0;
		if (sscanf(address, "%2x:%2x.%1x%n", &bus, &slot, &function,
			   &end) != 3 || address[end])
			return -2;
	}
	if (slot > 31 || function > 7)
		return -2;
	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->domain == domain && f->number == bus &&
		    f->devfn == (slot << 3 | function))
			return i;
	}
	return -1;
}

/**
 * topology_above() - the bridge that a function is behind
 * @t: the machine
 * @index: the function
 *
 * Return: its index, -1 if there is none: a root bus.
 */
int topology_above(const struct topology *t, int index)
{
	int bus;

	for (bus = t->functions[index].bus; bus >= 0; bus = t->buses[bus].parent)
		if (t->buses[bus].self >= 0)
			return t->buses[bus].self;
	return -1;
}

/**
 * topology_path() - name a function as kernel parameters may
 * @t: the machine
 * @index: the function
 *
 * From the root bus down, so that it holds when buses get other numbers.
 *
 * Return: "bus:device.function[/device.function]...", to be freed.
 */
char *topology_path(const struct topology *t, int index)
{
	const struct function *f = &t->functions[index];
	int above = topology_above(t, index);
	char *head, *path;

	if (above >= 0) {
		head = topology_path(t, above);
		path = xasprintf("%s/%02x.%x", head, slot_of(f),
				 function_of(f));
		free(head);
		return path;
	}
	if (f->domain)
		return xasprintf("%04x:%02x:%02x.%x", f->domain, f->number,
				 slot_of(f), function_of(f));
	return xasprintf("%02x:%02x.%x", f->number, slot_of(f),
			 function_of(f));
}

/**
 * topology_kind() - what a function is in the tree
 * @f: the function
 *
 * Return: a few words.
 */
const char *topology_kind(const struct function *f)
{
	if (f->physfn >= 0)
		return "virtual function";
	if (!f->pcie)
		return f->bridge ? "PCI bridge" : "PCI function";
	switch (f->type) {
	case PORT_ROOT:
		return "root port";
	case PORT_UPSTREAM:
		return "upstream port";
	case PORT_DOWNSTREAM:
		return "downstream port";
	case PORT_PCIE_TO_PCI:
		return "PCIe-to-PCI bridge";
	case PORT_PCI_TO_PCIE:
		return "PCI-to-PCIe bridge";
	case PORT_ROOT_ENDPOINT:
		return "root complex endpoint";
	case PORT_ROOT_EVENT:
		return "root complex event collector";
	}
	return "endpoint";
}
