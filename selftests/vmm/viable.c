// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device cannot be had while a kernel driver does DMA in its IOMMU group.
 * People search for days which device is meant; the reason names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iommu.h"
#include "take.h"

#include "kselftest_harness.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define VIRTIO_VENDOR	0x1af4
#define VIRTIO_RNG	0x1005	/* virtio-pci of Debian's kernel takes it */

static int unbind(const struct vfio_pci *dev)
{
	char path[128];
	int fd, rc;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 dev->bdf);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	rc = write(fd, dev->bdf, strlen(dev->bdf)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

TEST(kernel_driver_in_the_group)
{
	int iommufd = iommu_open(), fd;
	struct vfio_pci edu, rng;
	char text[512] = "";
	uint32_t length = sizeof(text), about = 0, id;

	ASSERT_LE(0, iommufd);
	ASSERT_EQ(0, take(EDU_VENDOR, EDU_DEVICE, &edu, 1));
	ASSERT_EQ(1, vfio_find(VIRTIO_VENDOR, VIRTIO_RNG, &rng, 1));
	ASSERT_EQ(edu.group, rng.group);
	fd = vfio_cdev_open(&edu);
	ASSERT_LE(0, fd);

	EXPECT_EQ(-EBUSY, vfio_bind(fd, iommufd, &id));
	EXPECT_EQ(0, iommu_last_reason(iommufd, text, &length, &about));
	EXPECT_EQ(EBUSY, about);
	EXPECT_NE(NULL, strstr(text, edu.bdf));
	EXPECT_NE(NULL, strstr(text, rng.bdf));
	EXPECT_NE(NULL, strstr(text, "virtio-pci")) {
		TH_LOG("%s", text);
	}

	ASSERT_EQ(0, unbind(&rng));
	EXPECT_EQ(0, vfio_bind(fd, iommufd, &id));
	close(fd);
	close(iommufd);
}

TEST_HARNESS_MAIN
