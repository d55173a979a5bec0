// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the configuration space of a function after a reset.
 *
 * One row per capability: how long it is, whether the function has it, and what is in it.
 * They are laid out one behind the other. Registers are described in the specification of
 * PCI Express, chapter 7; their names are those of linux/pci_regs.h.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/minmax.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>

#include "caps.h"
#include "hw.h"
#include "space.h"

#define FIRST_CAP	0x40
#define FIRST_EXT_CAP	0x100

#define CLASS_ENGINE	0x088000	/* a system peripheral of another kind */
#define CLASS_BRIDGE	0x060400

#define VENDOR_INTEL	0x8086
#define DVSEC_SIOV	5
#define SIOV_LENGTH	0x18

/**
 * struct making - a space that is being filled
 * @space: the space
 * @caps: where the capabilities are
 * @shape: what the function is like
 * @config: what the device is like
 * @at: of the capability
 */
struct making {
	struct space *space;
	struct caps *caps;
	const struct shape *shape;
	const struct iosim_config *config;
	unsigned int at;
};

static void define(const struct making *m, unsigned int offset,
		   unsigned int size, u32 value, u32 writable)
{
	space_define(m->space, m->at + offset, size, value, writable);
}

/* Capabilities -------------------------------------------------------------- */

static void fill_pm(const struct making *m)
{
	m->caps->pm = m->at;
	define(m, PCI_PM_PMC, 2, 3, 0);
	define(m, PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET,
	       PCI_PM_CTRL_STATE_MASK);
}

static void fill_msi(const struct making *m)
{
	m->caps->msi = m->at;
	define(m, PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT,
	       PCI_MSI_FLAGS_ENABLE);
	define(m, PCI_MSI_ADDRESS_LO, 4, 0, ~3U);
	define(m, PCI_MSI_ADDRESS_HI, 4, 0, ~0U);
	define(m, PCI_MSI_DATA_64, 2, 0, 0xffff);
	define(m, PCI_MSI_MASK_64, 4, 0, 1);
}

static void fill_msix(const struct making *m)
{
	m->caps->msix = m->at;
	define(m, PCI_MSIX_FLAGS, 2, m->shape->msix - 1,
	       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	define(m, PCI_MSIX_TABLE, 4, BAR_MSIX, 0);
	define(m, PCI_MSIX_PBA, 4, MSIX_PENDING | BAR_MSIX, 0);
}

/* An endpoint on the root bus is a part of the root complex. */
static unsigned int express_type(const struct shape *shape)
{
	static const u8 types[SHAPE_NR_TYPES] = {
		[SHAPE_ENDPOINT] = PCI_EXP_TYPE_ENDPOINT,
		[SHAPE_ROOT_PORT] = PCI_EXP_TYPE_ROOT_PORT,
		[SHAPE_UPSTREAM] = PCI_EXP_TYPE_UPSTREAM,
		[SHAPE_DOWNSTREAM] = PCI_EXP_TYPE_DOWNSTREAM,
	};

	if (shape->type == SHAPE_ENDPOINT && !shape->port[0])
		return PCI_EXP_TYPE_RC_END;
	return types[shape->type];
}

static void fill_exp(const struct making *m)
{
	unsigned int type = express_type(m->shape);
	u32 link = PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4;	/* one lane */

	m->caps->exp = m->at;
	define(m, PCI_EXP_FLAGS, 2, 2 | type << 4, 0);
	define(m, PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER |
	       (m->shape->flr ? PCI_EXP_DEVCAP_FLR : 0), 0);
	/* Bit 15 starts a reset, and reads as 0. */
	define(m, PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN |
	       PCI_EXP_DEVCTL_NOSNOOP_EN | 2 << 12,
	       m->shape->flr ? 0xffff : 0x7fff);
	if (type != PCI_EXP_TYPE_RC_END) {
		define(m, PCI_EXP_LNKCAP, 4, link, 0);
		define(m, PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_CCC);
		define(m, PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_2_5GB | 1 << 4,
		       0);
	}
	/* PASIDs are in a prefix. */
	define(m, PCI_EXP_DEVCAP2, 4, PCI_EXP_DEVCAP2_EE_PREFIX, 0);
	define(m, PCI_EXP_DEVCTL2, 2, 0, PCI_EXP_DEVCTL2_ARI);
}

static void fill_acs(const struct making *m)
{
	m->caps->acs = m->at;
	define(m, PCI_ACS_CAP, 2, m->shape->acs, 0);
	define(m, PCI_ACS_CTRL, 2, 0, m->shape->acs & ~PCI_ACS_EC);
}

static void fill_ats(const struct making *m)
{
	define(m, PCI_ATS_CAP, 2, PCI_ATS_CAP_PAGE_ALIGNED, 0);
	define(m, PCI_ATS_CTRL, 2, 0, PCI_ATS_CTRL_ENABLE | 0x1f);
}

static void fill_pri(const struct making *m)
{
	m->caps->pri = m->at;
	define(m, PCI_PRI_CTRL, 2, 0, PCI_PRI_CTRL_ENABLE);
	define(m, PCI_PRI_STATUS, 2,
	       PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID, 0);
	define(m, PCI_PRI_MAX_REQ, 4, m->config->prq_size, 0);
	define(m, PCI_PRI_ALLOC_REQ, 4, 0, ~0U);
}

static void fill_pasid(const struct making *m)
{
	m->caps->pasid = m->at;
	define(m, PCI_PASID_CAP, 2, m->config->pasid_bits << 8, 0);
	define(m, PCI_PASID_CTRL, 2, 0, PCI_PASID_CTRL_ENABLE);
}

/* Of Intel: what a device says that can be divided by PASIDs. */
static void fill_siov(const struct making *m)
{
	define(m, PCI_DVSEC_HEADER1, 4, VENDOR_INTEL | SIOV_LENGTH << 20, 0);
	define(m, PCI_DVSEC_HEADER2, 2, DVSEC_SIOV, 0);
	define(m, 0x0c, 4, PAGE_SIZE, 0);	/* page sizes: 4 KiB */
	define(m, 0x10, 4, PAGE_SIZE, PAGE_SIZE);
}

static bool is_endpoint(const struct making *m)
{
	return m->shape->type == SHAPE_ENDPOINT;
}

static bool always(const struct making *m)
{
	return true;
}

static bool has_msi(const struct making *m)
{
	return m->shape->msi;
}

static bool has_msix(const struct making *m)
{
	return is_endpoint(m) && m->shape->msix;
}

static bool has_acs(const struct making *m)
{
	return m->shape->acs;
}

static bool has_ats(const struct making *m)
{
	return is_endpoint(m) && m->shape->ats;
}

static bool has_pri(const struct making *m)
{
	return is_endpoint(m) && m->config->pri;
}

static bool has_pasid(const struct making *m)
{
	return is_endpoint(m) && m->config->pasid_bits;
}

static bool has_siov(const struct making *m)
{
	return is_endpoint(m) && m->shape->siov;
}

/**
 * struct row - a capability
 * @id: its number
 * @size: bytes
 * @has: whether the function has it
 * @fill: define what is in it
 */
struct row {
	u16 id;
	u16 size;
	bool (*has)(const struct making *m);
	void (*fill)(const struct making *m);
};

static const struct row caps[] = {
	{ PCI_CAP_ID_PM, PCI_PM_SIZEOF, is_endpoint, fill_pm },
	{ PCI_CAP_ID_MSI, 0x18, has_msi, fill_msi },
	{ PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, has_msix, fill_msix },
	{ PCI_CAP_ID_EXP, 0x3c, always, fill_exp },
};

static const struct row ext_caps[] = {
	{ PCI_EXT_CAP_ID_ACS, 8, has_acs, fill_acs },
	{ PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ATS_SIZEOF, has_ats, fill_ats },
	{ PCI_EXT_CAP_ID_PRI, PCI_EXT_CAP_PRI_SIZEOF, has_pri, fill_pri },
	{ PCI_EXT_CAP_ID_PASID, PCI_EXT_CAP_PASID_SIZEOF, has_pasid,
	  fill_pasid },
	{ PCI_EXT_CAP_ID_DVSEC, SIOV_LENGTH, has_siov, fill_siov },
};

static void fill_caps(struct making *m)
{
	unsigned int i, next = FIRST_CAP, link = PCI_CAPABILITY_LIST;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		if (!caps[i].has(m))
			continue;
		m->at = next;
		space_define(m->space, link, 1, next, 0);
		define(m, PCI_CAP_LIST_ID, 1, caps[i].id, 0);
		caps[i].fill(m);
		link = next + PCI_CAP_LIST_NEXT;
		next = ALIGN(next + caps[i].size, 4);
	}
}

static void fill_ext_caps(struct making *m)
{
	unsigned int i, next = FIRST_EXT_CAP, before = 0;
	u32 header;

	for (i = 0; i < ARRAY_SIZE(ext_caps); i++) {
		if (!ext_caps[i].has(m))
			continue;
		m->at = next;
		define(m, 0, 4, ext_caps[i].id | 1 << 16, 0);
		ext_caps[i].fill(m);
		if (before) {
			header = space_get32(m->space, before) | next << 20;
			space_define(m->space, before, 4, header, 0);
		}
		before = next;
		next = ALIGN(next + ext_caps[i].size, 4);
	}
}

/* The header ---------------------------------------------------------------- */

/**
 * caps_bar_size - how long a BAR is
 * @shape: of the function
 * @bar: BAR_*
 *
 * Return: bytes, a power of two, or 0 if there is no such BAR.
 */
size_t caps_bar_size(const struct shape *shape, unsigned int bar)
{
	if (shape->type != SHAPE_ENDPOINT)
		return 0;
	switch (bar) {
	case BAR_REGISTERS:
		return PAGE_SIZE;
	case BAR_MEMORY:
		return shape->memory;
	case BAR_MSIX:
		return shape->msix ? PAGE_SIZE : 0;
	default:
		return 0;
	}
}

static void fill_bars(const struct making *m)
{
	unsigned int bar;
	size_t size;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar += 2) {
		unsigned int at = PCI_BASE_ADDRESS_0 + bar * 4;

		size = caps_bar_size(m->shape, bar);
		if (!size)
			continue;
		space_define(m->space, at, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 |
			     PCI_BASE_ADDRESS_MEM_PREFETCH, ~(u32)(size - 1));
		space_define(m->space, at + 4, 4, 0, ~0U);
	}
}

/* A bridge: its buses, and a window of prefetchable memory of 64 bits. */
static void fill_bridge(const struct making *m)
{
	space_define(m->space, PCI_PRIMARY_BUS, 3, 0, 0xffffff);
	/* Windows that are closed: they end before they begin. */
	space_define(m->space, PCI_IO_BASE, 2, 0x00f0, 0xf0f0);
	space_define(m->space, PCI_MEMORY_BASE, 4, 0x0000fff0, 0xfff0fff0);
	space_define(m->space, PCI_PREF_MEMORY_BASE, 4, 0x0001fff1, 0xfff0fff0);
	space_define(m->space, PCI_PREF_BASE_UPPER32, 4, 0, ~0U);
	space_define(m->space, PCI_PREF_LIMIT_UPPER32, 4, 0, ~0U);
	space_define(m->space, PCI_BRIDGE_CONTROL, 2, 0,
		     PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
		     PCI_BRIDGE_CTL_BUS_RESET);
}

static void fill_header(const struct making *m)
{
	struct space *space = m->space;
	bool port = shape_is_port(m->shape);

	space_define(space, PCI_VENDOR_ID, 2, m->shape->vendor, 0);
	space_define(space, PCI_DEVICE_ID, 2, m->shape->device, 0);
	space_define(space, PCI_COMMAND, 2, 0,
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		     PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		     PCI_COMMAND_INTX_DISABLE);
	space_define(space, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	space_define(space, PCI_CLASS_REVISION, 4,
		     (port ? CLASS_BRIDGE : CLASS_ENGINE) << 8 | 1, 0);
	space_define(space, PCI_CACHE_LINE_SIZE, 1, 0, 0xff);
	space_define(space, PCI_HEADER_TYPE, 1,
		     (port ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
		     (m->shape->multifunction ? PCI_HEADER_TYPE_MFD : 0), 0);
	if (port) {
		fill_bridge(m);
		return;
	}
	fill_bars(m);
	space_define(space, PCI_SUBSYSTEM_VENDOR_ID, 2, m->shape->vendor, 0);
	space_define(space, PCI_SUBSYSTEM_ID, 2, m->shape->device, 0);
	space_define(space, PCI_INTERRUPT_LINE, 1, 0, 0xff);
}

/**
 * caps_fill - define all registers of a function
 * @space: its space, all zero
 * @caps: set to where the capabilities are
 * @shape: what the function is like
 * @config: what the device is like
 */
void caps_fill(struct space *space, struct caps *caps, const struct shape *shape,
	       const struct iosim_config *config)
{
	struct making m = {
		.space = space,
		.caps = caps,
		.shape = shape,
		.config = config,
	};

	*caps = (struct caps){};
	fill_header(&m);
	fill_caps(&m);
	fill_ext_caps(&m);
}
