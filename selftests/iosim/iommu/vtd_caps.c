// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VT-d can do: the capability registers, 11.4.2 and 11.4.3 of the specification.
 *
 * They go with what the device is like, or are chosen by the user, who may take away what
 * he likes. What he cannot add is what this simulator does not do: a VMM would believe
 * it. Fields that neither DMA nor a user of /dev/iommu goes by, such as where the fault
 * recording registers are, may be anything.
 */
#include <linux/array_size.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>

#include "hw.h"
#include "vtd_caps.h"

#define CAP_ND		GENMASK_ULL(2, 0)
#define CAP_SAGAW	GENMASK_ULL(12, 8)
#define CAP_MGAW	GENMASK_ULL(21, 16)
#define CAP_ZLR		BIT_ULL(22)
#define CAP_FRO		GENMASK_ULL(33, 24)
#define CAP_SSLPS	GENMASK_ULL(37, 34)
#define CAP_PSI		BIT_ULL(39)
#define CAP_NFR		GENMASK_ULL(47, 40)
#define CAP_MAMV	GENMASK_ULL(53, 48)
#define CAP_DWD		BIT_ULL(54)
#define CAP_DRD		BIT_ULL(55)
#define CAP_FS1GP	BIT_ULL(56)
#define CAP_PI		BIT_ULL(59)
#define CAP_ESIRTPS	BIT_ULL(62)
#define CAP_ESRTPS	BIT_ULL(63)

#define ECAP_C		BIT_ULL(0)
#define ECAP_QI		BIT_ULL(1)
#define ECAP_DT		BIT_ULL(2)
#define ECAP_IR		BIT_ULL(3)
#define ECAP_EIM	BIT_ULL(4)
#define ECAP_PT		BIT_ULL(6)
#define ECAP_SC		BIT_ULL(7)
#define ECAP_IRO	GENMASK_ULL(17, 8)
#define ECAP_MHMV	GENMASK_ULL(23, 20)
#define ECAP_NEST	BIT_ULL(26)
#define ECAP_PRS	BIT_ULL(29)
#define ECAP_SRS	BIT_ULL(31)
#define ECAP_EAFS	BIT_ULL(34)
#define ECAP_PSS	GENMASK_ULL(39, 35)
#define ECAP_PASID	BIT_ULL(40)
#define ECAP_PDS	BIT_ULL(42)
#define ECAP_SMTS	BIT_ULL(43)
#define ECAP_SSADS	BIT_ULL(45)
#define ECAP_SSTS	BIT_ULL(46)
#define ECAP_FSTS	BIT_ULL(47)
#define ECAP_SMPWC	BIT_ULL(48)
#define ECAP_RPS	BIT_ULL(49)

#define CAP_KNOWN	(CAP_ND | CAP_SAGAW | CAP_MGAW | CAP_ZLR | CAP_FRO |	\
			 CAP_SSLPS | CAP_PSI | CAP_NFR | CAP_MAMV | CAP_DWD |	\
			 CAP_DRD | CAP_FS1GP | CAP_PI | CAP_ESIRTPS |		\
			 CAP_ESRTPS)
#define ECAP_KNOWN	(ECAP_C | ECAP_QI | ECAP_DT | ECAP_IR | ECAP_EIM |	\
			 ECAP_PT | ECAP_SC | ECAP_IRO | ECAP_MHMV | ECAP_NEST |	\
			 ECAP_PRS | ECAP_SRS | ECAP_EAFS | ECAP_PSS |		\
			 ECAP_PASID | ECAP_PDS | ECAP_SMTS | ECAP_SSADS |	\
			 ECAP_SSTS | ECAP_FSTS | ECAP_SMPWC | ECAP_RPS)

/* 2 MiB and 1 GiB. */
#define SSLPS_ALL	3
#define PASID_BITS_MAX	20
/* The specification has second stages of 3, 4 and 5 levels. */
#define ADDR_BITS_MIN	39
#define ADDR_BITS_MAX	57

/* A bit for the least number of levels that the addresses take: 3 levels are bit 1. */
static u64 sagaw(u32 addr_bits)
{
	return BIT_ULL(addr_bits <= 39 ? 1 : addr_bits <= 48 ? 2 : 3);
}

/* All fields that depend on what the device is like. */
static u64 cap_fixed(const struct iosim_config *config)
{
	return FIELD_PREP(CAP_MGAW, config->addr_bits - 1) |
	       FIELD_PREP(CAP_SAGAW, sagaw(config->addr_bits));
}

static u64 default_cap(const struct iosim_config *config)
{
	u64 cap = cap_fixed(config) | CAP_ZLR | CAP_PSI | CAP_DWD | CAP_DRD |
		  CAP_FS1GP | CAP_ESIRTPS | CAP_ESRTPS;

	if (!(config->quirks & BIT(IOSIM_ONLY_4K)))
		cap |= FIELD_PREP(CAP_SSLPS, SSLPS_ALL);
	return cap | FIELD_PREP(CAP_ND, 6) | FIELD_PREP(CAP_MAMV, 18) |
	       FIELD_PREP(CAP_FRO, 0x40);
}

static u64 default_ecap(const struct iosim_config *config)
{
	u64 ecap = ECAP_C | ECAP_QI | ECAP_DT | ECAP_PT | ECAP_NEST |
		   ECAP_SRS | ECAP_EAFS | ECAP_PASID | ECAP_SMTS | ECAP_SSTS |
		   ECAP_FSTS | ECAP_SMPWC | ECAP_RPS;

	if (!(config->quirks & BIT(IOSIM_NO_COHERENCY)))
		ecap |= ECAP_SC;
	if (config->pri)
		ecap |= ECAP_PRS | ECAP_PDS;
	if (config->dirty)
		ecap |= ECAP_SSADS;
	return ecap | FIELD_PREP(ECAP_PSS, PASID_BITS_MAX - 1) |
	       FIELD_PREP(ECAP_IRO, 0x50);
}

/**
 * iosim_vtd_registers - the registers of the VT-d that a device is behind
 * @config: what the device is like
 * @cap: set to the capability register
 * @ecap: set to the extended capability register
 */
void iosim_vtd_registers(const struct iosim_config *config, u64 *cap, u64 *ecap)
{
	*cap = config->vtd_cap ?: default_cap(config);
	*ecap = config->vtd_ecap ?: default_ecap(config);
}
EXPORT_SYMBOL_GPL(iosim_vtd_registers);

/* What is set only if all of some others are. */
static const struct {
	u64 has;
	u64 needs;
} ecap_needs[] = {
	{ ECAP_NEST, ECAP_SMTS | ECAP_FSTS | ECAP_SSTS },
	{ ECAP_PASID, ECAP_SMTS },
	{ ECAP_PSS, ECAP_PASID },
	{ ECAP_SMTS, ECAP_SSTS | ECAP_QI },
	{ ECAP_SSADS, ECAP_SMTS },
	{ ECAP_FSTS, ECAP_SMTS },
	{ ECAP_SRS, ECAP_PASID },
	{ ECAP_EAFS, ECAP_FSTS },
	{ ECAP_PRS, ECAP_DT },
	{ ECAP_PDS, ECAP_DT },
};

static bool ecap_valid(const struct iosim_config *config, u64 ecap)
{
	unsigned int i;

	if (ecap & ~ECAP_KNOWN)
		return false;
	for (i = 0; i < ARRAY_SIZE(ecap_needs); i++)
		if ((ecap & ecap_needs[i].has) &&
		    (ecap & ecap_needs[i].needs) != ecap_needs[i].needs)
			return false;
	return !(ecap & ECAP_SC) ||
	       !(config->quirks & BIT(IOSIM_NO_COHERENCY));
}

static bool cap_valid(const struct iosim_config *config, u64 cap)
{
	u64 sslps = FIELD_GET(CAP_SSLPS, cap);

	if ((cap & ~CAP_KNOWN) ||
	    (cap & (CAP_MGAW | CAP_SAGAW)) != cap_fixed(config))
		return false;
	if (!sslps)
		return true;
	return sslps == SSLPS_ALL && !(config->quirks & BIT(IOSIM_ONLY_4K));
}

/**
 * vtd_settle - let the registers of a VT-d say what there is
 * @config: of a device behind one; made to fit them
 *
 * What the IOMMU does not do the device does not do, either.
 *
 * Return: 0, or -EINVAL if they contradict each other, the device, or what the simulator
 * can do.
 */
int vtd_settle(struct iosim_config *config)
{
	u64 cap, ecap;

	if (config->addr_bits < ADDR_BITS_MIN ||
	    config->addr_bits > ADDR_BITS_MAX)
		return -EINVAL;
	iosim_vtd_registers(config, &cap, &ecap);
	if (!cap_valid(config, cap) || !ecap_valid(config, ecap))
		return -EINVAL;
	config->vtd_cap = cap;
	config->vtd_ecap = ecap;
	if (!(ecap & ECAP_PASID))
		config->pasid_bits = 0;
	config->pasid_bits = min_t(u32, config->pasid_bits,
				   FIELD_GET(ECAP_PSS, ecap) + 1);
	/* Linux wants to drain the requests that it has taken. */
	config->pri &= ecap & ECAP_PRS && ecap & ECAP_PDS;
	config->dirty &= !!(ecap & ECAP_SSADS);
	if (!(ecap & ECAP_SC))
		config->quirks |= BIT(IOSIM_NO_COHERENCY);
	if (!FIELD_GET(CAP_SSLPS, cap))
		config->quirks |= BIT(IOSIM_ONLY_4K);
	return 0;
}

/**
 * vtd_of - what kind of VT-d a device is behind
 * @config: of the device, settled
 *
 * Return: a description, which also says if it is one.
 */
struct vtd vtd_of(const struct iosim_config *config)
{
	u64 cap = config->vtd_cap, ecap = config->vtd_ecap;

	if (!config->vtd)
		return (struct vtd){};
	return (struct vtd){
		.on = true,
		.haw = config->vtd_haw,
		.cap = cap,
		.ecap = ecap,
		.nesting = ecap & ECAP_NEST,
		.fs1gp = cap & CAP_FS1GP,
		.srs = ecap & ECAP_SRS,
		.eafs = ecap & ECAP_EAFS,
	};
}
