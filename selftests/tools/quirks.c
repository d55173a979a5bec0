// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's functions and tables of particular devices (kernel-quirks.inc, cut out of
 * drivers/pci/quirks.c by the script of the same name), asked about all device IDs of
 * all vendors that they or we know, and what we answer.  What the kernel's functions
 * need of the kernel is here; a device is what struct subject says.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "pci/acs.h"
#include "pci/alias.h"
#include "pci/kernel.h"
#include "pci/quirk.h"
#include "pci/topology.h"
#include "pci/vmd.h"

/* What the kernel's functions need ------------------------------------------- */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __iomem
#define CONFIG_ACPI
#define PCI_ANY_ID (~0)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE_ALIGN(size) (((size) + 4095) & ~4095)
#define PCI_DEVFN_(slot, function) (((slot) & 0x1f) << 3 | ((function) & 7))
#ifndef PCI_DEVFN
#define PCI_DEVFN PCI_DEVFN_
#define PCI_SLOT(devfn) ((devfn) >> 3 & 0x1f)
#define PCI_FUNC(devfn) ((devfn) & 7)
#endif

enum {
	PCI_DEV_FLAGS_ACS_ENABLED_QUIRK = 1,
	PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS = 2,
	PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT = 4,
	PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS = 8,
};

struct pci_dev;

struct pci_bus {
	struct pci_dev *self;
};

struct pci_dev {
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u32 class;
	u8 devfn, hdr_type;
	bool multifunction, external_facing, untrusted, pcie;
	int type, acs_cap;
	u16 acs_capabilities;
	u32 dev_flags;
	struct pci_bus *bus;
	u8 *aliases;
};

struct pci_device_id {
	u32 vendor, device, subvendor, subdevice;
	unsigned long driver_data;
};

#define PCI_DEVICE_SUB(v, d, sv, sd) \
	.vendor = (v), .device = (d), .subvendor = (sv), .subdevice = (sd)

struct acpi_table_header;
typedef int acpi_status;
#define ACPI_FAILURE(status) (status)

/* The machine around the device: an IVRS table, Intel's RCBA, ACS registers. */
static bool has_ivrs;
static u32 rcba, chipset, acs_cap_register, acs_ctrl_register, mpc;

static int acpi_get_table(const char *name, int n,
			  struct acpi_table_header **table)
{
	(void)name; (void)n; (void)table;
	return !has_ivrs;
}

static void acpi_put_table(struct acpi_table_header *table)
{
	(void)table;
}

static bool pci_is_pcie(const struct pci_dev *dev)
{
	return dev->pcie;
}

static int pci_pcie_type(const struct pci_dev *dev)
{
	return dev->type;
}

static bool pci_is_root_bus(const struct pci_bus *bus)
{
	return !bus->self;
}

static bool pci_ats_disabled(void)
{
	return false;
}

static u32 *config(const struct pci_dev *dev, int at)
{
	return at == dev->acs_cap + 4 ? &acs_cap_register :
	       at == dev->acs_cap + 8 ? &acs_ctrl_register : &mpc;
}

static int pci_read_config_dword(const struct pci_dev *dev, int at, u32 *value)
{
	*value = *config(dev, at);
	return 0;
}

static int pci_write_config_dword(const struct pci_dev *dev, int at, u32 value)
{
	*config(dev, at) = value;
	return 0;
}

static int pci_bus_read_config_dword(struct pci_bus *bus, int devfn, int at,
				     u32 *value)
{
	(void)bus; (void)devfn; (void)at;
	*value = rcba;
	return 0;
}

static void *ioremap(unsigned long at, unsigned long size)
{
	(void)at; (void)size;
	return &chipset;
}

#define iounmap(memory) ((void)(memory))
#define readl(memory) ((void)(memory), chipset)
#define writel(value, memory) ((void)(memory), (void)(value))
#define pci_info(dev, ...) ((void)(dev))
#define pci_warn(dev, ...) ((void)(dev))

static void pci_add_dma_alias(struct pci_dev *dev, u8 from, unsigned int nr)
{
	unsigned int i;

	for (i = from; i < 256 && i < from + nr; i++)
		dev->aliases[i] = 1;
}

static const struct pci_device_id *pci_match_id(const struct pci_device_id *id,
						const struct pci_dev *dev)
{
	for (; id->vendor; id++)
		if (id->vendor == dev->vendor && id->device == dev->device &&
		    id->subvendor == dev->subsystem_vendor &&
		    id->subdevice == dev->subsystem_device)
			return id;
	return NULL;
}

/* Its table is in memory: any devfn may be in it. */
static void quirk_switchtec_ntb_dma_alias(struct pci_dev *dev)
{
	pci_add_dma_alias(dev, 0, 256);
}

/* Fixups, which register themselves before main(). */
static struct fixup {
	u16 vendor, device;
	u32 class;
	unsigned int shift;
	void (*hook)(struct pci_dev *dev);
} fixups[1024];
static int nr_fixups;

#define FIXUP_(n, v, d, c, s, h) \
	static void __attribute__((constructor)) fixup_##n(void) \
	{ \
		fixups[nr_fixups++] = (struct fixup){ v, d, c, s, h }; \
	}
#define FIXUP(n, v, d, c, s, h) FIXUP_(n, v, d, c, s, h)
#define DECLARE_PCI_FIXUP_HEADER(v, d, h) \
	FIXUP(__COUNTER__, v, d, PCI_ANY_ID, 0, h)
#define DECLARE_PCI_FIXUP_CLASS_FINAL(v, d, c, s, h) \
	FIXUP(__COUNTER__, v, d, c, s, h)

#include "kernel-quirks.inc"

#ifndef HAVE_BROKEN_ACS
static void pci_disable_broken_acs_cap(struct pci_dev *dev)
{
	(void)dev;
}
#endif

static void run_fixups(struct pci_dev *dev)
{
	int i;

	for (i = 0; i < nr_fixups; i++)
		if (fixups[i].vendor == dev->vendor &&
		    fixups[i].device == dev->device &&
		    (fixups[i].class == (u32)PCI_ANY_ID ||
		     fixups[i].class == dev->class >> fixups[i].shift))
			fixups[i].hook(dev);
}

/* The same device, twice ----------------------------------------------------- */

static const u16 our_vendors[] =
#include "our-vendors.inc"
;

/* IDs may be names of pci_ids.h. */
static const u16 vmds[] = {
#include "kernel-vmds.inc"
};

/* A device, as the kernel sees it, as we do, and what is around it. */
static struct subject {
	struct pci_dev bridge, dev;
	struct pci_bus bus, root;
	struct topology t;
	struct bus our_bus;
	struct function f;
} s;

static long failures;

/* Of a device, one of each kind is enough. */
static void different(const char *what, int kernel, int ours)
{
	static const char *last;
	static struct pci_dev last_dev;
	bool again = last == what && last_dev.vendor == s.dev.vendor &&
		     last_dev.device == s.dev.device;

	last = what;
	last_dev = s.dev;
	if (!again && failures++ < 20)
		printf("# %04x:%04x type %d%s%s: %s: the kernel says %d, we %d\n",
		       s.dev.vendor, s.dev.device, s.dev.type,
		       s.dev.pcie ? "" : " (conventional)",
		       s.dev.multifunction ? " of several" : "", what, kernel,
		       ours);
}

static void same(const char *what, int kernel, int ours)
{
	if (kernel != ours)
		different(what, kernel, ours);
}

static void begin(u16 vendor, u16 device, bool pcie, int type)
{
	memset(&s, 0, sizeof(s));
	s.t.kernel = SERIES;
	s.t.functions = &s.f;
	s.t.nr = s.t.nr_buses = 1;
	s.t.buses = &s.our_bus;
	s.our_bus.self = s.our_bus.parent = -1;
	s.root.self = NULL;
	s.bus.self = &s.bridge;
	s.dev.vendor = s.f.vendor = vendor;
	s.dev.device = s.f.device = device;
	s.dev.pcie = s.f.pcie = pcie;
	s.f.known = s.f.pcie_known = s.f.acs.known = true;
	s.dev.type = s.f.type = type;
	s.dev.bus = &s.root;
	s.dev.devfn = s.f.devfn = PCI_DEVFN(1, 3);
	s.f.t = &s.t;
	s.f.physfn = s.f.below = s.f.dma_as = -1;
	s.f.pch = PCH_OFF;
	has_ivrs = true;
	rcba = 1;
	chipset = mpc = 0;
}

static void surround(bool multifunction, bool on_root, bool ivrs)
{
	s.dev.multifunction = s.f.multifunction = multifunction;
	s.dev.bus = on_root ? &s.root : &s.bus;
	s.our_bus.parent = on_root ? -1 : 0;
	has_ivrs = s.t.amd_iommu = ivrs;
}

static int our_answer(u16 wanted)
{
	const struct quirk *quirk = quirk_vouches(&s.f);

	return quirk ? !quirk_missing(quirk, wanted) : -ENOTTY;
}

/* Each control alone, and those that count. */
static void compare_controls(void)
{
	int i;

	same("isolates", pci_dev_specific_acs_enabled(&s.dev, ACS_ISOLATED),
	     our_answer(ACS_ISOLATED));
	for (i = 0; i < ACS_BITS; i++)
		same(acs_bit_name(i),
		     pci_dev_specific_acs_enabled(&s.dev, 1 << i),
		     our_answer(1 << i));
}

static void compare_surroundings(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		surround(i & 1, i & 2, i & 4);
		compare_controls();
	}
	surround(true, true, true);
}

/* What Linux switches on, with the chipset's registers within reach or not. */
static void compare_enabling(void)
{
	int reachable;

	for (reachable = 0; reachable < 2; reachable++) {
		s.dev.dev_flags = 0;
		rcba = reachable;
		pci_dev_specific_enable_acs(&s.dev);
		same("chipset registers", quirk_pch(&s.f) && reachable,
		     s.dev.dev_flags & PCI_DEV_FLAGS_ACS_ENABLED_QUIRK);
		s.f.pch = reachable ? PCH_ON : PCH_OFF;
		compare_controls();
	}
}

/* ACS registers of 32 bits: with a capability, these decide. */
static void compare_wide(void)
{
	bool wide = quirk_wide_acs(s.f.vendor, s.f.device) && s.f.pcie &&
		    s.f.type == PORT_ROOT;
	const struct quirk *quirk = quirk_vouches(&s.f);
	int kernel;

	s.dev.acs_cap = 0x140;
	acs_cap_register = acs_ctrl_register = ACS_ISOLATED;
	kernel = pci_dev_specific_acs_enabled(&s.dev, ACS_ISOLATED);
	if (!quirk)
		same("registers of 32 bits", kernel == 1, wide);
	acs_ctrl_register = 0;
	if (wide)
		same("which are off", pci_dev_specific_acs_enabled(&s.dev,
						ACS_ISOLATED), 0);
	s.dev.acs_cap = 0;
}

static void compare_broken(void)
{
	s.dev.acs_capabilities = 0x7f;
	pci_disable_broken_acs_cap(&s.dev);
	same("controls that are broken", 0x7f & ~s.dev.acs_capabilities,
	     quirk_broken_acs(&s.f));
}

static void compare_acs(u16 vendor, u16 device)
{
	static const struct {
		bool pcie;
		int type;
	} kinds[] = {
		{ false, 0 }, { true, PORT_ENDPOINT }, { true, PORT_LEGACY },
		{ true, PORT_ROOT }, { true, PORT_UPSTREAM },
		{ true, PORT_DOWNSTREAM }, { true, PORT_PCIE_TO_PCI },
		{ true, PORT_ROOT_ENDPOINT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int kernel, ours;

		begin(vendor, device, kinds[i].pcie, kinds[i].type);
		surround(true, true, true);
		kernel = pci_dev_specific_acs_enabled(&s.dev, ACS_ISOLATED);
		ours = our_answer(ACS_ISOLATED);
		same("isolates", kernel, ours);
		if (kernel != -ENOTTY || ours != -ENOTTY)
			compare_surroundings();
		compare_wide();
		compare_broken();
		if (vendor == PCI_VENDOR_ID_INTEL)
			compare_enabling();
	}
}

/* With one of the subsystems and classes for which that matters. */
static void compare_aliases_as(u16 vendor, u16 device, u16 subdevice, u32 class)
{
	u8 aliases[256] = { };
	int devfn;

	begin(vendor, device, true, PORT_ENDPOINT);
	s.dev.aliases = aliases;
	s.dev.subsystem_vendor = s.f.subvendor = PCI_VENDOR_ID_ADAPTEC2;
	s.dev.subsystem_device = s.f.subdevice = subdevice;
	s.dev.class = class << 8;
	s.f.class = class;
	run_fixups(&s.dev);
	for (devfn = 0; devfn < 256; devfn++)
		if (devfn != s.f.devfn)
			same("alias", aliases[devfn],
			     alias_of(&s.f, devfn));
	same("the IOMMU is here", !!(s.dev.dev_flags &
				     PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT),
	     alias_ends_here(&s.f));
	same("requester IDs stay", !!(s.dev.dev_flags &
				      PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS),
	     alias_not_taken(&s.f));
}

static bool has_fixup(u16 vendor, u16 device)
{
	int i;

	for (i = 0; i < nr_fixups; i++)
		if (fixups[i].vendor == vendor && fixups[i].device == device)
			return true;
	return false;
}

/* Ours of devices that the kernel has nothing for: some devfn shows each kind. */
static bool has_alias(u16 vendor, u16 device)
{
	static const u8 samples[] = {
		PCI_DEVFN(1, 0), PCI_DEVFN(1, 1), PCI_DEVFN(0x10, 0), 0xff,
	};
	size_t i;

	begin(vendor, device, true, PORT_ENDPOINT);
	s.f.subvendor = PCI_VENDOR_ID_ADAPTEC2;
	s.f.subdevice = 0x02bb;
	s.f.class = PCI_CLASS_BRIDGE_OTHER;
	for (i = 0; i < ARRAY_SIZE(samples); i++)
		if (alias_of(&s.f, samples[i]))
			return true;
	return alias_ends_here(&s.f) || alias_not_taken(&s.f);
}

static void compare_aliases(u16 vendor, u16 device)
{
	if (!has_fixup(vendor, device) && !has_alias(vendor, device))
		return;
	compare_aliases_as(vendor, device, 0x02bb, PCI_CLASS_BRIDGE_OTHER);
	compare_aliases_as(vendor, device, 0x02bc, PCI_CLASS_BRIDGE_OTHER);
	compare_aliases_as(vendor, device, 0x02bd, PCI_CLASS_MEMORY_OTHER);
}

/* Devices that a newer kernel knows are no other thing under an older one. */
static void compare_vmd(u16 device)
{
	bool kernel;
	size_t i;

	begin(PCI_VENDOR_ID_INTEL, device, true, PORT_ROOT_ENDPOINT);
	kernel = SERIES < KERNEL(7, 3) && vmd_is(&s.f);
	for (i = 0; i < ARRAY_SIZE(vmds); i++)
		kernel |= vmds[i] == device;
	same("is a VMD", kernel, vmd_is(&s.f));
}

static void mark_vendors(bool *vendors)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(our_vendors); i++)
		vendors[our_vendors[i]] = true;
	for (i = 0; pci_dev_acs_enabled[i].vendor; i++)
		vendors[pci_dev_acs_enabled[i].vendor] = true;
	for (i = 0; i < (size_t)nr_fixups; i++)
		vendors[fixups[i].vendor] = true;
}

int main(void)
{
	static bool vendors[65536];
	int vendor, device, n = 0;

	mark_vendors(vendors);
	for (vendor = 0; vendor < 65536; vendor++) {
		for (device = 0; vendors[vendor] && device < 65536; device++) {
			compare_acs(vendor, device);
			compare_aliases(vendor, device);
		}
		n += vendors[vendor];
	}
	for (device = 0; device < 65536; device++)
		compare_vmd(device);
	printf("# all devices of %d vendors: %ld differences\n", n, failures);
	return failures != 0;
}
