// SPDX-License-Identifier: GPL-2.0-only
#include "pci/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/dump.h"

static int add_bus(struct topology *t, unsigned int domain, uint8_t number)
{
	struct bus *bus;

	t->buses = xrealloc(t->buses, t->nr_buses + 1, sizeof(*bus));
	bus = &t->buses[t->nr_buses];
	bus->domain = domain;
	bus->number = number;
	bus->self = bus->parent = -1;
	bus->lost = false;
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

		if (!f->known || !f->bridge || !f->secondary)
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

/**
 * topology_link() - make a tree of functions that have been read
 * @t: the machine; its functions are sorted by address
 */
void topology_link(struct topology *t)
{
	add_buses_of_functions(t);
	add_buses_of_bridges(t);
	place_other_buses(t);
	order_functions(t);
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
	dump_free(t->dump);
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
 * topology_lost() - is it unknown what is above a function?
 * @t: the machine
 * @index: the function
 *
 * Return: whether there is a bridge above it that is not known.
 */
bool topology_lost(const struct topology *t, int index)
{
	int bus;

	for (bus = t->functions[index].bus; bus >= 0; bus = t->buses[bus].parent)
		if (t->buses[bus].lost)
			return true;
	return false;
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
	if (!f->known)
		return "function of unknown kind";
	if (!f->pcie_known)
		return f->bridge ? "bridge of unknown kind" :
				   "function of unknown kind";
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

/**
 * topology_bar() - the address in a base address register
 * @f: the function
 * @nr: the number of the register
 *
 * Return: the address, 0 if it is not one of memory.
 */
uint64_t topology_bar(const struct function *f, int nr)
{
	uint32_t low = f->bars[nr];
	bool wide = (low & 6) == 4 && nr < 5;

	if (low & 1)
		return 0;
	return (wide ? (uint64_t)f->bars[nr + 1] << 32 : 0) | (low & ~15U);
}

/**
 * topology_is_target() - can there be requests to this function?
 * @f: the function
 *
 * There are if it has memory of its own.  A virtual function has that by registers of
 * its physical function; of bridges nobody asks.
 *
 * Return: whether, true if that is not known.
 */
bool topology_is_target(const struct function *f)
{
	int i;

	if (f->bridge)
		return false;
	if (f->physfn >= 0 || !f->bars_known)
		return true;
	for (i = 0; i < 6; i++) {
		if (f->bars[i] && !(f->bars[i] & 1))
			return true;
		/* The upper half of the one before is no register of its own */
		if ((f->bars[i] & 7) == 4)
			i++;
	}
	return false;
}
