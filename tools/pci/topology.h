/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI devices of a machine, the running one or one from a dump, as a tree.
 */
#ifndef IOASID_TOPOLOGY_H
#define IOASID_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_SIZE 24

struct dump;
struct topology;

/* Device/Port Type of the PCI Express capability. */
enum port_type {
	PORT_ENDPOINT = 0,
	PORT_LEGACY = 1,
	PORT_ROOT = 4,
	PORT_UPSTREAM = 5,
	PORT_DOWNSTREAM = 6,
	PORT_PCIE_TO_PCI = 7,
	PORT_PCI_TO_PCIE = 8,
	PORT_ROOT_ENDPOINT = 9,
	PORT_ROOT_EVENT = 10,
};

/* Access Control Services: bits of the capability and control registers. */
#define ACS_SV 0x01	/* Source Validation */
#define ACS_TB 0x02	/* Translation Blocking */
#define ACS_RR 0x04	/* P2P Request Redirect */
#define ACS_CR 0x08	/* P2P Completion Redirect */
#define ACS_UF 0x10	/* Upstream Forwarding */
#define ACS_EC 0x20	/* P2P Egress Control */
#define ACS_DT 0x40	/* Direct Translated P2P */
#define ACS_BITS 7

/* What Linux wants on the whole path before it considers a device isolated. */
#define ACS_ISOLATED (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

/**
 * struct acs - the ACS capability of a function
 * @known: whether there is one, and what it says, could be read
 * @present: there is one
 * @dwords: its registers are 32 bits wide, as in some Intel PCHs
 * @cap: what can be controlled
 * @ctrl: what is on
 * @vector_bits: valid bits of @vector
 * @vector: the egress control vector
 */
struct acs {
	bool known;
	bool present;
	bool dwords;
	uint16_t cap;
	uint16_t ctrl;
	unsigned int vector_bits;
	uint32_t vector[8];
};

/* Where Intel's chipsets have the bridge to LPC, on the bus of their root ports. */
#define INTEL_LPC_DEVFN (31 << 3)

/**
 * enum pch - do the chipset registers of an Intel PCH root port isolate?
 * @PCH_UNKNOWN: they could not be read
 * @PCH_OFF: no
 * @PCH_ON: yes
 */
enum pch {
	PCH_UNKNOWN,
	PCH_OFF,
	PCH_ON,
};

/**
 * enum acs_origin - where the settings of ACS come from
 * @ACS_AS_READ: they were read
 * @ACS_AS_ASKED: they are what Linux sets, as somebody wants it
 * @ACS_AS_UNUSED: the same, as this machine uses no IOMMU
 * @ACS_AS_GUESSED: the same, as in this dump nothing is on
 */
enum acs_origin {
	ACS_AS_READ,
	ACS_AS_ASKED,
	ACS_AS_UNUSED,
	ACS_AS_GUESSED,
};

/**
 * struct caps - what a function can do, apart from ACS
 * @known: the whole list of extended capabilities could be read
 * @ats: Address Translation Service is there
 * @ats_on: and enabled
 * @pri: Page Request Interface is there
 * @pri_on: and enabled
 * @pasid_bits: width of its PASIDs, 0 without PASID
 * @pasid_on: PASIDs are enabled
 * @siov: has the DVSEC of Intel's Scalable I/O Virtualization
 * @ims: which announces the Interrupt Message Store
 * @sriov_vfs: virtual functions that are enabled
 */
struct caps {
	bool known;
	bool ats, ats_on;
	bool pri, pri_on;
	unsigned int pasid_bits;
	bool pasid_on;
	bool siov;
	bool ims;
	unsigned int sriov_vfs;
};

/**
 * struct function - a PCI function
 * @domain: PCI domain
 * @number: bus number
 * @devfn: device << 3 | function
 * @vendor: vendor ID
 * @device: device ID
 * @subvendor: subsystem's vendor ID
 * @subdevice: subsystem's ID
 * @class: class and subclass
 * @name: what it is called, with or without pci.ids
 * @driver: its driver, or NULL
 * @group: its IOMMU group, -1 if it has none or that is not known
 * @node: its NUMA node, -1 if that is not known
 * @known: its header could be read: what it is, and what is behind it
 * @bridge: has a bus behind it
 * @multifunction: Linux takes it for part of a multi-function device
 * @pcie_known: whether it has a PCI Express capability, and of which type it then is
 * @pcie: has a PCI Express capability
 * @type: enum port_type, with @pcie and @pcie_known
 * @port: port number of the link
 * @secondary: of a bridge: the bus behind it
 * @subordinate: of a bridge: the last bus behind it
 * @pch: of an Intel root port, whether chipset registers isolate
 * @rcba: of Intel's bridge to LPC, what it has at 0xf0, which leads to these registers
 * @rcba_known: which could be read
 * @acs: its ACS capability
 * @caps: other capabilities
 * @t: the machine it is in
 * @bus: index of the bus it is on
 * @below: of a bridge: index of the bus behind it, -1 for none
 * @physfn: of a virtual function: index of its physical function; or -1
 * @dma_as: index of the function whose requester ID its DMA has, see vmd.h; or -1
 * @bars: its base address registers, as they are
 * @bars_known: which could be read
 * @depth: how many bridges are above it
 * @inside: of a bridge: index of the first function behind it, -1 for none
 * @beside: index of the next one behind the same bridge, or on root buses; or -1
 */
struct function {
	unsigned int domain;
	uint8_t number;
	uint8_t devfn;
	uint16_t vendor, device;
	uint16_t subvendor, subdevice;
	uint16_t class;
	char *name;
	char *driver;
	int group;
	int node;
	bool known;
	bool bridge;
	bool multifunction;
	bool pcie_known;
	bool pcie;
	uint8_t type;
	uint8_t port;
	uint8_t secondary, subordinate;
	enum pch pch;
	uint32_t rcba;
	bool rcba_known;
	struct acs acs;
	struct caps caps;
	const struct topology *t;
	int bus;
	int below;
	int physfn;
	int dma_as;
	uint32_t bars[6];
	bool bars_known;
	int depth;
	int inside;
	int beside;
};

/**
 * struct bus - a PCI bus
 * @domain: PCI domain
 * @number: bus number
 * @self: index of the bridge that leads to it, -1 for none
 * @parent: index of the bus above, -1 for a root bus
 * @lost: which bridge leads to it is not known, see lost.h
 * @first: index of the first function on it; the others follow
 * @nr: how many there are
 */
struct bus {
	unsigned int domain;
	uint8_t number;
	int self;
	int parent;
	bool lost;
	int first;
	int nr;
};

/**
 * struct topology - a machine
 * @live: it is the running one
 * @functions: in the order in which Linux finds them
 * @nr: how many
 * @roots: index of the first function on a root bus; the others are beside it
 * @buses: root buses first
 * @nr_buses: how many
 * @dump: what it is from, NULL for the running system
 * @by_address: indices of functions in ascending order of addresses
 * @blind: functions with registers that matter and could not be read
 * @lost: functions above which there is a bridge that is not known
 * @amd_iommu: it has an IVRS table, as far as we know
 * @kernel: the kernel that is meant, see kernel.h
 * @acs_origin: where its ACS settings come from
 * @cpu: enum p2pdma_cpu: is it a processor that forwards between root ports?
 */
struct topology {
	bool live;
	struct function *functions;
	int nr;
	int roots;
	struct bus *buses;
	int nr_buses;
	struct dump *dump;
	int *by_address;
	int blind;
	int lost;
	bool amd_iommu;
	unsigned int kernel;
	enum acs_origin acs_origin;
	int cpu;
};

/* PCI Express, and of that type, for all we know. */
static inline bool is_pcie(const struct function *f, enum port_type type)
{
	return f->pcie_known && f->pcie && f->type == type;
}

/* No PCI Express, which is more than that we have not seen any. */
static inline bool is_conventional(const struct function *f)
{
	return f->pcie_known && !f->pcie;
}

void topology_link(struct topology *t);
void topology_free(struct topology *t);

int topology_compare(const void *left, const void *right);
int topology_find(const struct topology *t, const char *address);
const char *topology_address(const struct function *f,
			     char text[ADDRESS_SIZE]);
char *topology_path(const struct topology *t, int index);
const char *topology_kind(const struct function *f);
int topology_above(const struct topology *t, int index);
uint64_t topology_bar(const struct function *f, int nr);
bool topology_is_target(const struct function *f);
bool topology_lost(const struct topology *t, int index);
int topology_upstream(const struct topology *t, int index);

static inline unsigned int slot_of(const struct function *f)
{
	return f->devfn >> 3;
}

static inline unsigned int function_of(const struct function *f)
{
	return f->devfn & 7;
}

#endif
