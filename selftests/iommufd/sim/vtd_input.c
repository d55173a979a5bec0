// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated VT-d as a VMM meets it: what the hardware information says, and which
 * attributes, page tables and invalidations are refused, and when.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "vfio.h"
#include "vtd.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "vtd=1 pasid_bits=6 pri=1"
#define PASID 3
#define V 0x7f0000000000ULL
#define EVERYTHING 0, UINT64_MAX
#define LEAF IOMMU_VTD_INV_FLAGS_LEAF

/* What a VMM asks for before it gives its guest first stages. */
#define NESTING (VTD_ECAP_NEST | VTD_ECAP_SMTS | VTD_ECAP_FSTS | VTD_ECAP_SSTS)

static int hw_info(const struct sim *sim, struct iommu_hw_info *info,
		   struct iommu_hw_info_vtd *vtd)
{
	memset(vtd, 0xff, sizeof(*vtd));
	*info = (struct iommu_hw_info) {
		.data_len = sizeof(*vtd),
		.data_uptr = iommu_ptr(vtd),
	};
	return iommu_get_hw_info(sim->fd, sim->engine.dev_id, info);
}

static uint64_t field(uint64_t reg, int high, int low)
{
	return reg >> low & ((1ULL << (high - low + 1)) - 1);
}

/* Hardware information ------------------------------------------------------- */

TEST(hardware_information)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info info;
	struct sim sim = {};

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, hw_info(&sim, &info, &vtd));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, info.out_data_type);
	EXPECT_EQ(sizeof(vtd), info.data_len);
	EXPECT_EQ(6, info.out_max_pasid_log2);
	EXPECT_TRUE(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
	EXPECT_EQ(0, vtd.flags);
	EXPECT_EQ(0, vtd.__reserved);
	/* Aperture: 48 bits by 4 levels. Pages of 2M and 1G in both stages. */
	EXPECT_EQ(47, field(vtd.cap_reg, 21, 16));
	EXPECT_EQ(1 << 2, field(vtd.cap_reg, 12, 8));
	EXPECT_EQ(3, field(vtd.cap_reg, 37, 34));
	EXPECT_TRUE(vtd.cap_reg & VTD_CAP_FS1GP);
	EXPECT_FALSE(vtd.cap_reg & VTD_CAP_FS5LP);
	EXPECT_EQ(NESTING, vtd.ecap_reg & NESTING);
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_PASID);
	EXPECT_EQ(19, field(vtd.ecap_reg, 39, 35));
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_PRS);
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_PDS);
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_SRS);
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_EAFS);
	EXPECT_TRUE(vtd.ecap_reg & VTD_ECAP_SSADS);
	EXPECT_EQ(0, sim_close(&sim));
}

/* The registers follow the other attributes. */
TEST(registers_follow)
{
	static const struct {
		const char *attributes;
		unsigned int mgaw;
		unsigned int sagaw;
		unsigned int sslps;
		uint64_t lacks;
	} rows[] = {
		{ "vtd=1 addr_bits=39", 38, 1 << 1, 3, VTD_ECAP_PRS },
		{ "vtd=1 addr_bits=46 dirty=0", 45, 1 << 2, 3,
		  VTD_ECAP_PRS | VTD_ECAP_SSADS },
		{ "vtd=1 addr_bits=57 pri=1", 56, 1 << 3, 3, 0 },
		{ "vtd=1 quirks=only_4k,no_coherency", 47, 1 << 2, 0,
		  VTD_ECAP_PRS | 1 << 7 },
	};
	const uint64_t may_lack = VTD_ECAP_PRS | VTD_ECAP_SSADS | 1 << 7;
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info info;
	struct sim sim = {};
	char value[32];
	size_t i;

	NEED_SIM;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, sim_open(&sim, rows[i].attributes));
		ASSERT_EQ(0, hw_info(&sim, &info, &vtd));
		EXPECT_EQ(rows[i].mgaw, field(vtd.cap_reg, 21, 16));
		EXPECT_EQ(rows[i].sagaw, field(vtd.cap_reg, 12, 8));
		EXPECT_EQ(rows[i].sslps, field(vtd.cap_reg, 37, 34));
		EXPECT_EQ(rows[i].lacks, ~vtd.ecap_reg & may_lack)
			TH_LOG("%zu", i);
		ASSERT_EQ(0, iosim_get(SIM_NAME, "vtd_cap", value,
				       sizeof(value)));
		EXPECT_EQ(vtd.cap_reg, strtoull(value, NULL, 0));
		EXPECT_EQ(0, sim_close(&sim));
	}
}

/* The erratum of today's hardware: known to the user, and kept. */
TEST(erratum)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info info;
	struct sim sim = {};
	uint32_t parent;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, "vtd=1 quirks=no_read_only"));
	ASSERT_EQ(0, hw_info(&sim, &info, &vtd));
	EXPECT_EQ(IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17, vtd.flags);
	ASSERT_EQ(0, sim_parent_hwpt(&sim, &parent));
	ASSERT_EQ(0, sim_attach(&sim, parent));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE,
					   IOMMU_R, 0x10000000));
	EXPECT_EQ(0, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE, IOMMU_RW,
				     0x10000000));
	/* A page table that is nobody's parent takes it */
	ASSERT_EQ(0, vfio_detach(sim.engine.fd));
	ASSERT_EQ(0, iommu_destroy(sim.fd, parent));
	EXPECT_EQ(0, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE, IOMMU_R,
				     0x20000000));
	ASSERT_EQ(0, sim_attach(&sim, sim.ioas));
	EXPECT_EQ(-EINVAL, sim_parent_hwpt(&sim, &parent));
	EXPECT_EQ(0, sim_close(&sim));
}

/* Interrupts are none of the addresses that can be mapped. */
TEST(interrupts_are_reserved)
{
	struct sim sim = {};

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE, IOMMU_RW,
				     0xfee00000));
	EXPECT_EQ(-EADDRINUSE, sim_attach(&sim, sim.ioas));
	ASSERT_EQ(0, iommu_ioas_unmap(sim.fd, sim.ioas, 0xfee00000, PAGE,
				      NULL));
	ASSERT_EQ(0, sim_attach(&sim, sim.ioas));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE,
					   IOMMU_RW, 0xfeeff000));
	EXPECT_EQ(0, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE, IOMMU_RW,
				     0xfef00000));
	EXPECT_EQ(0, sim_close(&sim));
}

/* Attributes ----------------------------------------------------------------- */

TEST(attributes)
{
	static const struct {
		const char *attribute;
		const char *value;
		int rc;
	} rows[] = {
		{ "vtd", "2", -ERANGE },
		{ "vtd", "x", -EINVAL },
		{ "vtd_haw", "35", -ERANGE },
		{ "vtd_haw", "53", -ERANGE },
		{ "vtd_cap", "\n", -EINVAL },
		{ "vtd_cap", "0x1g", -EINVAL },
		{ "vtd_ecap", "0x10000000000000000", -ERANGE },
		{ "vtd_haw", "36", 0 },
		{ "vtd_cap", "0", 0 },
	};
	size_t i;

	NEED_SIM;
	ASSERT_EQ(0, iosim_create_unplugged(SIM_NAME, "vtd=1"));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].rc, iosim_set(SIM_NAME, rows[i].attribute,
						rows[i].value))
			TH_LOG("%zu", i);
	ASSERT_EQ(0, iosim_plug(SIM_NAME));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "vtd", "0"));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "vtd_cap", "1"));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "vtd_ecap", "1"));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "vtd_haw", "48"));
	EXPECT_EQ(0, vtd_fault(SIM_NAME));
	EXPECT_EQ(0, iosim_destroy(SIM_NAME));
}

/* What contradicts itself, or the simulator, is found out when it is plugged in. */
TEST(registers)
{
	static const struct {
		const char *what;
		const char *attributes;
		uint64_t cap_more;
		uint64_t ecap_more;
		uint64_t cap_less;
		uint64_t ecap_less;
		int rc;
	} rows[] = {
		{ "as they are", "vtd=1", 0, 0, 0, 0, 0 },
		{ "3 levels are too many", "vtd=1 addr_bits=38", 0, 0, 0, 0,
		  -EINVAL },
		{ "5 levels are too few", "vtd=1 addr_bits=58", 0, 0, 0, 0,
		  -EINVAL },
		{ "first stages of 5 levels", "vtd=1", VTD_CAP_FS5LP, 0, 0, 0,
		  -EINVAL },
		{ "caching mode", "vtd=1", 1 << 7, 0, 0, 0, -EINVAL },
		{ "another MGAW", "vtd=1", 0, 0, 1 << 16, 0, -EINVAL },
		{ "no SAGAW", "vtd=1", 0, 0, 1 << 10, 0, -EINVAL },
		{ "1G without 2M", "vtd=1", 0, 0, 1ULL << 34, 0, -EINVAL },
		{ "large pages that are not", "vtd=1 quirks=only_4k",
		  3ULL << 34, 0, 0, 0, -EINVAL },
		{ "no large pages", "vtd=1", 0, 0, 3ULL << 34, 0, 0 },
		{ "executable", "vtd=1", 0, 1 << 30, 0, 0, -EINVAL },
		{ "virtual commands", "vtd=1", 0, 1ULL << 44, 0, 0, -EINVAL },
		{ "snooping that is not", "vtd=1 quirks=no_coherency", 0,
		  1 << 7, 0, 0, -EINVAL },
		{ "nesting of nothing", "vtd=1", 0, 0, 0, VTD_ECAP_FSTS,
		  -EINVAL },
		{ "no nesting", "vtd=1", 0, 0, 0, VTD_ECAP_NEST, 0 },
		{ "PASIDs without a mode for them", "vtd=1", 0, 0, 0,
		  VTD_ECAP_NEST | VTD_ECAP_SMTS, -EINVAL },
		{ "no scalable mode", "vtd=1", 0, 0, 0, 0x1fULL << 35 |
		  VTD_ECAP_NEST | VTD_ECAP_SMTS | VTD_ECAP_FSTS |
		  VTD_ECAP_PASID | VTD_ECAP_SSADS | VTD_ECAP_SRS |
		  VTD_ECAP_EAFS, 0 },
		{ "fault recording elsewhere", "vtd=1", 0xffULL << 40, 0, 0, 0,
		  0 },
		{ "not looked at", "vtd=0", 0, 1 << 30, 0, 0, 0 },
	};
	char value[32];
	uint64_t cap, ecap;
	size_t i;

	NEED_SIM;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, vtd_create_without(SIM_NAME, rows[i].attributes,
						rows[i].cap_less,
						rows[i].ecap_less));
		ASSERT_EQ(0, iosim_get(SIM_NAME, "vtd_cap", value,
				       sizeof(value)));
		cap = strtoull(value, NULL, 0) | rows[i].cap_more;
		ASSERT_EQ(0, iosim_get(SIM_NAME, "vtd_ecap", value,
				       sizeof(value)));
		ecap = strtoull(value, NULL, 0) | rows[i].ecap_more;
		snprintf(value, sizeof(value), "%#llx", (long long)cap);
		ASSERT_EQ(0, iosim_set(SIM_NAME, "vtd_cap", value));
		snprintf(value, sizeof(value), "%#llx", (long long)ecap);
		ASSERT_EQ(0, iosim_set(SIM_NAME, "vtd_ecap", value));
		EXPECT_EQ(rows[i].rc, iosim_plug(SIM_NAME))
			TH_LOG("%s", rows[i].what);
		EXPECT_EQ(0, iosim_destroy(SIM_NAME));
	}
}

/* What the IOMMU does not have, the device does not, either. */
TEST(missing)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info info;
	struct sim sim = {};
	uint32_t hwpt;

	NEED_SIM;
	ASSERT_EQ(0, vtd_open_without(&sim, ATTRIBUTES, 0, VTD_ECAP_NEST |
				      VTD_ECAP_SSADS | VTD_ECAP_PRS |
				      VTD_ECAP_PASID | VTD_ECAP_SRS |
				      0x1fULL << 35));
	ASSERT_EQ(0, hw_info(&sim, &info, &vtd));
	EXPECT_EQ(0, vtd.ecap_reg & (VTD_ECAP_NEST | VTD_ECAP_SSADS |
				     VTD_ECAP_PRS | VTD_ECAP_PASID));
	EXPECT_EQ(0, info.out_max_pasid_log2);
	EXPECT_FALSE(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
	EXPECT_EQ(-EOPNOTSUPP, sim_parent_hwpt(&sim, &hwpt));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc(sim.fd, sim.engine.dev_id, sim.ioas,
				   IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	EXPECT_NE(0, iommu_pasid_attach(sim.fd, sim.engine.dev_id, PASID,
					sim.ioas));
	EXPECT_EQ(0, sim_attach(&sim, sim.ioas));
	EXPECT_EQ(0, sim_close(&sim));
	/* Fewer PASIDs than the device's */
	ASSERT_EQ(0, vtd_open_without(&sim, "vtd=1 pasid_bits=8", 0,
				      0x1cULL << 35));
	ASSERT_EQ(0, hw_info(&sim, &info, &vtd));
	EXPECT_EQ(3, field(vtd.ecap_reg, 39, 35));
	EXPECT_EQ(4, info.out_max_pasid_log2);
	EXPECT_EQ(0, sim_close(&sim));
}

/* Page tables ---------------------------------------------------------------- */

FIXTURE(stage)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	int fd;
	uint32_t dev;
};

FIXTURE_SETUP(stage)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, vtd_open_without(sim, ATTRIBUTES, 0,
				      VTD_ECAP_SRS | VTD_ECAP_EAFS));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	self->root = vtd_root(sim);
	ASSERT_NE(0, self->root);
	ASSERT_EQ(0, vtd_map(&sim->guest, self->root, V, SIM_AT, 1, VTD_ALL));
	ASSERT_EQ(0, vtd_hwpt(sim, self->parent, self->root, 0, &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	self->dma = sim_dma(sim, 0);
	EXPECT_EQ(0, dma_check(&self->dma, V, sim->buf));
}

FIXTURE_TEARDOWN(stage)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* What is refused at once, and what when a device is to use it. */
TEST_F(stage, page_tables)
{
	const struct {
		struct iommu_hwpt_vtd_s1 data;
		uint32_t len;
		int alloc;
		int attach;
	} rows[] = {
		{ { .pgtbl_addr = self->root, .addr_width = 48 }, 24, 0, 0 },
		{ { .pgtbl_addr = self->root, .addr_width = 57 }, 24, 0,
		  -EINVAL },
		{ { .pgtbl_addr = self->root, .addr_width = 47 }, 24, 0,
		  -EINVAL },
		{ { .pgtbl_addr = self->root }, 24, 0, -EINVAL },
		{ { .pgtbl_addr = self->root, .addr_width = 48,
		    .flags = IOMMU_VTD_S1_SRE }, 24, 0, -EINVAL },
		{ { .pgtbl_addr = self->root, .addr_width = 48,
		    .flags = IOMMU_VTD_S1_EAFE }, 24, 0, -EINVAL },
		{ { .pgtbl_addr = self->root, .addr_width = 48,
		    .flags = IOMMU_VTD_S1_WPE }, 24, 0, 0 },
		{ { .pgtbl_addr = self->root, .addr_width = 48, .flags = 8 },
		  24, -EOPNOTSUPP, 0 },
		{ { .pgtbl_addr = self->root, .addr_width = 48,
		    .flags = 1ULL << 63 }, 24, -EOPNOTSUPP, 0 },
		{ { .pgtbl_addr = self->root, .addr_width = 48,
		    .__reserved = 1 }, 24, -EOPNOTSUPP, 0 },
		{ { .pgtbl_addr = self->root + 8, .addr_width = 48 }, 24,
		  -EINVAL, 0 },
		{ { .pgtbl_addr = self->root, .addr_width = 48 }, 16, -EINVAL,
		  0 },
		{ { .pgtbl_addr = self->root, .addr_width = 48 }, 0, -EINVAL,
		  0 },
	};
	uint32_t hwpt = 0;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rc = iommu_hwpt_alloc_user(self->fd, self->dev, self->parent,
					   IOMMU_HWPT_DATA_VTD_S1,
					   &rows[i].data, rows[i].len, 0,
					   &hwpt);
		EXPECT_EQ(rows[i].alloc, rc) TH_LOG("%zu", i);
		if (rc)
			continue;
		EXPECT_EQ(rows[i].attach, sim_attach(&self->sim, hwpt))
			TH_LOG("%zu", i);
		EXPECT_EQ(rows[i].attach,
			  iommu_pasid_attach(self->fd, self->dev, PASID, hwpt))
			TH_LOG("%zu", i);
		/* What was attached still is, if it was refused */
		EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
		if (!rows[i].attach)
			ASSERT_EQ(0, iommu_pasid_detach(self->fd, self->dev,
							PASID));
		ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
		ASSERT_EQ(0, iommu_destroy(self->fd, hwpt));
	}
}

/* Of another length, or nowhere. */
TEST_F(stage, data_of_the_user)
{
	struct {
		struct iommu_hwpt_vtd_s1 data;
		uint64_t more;
	} longer = {
		.data = { .pgtbl_addr = self->root, .addr_width = 48 },
	};
	uint32_t hwpt;

	EXPECT_EQ(-EINVAL, iommu_hwpt_alloc_user(self->fd, self->dev,
						 self->parent,
						 IOMMU_HWPT_DATA_VTD_S1,
						 &longer, sizeof(longer), 0,
						 &hwpt));
	EXPECT_EQ(-EFAULT, iommu_hwpt_alloc_user(self->fd, self->dev,
						 self->parent,
						 IOMMU_HWPT_DATA_VTD_S1,
						 (void *)8, 24, 0, &hwpt));
}

/* Two IOMMUs, and neither has the other's tables, or second stages. */
TEST_F(stage, the_other_iommu)
{
	struct sim *sim = &self->sim;
	struct engine other;
	uint32_t parent, hwpt;
	struct iommu_hwpt_vtd_s1 data = {
		.pgtbl_addr = self->root, .addr_width = 48
	};

	EXPECT_EQ(-EOPNOTSUPP, guest_hwpt(self->fd, self->dev, self->parent,
					  self->root, 0, &hwpt));
	EXPECT_EQ(-EOPNOTSUPP, guest_hwpt_pasid_table(self->fd, self->dev,
						      self->parent, self->root,
						      6, 0, &hwpt));
	ASSERT_EQ(0, sim_add(sim, "other", "pasid_bits=6", &other));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, other.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc_user(self->fd, other.dev_id, parent,
					IOMMU_HWPT_DATA_VTD_S1, &data,
					sizeof(data), 0, &hwpt));
	EXPECT_EQ(-EINVAL, vfio_attach(other.fd, self->parent, NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(other.fd, self->hwpt, NULL));
	EXPECT_EQ(-EINVAL, sim_attach(sim, parent));
	/* The same IOAS is for both, by page tables of their own */
	EXPECT_EQ(0, vfio_attach(other.fd, sim->ioas, NULL));
	EXPECT_EQ(0, sim_remove("other", &other));
	EXPECT_EQ(0, dma_check(&self->dma, V, sim->buf));
}

/* Invalidations -------------------------------------------------------------- */

TEST_F(stage, invalidations)
{
	static const struct {
		struct iommu_hwpt_vtd_s1_invalidate entry;
		int rc;
	} rows[] = {
		{ { .addr = V, .npages = 1 }, 0 },
		{ { .addr = V, .npages = 3, .flags = LEAF }, 0 },
		{ { .addr = 0, .npages = UINT64_MAX }, 0 },
		{ { .addr = 0, .npages = UINT64_MAX, .flags = LEAF }, 0 },
		{ { .addr = 0, .npages = 1ULL << 52 }, -EINVAL },
		{ { .addr = 0, .npages = (1ULL << 52) - 1 }, 0 },
		{ { .addr = 0xfffffffffffff000ULL, .npages = 1 }, 0 },
		{ { .addr = 0x0000800000000000ULL, .npages = 1 }, 0 },
		{ { .addr = V, .npages = 0 }, -EINVAL },
		{ { .addr = V + 1, .npages = 1 }, -EINVAL },
		{ { .addr = V + 0x800, .npages = 1 }, -EINVAL },
		{ { .addr = PAGE, .npages = UINT64_MAX }, -EINVAL },
		{ { .addr = 0xfffffffffffff000ULL, .npages = 2 }, -EINVAL },
		{ { .addr = V, .npages = UINT64_MAX - 1 }, -EINVAL },
		{ { .addr = V, .npages = 1, .flags = 2 }, -EOPNOTSUPP },
		{ { .addr = V, .npages = 1, .flags = 1U << 31 }, -EOPNOTSUPP },
		{ { .addr = V, .npages = 1, .__reserved = 1 }, -EOPNOTSUPP },
	};
	uint32_t num;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		num = 1;
		EXPECT_EQ(rows[i].rc,
			  iommu_hwpt_invalidate(self->fd, self->hwpt,
						&rows[i].entry,
						IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
						sizeof(rows[i].entry), &num))
			TH_LOG("%zu", i);
		EXPECT_EQ(!rows[i].rc, num) TH_LOG("%zu", i);
	}
}

/* Entries before a wrong one are done, and it says how many. */
TEST_F(stage, by_entry)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[] = {
		{ .addr = V, .npages = 1 },
		{ .addr = V + PAGE, .npages = 1 },
		{ .addr = V + 2 * PAGE + 1, .npages = 1 },
		{ .addr = V + 3 * PAGE, .npages = 1 },
	};
	struct guest *guest = &self->sim.guest;
	uint32_t num = ARRAY_SIZE(entries);
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, vtd_map(guest, self->root, V + i * PAGE,
				     SIM_AT + i * PAGE, 1, VTD_ALL));
		ASSERT_EQ(0, dma_peek(&self->dma, V + i * PAGE, NULL));
		*vtd_entry(guest, self->root, V + i * PAGE, 1) = 0;
	}
	EXPECT_EQ(-EINVAL,
		  iommu_hwpt_invalidate(self->fd, self->hwpt, entries,
					IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
					sizeof(entries[0]), &num));
	EXPECT_EQ(2, num);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i < 2 ? IOSIM_REASON_NOT_PRESENT : 0,
			  dma_peek(&self->dma, V + i * PAGE, NULL));
	/* None at all tells whether there is such a type; another one there is not */
	num = 0;
	EXPECT_EQ(0, iommu_hwpt_invalidate(self->fd, self->hwpt, NULL,
					   IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
					   0, &num));
	EXPECT_EQ(-EINVAL, iommu_hwpt_invalidate(self->fd, self->hwpt, NULL,
						 IOSIM_INVALIDATE_FIRST_STAGE,
						 0, &num));
	num = 1;
	EXPECT_EQ(-EINVAL,
		  iommu_hwpt_invalidate(self->fd, self->hwpt, entries,
					IOSIM_INVALIDATE_FIRST_STAGE,
					sizeof(entries[0]), &num));
	EXPECT_EQ(0, num);
}

/* A page table of no device can be invalidated, too. */
TEST_F(stage, not_attached)
{
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_EQ(0, vtd_invalidate(self->fd, self->hwpt, EVERYTHING, 0));
	EXPECT_EQ(-EINVAL, vtd_invalidate(self->fd, self->hwpt, 1, 1, 0));
}

SIM_HARNESS_MAIN
