// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulator's devices in configfs: what they can be, and what /dev/iommu
 * makes of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define MAX_RANGES 16

FIXTURE(config)
{
	struct sim sim;
};

FIXTURE_SETUP(config)
{
	NEED_SIM;
}

FIXTURE_TEARDOWN(config)
{
	iosim_destroy(SECOND);
	iosim_destroy(SIM_NAME);
}

TEST_F(config, defaults)
{
	static const struct {
		const char *attribute;
		const char *value;
	} rows[] = {
		{ "pasid_bits", "0" }, { "pri", "0" }, { "dirty", "1" },
		{ "isolated_msi", "1" }, { "group", "" }, { "kind", "engine" },
		{ "addr_bits", "48" }, { "reserved", "" }, { "prq_size", "32" },
		{ "plugged", "0" }, { "quirks", "" }, { "fault_thread", "0" },
		{ "map_fail", "0" }, { "unmap_fail", "0" },
		{ "sync_map_fail", "0" },
	};
	char value[64];
	size_t i;

	ASSERT_EQ(0, iosim_create_unplugged(SIM_NAME, ""));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(0, iosim_get(SIM_NAME, rows[i].attribute, value,
				       sizeof(value)));
		EXPECT_STREQ(rows[i].value, value);
	}
	EXPECT_EQ(-ENODEV, iosim_get(SIM_NAME, "device", value, sizeof(value)));
	EXPECT_EQ(0, iosim_counter(SIM_NAME, "walks"));
}

TEST_F(config, bad_values)
{
	static const struct {
		const char *attribute;
		const char *value;
	} rows[] = {
		{ "pasid_bits", "21" }, { "pasid_bits", "-1" },
		{ "pasid_bits", "x" }, { "pri", "2" }, { "dirty", "maybe?" },
		{ "addr_bits", "31" }, { "addr_bits", "65" },
		{ "prq_size", "0" }, { "prq_size", "1025" },
		{ "kind", "toaster" }, { "reserved", "2000-1fff" },
		{ "reserved", "hello" }, { "plugged", "2" },
		{ "device", "me" }, { "walks", "0" },
		{ "quirks", "no_brain" }, { "quirks", "no_split," },
		{ "quirks", "no_split only_4k" }, { "fault_thread", "10001" },
		{ "map_fail", "1" }, { "unmap_fail", "1" },
		{ "sync_map_fail", "1" },
	};
	char value[64];
	size_t i;

	ASSERT_EQ(0, iosim_create_unplugged(SIM_NAME, ""));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_GT(0, iosim_set(SIM_NAME, rows[i].attribute,
				       rows[i].value))
			TH_LOG("%s=%s", rows[i].attribute, rows[i].value);
	}
	EXPECT_EQ(0, iosim_plug(SIM_NAME));
	/* What it is cannot be changed any more */
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "pasid_bits", "4"));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "kind", "parent"));
	EXPECT_EQ(-EBUSY, iosim_set(SIM_NAME, "quirks", "no_split"));
	/* But for what is meant to */
	EXPECT_EQ(-ERANGE, iosim_set(SIM_NAME, "map_fail", "-1"));
	EXPECT_EQ(0, iosim_set(SIM_NAME, "map_fail", "7"));
	EXPECT_EQ(0, iosim_get(SIM_NAME, "map_fail", value, sizeof(value)));
	EXPECT_STREQ("7", value);
	EXPECT_EQ(0, iosim_unplug(SIM_NAME));
	EXPECT_EQ(0, iosim_set(SIM_NAME, "pasid_bits", "4"));
	EXPECT_EQ(0, iosim_set(SIM_NAME, "quirks", "only_4k,no_split"));
	EXPECT_EQ(0, iosim_get(SIM_NAME, "quirks", value, sizeof(value)));
	EXPECT_STREQ("no_split,only_4k", value);
}

/* Its group is another one's, which has to be there. */
TEST_F(config, group_of_nobody)
{
	char name[64];

	ASSERT_EQ(0, iosim_create_unplugged(SIM_NAME, ""));
	EXPECT_GT(0, iosim_create(SECOND, "group=" SIM_NAME));
	EXPECT_GT(0, iosim_create(SECOND, "group=nobody"));
	EXPECT_GT(0, iosim_create(SECOND, "group=" SECOND));
	EXPECT_NE(0, iosim_get(SECOND, "device", name, sizeof(name)));
	ASSERT_EQ(0, iosim_plug(SIM_NAME));
	EXPECT_EQ(0, iosim_create(SECOND, "group=" SIM_NAME));
	EXPECT_EQ(iosim_group(SIM_NAME), iosim_group(SECOND));
	/* The first one goes, the group stays */
	EXPECT_EQ(0, iosim_destroy(SIM_NAME));
	EXPECT_LE(0, iosim_group(SECOND));
}

TEST_F(config, msis_not_isolated)
{
	EXPECT_EQ(-EPERM, sim_open(&self->sim, "isolated_msi=0"));
	EXPECT_EQ(0, sim_close(&self->sim));
}

static bool is_usable(const struct iommu_iova_range *ranges, uint32_t num,
		      uint64_t iova)
{
	uint32_t i;

	for (i = 0; i < num; i++)
		if (iova >= ranges[i].start && iova <= ranges[i].last)
			return true;
	return false;
}

TEST_F(config, addresses)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	uint32_t num = MAX_RANGES;
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, sim_open(sim, "addr_bits=36 reserved=10000000-100fffff"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, iommu_iova_ranges(sim->fd, sim->ioas, ranges, &num, NULL));
	EXPECT_TRUE(is_usable(ranges, num, (1ULL << 36) - 1));
	EXPECT_FALSE(is_usable(ranges, num, 1ULL << 36));
	EXPECT_TRUE(is_usable(ranges, num, 0xfffffff));
	EXPECT_FALSE(is_usable(ranges, num, 0x10000000));
	EXPECT_FALSE(is_usable(ranges, num, 0x100fffff));
	EXPECT_TRUE(is_usable(ranges, num, 0x10100000));
	EXPECT_GT(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, 0x10000000));
	EXPECT_GT(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, 1ULL << 36));
	EXPECT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, (1ULL << 36) - PAGE));
	EXPECT_EQ(0, sim_close(sim));
}

/* A tag of the IOTLB has room for both, or not. */
TEST_F(config, long_addresses_and_pasids)
{
	EXPECT_EQ(-EINVAL, iosim_create(SIM_NAME, "addr_bits=49 pasid_bits=13"));
	EXPECT_EQ(0, iosim_create(SIM_NAME, "addr_bits=64 pasid_bits=12"));
	EXPECT_EQ(0, iosim_create(SECOND, "addr_bits=48 pasid_bits=20"));
}

TEST_F(config, hw_info)
{
	struct iosim_hw_info data = {};
	struct iommu_hw_info info = {
		.data_len = sizeof(data),
		.data_uptr = iommu_ptr(&data),
	};
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, sim_open(sim, "pasid_bits=8 pri=1 prq_size=7"));
	ASSERT_EQ(0, iommu_get_hw_info(sim->fd, sim->engine.dev_id, &info));
	EXPECT_EQ(IOSIM_HW_INFO_TYPE, info.out_data_type);
	EXPECT_EQ(sizeof(data), info.data_len);
	EXPECT_EQ(IOMMU_HW_CAP_DIRTY_TRACKING, info.out_capabilities);
	EXPECT_EQ(IOSIM_ADDR_BITS, data.addr_bits);
	EXPECT_EQ(IOSIM_HW_NESTING | IOSIM_HW_PASID_TABLE | IOSIM_HW_DIRTY |
		  IOSIM_HW_PRI, data.flags);
	EXPECT_EQ(7, data.prq_size);
	EXPECT_LE(8, data.pasid_bits);
	EXPECT_EQ(GUEST_4K | GUEST_2M | GUEST_1G, data.page_sizes);
	EXPECT_EQ(0, sim_close(sim));
}

TEST_F(config, many_devices)
{
	enum { N = 24 };
	char name[16];
	int i;

	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		ASSERT_EQ(0, iosim_create(name, "pasid_bits=4"));
	}
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		EXPECT_EQ(0, iosim_destroy(name));
	}
	EXPECT_EQ(-ENOENT, iosim_destroy(name));
}

/* rmdir of a device that is in takes it out. */
TEST_F(config, rmdir_plugged)
{
	char path[] = IOSIM_CONFIGFS "/iosim/" SIM_NAME, bus[96], name[64];

	ASSERT_EQ(0, iosim_create(SIM_NAME, ""));
	ASSERT_EQ(0, iosim_get(SIM_NAME, "device", name, sizeof(name)));
	snprintf(bus, sizeof(bus), IOSIM_DEVICES "/%s", name);
	EXPECT_EQ(0, access(bus, F_OK));
	EXPECT_EQ(0, rmdir(path));
	EXPECT_NE(0, access(bus, F_OK));
}

/* A module is not needed any more only when all devices are gone. */
TEST_F(config, unload)
{
	ASSERT_EQ(0, iosim_create(SIM_NAME, ""));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "iosim", O_NONBLOCK));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "iosim_devices", O_NONBLOCK));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "iommufd", O_NONBLOCK));
	EXPECT_EQ(0, iosim_destroy(SIM_NAME));
	iosim_unload();
	iosim_load();
	EXPECT_EQ(NULL, iosim_why_not());
	ASSERT_EQ(0, sim_open(&self->sim, ""));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Page tables outlive their device, and need the IOMMU's module to be freed. */
TEST_F(config, unload_with_page_tables)
{
	struct sim *sim = &self->sim;
	uint32_t parent, nested;
	uint64_t root;

	ASSERT_EQ(0, sim_open(sim, ""));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &parent));
	root = sim_guest_root(sim);
	ASSERT_EQ(0, guest_hwpt(sim->fd, sim->engine.dev_id, parent, root, 0,
				&nested));
	ASSERT_EQ(0, sim_remove(SIM_NAME, &sim->engine));
	ASSERT_EQ(0, syscall(SYS_delete_module, "iosim_devices", O_NONBLOCK));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "iosim", O_NONBLOCK));
	EXPECT_EQ(0, iommu_destroy(sim->fd, nested));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "iosim", O_NONBLOCK));
	close(sim->fd);
	EXPECT_EQ(0, syscall(SYS_delete_module, "iosim", O_NONBLOCK));
	iosim_load();
	EXPECT_EQ(NULL, iosim_why_not());
}

SIM_HARNESS_MAIN
