// SPDX-License-Identifier: GPL-2.0-only
/* Devices: bind, attach, detach, close, and what is refused. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "edu.h"

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
	int rc;

	bind.argsz = sizeof(bind) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     &bind));
	bind.argsz = sizeof(bind);
	bind.flags = 2;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD,
				     &bind));
	/* A token, which there is no room for: 7.x takes that for a NULL pointer. */
	bind.argsz = offsetof(struct vfio_device_bind_iommufd, out_devid) +
		     sizeof(bind.out_devid);
	bind.flags = 1;
	rc = iommu_cmd(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	EXPECT_TRUE(rc == -EINVAL || rc == -EFAULT);
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

TEST_HARNESS_MAIN
