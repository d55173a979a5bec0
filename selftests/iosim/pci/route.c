// SPDX-License-Identifier: GPL-2.0-only
/*
 * How requests of functions are routed, before the IOMMU has a say.
 *
 * A request goes by its address, whatever the IOMMU would make of that: to another
 * function of the same device, or at a port to its siblings, unless ACS redirects it
 * upstream there (PCI Express, 6.12). The hardware here does all that ACS is there to
 * forbid, also between root ports, which is what the kernel expects when it forms groups.
 * A request for an address below a bridge that it comes through from below goes nowhere.
 *
 * It is called while a piece of DMA is done, for whose end a write to configuration space
 * may wait with the lock held: it looks at registers without, one byte after the other.
 */
#include <linux/pci_regs.h>
#include <linux/rculist.h>

#include "function.h"
#include "route.h"

static u32 peek(const struct function *function, unsigned int at,
		unsigned int size)
{
	u32 value = 0;

	while (size--)
		value = value << 8 | READ_ONCE(function->space.value[at + size]);
	return value;
}

/* Does ACS send requests that come from here upstream? */
static bool redirects(const struct function *function)
{
	unsigned int acs = function->caps.acs;

	return acs && peek(function, acs + PCI_ACS_CTRL, 2) & PCI_ACS_RR;
}

static u64 window_edge(const struct function *port, unsigned int low,
		       unsigned int high)
{
	return (u64)peek(port, high, 4) << 32 |
	       (peek(port, low, 2) & 0xfff0) << 16;
}

/* Does a port pass on an address to the bus below it? */
static bool passes_down(const struct function *port, u64 address)
{
	u64 base = window_edge(port, PCI_PREF_MEMORY_BASE, PCI_PREF_BASE_UPPER32);
	u64 limit = window_edge(port, PCI_PREF_MEMORY_LIMIT,
				PCI_PREF_LIMIT_UPPER32) | 0xfffff;

	return peek(port, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY &&
	       base <= address && address <= limit;
}

static bool decodes(const struct function *function, u64 address)
{
	const struct bar *bar;

	for (bar = function->bars; bar < &function->bars[FUNCTION_BARS]; bar++)
		if (READ_ONCE(bar->decoded) &&
		    address - READ_ONCE(bar->mmio.start) < bar->size)
			return true;
	return false;
}

/* Another function of the same device. */
static bool neighbour_takes(const struct function *function, u64 address)
{
	const struct function *other;

	list_for_each_entry_rcu(other, &functions, link)
		if (other != function && other->above == function->above &&
		    other->devfn >> 3 == function->devfn >> 3 &&
		    decodes(other, address))
			return true;
	return false;
}

/* Another port on the same bus. */
static bool sibling_takes(const struct function *port, u64 address)
{
	const struct function *other;

	list_for_each_entry_rcu(other, &functions, link)
		if (other != port && other->above == port->above &&
		    shape_is_port(&other->shape) && passes_down(other, address))
			return true;
	return false;
}

/**
 * route_to_peer - does a request get to another function without the IOMMU?
 * @function: whose request it is: an engine that is in its place
 * @address: of the request
 *
 * Return: true if it does not come to the IOMMU; maybe nobody answers it.
 */
bool route_to_peer(void *function, u64 address)
{
	const struct function *at = function;
	bool redirected = redirects(at), taken = false;

	rcu_read_lock();
	if (!redirected)
		taken = neighbour_takes(at, address);
	for (at = at->above; at && !taken; at = at->above) {
		/* An upstream port has no siblings: it goes by what is below it. */
		if (at->shape.type != SHAPE_UPSTREAM)
			redirected = redirects(at);
		if (!redirected)
			taken = passes_down(at, address) ||
				(at->shape.type != SHAPE_UPSTREAM &&
				 sibling_takes(at, address));
	}
	rcu_read_unlock();
	return taken;
}
