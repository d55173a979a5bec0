// SPDX-License-Identifier: GPL-2.0-only
#include "pci/read.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pci/pci.h>

#include "output.h"
#include "pci/acs.h"
#include "pci/defaults.h"
#include "pci/dump.h"
#include "pci/kernel.h"
#include "pci/lost.h"
#include "pci/p2pdma.h"
#include "pci/quirk.h"
#include "pci/registers.h"
#include "pci/topology.h"
#include "pci/vmd.h"

#define CAP_ID_ATS 0x0f
#define CAP_ID_SRIOV 0x10
#define CAP_ID_PRI 0x13
#define CAP_ID_ACS 0x0d
#define CAP_ID_PASID 0x1b
#define CAP_ID_DVSEC 0x23

#define INTEL_DVSEC_SIOV 5
#define VENDOR_INTEL 0x8086
#define VENDOR_AMD 0x1022
#define CLASS_IOMMU 0x0806
#define MPC 0xd8
#define MPC_CHECKS_BUS_NUMBERS (1U << 26)
#define RCBA 0xf0

/* A device may go away while we look: then we look once more, a few times. */
#define TRIES 3

static jmp_buf again;
static int tries;

/* libpci must not go on after this. */
static void __attribute__((noreturn)) libpci_error(char *format, ...)
{
	char text[512];
	va_list args;

	if (--tries > 0)
		longjmp(again, 1);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail(STATUS_FAILED, "%s", text);
}

static void libpci_warning(char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warn("%s", text);
}

static void libpci_quiet(char *format, ...)
{
	(void)format;
}

static struct pci_access *open_access(const struct topology_source *source,
				      int dump)
{
	struct pci_access *pci;
	struct stat st;
	char *path;

	pci = pci_alloc();
	if (!pci)
		fail(STATUS_FAILED, "out of memory");
	pci->error = libpci_error;
	pci->warning = libpci_warning;
	pci->debug = libpci_quiet;
	pci->numeric_ids = source->numeric;
	if (dump >= 0) {
		path = xasprintf("/proc/self/fd/%d", dump);
		pci->method = PCI_ACCESS_DUMP;
		pci_set_param(pci, "dump.name", path);
		free(path);
	} else {
		path = xasprintf("%s/sys/bus/pci", source->root);
		if (stat(path, &st))
			fail(STATUS_FAILED, "there is no PCI bus in %s", path);
		pci->method = PCI_ACCESS_SYS_BUS_PCI;
		pci_set_param(pci, "sysfs.path", path);
		free(path);
	}
	pci_init(pci);
	return pci;
}

static int extended(struct pci_dev *dev, unsigned int id)
{
	struct pci_cap *cap = pci_find_cap(dev, id, PCI_CAP_EXTENDED);

	return cap ? (int)cap->addr : 0;
}

/* The vector of egress control; false if it matters and cannot be read. */
static bool read_vector(const struct registers *r, struct acs *acs, int at)
{
	unsigned int i;

	if (acs->dwords || !(acs->cap & ACS_EC))
		return true;
	/* A size of 0 stands for 256 */
	acs->vector_bits = acs->cap >> 8 ? acs->cap >> 8 : 256;
	for (i = 0; i < (acs->vector_bits + 31) / 32; i++) {
		if (!registers_known(r, at + 8 + 4 * i, 4))
			return !(acs->ctrl & ACS_EC);
		acs->vector[i] = pci_read_long(r->dev, at + 8 + 4 * i);
	}
	return true;
}

static void read_acs(const struct registers *r, struct function *f)
{
	struct acs *acs = &f->acs;
	int at = extended(r->dev, CAP_ID_ACS);

	if (!at) {
		acs->known = f->caps.known;
		return;
	}
	acs->dwords = quirk_wide_acs(f->vendor, f->device) &&
		      is_pcie(f, PORT_ROOT);
	if (!registers_known(r, at, acs->dwords ? 12 : 8))
		return;
	acs->cap = pci_read_word(r->dev, at + 4);
	acs->ctrl = pci_read_word(r->dev, acs->dwords ? at + 8 : at + 6);
	acs->known = acs->present = read_vector(r, acs, at);
}

/* Intel's DVSEC 5: flags of capabilities at 0x14, bit 0 is IMS. */
static void read_siov(struct pci_dev *dev, struct caps *caps)
{
	struct pci_cap *cap;
	unsigned int nr;

	for (nr = 0;; nr++) {
		unsigned int which = nr;

		cap = pci_find_cap_nr(dev, CAP_ID_DVSEC, PCI_CAP_EXTENDED,
				      &which);
		if (!cap)
			return;
		if (pci_read_word(dev, cap->addr + 4) == VENDOR_INTEL &&
		    pci_read_word(dev, cap->addr + 8) == INTEL_DVSEC_SIOV)
			break;
	}
	caps->siov = true;
	caps->ims = pci_read_long(dev, cap->addr + 0x14) & 1;
}

static void read_caps(struct pci_dev *dev, struct caps *caps)
{
	int at;

	at = extended(dev, CAP_ID_ATS);
	if (at) {
		caps->ats = true;
		caps->ats_on = pci_read_word(dev, at + 6) & 0x8000;
	}
	at = extended(dev, CAP_ID_PRI);
	if (at) {
		caps->pri = true;
		caps->pri_on = pci_read_word(dev, at + 4) & 1;
	}
	at = extended(dev, CAP_ID_PASID);
	if (at) {
		caps->pasid_bits = pci_read_word(dev, at + 4) >> 8 & 0x1f;
		caps->pasid_on = pci_read_word(dev, at + 6) & 1;
	}
	at = extended(dev, CAP_ID_SRIOV);
	if (at && pci_read_word(dev, at + 8) & 1)
		caps->sriov_vfs = pci_read_word(dev, at + 0x10);
	read_siov(dev, caps);
}

static void read_pcie(const struct registers *r, struct function *f)
{
	struct pci_cap *cap = pci_find_cap(r->dev, PCI_CAP_ID_EXP,
					   PCI_CAP_NORMAL);

	if (!cap) {
		f->pcie_known = registers_list_known(r);
		return;
	}
	f->pcie = f->pcie_known = registers_known(r, cap->addr, 16);
	f->type = pci_read_word(r->dev, cap->addr + 2) >> 4 & 0xf;
	f->port = pci_read_long(r->dev, cap->addr + 0xc) >> 24;
}

/*
 * The access is the caller's: dev->access is of the fields that libpci has for itself,
 * which in Debian 13's are not where they are in Debian 12's.
 */
static void read_name(struct pci_access *pci, struct function *f)
{
	char class[128], device[256];

	if (pci->numeric_ids) {
		f->name = xasprintf("class %04x [%04x:%04x]", f->class,
				    f->vendor, f->device);
		return;
	}
	pci_lookup_name(pci, class, sizeof(class), PCI_LOOKUP_CLASS, f->class);
	pci_lookup_name(pci, device, sizeof(device),
			PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, f->vendor,
			f->device);
	f->name = xasprintf("%s: %s [%04x:%04x]", class, device, f->vendor,
			    f->device);
}

/* A device that sleeps reads as all ones. */
static void read_bars(const struct registers *r, struct function *f)
{
	int i;

	if (!registers_known(r, PCI_BASE_ADDRESS_0, 24))
		return;
	for (i = 0; i < 6; i++)
		f->bars[i] = pci_read_long(r->dev, PCI_BASE_ADDRESS_0 + 4 * i);
	f->bars_known = f->bars[0] != 0xffffffff;
}

/*
 * What lspci -nn has said of a function without registers, or one that sleeps:
 * "VGA compatible controller [0300]: Name [10de:1b80] (rev ff)".
 */
static void read_told(const struct registers *r, struct function *f)
{
	const char *name = r->dump ? dump_name(r->dump, f->domain, f->number,
					       f->devfn) : NULL;
	unsigned int class, vendor, device;
	const char *at;
	int end;

	for (at = name; at && (at = strchr(at, '[')); at++) {
		end = 0;
		if (sscanf(at, "[%4x]%n", &class, &end) == 1 && end == 6) {
			f->class = class;
		} else if (sscanf(at, "[%4x:%4x]%n", &vendor, &device,
				  &end) == 2 && end == 11) {
			f->vendor = vendor;
			f->device = device;
		}
	}
	if (f->vendor != 0xffff || !name || !*name)
		return;
	f->name = xasprintf("%s", name);
	clean_text(f->name);
}

static void read_header(const struct registers *r, struct function *f)
{
	struct pci_dev *dev = r->dev;
	uint8_t type = pci_read_byte(dev, PCI_HEADER_TYPE);

	/* A device that sleeps */
	if (type == 0xff)
		type = PCI_HEADER_TYPE_NORMAL;
	f->multifunction = !f->known || type & 0x80 || (f->devfn & 7);
	switch (type & 0x7f) {
	case PCI_HEADER_TYPE_NORMAL:
		read_bars(r, f);
		f->subvendor = pci_read_word(dev, PCI_SUBSYSTEM_VENDOR_ID);
		f->subdevice = pci_read_word(dev, PCI_SUBSYSTEM_ID);
		break;
	case PCI_HEADER_TYPE_BRIDGE:
	case PCI_HEADER_TYPE_CARDBUS:
		f->bridge = true;
		f->known = registers_known(r, PCI_PRIMARY_BUS, 3);
		f->secondary = pci_read_byte(dev, PCI_SECONDARY_BUS);
		f->subordinate = pci_read_byte(dev, PCI_SUBORDINATE_BUS);
		break;
	}
}

/* What Linux sets in Intel root ports without ACS, and whether it could. */
static void read_chipset(const struct registers *r, struct function *f)
{
	if (registers_known(r, MPC, 4))
		f->pch = pci_read_long(r->dev, MPC) & MPC_CHECKS_BUS_NUMBERS ?
			 PCH_ON : PCH_OFF;
	f->rcba_known = f->devfn == INTEL_LPC_DEVFN && registers_known(r, RCBA, 4);
	if (f->rcba_known)
		f->rcba = pci_read_long(r->dev, RCBA);
}

/* Without PCI Express there is nothing beyond 256 bytes. */
static void read_extended(const struct registers *r, struct function *f)
{
	if (is_conventional(f)) {
		f->caps.known = f->acs.known = true;
		return;
	}
	f->caps.known = f->pcie_known && registers_extended_known(r);
	read_acs(r, f);
	read_caps(r->dev, &f->caps);
}

static void read_function(struct pci_access *pci, const struct registers *r,
			  struct function *f)
{
	struct pci_dev *dev = r->dev;

	f->domain = dev->domain;
	f->number = dev->bus;
	f->devfn = dev->dev << 3 | dev->func;
	f->group = f->node = f->physfn = f->bus = f->below = f->dma_as = -1;
	if (pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS |
			       PCI_FILL_CAPS | PCI_FILL_EXT_CAPS |
			       PCI_FILL_NUMA_NODE) & PCI_FILL_NUMA_NODE)
		f->node = dev->numa_node;
	if (r->dump)
		f->node = dump_node(r->dump, f->domain, f->number, f->devfn);
	f->vendor = dev->vendor_id;
	f->device = dev->device_id;
	f->class = dev->device_class;
	f->known = registers_answer(r);
	if (!f->known && f->vendor == 0xffff)
		read_told(r, f);
	read_header(r, f);
	read_pcie(r, f);
	if (f->vendor == VENDOR_INTEL)
		read_chipset(r, f);
	read_extended(r, f);
	if (!f->name)
		read_name(pci, f);
}

static void read_all(struct topology *t, struct pci_access *pci,
		     const struct dump *dump)
{
	struct pci_dev *dev;
	int size = 0;

	for (dev = pci->devices; dev; dev = dev->next) {
		struct registers r = { dev, dump };
		struct function *f;

		if (dev->dev > 31 || dev->func > 7)
			fail(STATUS_FAILED, "no such address: %x:%x:%x.%x",
			     dev->domain, dev->bus, dev->dev, dev->func);
		if (t->nr == size) {
			size = size ? 2 * size : 64;
			t->functions = xrealloc(t->functions, size,
						sizeof(*f));
		}
		f = &t->functions[t->nr++];
		memset(f, 0, sizeof(*f));
		read_function(pci, &r, f);
		f->t = t;
		if (f->vendor == VENDOR_AMD && f->class == CLASS_IOMMU)
			t->amd_iommu = true;
	}
}

/* All functions of a machine, in no order. */
static void read_functions(struct topology *t,
			   const struct topology_source *source,
			   const struct dump *dump)
{
	int memory = dump ? dump_memfd(dump) : -1;
	struct pci_access *pci;

	tries = dump ? 1 : TRIES;
	setjmp(again);
	/* What was read of an attempt that failed stays in memory */
	t->functions = NULL;
	t->nr = 0;
	pci = open_access(source, memory);
	pci_scan_bus(pci);
	read_all(t, pci, dump);
	pci_cleanup(pci);
	if (memory >= 0)
		close(memory);
}

/* A dump may tell the same twice: the first counts. */
static void sort_functions(struct topology *t)
{
	char text[ADDRESS_SIZE];
	int i, kept = 0;

	qsort(t->functions, t->nr, sizeof(*t->functions), topology_compare);
	for (i = 0; i < t->nr; i++) {
		if (kept && !topology_compare(&t->functions[kept - 1],
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

/* A dump shows virtual functions by the IDs that they do not have. */
static void guess_physfn(struct topology *t)
{
	int i, last = -1;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		if (f->known && f->vendor == 0xffff && f->device == 0xffff) {
			f->multifunction = false;
			f->physfn = last;
		}
		if (f->caps.sriov_vfs)
			last = i;
	}
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
	int i;

	t->live = !source->dump;
	if (source->dump)
		t->dump = dump_read(source->dump);
	read_functions(t, source, t->dump);
	if (!t->nr)
		fail(STATUS_FAILED, "there is no PCI device in this machine");
	sort_functions(t);
	if (t->live)
		read_sysfs(t, source->root);
	else
		guess_physfn(t);
	topology_link(t);
	lost_find(t);
	vmd_find(t, source->root);
	t->kernel = source->kernel;
	if (!t->kernel && t->live)
		t->kernel = kernel_of(source->root);
	if (!t->kernel)
		t->kernel = KERNEL_MODEL;
	t->cpu = p2pdma_cpu(t, t->live ? source->root : NULL);
	defaults_choose(t, source->acs);
	for (i = 0; i < t->nr; i++)
		t->blind += !acs_readable(&t->functions[i]);
	return t;
}
