// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two devices that the IOMMU cannot tell apart: what they have to have in common, and
 * who may own them: a process, the legacy container, a driver of the kernel's.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "device.h"
#include "edu.h"
#include "file.h"

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

TEST_HARNESS_MAIN
