// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the BARs of functions are made of: a BAR of another device, which is nothing but
 * memory.
 *
 * A BAR must not lie in System RAM, or nobody could request its addresses, vfio-pci in
 * particular. Nothing traps accesses to it: it is memory, at whose registers the function
 * has to look. It is mapped as drivers and VFIO map BARs, uncached: on x86 the first
 * mapping decides for all.
 */
#include <linux/io.h>
#include <linux/ioport.h>

#include "memory.h"

static struct resource window = {
	.name = "iosim",
	.flags = IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64,
};

static void *memory;

/**
 * memory_open - take memory for BARs
 * @from: the BAR of a device; all of it is taken
 *
 * Return: 0, -EBUSY if somebody uses it, -ENOMEM.
 */
int memory_open(struct resource *from)
{
	int rc;

	window.start = from->start;
	window.end = from->end;
	rc = request_resource(from, &window);
	if (rc)
		return rc;
	memory = (__force void *)ioremap(window.start, resource_size(&window));
	if (!memory) {
		release_resource(&window);
		return -ENOMEM;
	}
	return 0;
}

/**
 * memory_close - undo memory_open()
 */
void memory_close(void)
{
	iounmap((__force void __iomem *)memory);
	memory = NULL;
	release_resource(&window);
}

/**
 * memory_window - where BARs may be
 *
 * Return: all the memory, as a window of a host bridge.
 */
struct resource *memory_window(void)
{
	return &window;
}

/**
 * memory_at - memory by its address
 * @address: what is in a BAR
 * @length: bytes
 *
 * Return: where it is mapped, or NULL if that is not within the window.
 */
void *memory_at(u64 address, size_t length)
{
	if (address < window.start || address > window.end ||
	    length - 1 > window.end - address)
		return NULL;
	return memory + (address - window.start);
}
