// SPDX-License-Identifier: GPL-2.0-only
#include "pci/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/dump.h"

/* What linking looks up by the number of a bus. */
struct domain {
	unsigned int number;
	int bus[256];
};

/**
 * struct domains - all domains, in ascending order
 * @at: the domains
 * @nr: how many
 */
struct domains {
	struct domain *at;
	int nr;
};

static int *find_bus(const struct domains *d, unsigned int domain,
		     uint8_t number)
{
	int low = 0, high = d->nr - 1;

	while (low < high) {
		int middle = (low + high) / 2;

		if (d->at[middle].number < domain)
			low = middle + 1;
		else
			high = middle;
	}
	return &d->at[low].bus[number];
}

static int add_bus(struct topology *t, const struct function *f, uint8_t number)
{
	struct bus *bus;

	t->buses = xrealloc(t->buses, t->nr_buses + 1, sizeof(*bus));
	bus = &t->buses[t->nr_buses];
	*bus = (struct bus){ .domain = f->domain, .number = number,
			     .self = -1, .parent = -1 };
	return t->nr_buses++;
}

/* Functions are sorted by address: those of a domain and a bus are side by side. */
static void find_domains(const struct topology *t, struct domains *d)
{
	int i, j;

	for (i = 0; i < t->nr; i++) {
		if (i && t->functions[i].domain == t->functions[i - 1].domain)
			continue;
		d->at = xrealloc(d->at, d->nr + 1, sizeof(*d->at));
		d->at[d->nr].number = t->functions[i].domain;
		for (j = 0; j < 256; j++)
			d->at[d->nr].bus[j] = -1;
		d->nr++;
	}
}

static void add_buses_of_functions(struct topology *t, struct domains *d)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];
		int *bus = find_bus(d, f->domain, f->number);

		if (*bus < 0) {
			*bus = add_bus(t, f, f->number);
			t->buses[*bus].first = i;
		}
		f->bus = *bus;
		t->buses[*bus].nr++;
	}
}

/*
 * Numbers of buses grow downwards.  Insisting on that keeps a tree a tree,
 * whatever a dump claims.
 */
static void add_buses_of_bridges(struct topology *t, struct domains *d)
{
	char text[ADDRESS_SIZE];
	int i, *bus;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		if (!f->known || !f->bridge || !f->secondary)
			continue;
		if (f->secondary <= f->number) {
			warn("bridge %s leads to bus %02x, which is above it: ignored",
			     topology_address(f, text), f->secondary);
			continue;
		}
		bus = find_bus(d, f->domain, f->secondary);
		if (*bus < 0)
			*bus = add_bus(t, f, f->secondary);
		if (t->buses[*bus].self >= 0) {
			warn("bridge %s leads to bus %02x, as another does: ignored",
			     topology_address(f, text), f->secondary);
			continue;
		}
		t->buses[*bus].self = i;
		t->buses[*bus].parent = f->bus;
		f->below = *bus;
	}
}

/*
 * Buses of virtual functions have no bridge: they hang below the bridge with the
 * narrowest range that has them, without leading to them.
 */
static void place_other_buses(struct topology *t, const struct domain *d)
{
	int enclosing[256], number, bus, below;

	for (number = 0; number < 256; number++)
		enclosing[number] = -1;
	for (number = 0; number < 256; number++) {
		bus = d->bus[number];
		if (bus < 0)
			continue;
		if (t->buses[bus].self < 0) {
			t->buses[bus].parent = enclosing[number];
			continue;
		}
		/* Who begins later has the narrower range */
		for (below = number + 1;
		     below <= t->functions[t->buses[bus].self].subordinate;
		     below++)
			enclosing[below] = bus;
	}
}

/* Linux finds all functions of a bus, and then what is behind each of them. */
static int order_bus(const struct topology *t, int bus, int *order, int n)
{
	int i, first = t->buses[bus].first, end = first + t->buses[bus].nr;

	for (i = first; i < end; i++)
		order[n++] = i;
	for (i = first; i < end; i++)
		if (t->functions[i].below >= 0)
			n = order_bus(t, t->functions[i].below, order, n);
	return n;
}

/* What was known of functions by their index is so in the new order. */
static void renumber(struct topology *t, const int *place)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];
		int above;

		if (f->physfn >= 0)
			f->physfn = place[f->physfn];
		above = topology_above(t, i);
		/* Bridges are found before what is behind them */
		f->depth = above < 0 ? 0 : t->functions[above].depth + 1;
		f->inside = -1;
	}
	t->roots = -1;
	for (i = t->nr - 1; i >= 0; i--) {
		int above = topology_above(t, i);
		int *head = above < 0 ? &t->roots : &t->functions[above].inside;

		t->functions[i].beside = *head;
		*head = i;
	}
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
	for (i = 0; i < t->nr_buses; i++) {
		if (t->buses[i].self >= 0)
			t->buses[i].self = place[t->buses[i].self];
		if (t->buses[i].nr)
			t->buses[i].first = place[t->buses[i].first];
	}
	free(t->functions);
	free(order);
	t->functions = sorted;
	t->nr = n;
	t->by_address = place;
	renumber(t, place);
}

/**
 * topology_link() - make a tree of functions that have been read
 * @t: the machine; its functions are sorted by address
 */
void topology_link(struct topology *t)
{
	struct domains d = { };
	int i;

	find_domains(t, &d);
	add_buses_of_functions(t, &d);
	add_buses_of_bridges(t, &d);
	for (i = 0; i < d.nr; i++)
		place_other_buses(t, &d.at[i]);
	free(d.at);
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
	free(t->by_address);
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

static int compare_address(const struct function *f, unsigned int domain,
			   unsigned int bus, unsigned int devfn)
{
	if (f->domain != domain)
		return f->domain < domain ? -1 : 1;
	if (f->number != bus)
		return f->number < bus ? -1 : 1;
	return (f->devfn > devfn) - (f->devfn < devfn);
}

/* Before topology_link(), functions are in the order of their addresses. */
static int find_address(const struct topology *t, unsigned int domain,
			unsigned int bus, unsigned int devfn)
{
	int low = 0, high = t->nr - 1;

	while (low <= high) {
		int middle = (low + high) / 2;
		int at = t->by_address ? t->by_address[middle] : middle;
		int order = compare_address(&t->functions[at], domain, bus,
					    devfn);

		if (!order)
			return at;
		if (order < 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/**
 * topology_compare() - the order of functions, by their addresses; for qsort()
 * @left: a function
 * @right: another
 *
 * Return: below, at, or above 0.
 */
int topology_compare(const void *left, const void *right)
{
	const struct function *to = right;

	return compare_address(left, to->domain, to->number, to->devfn);
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
	int end = 0;

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
	return find_address(t, domain, bus, slot << 3 | function);
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
 * topology_upstream() - the bridge above, as pci_upstream_bridge() of Linux has it
 * @t: the machine
 * @index: the function
 *
 * A virtual function is behind what its physical one is behind.
 *
 * Return: its index, -1 if there is none.
 */
int topology_upstream(const struct topology *t, int index)
{
	int physfn = t->functions[index].physfn;

	return topology_above(t, physfn >= 0 ? physfn : index);
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
