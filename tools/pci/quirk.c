// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device IDs that Linux 6.12 and 7.3 know (drivers/pci/quirks.c), as ranges;
 * selftests/tools/quirks compares them with the source.  Devices that newer kernels
 * have learnt about are missing; on a running system the groups shown are the
 * kernel's, and the difference is pointed out.
 */
#include "pci/quirk.h"

#include <stddef.h>

#include "pci/kernel.h"
#include "pci/topology.h"

#define ANY_FIRST 0x0000
#define ANY_LAST 0xffff

#define VENDOR_INTEL 0x8086

static const struct quirk functions_apart = {
	QUIRK_FUNCTIONS_APART,
	ACS_SV | ACS_TB | ACS_RR | ACS_CR | ACS_UF | ACS_DT,
};
static const struct quirk port_apart = { QUIRK_PORT_APART, ACS_ISOLATED };
static const struct quirk pch_on = { QUIRK_INTEL_PCH, ACS_ISOLATED };
static const struct quirk pch_off = { QUIRK_INTEL_PCH, 0 };
static const struct quirk pch_unknown = { QUIRK_INTEL_PCH_UNKNOWN, 0 };
static const struct quirk rciep = { QUIRK_INTEL_RCIEP, ACS_ISOLATED };
static const struct quirk southbridge = {
	QUIRK_AMD_SOUTHBRIDGE, ACS_ISOLATED | ACS_TB,
};
static const struct quirk not_trusted = { QUIRK_NOT_TRUSTED, 0 };

/**
 * struct id_range - devices of a vendor
 * @vendor: vendor ID
 * @first: first device ID
 * @last: last one
 * @ports: only root ports (1), only root and downstream ports (2), any (0)
 * @quirk: what holds for them; the first entry that fits does
 */
struct id_range {
	uint16_t vendor, first, last;
	int ports;
	const struct quirk *quirk;
};

static const struct id_range ranges[] = {
	{ 0x0014, 0x3c09, 0x3c09, 0, &port_apart },	/* Loongson */
	{ 0x0014, 0x3c19, 0x3c19, 0, &port_apart },
	{ 0x0014, 0x3c29, 0x3c29, 0, &port_apart },
	{ 0x0014, 0x7a09, 0x7a09, 0, &port_apart },
	{ 0x0014, 0x7a19, 0x7a19, 0, &port_apart },
	{ 0x0014, 0x7a29, 0x7a29, 0, &port_apart },
	{ 0x0014, 0x7a39, 0x7a39, 0, &port_apart },
	{ 0x0014, 0x7a49, 0x7a49, 0, &port_apart },
	{ 0x0014, 0x7a59, 0x7a59, 0, &port_apart },
	{ 0x0014, 0x7a69, 0x7a69, 0, &port_apart },
	{ 0x10df, 0x0720, 0x0720, 0, &functions_apart },	/* Emulex */
	{ 0x10e8, 0xe004, 0xe004, 0, &port_apart },	/* X-Gene */
	{ 0x14e4, 0x16d7, 0x16d7, 0, &functions_apart },	/* Broadcom */
	{ 0x14e4, 0x1750, 0x1752, 0, &functions_apart },
	{ 0x14e4, 0x1760, 0x1763, 0, &functions_apart },
	{ 0x14e4, 0xd714, 0xd714, 0, &port_apart },
	{ 0x177d, 0xa000, 0xa7ff, 1, &port_apart },	/* Cavium */
	{ 0x177d, 0xaf84, 0xaf84, 1, &port_apart },
	{ 0x177d, 0xb884, 0xb884, 1, &port_apart },
	{ 0x177d, 0xa026, 0xa026, 0, &functions_apart },
	{ 0x177d, 0xa059, 0xa059, 0, &functions_apart },
	{ 0x177d, 0xa060, 0xa060, 0, &functions_apart },
	{ 0x17cb, 0x0111, 0x0111, 0, &port_apart },	/* Qualcomm */
	{ 0x17cb, 0x0115, 0x0115, 0, &port_apart },
	{ 0x17cb, 0x0120, 0x0120, 0, &port_apart },
	{ 0x17cb, 0x0400, 0x0401, 0, &port_apart },
	{ 0x1924, 0x0903, 0x0903, 0, &functions_apart },	/* Solarflare */
	{ 0x1924, 0x0923, 0x0923, 0, &functions_apart },
	{ 0x1924, 0x0a03, 0x0a03, 0, &functions_apart },
	{ 0x1957, 0x8d80, 0x8d83, 0, &port_apart },	/* NXP */
	{ 0x1957, 0x8d88, 0x8d8b, 0, &port_apart },
	{ 0x1957, 0x8d90, 0x8d93, 0, &port_apart },
	{ 0x1957, 0x8d98, 0x8d9b, 0, &port_apart },
	{ 0x1957, 0x8da0, 0x8da1, 0, &port_apart },
	{ 0x1957, 0x8da8, 0x8da9, 0, &port_apart },
	{ 0x1957, 0x8db0, 0x8db1, 0, &port_apart },
	{ 0x1957, 0x8db8, 0x8db9, 0, &port_apart },
	{ 0x19a2, 0x0710, 0x0710, 0, &functions_apart },	/* Emulex */
	{ 0x1c36, 0x0031, 0x0031, 1, &port_apart },	/* Annapurna */
	{ 0x1d17, 0x3038, 0x3038, 0, &functions_apart },	/* Zhaoxin */
	{ 0x1d17, 0x3104, 0x3104, 0, &functions_apart },
	{ 0x1d17, 0x9083, 0x9083, 0, &functions_apart },
	{ 0x1d17, 0x0710, 0x071e, 2, &port_apart },
	{ 0x1d17, 0x0721, 0x0721, 2, &port_apart },
	{ 0x1d17, 0x0723, 0x0752, 2, &port_apart },
	{ 0x1d17, ANY_FIRST, ANY_LAST, 2, &not_trusted },
	{ 0x1dbf, 0x0401, 0x0401, 0, &port_apart },	/* HXT */
	{ 0x1def, 0xe005, 0xe00c, 0, &port_apart },	/* Ampere */
	{ 0x8088, 0x0100, 0x010f, 0, &port_apart },	/* Wangxun */
	{ 0x8088, 0x1001, 0x1001, 0, &port_apart },
	{ 0x8088, 0x2001, 0x2001, 0, &port_apart },
	{ 0x8088, 0x5010, 0x5010, 0, &port_apart },
	{ 0x8088, 0x5025, 0x5025, 0, &port_apart },
	{ 0x8088, 0x5040, 0x5040, 0, &port_apart },
	{ 0x8088, 0x5110, 0x5110, 0, &port_apart },
	{ 0x8088, 0x5125, 0x5125, 0, &port_apart },
	{ 0x8088, 0x5140, 0x5140, 0, &port_apart },
	{ 0x8088, ANY_FIRST, ANY_LAST, 0, &not_trusted },
};

/* Network adapters of Intel whose functions do not talk to each other. */
static const uint16_t intel_adapters[] = {
	0x105e, 0x105f, 0x1060, 0x10a7, 0x10a9, 0x10c6, 0x10c9, 0x10d6, 0x10d9,
	0x10db, 0x10dd, 0x10e1, 0x10e6, 0x10e7, 0x10e8, 0x10f1, 0x10f7, 0x10f8,
	0x10f9, 0x10fa, 0x10fb, 0x10fc, 0x1507, 0x1509, 0x150a, 0x150d, 0x150e,
	0x150f, 0x1510, 0x1511, 0x1514, 0x1516, 0x1518, 0x151c, 0x1521, 0x1522,
	0x1523, 0x1524, 0x1526, 0x1527, 0x1529, 0x152a, 0x154d, 0x154f, 0x1551,
	0x1558, 0x15b7, 0x15b8,
};

/* Root ports of Intel's 5 to 9 series chipsets: ranges, and in which steps. */
static const struct {
	uint16_t first, last, step;
} intel_pch[] = {
	{ 0x3b42, 0x3b51, 1 }, { 0x1c10, 0x1c1f, 1 }, { 0x1e10, 0x1e1f, 1 },
	{ 0x8c10, 0x8c1f, 1 }, { 0x9c10, 0x9c1b, 1 }, { 0x9c90, 0x9c9b, 1 },
	{ 0x1d10, 0x1d1e, 2 }, { 0x8d10, 0x8d1e, 1 }, { 0x8c90, 0x8c9e, 2 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_type(const struct function *f, enum port_type type)
{
	return is_pcie(f, type);
}

/**
 * quirk_pch() - is it a root port that chipset registers make isolate?
 * @f: the function
 *
 * Intel's 5 to 9 series, X79 and X99 have no ACS capability.
 *
 * Return: whether.
 */
bool quirk_pch(const struct function *f)
{
	size_t i;

	if (f->vendor != VENDOR_INTEL || !is_type(f, PORT_ROOT))
		return false;
	for (i = 0; i < COUNT(intel_pch); i++)
		if (f->device >= intel_pch[i].first &&
		    f->device <= intel_pch[i].last &&
		    (f->device - intel_pch[i].first) % intel_pch[i].step == 0)
			return true;
	return false;
}

static const struct quirk *intel(const struct function *f)
{
	size_t i;

	for (i = 0; i < COUNT(intel_adapters); i++)
		if (f->device == intel_adapters[i])
			return &functions_apart;
	if (is_type(f, PORT_ROOT_ENDPOINT))
		return &rciep;
	if (!quirk_pch(f))
		return NULL;
	switch (f->pch) {
	case PCH_UNKNOWN:
		return &pch_unknown;
	case PCH_OFF:
		return &pch_off;
	default:
		return &pch_on;
	}
}

static const struct quirk *amd(const struct function *f)
{
	bool known;

	if (f->vendor == 0x1002)
		known = f->device == 0x4383 || f->device == 0x4384 ||
			f->device == 0x4385 || f->device == 0x4399 ||
			f->device == 0x439c || f->device == 0x439d;
	else
		known = f->device == 0x7809 || f->device == 0x780f;
	if (!known || !f->multifunction || !f->t->amd_iommu ||
	    f->t->buses[f->bus].parent >= 0)
		return NULL;
	return &southbridge;
}

/**
 * quirk_vouches() - does the kernel answer for this device?
 * @f: the function
 *
 * Return: the kernel's word, or NULL: its ACS registers count.
 */
const struct quirk *quirk_vouches(const struct function *f)
{
	size_t i;

	if (f->vendor == VENDOR_INTEL)
		return intel(f);
	if (f->vendor == 0x1002 || f->vendor == 0x1022)
		return amd(f);
	for (i = 0; i < COUNT(ranges); i++) {
		const struct id_range *r = &ranges[i];

		if (r->vendor != f->vendor || f->device < r->first ||
		    f->device > r->last)
			continue;
		if (r->ports && !is_type(f, PORT_ROOT) &&
		    !(r->ports == 2 && is_type(f, PORT_DOWNSTREAM)))
			continue;
		return r->quirk;
	}
	return NULL;
}

/**
 * quirk_missing() - what the kernel does not vouch for
 * @quirk: its word
 * @wanted: ACS_* bits
 *
 * Return: those bits of @wanted that it does not take for given.
 */
uint16_t quirk_missing(const struct quirk *quirk, uint16_t wanted)
{
	return wanted & ~quirk->provides;
}

/**
 * quirk_name() - a word for a kind of quirk, for programs
 * @quirk: the quirk
 *
 * Return: the word.
 */
const char *quirk_name(const struct quirk *quirk)
{
	static const char *const names[] = {
		[QUIRK_FUNCTIONS_APART] = "functions-apart",
		[QUIRK_PORT_APART] = "port-apart",
		[QUIRK_INTEL_PCH] = "intel-pch",
		[QUIRK_INTEL_PCH_UNKNOWN] = "intel-pch-unknown",
		[QUIRK_INTEL_RCIEP] = "intel-rciep",
		[QUIRK_AMD_SOUTHBRIDGE] = "amd-southbridge",
		[QUIRK_NOT_TRUSTED] = "not-trusted",
	};

	return names[quirk->kind];
}

/**
 * quirk_text() - what the kernel goes by, in words
 * @quirk: the quirk
 *
 * Return: a clause that follows "the kernel: ".
 */
const char *quirk_text(const struct quirk *quirk)
{
	static const char *const texts[] = {
		[QUIRK_FUNCTIONS_APART] =
		"a device whose vendor assures that its functions do not talk to each other",
		[QUIRK_PORT_APART] =
		"a port known to isolate without an ACS capability",
		[QUIRK_INTEL_PCH] =
		"an Intel PCH root port, isolating by chipset registers that Linux sets",
		[QUIRK_INTEL_PCH_UNKNOWN] =
		"an Intel PCH root port whose chipset registers could not be read: unknown, and taken for not isolating",
		[QUIRK_INTEL_RCIEP] =
		"an Intel root complex endpoint: by the VT-d specification it sends untranslated requests through the IOMMU",
		[QUIRK_AMD_SOUTHBRIDGE] =
		"an AMD southbridge, which has no peer-to-peer behind AMD-Vi",
		[QUIRK_NOT_TRUSTED] =
		"of a vendor whose other devices are known; this one is not trusted to isolate, whatever its registers say",
	};

	if (quirk->kind == QUIRK_INTEL_PCH && !quirk->provides)
		return "an Intel PCH root port whose chipset registers were not set to isolate";
	return texts[quirk->kind];
}

/**
 * quirk_wide_acs() - does this root port have ACS registers of 32 bits?
 * @vendor: vendor ID
 * @device: device ID
 *
 * An erratum of Intel's 100 and 200 series chipsets and their mobile kin.
 *
 * Return: whether.
 */
bool quirk_wide_acs(uint16_t vendor, uint16_t device)
{
	return vendor == VENDOR_INTEL &&
	       ((device >= 0xa110 && device <= 0xa11f) ||
		(device >= 0xa167 && device <= 0xa16a) ||
		(device >= 0xa290 && device <= 0xa29f) ||
		(device >= 0xa2e7 && device <= 0xa2ee) ||
		(device >= 0x9d10 && device <= 0x9d1b));
}

/**
 * quirk_broken_acs() - controls that Linux does not use although they are there
 * @f: the function
 *
 * Source Validation of these IDT switches stops configuration, which Linux 6.12 works
 * around when it looks for devices behind them, and 7.3 by leaving it off.
 *
 * Return: ACS_* bits.
 */
uint16_t quirk_broken_acs(const struct function *f)
{
	return f->t->kernel >= KERNEL(7, 3) && f->vendor == 0x111d &&
	       (f->device == 0x80b5 || f->device == 0x8090) ? ACS_SV : 0;
}

/**
 * quirk_tables() - which kernel's tables are followed
 * @t: the machine
 *
 * Return: the series that it was released with, of those whose tables we have.
 */
const char *quirk_tables(const struct topology *t)
{
	return t->kernel >= KERNEL(7, 3) ? "7.3" : "6.12";
}
