// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of drivers/pci/quirks.c that call pci_add_dma_alias(), and bridges that
 * do not substitute their requester ID, or below which the IOMMU is.
 * selftests/tools/quirks compares this with the kernel's source.
 */
#include "pci/alias.h"

#include <stddef.h>

#include "pci/kernel.h"
#include "pci/topology.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DEVFN(slot, function) ((slot) << 3 | (function))

static bool function_0(const struct function *f, uint8_t devfn)
{
	return devfn == DEVFN(slot_of(f), 0);
}

static bool function_1(const struct function *f, uint8_t devfn)
{
	return devfn == DEVFN(slot_of(f), 1);
}

/* An I/O processor's DMA engine, which is hidden. */
static bool adaptec(const struct function *f, uint8_t devfn)
{
	return f->subvendor == 0x9005 &&
	       (f->subdevice == 0x02bb || f->subdevice == 0x02bc) &&
	       devfn == DEVFN(1, 0);
}

static bool mic_x200(const struct function *f, uint8_t devfn)
{
	(void)f;
	return devfn == DEVFN(0x10, 0) || devfn == DEVFN(0x11, 0) ||
	       devfn == DEVFN(0x12, 3);
}

static bool visual_compute(const struct function *f, uint8_t devfn)
{
	(void)f;
	return (devfn & 7) < 5;
}

static bool all(const struct function *f, uint8_t devfn)
{
	(void)f;
	(void)devfn;
	return true;
}

/**
 * struct alias - devices whose DMA has other requester IDs
 * @vendor: vendor ID
 * @first: first device ID
 * @last: last one
 * @has: is this one of the IDs?
 */
struct alias {
	uint16_t vendor, first, last;
	bool (*has)(const struct function *f, uint8_t devfn);
};

static const struct alias aliases[] = {
	{ 0x10b5, 0x87b0, 0x87b1, all },	/* PLX NTB */
	{ 0x1103, 0x0642, 0x0642, function_1 },	/* HighPoint */
	{ 0x1103, 0x0645, 0x0645, function_1 },
	{ 0x1180, 0xe476, 0xe476, function_0 },	/* Ricoh */
	{ 0x1180, 0xe832, 0xe832, function_0 },
	{ 0x197b, 0x2392, 0x2392, function_1 },	/* JMicron */
	{ 0x1b4b, 0x9120, 0x9120, function_1 },	/* Marvell */
	{ 0x1b4b, 0x9123, 0x9123, function_1 },
	{ 0x1b4b, 0x9125, 0x9125, function_1 },
	{ 0x1b4b, 0x9128, 0x9128, function_1 },
	{ 0x1b4b, 0x9130, 0x9130, function_1 },
	{ 0x1b4b, 0x9170, 0x9170, function_1 },
	{ 0x1b4b, 0x9172, 0x9172, function_1 },
	{ 0x1b4b, 0x917a, 0x917a, function_1 },
	{ 0x1b4b, 0x9182, 0x9183, function_1 },
	{ 0x1b4b, 0x91a0, 0x91a0, function_1 },
	{ 0x1b4b, 0x9215, 0x9215, function_1 },
	{ 0x1b4b, 0x9220, 0x9220, function_1 },
	{ 0x1b4b, 0x9230, 0x9230, function_1 },
	{ 0x1b4b, 0x9235, 0x9235, function_1 },
	{ 0x1c28, 0x0122, 0x0122, function_1 },	/* Plextor */
	{ 0x6766, 0x3d40, 0x3d41, function_0 },	/* Glenfly */
	{ 0x8086, 0x2260, 0x2260, mic_x200 },	/* Intel */
	{ 0x8086, 0x2264, 0x2264, mic_x200 },
	{ 0x8086, 0x2954, 0x2956, visual_compute },
	{ 0x8086, 0x2958, 0x295a, visual_compute },
	{ 0x9005, 0x0285, 0x0285, adaptec },	/* Adaptec */
};

/* Microsemi's switches: families by the high byte, sizes by the low one. */
static const struct {
	uint8_t first, last;
	uint8_t sizes[7];	/* 0xff ends them */
} switchtecs[] = {
	{ 0x40, 0x42, { 0x00, 0x28, 0x36, 0x52, 0x68, 0x84, 0xff } },
	{ 0x43, 0x45, { 0x28, 0x36, 0x52, 0xff } },
	{ 0x50, 0x55, { 0x00, 0x28, 0x36, 0x52, 0x68, 0x84, 0xff } },
};

static bool is_microsemi(const struct function *f)
{
	uint8_t family = f->device >> 8, size = f->device & 0xff;
	size_t i, j;

	if (family == 0x85)
		return size >> 4 >= 3 && size >> 4 <= 7 && (size & 0xf) >= 1 &&
		       (size & 0xf) <= 6;
	for (i = 0; i < COUNT(switchtecs); i++) {
		if (family < switchtecs[i].first || family > switchtecs[i].last)
			continue;
		for (j = 0; switchtecs[i].sizes[j] != 0xff; j++)
			if (switchtecs[i].sizes[j] == size)
				return true;
	}
	return false;
}

static bool is_switchtec(const struct function *f)
{
	if (f->class != 0x0680)
		return false;
	if (f->vendor == 0x11f8)	/* Microsemi */
		return is_microsemi(f);
	return f->vendor == 0x1055 && f->device >= 0x1001 &&
	       f->device <= 0x1008 && f->device != 0x1007;
}

static const struct alias *find(const struct function *f)
{
	size_t i;

	for (i = 0; i < COUNT(aliases); i++)
		if (aliases[i].vendor == f->vendor &&
		    f->device >= aliases[i].first &&
		    f->device <= aliases[i].last)
			return &aliases[i];
	return NULL;
}

/**
 * alias_any() - may alias_of() be true for a function?
 * @f: the function
 *
 * Return: whether it is for some devfn.
 */
bool alias_any(const struct function *f)
{
	return is_switchtec(f) || find(f);
}

/**
 * alias_is_guess() - is alias_of() more than what is known?
 * @f: the function
 *
 * A Switchtec NTB has its requester IDs in a table in memory, which we cannot read:
 * any of its bus may be one of them.
 *
 * Return: whether.
 */
bool alias_is_guess(const struct function *f)
{
	return is_switchtec(f);
}

/**
 * alias_of() - does a function do DMA under another's requester ID?
 * @f: the function
 * @devfn: the other, on the same bus
 *
 * Return: whether Linux expects it to.
 */
bool alias_of(const struct function *f, uint8_t devfn)
{
	const struct alias *alias;

	if (devfn == f->devfn)
		return false;
	if (is_switchtec(f))
		return true;
	alias = find(f);
	return alias && alias->has(f, devfn);
}

/**
 * alias_ends_here() - is the IOMMU at this bridge and not above it?
 * @f: a bridge
 *
 * Return: whether.
 */
bool alias_ends_here(const struct function *f)
{
	return f->vendor == 0x14e4 &&
	       (f->device == 0x9000 || f->device == 0x9084);
}

/**
 * alias_not_taken() - does this bridge leave requester IDs as they are?
 * @f: a PCIe-to-PCI bridge
 *
 * ASPEED's is one in name only, as Linux knows since 7.3.
 *
 * Return: whether.
 */
bool alias_not_taken(const struct function *f)
{
	return f->t->kernel >= KERNEL(7, 3) && f->vendor == 0x1a03 &&
	       f->device == 0x1150;
}
