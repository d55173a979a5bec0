// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and the objects around them: bind, attach, replace, detach, page
 * tables, groups, owners; and processes that end at a bad moment.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "edu.h"
#include "file.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#include "kselftest_harness.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define OUT_IOVA 0x10000000UL
#define NO_SUCH_ID 0x7fffff00
#define SOME_LENGTH 256

/* Only VT-d's driver has data for GET_HW_INFO. */
static bool is_vtd(void)
{
	return !access("/sys/class/iommu/dmar0", F_OK);
}

/* How many ranges of addresses an IOAS has: 1, unless a device limits it. */
static int nr_ranges(int fd, uint32_t ioas)
{
	struct iommu_iova_range ranges[32];
	uint32_t nr = 32;
	int rc;

	rc = iommu_iova_ranges(fd, ioas, ranges, &nr, NULL);
	return rc ? rc : (int)nr;
}

FIXTURE(device)
{
	struct rig rig;
	char *mem;
};

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

/* Bind ------------------------------------------------------------------- */

TEST_F(device, bind_twice)
{
	struct rig *rig = &self->rig;
	int second;

	EXPECT_EQ(-EINVAL, vfio_bind(rig->edu.fd, rig->fd, NULL));
	second = vfio_cdev_open(&rig->edu.pci);
	ASSERT_LE(0, second);
	EXPECT_EQ(-EINVAL, vfio_bind(second, rig->fd, NULL));
	close(second);
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

/* The device is closed in these: what fails must leave it as it was. */
FIXTURE(closed)
{
	struct vfio_pci pci;
	long pinned;
	int iommufd;
	int fd;
};

FIXTURE_SETUP(closed)
{
	self->pinned = mem_pinned();
	ASSERT_EQ(1, edu_find_alone(&self->pci, 1));
	self->fd = vfio_cdev_open(&self->pci);
	ASSERT_LE(0, self->fd);
	self->iommufd = iommu_open();
	ASSERT_LE(0, self->iommufd);
}

FIXTURE_TEARDOWN(closed)
{
	uint32_t id = 0;

	EXPECT_EQ(0, vfio_bind(self->fd, self->iommufd, &id));
	EXPECT_NE(0, id);
	close(self->fd);
	close(self->iommufd);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(closed, bind_to_other_files)
{
	int null = open("/dev/null", O_RDWR), gone = dup(null);

	close(gone);
	EXPECT_EQ(-EINVAL, vfio_bind(self->fd, -1, NULL));
	EXPECT_EQ(-EBADF, vfio_bind(self->fd, gone, NULL));
	EXPECT_EQ(-EBADFD, vfio_bind(self->fd, null, NULL));
	EXPECT_EQ(-EBADFD, vfio_bind(self->fd, self->fd, NULL));
	close(null);
}

TEST_F(closed, bind_bad_arguments)
{
	struct vfio_device_bind_iommufd bind = { .iommufd = self->iommufd };

	bind.argsz = sizeof(bind) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     &bind));
	bind.argsz = sizeof(bind);
	bind.flags = 1;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     &bind));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     NULL));
}

/* The ID cannot be told: then nothing is bound either. */
TEST_F(closed, bind_cannot_answer)
{
	struct vfio_device_bind_iommufd *bind = mem_anon(PAGE);

	ASSERT_NE(NULL, bind);
	bind->argsz = sizeof(*bind);
	bind->iommufd = self->iommufd;
	ASSERT_EQ(0, mprotect(bind, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     bind));
}

TEST_F(closed, nothing_before_bind)
{
	struct vfio_region_info info;
	size_t length;
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(self->iommufd, &ioas));
	EXPECT_EQ(-EINVAL, vfio_attach(self->fd, ioas, NULL));
	EXPECT_EQ(-EINVAL, vfio_detach(self->fd));
	EXPECT_EQ(-EINVAL, vfio_region_info(self->fd, 0, &info));
	EXPECT_EQ(NULL, vfio_map_bar(self->fd, 0, &length));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   0));
	EXPECT_EQ(0, iommu_destroy(self->iommufd, ioas));
}

/* Bound again and again: IDs and ownership come back. */
TEST_F(closed, bind_and_close)
{
	int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, vfio_bind(self->fd, self->iommufd, NULL));
		close(self->fd);
		self->fd = vfio_cdev_open(&self->pci);
		ASSERT_LE(0, self->fd);
	}
}

/* Attach ----------------------------------------------------------------- */

TEST_F(device, attach_to_unknown_ids)
{
	struct rig *rig = &self->rig;
	uint32_t ioas, foreign = 0;
	int other = iommu_open(), i;

	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, 0, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, NO_SUCH_ID, NULL));

	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &ioas));
	ASSERT_EQ(0, iommu_destroy(rig->fd, ioas));
	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, ioas, NULL));

	/* An ID of another descriptor means nothing here */
	ASSERT_LE(0, other);
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, iommu_ioas_alloc(other, &foreign));
	}
	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, foreign, NULL));
	close(other);

	/* A device is not something to attach to */
	EXPECT_EQ(-EINVAL, vfio_attach(rig->edu.fd, rig->edu.dev_id, NULL));

	EXPECT_EQ(rig->pinned, mem_pinned());
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

TEST_F(device, attach_bad_arguments)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach) - 4,
		.pt_id = self->rig.ioas,
	};
	int fd = self->rig.edu.fd;

	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				     &attach));
	attach.argsz = sizeof(attach);
	attach.flags = 1 << 31;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				     &attach));
	EXPECT_EQ(-EFAULT, iommu_cmd(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, NULL));
	EXPECT_EQ(0, vfio_detach(fd));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, IOVA, self->mem,
				   SOME_LENGTH));
}

/* The page table's ID cannot be told: then nothing is attached either. */
TEST_F(device, attach_cannot_answer)
{
	struct vfio_device_attach_iommufd_pt *attach = mem_anon(PAGE);
	struct rig *rig = &self->rig;

	ASSERT_NE(NULL, attach);
	attach->argsz = sizeof(*attach);
	attach->pt_id = rig->ioas;
	ASSERT_EQ(0, mprotect(attach, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(rig->edu.fd,
				     VFIO_DEVICE_ATTACH_IOMMUFD_PT, attach));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
}

TEST_F(device, destroy_in_use)
{
	struct rig *rig = &self->rig;
	uint32_t hwpt = 0;

	ASSERT_EQ(0, vfio_attach(rig->edu.fd, rig->ioas, &hwpt));
	EXPECT_NE(rig->ioas, hwpt);
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, rig->ioas));
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, rig->edu.dev_id));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));

	/* The page table was made for the attachment, and goes with it */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(-ENOENT, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, rig->edu.dev_id));
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, rig->ioas, NULL));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

TEST_F(device, detach_twice)
{
	struct rig *rig = &self->rig;

	EXPECT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

/* What is attached already stays when the next one cannot be had. */
TEST_F(device, failed_replace_changes_nothing)
{
	struct rig *rig = &self->rig;
	uint32_t other;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &other));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, other, self->mem + PAGE, PAGE,
				     IOMMU_RW, 0xfee00000));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(rig->edu.fd, other, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(rig->edu.fd, NO_SUCH_ID, NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(rig->edu.fd, rig->edu.dev_id, NULL));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(1, nr_ranges(rig->fd, other));
	EXPECT_LT(1, nr_ranges(rig->fd, rig->ioas));
	EXPECT_EQ(0, iommu_destroy(rig->fd, other));
	/* The same one again is no change */
	EXPECT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

/* GET_HW_INFO ------------------------------------------------------------ */

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
	EXPECT_EQ(0, info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
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

/* HWPT_ALLOC ------------------------------------------------------------- */

TEST_F(device, hwpt)
{
	struct rig *rig = &self->rig;
	uint32_t hwpt, attached = 0, automatic = 0;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas, 0,
				      &hwpt));
	/* It is a user of the IOAS, and filled with what is mapped there */
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, rig->ioas));
	EXPECT_EQ(rig->pinned + 1, mem_pinned());

	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt, &attached));
	EXPECT_EQ(hwpt, attached);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, IOVA + PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, hwpt));

	/* Attached to the IOAS, the device gets another one */
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, rig->ioas, &automatic));
	EXPECT_NE(hwpt, automatic);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));

	/* This one was not made by an attach, so detach leaves it */
	EXPECT_EQ(0, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(-ENOENT, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));
}

TEST_F(device, hwpt_alone)
{
	struct rig *rig = &self->rig;
	uint32_t hwpt[3];
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	/* Several of one IOAS share the pins */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id,
					      rig->ioas, 0, &hwpt[i]));
	}
	EXPECT_EQ(rig->pinned + 1, mem_pinned());
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[0]));
	EXPECT_EQ(rig->pinned + 1, mem_pinned());
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt[2], NULL));
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt[1], NULL));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[2]));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[1]));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* An allocated page table keeps the aperture to itself while it lives. */
TEST_F(device, hwpt_of_impossible_ioas)
{
	struct rig *rig = &self->rig;
	struct iommu_iova_range ranges[32];
	uint32_t hwpt, nr = 32;
	uint64_t end;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas, 0,
				      &hwpt));
	ASSERT_EQ(0, iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr, NULL));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt));
	end = ranges[nr - 1].last + 1;
	if (!end)
		SKIP(return, "this IOMMU translates all 64 bits");
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, end));
	EXPECT_EQ(-EADDRINUSE, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id,
						rig->ioas, 0, &hwpt));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

TEST_F(device, hwpt_bad_input)
{
	struct rig *rig = &self->rig;
	struct iommu_hwpt_vtd_s1 s1 = {};
	struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = rig->edu.dev_id,
		.pt_id = rig->ioas,
	};
	struct iommu_hwpt_alloc cmd;
	int rc;

#define TRY(change) ({							\
	cmd = good;							\
	change;								\
	iommu_cmd(rig->fd, IOMMU_HWPT_ALLOC, &cmd); })

	EXPECT_EQ(-ENOENT, TRY(cmd.dev_id = NO_SUCH_ID));
	EXPECT_EQ(-ENOENT, TRY(cmd.dev_id = rig->ioas));
	/* In-tree answers EINVAL to an unknown pt_id: both will do */
	rc = TRY(cmd.pt_id = NO_SUCH_ID);
	EXPECT_TRUE(rc == -EINVAL || rc == -ENOENT);
	EXPECT_EQ(-EINVAL, TRY(cmd.pt_id = rig->edu.dev_id));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.__reserved = 1));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.flags = 1U << 31));
	EXPECT_EQ(-EOPNOTSUPP,
		  TRY(cmd.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING));

	/* Data and its type come together, and not for a plain page table */
	EXPECT_EQ(-EINVAL, TRY(cmd.data_len = sizeof(s1)));
	EXPECT_EQ(-EINVAL, TRY(cmd.data_type = IOMMU_HWPT_DATA_VTD_S1));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.data_type = IOMMU_HWPT_DATA_VTD_S1;
				   cmd.data_len = sizeof(s1);
				   cmd.data_uptr = iommu_ptr(&s1)));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.data_type = 4711;
				   cmd.data_len = sizeof(s1);
				   cmd.data_uptr = iommu_ptr(&s1)));
	EXPECT_EQ(-EINVAL, TRY(cmd.size = 20));
#undef TRY
	EXPECT_EQ(rig->pinned, mem_pinned());
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
}

/* The answer cannot be written: then there is no object either. */
TEST_F(device, hwpt_cannot_answer)
{
	struct iommu_hwpt_alloc *cmd = mem_anon(PAGE);
	struct rig *rig = &self->rig;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_NE(NULL, cmd);
	cmd->size = sizeof(*cmd);
	cmd->dev_id = rig->edu.dev_id;
	cmd->pt_id = rig->ioas;
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(rig->fd, IOMMU_HWPT_ALLOC, cmd));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
}

/* A nesting parent is what the driver makes of it. */
TEST_F(device, hwpt_nest_parent)
{
	struct rig *rig = &self->rig;
	struct iommu_hw_info_vtd vtd = {};
	struct iommu_hw_info info = {
		.data_len = sizeof(vtd),
		.data_uptr = iommu_ptr(&vtd),
	};
	const uint64_t ecap_nest = 1ULL << 26, ecap_smts = 1ULL << 43;
	uint32_t hwpt;
	bool nests;

	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	nests = vtd.ecap_reg & ecap_nest && vtd.ecap_reg & ecap_smts;
	EXPECT_EQ(nests ? 0 : -EOPNOTSUPP,
		  iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas,
				   IOMMU_HWPT_ALLOC_NEST_PARENT, &hwpt));
}

/* Two devices ------------------------------------------------------------ */

FIXTURE(two)
{
	struct rig rig;
	struct edu second;
	char *mem;
};

FIXTURE_SETUP(two)
{
	struct vfio_pci pci[2];

	self->second.fd = -1;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&self->second, &pci[1], self->rig.fd));
}

FIXTURE_TEARDOWN(two)
{
	edu_close(&self->second);
	EXPECT_EQ(0, rig_close(&self->rig));
}

TEST_F(two, one_ioas)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	uint32_t hwpt[2] = {};

	ASSERT_EQ(0, vfio_attach(first->fd, self->rig.ioas, &hwpt[0]));
	ASSERT_EQ(0, vfio_attach(second->fd, self->rig.ioas, &hwpt[1]));
	/* Behind the same IOMMU one page table does for both */
	EXPECT_EQ(hwpt[0], hwpt[1]);
	EXPECT_EQ(self->rig.pinned + 1, mem_pinned());

	/* What one writes the other reads */
	mem_fill(self->mem, SOME_LENGTH, 1);
	ASSERT_EQ(0, edu_read(first, IOVA, SOME_LENGTH));
	mem_fill(self->mem, SOME_LENGTH, 2);
	ASSERT_EQ(0, edu_read(second, IOVA, SOME_LENGTH));
	ASSERT_EQ(0, edu_write(first, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 1));
	ASSERT_EQ(0, edu_write(second, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 2));

	edu_close(first);
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, self->rig.ioas));
}

/* The same address means different memory to each. */
TEST_F(two, two_ioas)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	char *mine = self->mem, *other = self->mem + PAGE;
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, ioas, other, PAGE, IOMMU_RW,
				     IOVA));
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, vfio_attach(second->fd, ioas, NULL));
	memset(other, 0, PAGE);
	EXPECT_EQ(0, edu_check(first, IOVA, mine, SOME_LENGTH));
	EXPECT_EQ(0, other[0]);
	memset(mine, 0, PAGE);
	EXPECT_EQ(0, edu_check(second, IOVA, other, SOME_LENGTH));
	EXPECT_EQ(0, mine[0]);
	ASSERT_EQ(0, rig_unmap(&self->rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(first, IOVA, mine, SOME_LENGTH));
	EXPECT_EQ(0, edu_check(second, IOVA, other, SOME_LENGTH));
}

/* Devices of two descriptors know nothing of one another. */
TEST_F(two, two_descriptors)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	struct vfio_pci pci = second->pci;
	int other = iommu_open();
	uint32_t ioas;

	ASSERT_LE(0, other);
	edu_close(second);
	ASSERT_EQ(0, edu_open(second, &pci, other));
	ASSERT_EQ(0, iommu_ioas_alloc(other, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(other, ioas, self->mem + PAGE, PAGE,
				     IOMMU_RW, IOVA));
	ASSERT_EQ(0, vfio_attach(second->fd, ioas, NULL));
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(0, edu_check(first, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem + PAGE, SOME_LENGTH));
	EXPECT_EQ(-ENOENT, iommu_destroy(other, NO_SUCH_ID));
	close(other);
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem + PAGE, SOME_LENGTH));
}

/* Moved with DMA running ------------------------------------------------- */

#define MOVES_TRANSFERS 15

FIXTURE(moved)
{
	struct rig rig;
	uint32_t ioas[2];
	char *mem[2];
	char *out;
	atomic_bool stop;
	atomic_int moves;
	int failed;
};

/*
 * Two IOASes with different memory at one address. The memory has a page on
 * either side that is mapped nowhere.
 */
FIXTURE_SETUP(moved)
{
	struct rig *rig = &self->rig;
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	self->stop = false;
	self->moves = 0;
	ASSERT_EQ(0, rig_open(rig));
	self->ioas[0] = rig->ioas;
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &self->ioas[1]));
	self->out = mem_anon(PAGE);
	ASSERT_NE(NULL, self->out);
	for (i = 0; i < 2; i++) {
		self->mem[i] = mem_anon(3 * PAGE);
		ASSERT_NE(NULL, self->mem[i]);
		ASSERT_EQ(0, iommu_map_fixed(rig->fd, self->ioas[i],
					     self->mem[i] + PAGE, PAGE,
					     IOMMU_RW, IOVA));
		ASSERT_EQ(0, iommu_map_fixed(rig->fd, self->ioas[i], self->out,
					     PAGE, IOMMU_RW, OUT_IOVA));
	}
	ASSERT_EQ(0, rig_attach(rig));
}

FIXTURE_TEARDOWN(moved)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

static bool all_zero(const char *va, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (va[i])
			return false;
	return true;
}

/* The limits of the device go where it goes. */
TEST_F(moved, ranges)
{
	struct rig *rig = &self->rig;
	int limited = nr_ranges(rig->fd, self->ioas[0]), i;

	EXPECT_LT(1, limited);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[1]));
		ASSERT_EQ(0, vfio_attach(rig->edu.fd, self->ioas[1], NULL));
		EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[0]));
		EXPECT_EQ(limited, nr_ranges(rig->fd, self->ioas[1]));
		ASSERT_EQ(0, vfio_attach(rig->edu.fd, self->ioas[0], NULL));
	}
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[0]));
}

/* A transfer that is on its way when the replace returns hits the new one. */
TEST_F(moved, transfer_on_its_way)
{
	struct edu *edu = &self->rig.edu;

	mem_fill(self->out, PAGE, 1);
	ASSERT_EQ(0, edu_read(edu, OUT_IOVA, EDU_DMA_MAX));
	edu_start_write(edu, IOVA, EDU_DMA_MAX);
	ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[1], NULL));
	if (!edu_busy(edu))
		SKIP(return, "the machine is too slow for this");
	/* From here on the old memory is the process's own */
	memset(self->mem[0], 0, 3 * PAGE);
	ASSERT_EQ(0, edu_wait(edu));
	EXPECT_TRUE(all_zero(self->mem[0], 3 * PAGE));
	EXPECT_EQ(-1, mem_check(self->mem[1] + PAGE, EDU_DMA_MAX, 1));

	ASSERT_EQ(0, iommu_destroy(self->rig.fd, self->ioas[0]));
	EXPECT_EQ(0, edu_check(edu, IOVA, self->mem[1] + PAGE, SOME_LENGTH));
}

static void *mover(void *arg)
{
	struct _test_data_moved *self = arg;
	int to = 1;

	while (!self->stop && !self->failed) {
		self->failed = vfio_attach(self->rig.edu.fd, self->ioas[to],
					   NULL);
		to = !to;
		self->moves++;
	}
	return NULL;
}

/*
 * Does every word of @page come from the same place of one of two others, or is it
 * zero? QEMU goes on with a transfer whose begin has been stopped, four bytes at a
 * time, so that the rest of it may arrive.
 */
static bool made_of(const char *page, const char *one, const char *other,
		    size_t length)
{
	static const uint32_t zero;
	size_t i;

	for (i = 0; i < length; i += sizeof(zero))
		if (memcmp(page + i, &zero, sizeof(zero)) &&
		    memcmp(page + i, one + i, sizeof(zero)) &&
		    memcmp(page + i, other + i, sizeof(zero)))
			return false;
	return true;
}

/*
 * Back and forth as fast as it goes. Drivers may stop DMA for a moment on the
 * way (VT-d's does), so a transfer may be lost, or a part of it; it may not go
 * astray.
 */
TEST_F(moved, back_and_forth)
{
	struct edu *edu = &self->rig.edu;
	int i, j, landed[2] = {};
	pthread_t thread;

	mem_fill(self->out, PAGE, 1);
	ASSERT_EQ(0, edu_read(edu, OUT_IOVA, EDU_DMA_MAX));
	ASSERT_EQ(0, pthread_create(&thread, NULL, mover, self));
	for (i = 0; i < MOVES_TRANSFERS; i++) {
		bool hit[2];

		for (j = 0; j < 2; j++)
			memset(self->mem[j], 0, 3 * PAGE);
		ASSERT_EQ(0, edu_write(edu, IOVA, EDU_DMA_MAX));
		for (j = 0; j < 2; j++) {
			char *page = self->mem[j] + PAGE;

			hit[j] = mem_check(page, EDU_DMA_MAX, 1) < 0;
			EXPECT_TRUE(made_of(page, self->out, self->out,
					    EDU_DMA_MAX));
			EXPECT_TRUE(all_zero(page - PAGE, PAGE));
			EXPECT_TRUE(all_zero(page + EDU_DMA_MAX,
					     2 * PAGE - EDU_DMA_MAX));
			landed[j] += hit[j];
		}
		EXPECT_FALSE(hit[0] && hit[1]);
	}
	self->stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%d moves; %d transfers: %d to one IOAS, %d to the other",
	       self->moves, MOVES_TRANSFERS, landed[0], landed[1]);
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(2, self->moves);
	EXPECT_LT(0, landed[0] + landed[1]);
}

/* The same for what the device reads. */
TEST_F(moved, back_and_forth_reading)
{
	struct edu *edu = &self->rig.edu;
	pthread_t thread;
	int i, got = 0;

	mem_fill(self->mem[0] + PAGE, PAGE, 10);
	mem_fill(self->mem[1] + PAGE, PAGE, 11);
	for (i = 0; i < MOVES_TRANSFERS / 2; i++) {
		bool mine, other;

		ASSERT_EQ(0, pthread_create(&thread, NULL, mover, self));
		ASSERT_EQ(0, edu_read(edu, IOVA, EDU_DMA_MAX));
		self->stop = true;
		ASSERT_EQ(0, pthread_join(thread, NULL));
		self->stop = false;
		memset(self->out, 0, PAGE);
		ASSERT_EQ(0, edu_write(edu, OUT_IOVA, EDU_DMA_MAX));
		mine = mem_check(self->out, EDU_DMA_MAX, 10) < 0;
		other = mem_check(self->out, EDU_DMA_MAX, 11) < 0;
		/* A read that was stopped yields zeros */
		EXPECT_TRUE(made_of(self->out, self->mem[0] + PAGE,
				    self->mem[1] + PAGE, EDU_DMA_MAX));
		got += mine || other;
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(0, got);
}

/* Mappings come and go while the device does. */
static void *mapper(void *arg)
{
	struct _test_data_moved *self = arg;
	uint64_t iova;

	while (!self->stop && !self->failed) {
		self->failed = iommu_map_auto(self->rig.fd, self->ioas[0],
					      self->mem[1], 3 * PAGE, IOMMU_RW,
					      &iova);
		if (!self->failed)
			self->failed = rig_unmap(&self->rig, iova, 3 * PAGE);
	}
	return NULL;
}

TEST_F(moved, maps_race_attach)
{
	struct edu *edu = &self->rig.edu;
	pthread_t thread[2];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, mapper, self));
	}
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[1], NULL));
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[0], NULL));
		ASSERT_EQ(0, vfio_detach(edu->fd));
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[0], NULL));
	}
	self->stop = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_EQ(0, edu_check(edu, IOVA, self->mem[0] + PAGE, SOME_LENGTH));
	/* Its two pages of IOAS 0 are all that is left */
	EXPECT_EQ(self->rig.pinned + 2, mem_wait_pinned(self->rig.pinned + 2));
}

/* Races ------------------------------------------------------------------ */

FIXTURE(race)
{
	struct rig rig;
	char *mem;
	atomic_bool stop;
	atomic_uint ioas;
	/* The first errno that a thread did not expect */
	atomic_int failed;
	atomic_int rounds;
};

FIXTURE_SETUP(race)
{
	self->stop = false;
	self->failed = 0;
	self->rounds = 0;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
	self->ioas = self->rig.ioas;
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

static void unexpected(struct _test_data_race *self, int rc)
{
	int none = 0;

	atomic_compare_exchange_strong(&self->failed, &none, rc);
}

/* Uses whatever device there is at the moment. */
static void *device_user(void *arg)
{
	struct _test_data_race *self = arg;
	int fd = self->rig.fd, rc;
	uint32_t id, hwpt;

	while (!self->stop && !self->failed) {
		for (id = 1; id < 8; id++) {
			struct iommu_hw_info info = {};

			rc = iommu_get_hw_info(fd, id, &info);
			if (rc == -ENOENT)
				continue;
			if (rc)
				unexpected(self, rc);
			rc = iommu_hwpt_alloc(fd, id, self->rig.ioas, 0,
					      &hwpt);
			if (!rc)
				rc = iommu_destroy(fd, hwpt);
			if (rc && rc != -ENOENT)
				unexpected(self, rc);
		}
		self->rounds++;
	}
	return NULL;
}

/* A device goes and comes while commands name it. */
TEST_F(race, commands_and_unbind)
{
	struct vfio_pci pci = self->rig.edu.pci;
	pthread_t thread[2];
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, device_user,
					    self));
	}
	for (i = 0; i < 10; i++) {
		edu_close(&self->rig.edu);
		ASSERT_EQ(0, edu_open(&self->rig.edu, &pci, self->rig.fd));
		ASSERT_EQ(0, rig_attach(&self->rig));
	}
	self->stop = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(0, self->rounds);
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));
}

/* Destroys the IOAS as soon as nobody uses it, and makes another one. */
static void *destroyer(void *arg)
{
	struct _test_data_race *self = arg;
	int fd = self->rig.fd, rc;
	uint32_t ioas = 0;

	while (!self->stop && !self->failed) {
		rc = iommu_destroy(fd, self->ioas);
		if (rc == -EBUSY)
			continue;
		if (!rc)
			rc = iommu_ioas_alloc(fd, &ioas);
		if (!rc)
			rc = iommu_map_fixed(fd, ioas, self->mem, PAGE,
					     IOMMU_RW, IOVA);
		if (rc)
			unexpected(self, rc);
		self->ioas = ioas;
		self->rounds++;
	}
	return NULL;
}

TEST_F(race, destroy_and_attach)
{
	int attached = 0, i, rc;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, destroyer, self));
	for (i = 0; i < 10000 && (attached < 100 || self->rounds < 100); i++) {
		rc = vfio_attach(self->rig.edu.fd, self->ioas, NULL);
		if (rc) {
			ASSERT_EQ(-ENOENT, rc);
		} else {
			attached++;
		}
		ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	}
	self->stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%d attaches, %d destroyed", attached, self->rounds);
	EXPECT_EQ(0, self->failed);
	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->ioas, NULL));
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));
}

/* A group of two --------------------------------------------------------- */

FIXTURE(pair)
{
	struct vfio_pci pci[2];
	struct edu edu[2];
	uint32_t ioas[2];
	char *mem[2];
	long pinned;
	int fd;
};

FIXTURE_SETUP(pair)
{
	int i;

	self->pinned = mem_pinned();
	self->edu[0].fd = -1;
	self->edu[1].fd = -1;
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	if (edu_find_pair(self->pci))
		SKIP(return, "needs a group of two devices");
	for (i = 0; i < 2; i++) {
		self->mem[i] = mem_anon(PAGE);
		ASSERT_NE(NULL, self->mem[i]);
		ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas[i]));
		ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas[i],
					     self->mem[i], PAGE, IOMMU_RW,
					     IOVA));
	}
}

FIXTURE_TEARDOWN(pair)
{
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	close(self->fd);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(pair, one_descriptor)
{
	struct edu *edu = self->edu;

	ASSERT_EQ(0, edu_open(&edu[0], &self->pci[0], self->fd));
	ASSERT_EQ(0, edu_open(&edu[1], &self->pci[1], self->fd));
	EXPECT_NE(edu[0].dev_id, edu[1].dev_id);
	EXPECT_EQ(0, edu_can_write(&edu[1], IOVA, self->mem[0], SOME_LENGTH));

	/* They are in one address space or in none */
	ASSERT_EQ(0, vfio_attach(edu[0].fd, self->ioas[0], NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(edu[1].fd, self->ioas[1], NULL));
	ASSERT_EQ(0, vfio_attach(edu[1].fd, self->ioas[0], NULL));
	EXPECT_EQ(0, edu_check(&edu[0], IOVA, self->mem[0], SOME_LENGTH));
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem[0], SOME_LENGTH));
	EXPECT_EQ(self->pinned + 1, mem_pinned());
	EXPECT_EQ(0, iommu_destroy(self->fd, self->ioas[1]));

	/* One leaves, the other stays where it is */
	ASSERT_EQ(0, vfio_detach(edu[0].fd));
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem[0], SOME_LENGTH));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->ioas[0]));
	ASSERT_EQ(0, vfio_detach(edu[1].fd));
	EXPECT_EQ(0, edu_can_write(&edu[0], IOVA, self->mem[0], SOME_LENGTH));
	EXPECT_EQ(0, edu_can_write(&edu[1], IOVA, self->mem[0], SOME_LENGTH));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->ioas[0]));
}

/* A replace is for the whole group. */
TEST_F(pair, replace)
{
	struct edu *edu = self->edu;
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, edu_open(&edu[i], &self->pci[i], self->fd));
		ASSERT_EQ(0, vfio_attach(edu[i].fd, self->ioas[0], NULL));
	}
	ASSERT_EQ(0, vfio_attach(edu[0].fd, self->ioas[1], NULL));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, edu_check(&edu[i], IOVA, self->mem[1],
				       SOME_LENGTH));
		EXPECT_EQ(0, edu_can_write(&edu[i], IOVA, self->mem[0],
					   SOME_LENGTH));
	}
	EXPECT_EQ(0, iommu_destroy(self->fd, self->ioas[0]));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->ioas[1]));
	ASSERT_EQ(0, vfio_attach(edu[1].fd, self->ioas[1], NULL));
	ASSERT_EQ(0, vfio_detach(edu[0].fd));
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem[1], SOME_LENGTH));
}

TEST_F(pair, close_one)
{
	struct edu *edu = self->edu;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, edu_open(&edu[i], &self->pci[i], self->fd));
		ASSERT_EQ(0, vfio_attach(edu[i].fd, self->ioas[0], NULL));
	}
	edu_close(&edu[0]);
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem[0], SOME_LENGTH));
	/* The group is this descriptor's still */
	ASSERT_EQ(0, edu_open(&edu[0], &self->pci[0], self->fd));
	ASSERT_EQ(0, vfio_attach(edu[0].fd, self->ioas[0], NULL));
	edu_close(&edu[1]);
	EXPECT_EQ(0, edu_check(&edu[0], IOVA, self->mem[0], SOME_LENGTH));
}

TEST_F(pair, two_descriptors)
{
	struct edu *edu = self->edu;
	int other = iommu_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, edu_open(&edu[0], &self->pci[0], self->fd));
	ASSERT_EQ(0, vfio_attach(edu[0].fd, self->ioas[0], NULL));
	EXPECT_EQ(-EBUSY, edu_open(&edu[1], &self->pci[1], other));
	EXPECT_EQ(0, edu_check(&edu[0], IOVA, self->mem[0], SOME_LENGTH));

	/* Once the one is gone the other may have it */
	edu_close(&edu[0]);
	ASSERT_EQ(0, edu_open(&edu[1], &self->pci[1], other));
	EXPECT_EQ(-EBUSY, edu_open(&edu[0], &self->pci[0], self->fd));
	close(other);
	EXPECT_EQ(-EBUSY, edu_open(&edu[0], &self->pci[0], self->fd));
	edu_close(&edu[1]);
	ASSERT_EQ(0, edu_open(&edu[0], &self->pci[0], self->fd));
}

/* A page table that was allocated is another one than the IOAS's own. */
TEST_F(pair, hwpt)
{
	struct edu *edu = self->edu;
	uint32_t hwpt;
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, edu_open(&edu[i], &self->pci[i], self->fd));
	}
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, edu[0].dev_id, self->ioas[0],
				      0, &hwpt));
	ASSERT_EQ(0, vfio_attach(edu[0].fd, hwpt, NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(edu[1].fd, self->ioas[0], NULL));
	ASSERT_EQ(0, vfio_attach(edu[1].fd, hwpt, NULL));
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem[0], SOME_LENGTH));
}

/* The legacy group file, and the device's own, exclude one another. */
TEST_F(pair, legacy_owner)
{
	int group, container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	struct edu *edu = self->edu;

	ASSERT_LE(0, container);
	group = vfio_group_open(self->pci[0].group);
	ASSERT_LE(0, group);
	EXPECT_EQ(-EBUSY, edu_open(&edu[0], &self->pci[0], self->fd));
	ASSERT_EQ(0, vfio_group_set_container(group, container));
	EXPECT_EQ(-EBUSY, edu_open(&edu[1], &self->pci[1], self->fd));
	close(group);
	close(container);

	ASSERT_EQ(0, edu_open(&edu[0], &self->pci[0], self->fd));
	EXPECT_EQ(-EBUSY, vfio_group_open(self->pci[0].group));
	edu_close(&edu[0]);
	group = vfio_group_open(self->pci[0].group);
	EXPECT_LE(0, group);
	close(group);
}

/* A driver of the kernel's in the group ---------------------------------- */

/*
 * The serial port driver is built into Debian's kernel and takes any device
 * that it is told to. Here it is told to take an edu.
 */
#define SERIAL_ID "1234 11e8 ffffffff ffffffff 0 0 1"

static void override(const struct vfio_pci *pci, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 pci->bdf);
	file_write(path, pci->bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 pci->bdf);
	file_write(path, driver);
	file_write("/sys/bus/pci/drivers_probe", pci->bdf);
}

static bool has_driver(const struct vfio_pci *pci)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver",
		 pci->bdf);
	return !access(path, F_OK);
}

FIXTURE(driver)
{
	struct vfio_pci pci[2];
	struct edu edu;
	long pinned;
	int fd;
};

FIXTURE_SETUP(driver)
{
	self->pinned = mem_pinned();
	self->edu.fd = -1;
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	if (edu_find_pair(self->pci))
		SKIP(return, "needs a group of two devices");
	if (file_write("/sys/bus/pci/drivers/serial/new_id", SERIAL_ID))
		SKIP(return, "no driver to give a device to");
}

FIXTURE_TEARDOWN(driver)
{
	edu_close(&self->edu);
	close(self->fd);
	file_write("/sys/bus/pci/drivers/serial/remove_id", SERIAL_ID);
	override(&self->pci[1], "vfio-pci");
	EXPECT_TRUE(has_driver(&self->pci[1]));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(driver, owns_the_group)
{
	override(&self->pci[1], "serial");
	if (!has_driver(&self->pci[1]))
		SKIP(return, "the driver did not take the device");
	EXPECT_EQ(-EBUSY, edu_open(&self->edu, &self->pci[0], self->fd));
	override(&self->pci[1], "vfio-pci");
	EXPECT_EQ(0, edu_open(&self->edu, &self->pci[0], self->fd));
}

TEST_F(driver, comes_too_late)
{
	override(&self->pci[1], "serial");
	if (!has_driver(&self->pci[1]))
		SKIP(return, "the driver did not take the device");
	override(&self->pci[1], "vfio-pci");
	ASSERT_EQ(0, edu_open(&self->edu, &self->pci[0], self->fd));
	override(&self->pci[1], "serial");
	EXPECT_FALSE(has_driver(&self->pci[1]));
}

/* Closing ---------------------------------------------------------------- */

TEST_F(device, close_iommufd_first)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_attach(rig));
	close(rig->fd);
	rig->fd = -1;
	/* The device holds on to all that it uses */
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(rig->pinned + 1, mem_pinned());
	edu_close(&rig->edu);
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

TEST_F(device, close_device_first)
{
	struct rig *rig = &self->rig;
	struct vfio_pci pci = rig->edu.pci;

	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	edu_close(&rig->edu);
	/* The mapping stays, the memory is not held for nobody */
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
	EXPECT_EQ(-EEXIST, rig_map(rig, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, edu_open(&rig->edu, &pci, rig->fd));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, rig_unmap(rig, IOVA, PAGE));
}

/* A device that was closed does nothing more, whatever it had begun. */
TEST_F(device, close_with_transfer_on_its_way)
{
	struct rig *rig = &self->rig;
	struct vfio_pci pci = rig->edu.pci;

	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	edu_start_write(&rig->edu, IOVA, SOME_LENGTH);
	edu_close(&rig->edu);
	mem_fill(self->mem, PAGE, 9);
	/* Comes back when the transfer is over */
	ASSERT_EQ(0, edu_open(&rig->edu, &pci, rig->fd));
	EXPECT_EQ(-1, mem_check(self->mem, PAGE, 9));
}

/* Processes that end ----------------------------------------------------- */

#define BIG (64UL << 20)
/* Emulated, on a debug kernel, the big map takes its time. */
#define PROCESS_SECONDS 120

/* The device is free, works, and nothing is pinned. */
static int aftermath(long pinned)
{
	return mem_wait_pinned(pinned) == pinned ? rig_try() : -EBUSY;
}

static void map_and_unmap_for_ever(void)
{
	char *mem = mem_anon(BIG);
	struct rig rig;

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	for (;;) {
		CHILD_EQ(0, rig_map(&rig, mem, BIG, IOVA));
		CHILD_EQ(0, rig_unmap(&rig, IOVA, BIG));
	}
}

FIXTURE(process)
{
	long pinned;
};

FIXTURE_SETUP(process)
{
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_EQ(0, aftermath(self->pinned));
}

/* Killed when so many pages are pinned, on the way up or down. */
TEST_F_TIMEOUT(process, killed_in_the_middle_of_a_map, PROCESS_SECONDS)
{
	static const long moments[] = { 1, 3000, 8000, 15000 };
	int status;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			map_and_unmap_for_ever();
		while (mem_pinned() < self->pinned + moments[i]) {
			ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
		}
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(0, aftermath(self->pinned));
	}
}

static void leave_all_behind(void *arg)
{
	char *mem = mem_anon(16 * PAGE);
	struct rig rig;
	uint32_t hwpt;

	(void)arg;
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	CHILD_EQ(0, rig_map(&rig, mem, 16 * PAGE, IOVA));
	if (rig_fills_ahead())
		CHILD_EQ(0, iommu_hwpt_alloc(rig.fd, rig.edu.dev_id, rig.ioas,
					     0, &hwpt));
	edu_start_write(&rig.edu, IOVA, SOME_LENGTH);
}

TEST_F(process, exit_without_cleaning_up)
{
	EXPECT_EQ(0, child_run(leave_all_behind, NULL));
}

/* Its descriptors go with the exec: so does all else. */
static void leave_all_and_exec(void *arg)
{
	leave_all_behind(arg);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

/* Its descriptors stay, its memory does not. */
static void exec_with_open_files(void *arg)
{
	char *mem = mem_anon(16 * PAGE);
	struct rig rig;

	(void)arg;
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	CHILD_EQ(0, rig_map(&rig, mem, 16 * PAGE, IOVA));
	fcntl(rig.fd, F_SETFD, 0);
	fcntl(rig.edu.fd, F_SETFD, 0);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

TEST_F(process, exec)
{
	if (access("/bin/true", X_OK))
		SKIP(return, "nothing to execute");
	ASSERT_EQ(0, child_run(leave_all_and_exec, NULL));
	EXPECT_EQ(0, aftermath(self->pinned));
	ASSERT_EQ(0, child_run(exec_with_open_files, NULL));
}

/* What a child mapped for a device stays mapped when the child is gone. */
static void map_for_the_parent(void *arg)
{
	struct rig *rig = arg;
	char *mem = mem_anon(16 * PAGE);

	CHILD_EQ(0, rig_map(rig, mem, 16 * PAGE, IOVA + PAGE));
}

TEST_F(device, child_maps_and_exits)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, child_run(map_for_the_parent, rig));
	EXPECT_EQ(rig->pinned + 17, mem_pinned());
	/* The device copies within memory that no process has any more */
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA, IOVA + PAGE, SOME_LENGTH));
	mem_fill(self->mem, SOME_LENGTH, 3);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA, IOVA + 5 * PAGE, SOME_LENGTH));
	memset(self->mem, 0, SOME_LENGTH);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 5 * PAGE, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 3));
	ASSERT_EQ(0, rig_unmap(rig, IOVA + PAGE, 16 * PAGE));
	EXPECT_EQ(rig->pinned + 1, mem_wait_pinned(rig->pinned + 1));
}

/* Lazily mapped by a process that is gone when the memory is wanted. */
TEST_F(device, child_maps_for_later_and_exits)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, child_run(map_for_the_parent, rig));
	EXPECT_EQ(-EFAULT, rig_attach(rig));
	EXPECT_EQ(rig->pinned, mem_pinned());
	ASSERT_EQ(0, rig_unmap(rig, IOVA + PAGE, 16 * PAGE));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
}

/* The limit of locked memory --------------------------------------------- */

#define LIMIT_PAGES 700

FIXTURE(limit)
{
	struct vfio_pci pci[2];
	struct edu edu[2];
	uint32_t ioas[2];
	int fd[2];
	long pinned;
	uid_t uid;
	bool per_process;
	int ready[2];
	int done[2];
};

FIXTURE_VARIANT(limit)
{
	bool per_process;
	uid_t uid;
};

FIXTURE_VARIANT_ADD(limit, of_user) { .uid = 4001 };
FIXTURE_VARIANT_ADD(limit, of_process) { .uid = 4002, .per_process = true };

/* All is opened by root, who has no limit. */
FIXTURE_SETUP(limit)
{
	int i;

	self->pinned = mem_pinned();
	self->per_process = variant->per_process;
	self->uid = variant->uid;
	ASSERT_EQ(2, edu_find_alone(self->pci, 2));
	ASSERT_EQ(0, pipe(self->ready));
	ASSERT_EQ(0, pipe(self->done));
	for (i = 0; i < 2; i++) {
		self->fd[i] = iommu_open();
		ASSERT_LE(0, self->fd[i]);
		if (variant->per_process) {
			ASSERT_EQ(0, iommu_option_set(self->fd[i],
						      IOMMU_OPTION_RLIMIT_MODE,
						      0, 1));
		}
		ASSERT_EQ(0, edu_open(&self->edu[i], &self->pci[i],
				      self->fd[i]));
		ASSERT_EQ(0, iommu_ioas_alloc(self->fd[i], &self->ioas[i]));
		ASSERT_EQ(0, vfio_attach(self->edu[i].fd, self->ioas[i],
					 NULL));
	}
}

FIXTURE_TEARDOWN(limit)
{
	int i;

	for (i = 0; i < 2; i++) {
		edu_close(&self->edu[i]);
		close(self->fd[i]);
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

#define limited_map(i, va, pages, iova)					\
	iommu_map_fixed(self->fd[i], self->ioas[i], va, (pages) * PAGE,	\
			IOMMU_RW, iova)

static void within_limit(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(2 * LIMIT_PAGES * PAGE);
	int fd = self->fd[0];
	uint32_t other;

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));

	/* In the middle, with a first part within the limit */
	CHILD_EQ(-ENOMEM, limited_map(0, mem, 2 * LIMIT_PAGES, IOVA));
	CHILD_EQ(0, mem_vm_lck(0));
	/* All of it was given back: exactly the limit fits */
	CHILD_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(self->per_process ? LIMIT_PAGES : 0, mem_vm_lck(0));
	CHILD_EQ(-ENOMEM, limited_map(0, mem + LIMIT_PAGES * PAGE, 1,
				      IOVA + LIMIT_PAGES * PAGE));
	/* A copy shares the memory, so it costs nothing */
	CHILD_EQ(0, iommu_ioas_alloc(fd, &other));
	CHILD_EQ(0, iommu_copy_fixed(fd, other, self->ioas[0], IOVA,
				     LIMIT_PAGES * PAGE, IOMMU_RW, IOVA));
	CHILD_EQ(0, rig_move(self->edu[0].fd, other));
	CHILD_EQ(0, rig_move(self->edu[0].fd, self->ioas[0]));
	CHILD_EQ(0, iommu_destroy(fd, other));
	CHILD_EQ(0, iommu_ioas_unmap(fd, self->ioas[0], IOVA,
				     LIMIT_PAGES * PAGE, NULL));
	CHILD_EQ(0, mem_vm_lck(0));

	/* Without a device nothing is pinned, and so nothing accounted */
	CHILD_EQ(0, vfio_detach(self->edu[0].fd));
	CHILD_EQ(0, limited_map(0, mem, 2 * LIMIT_PAGES, IOVA));
	CHILD_EQ(-ENOMEM, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, mem_vm_lck(0));
	CHILD_EQ(0, iommu_unmap_all(fd, self->ioas[0], NULL));
	CHILD_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(0, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, vfio_detach(self->edu[0].fd));
	CHILD_EQ(0, vfio_attach(self->edu[0].fd, self->ioas[0], NULL));
	CHILD_EQ(0, edu_check(&self->edu[0], IOVA, mem, SOME_LENGTH));
	/* And leaves it mapped */
}

TEST_F(limit, one_process)
{
	ASSERT_EQ(0, child_run(within_limit, self));
	EXPECT_EQ(self->pinned + LIMIT_PAGES, mem_pinned());
	ASSERT_EQ(0, iommu_unmap_all(self->fd[0], self->ioas[0], NULL));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	/* The account is even again: the same user can do it once more */
	ASSERT_EQ(0, child_run(within_limit, self));
}

static void use_up_the_limit(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(LIMIT_PAGES * PAGE), byte = 0;

	CHILD_EQ(true, mem != NULL);
	close(self->done[1]);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));
	CHILD_EQ(0, limited_map(1, mem, LIMIT_PAGES, IOVA));
	CHILD_EQ(1, write(self->ready[1], &byte, 1));
	/* Until the other process has tried */
	CHILD_EQ(0, read(self->done[0], &byte, 1));
}

static void try_one_page(void *arg)
{
	struct _test_data_limit *self = arg;
	char *mem = mem_anon(PAGE);

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, mem_become_user(self->uid, LIMIT_PAGES * PAGE));
	CHILD_EQ(self->per_process ? 0 : -ENOMEM,
		 limited_map(0, mem, 1, IOVA));
}

/* Two processes of a user share one limit, or have one each. */
TEST_F(limit, two_processes)
{
	int status;
	char byte;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		use_up_the_limit(self);
		_exit(0);
	}
	close(self->ready[1]);
	ASSERT_EQ(1, read(self->ready[0], &byte, 1));
	EXPECT_EQ(0, child_run(try_one_page, self));
	close(self->done[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* root, or whoever has CAP_IPC_LOCK, has no limit. */
TEST_F(limit, privileged)
{
	char *mem = mem_anon(LIMIT_PAGES * PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, mem_set_memlock(PAGE));
	EXPECT_EQ(0, limited_map(0, mem, LIMIT_PAGES, IOVA));
}

TEST_HARNESS_MAIN
