// SPDX-License-Identifier: GPL-2.0-only
/* IOMMU_GET_HW_INFO: what is told of the IOMMU that a device is behind. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "edu.h"

/* Only VT-d's driver has data for GET_HW_INFO. */
static bool is_vtd(void)
{
	return !access("/sys/class/iommu/dmar0", F_OK);
}

static uint64_t sysfs_hex(const char *path)
{
	unsigned long long value = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		return 0;
	if (fscanf(file, "%llx", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/* The kind of data can be named, and is then that or none. */
TEST_F(device, hw_info_type)
{
	uint32_t type = is_vtd() ? IOMMU_HW_INFO_TYPE_INTEL_VTD :
				   IOMMU_HW_INFO_TYPE_NONE;
	struct iommu_hw_info info = {
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
	};

	ASSERT_EQ(0, iommu_get_hw_info(self->rig.fd, self->rig.edu.dev_id,
				       &info));
	EXPECT_EQ(type, info.out_data_type);
	info.data_len = 0;
	ASSERT_EQ(0, iommu_get_hw_info(self->rig.fd, self->rig.edu.dev_id,
				       &info));
	EXPECT_EQ(type, info.out_data_type);
	info.data_len = 0;
	info.out_data_type = 0x1234;
	EXPECT_EQ(is_vtd() ? -EOPNOTSUPP : 0,
		  iommu_get_hw_info(self->rig.fd, self->rig.edu.dev_id, &info));
}

TEST_F(device, hw_info)
{
	struct rig *rig = &self->rig;
	struct iommu_hw_info_vtd vtd[2];
	struct iommu_hw_info info = {
		.data_len = sizeof(vtd),
		.data_uptr = iommu_ptr(vtd),
	};
	char *tail = (char *)&vtd[1];
	size_t i;

	memset(vtd, 0xff, sizeof(vtd));
	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	EXPECT_EQ(0, info.out_max_pasid_log2);
	EXPECT_EQ(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, info.out_capabilities);
	if (!is_vtd()) {
		EXPECT_EQ(IOMMU_HW_INFO_TYPE_NONE, info.out_data_type);
		EXPECT_EQ(0, info.data_len);
		tail = (char *)vtd;
	} else {
		EXPECT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, info.out_data_type);
		EXPECT_EQ(sizeof(vtd[0]), info.data_len);
		EXPECT_EQ(0, vtd[0].__reserved);
		EXPECT_EQ(sysfs_hex("/sys/class/iommu/dmar0/intel-iommu/cap"),
			  vtd[0].cap_reg);
		EXPECT_EQ(sysfs_hex("/sys/class/iommu/dmar0/intel-iommu/ecap"),
			  vtd[0].ecap_reg);
	}
	/* What the kernel has no data for is zero, not left as it was */
	for (i = 0; tail + i < (char *)(vtd + 2); i++) {
		ASSERT_EQ(0, tail[i]);
	}
}

TEST_F(device, hw_info_short_buffer)
{
	struct rig *rig = &self->rig;
	unsigned char whole[32], part[32];
	struct iommu_hw_info info = {};
	const uint32_t length = 13;
	uint32_t full;

	/* Nothing wanted but the size */
	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	full = info.data_len;
	EXPECT_EQ(is_vtd() ? sizeof(struct iommu_hw_info_vtd) : 0, full);

	info.data_len = sizeof(whole);
	info.data_uptr = iommu_ptr(whole);
	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));

	memset(part, 0xff, sizeof(part));
	info.data_len = length;
	info.data_uptr = iommu_ptr(part);
	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	EXPECT_EQ(full, info.data_len);
	EXPECT_EQ(0, memcmp(whole, part, length));
	EXPECT_EQ(0xff, part[length]);
}

TEST_F(device, hw_info_bad_input)
{
	struct rig *rig = &self->rig;
	char *buffer = mem_before_hole(64);
	struct iommu_hw_info info = {};
	struct iommu_hw_info longer[2];

	EXPECT_EQ(-ENOENT, iommu_get_hw_info(rig->fd, NO_SUCH_ID, &info));
	EXPECT_EQ(-ENOENT, iommu_get_hw_info(rig->fd, rig->ioas, &info));

	info.flags = 1U << 31;
	EXPECT_EQ(-EOPNOTSUPP, iommu_get_hw_info(rig->fd, rig->edu.dev_id,
						 &info));
	info.flags = 0;
	info.__reserved[2] = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_get_hw_info(rig->fd, rig->edu.dev_id,
						 &info));
	info.__reserved[2] = 0;

	info.data_len = 64;
	EXPECT_EQ(-EFAULT, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	/* The data fit, the zeros that follow do not */
	ASSERT_NE(NULL, buffer);
	info.data_len = 65;
	info.data_uptr = iommu_ptr(buffer);
	EXPECT_EQ(-EFAULT, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	info.data_len = 64;
	EXPECT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));

	/* Structures of other sizes */
	memset(longer, 0, sizeof(longer));
	longer[0].size = sizeof(longer);
	longer[0].dev_id = rig->edu.dev_id;
	EXPECT_EQ(0, iommu_cmd(rig->fd, IOMMU_GET_HW_INFO, longer));
	longer[1].dev_id = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(rig->fd, IOMMU_GET_HW_INFO, longer));
	longer[0].size = 16;
	EXPECT_EQ(-EINVAL, iommu_cmd(rig->fd, IOMMU_GET_HW_INFO, longer));
}

TEST_HARNESS_MAIN
