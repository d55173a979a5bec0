// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer to peer: device A does DMA to a BAR of device B through an IOAS.
 *
 * IOAS_MAP takes a VFIO mmap of a BAR if the device that owns the BAR is bound
 * to the same descriptor, and revokes the mapping before the owner is gone.
 * A's DMA writes B's liveness register, which then reads as the complement.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#include "kselftest_harness.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define BAR_IOVA 0x80000000UL
#define SOME_LENGTH 256

/* A is the device of the rig, and attached; B is bound. */
FIXTURE(p2p)
{
	struct rig rig;
	struct edu b;
	struct vfio_pci pci_b;
	char *mem;
};

FIXTURE_SETUP(p2p)
{
	struct vfio_pci pci[2];

	self->b.fd = -1;
	ASSERT_EQ(0, rig_open(&self->rig));
	/* Shared, as some tests have a child that looks at it */
	self->mem = mem_shared(PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, rig_attach(&self->rig));
	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	self->pci_b = pci[1];
	ASSERT_EQ(0, edu_open(&self->b, &self->pci_b, self->rig.fd));
}

FIXTURE_TEARDOWN(p2p)
{
	edu_close(&self->b);
	EXPECT_EQ(0, rig_close(&self->rig));
}

/* A gets four bytes from memory and writes them to @iova. */
static int a_writes(struct _test_data_p2p *self, uint64_t iova, uint32_t value)
{
	memcpy(self->mem, &value, sizeof(value));
	return edu_copy(&self->rig.edu, IOVA, iova, sizeof(value));
}

/* A gets four bytes from @iova and writes them to memory. */
static int a_reads(struct _test_data_p2p *self, uint64_t iova, uint32_t *value)
{
	int rc;

	memset(self->mem, 0x55, sizeof(*value));
	rc = edu_copy(&self->rig.edu, iova, IOVA, sizeof(*value));
	memcpy(value, self->mem, sizeof(*value));
	return rc;
}

/* Does A's write reach B's register? Negative errno: could not be tried. */
static int a_reaches_b(struct _test_data_p2p *self, uint64_t bar_iova)
{
	static uint32_t value = 0x10203040;
	int rc;

	value += 0x01010101;
	edu_reg_write(&self->b, EDU_REG_LIVENESS, 0);
	rc = a_writes(self, bar_iova + EDU_REG_LIVENESS, value);
	if (rc)
		return rc;
	if (edu_reg_read(&self->b, EDU_REG_LIVENESS) == ~value)
		return 1;
	return edu_reg_read(&self->b, EDU_REG_LIVENESS) == ~0U ? 0 : -EIO;
}

static int map_bar(struct _test_data_p2p *self)
{
	return rig_map(&self->rig, self->b.regs, self->b.regs_length,
		       BAR_IOVA);
}

/* B is unbound, and bound again, maybe to another descriptor. */
static int reopen_b(struct _test_data_p2p *self, int iommufd)
{
	edu_close(&self->b);
	return edu_open(&self->b, &self->pci_b, iommufd);
}

TEST_F(p2p, write_and_read)
{
	long pinned = mem_pinned();
	uint32_t value;

	ASSERT_EQ(0, map_bar(self));
	/* A BAR is not memory: nothing to pin */
	EXPECT_EQ(pinned, mem_pinned());
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
	ASSERT_EQ(0, a_reads(self, BAR_IOVA + EDU_REG_ID, &value));
	EXPECT_EQ(EDU_ID, value);

	ASSERT_EQ(0, rig_unmap(&self->rig, BAR_IOVA, self->b.regs_length));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));
}

/* A page of the BAR at a time, in another order. */
TEST_F(p2p, parts_of_a_bar)
{
	char *regs = self->b.regs;
	uint32_t value;

	ASSERT_EQ(0, rig_map(&self->rig, regs + PAGE, PAGE, BAR_IOVA));
	ASSERT_EQ(0, rig_map(&self->rig, regs, PAGE, BAR_IOVA + PAGE));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA + PAGE));
	ASSERT_EQ(0, a_reads(self, BAR_IOVA + PAGE + EDU_REG_ID, &value));
	EXPECT_EQ(EDU_ID, value);
	/* There are no registers in the second page */
	ASSERT_EQ(0, a_reads(self, BAR_IOVA + EDU_REG_ID, &value));
	EXPECT_EQ(~0U, value);
}

TEST_F(p2p, read_only)
{
	uint32_t value;

	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, self->rig.ioas,
				     self->b.regs, PAGE, IOMMU_R, BAR_IOVA));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	ASSERT_EQ(0, a_reads(self, BAR_IOVA + EDU_REG_ID, &value));
	EXPECT_EQ(EDU_ID, value);
}

/* The process may only read the BAR, so may the device. */
TEST_F(p2p, read_only_mmap)
{
	struct vfio_region_info info;
	void *view;

	ASSERT_EQ(0, vfio_region_info(self->b.fd, 0, &info));
	view = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->b.fd,
		    info.offset);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_EQ(-EFAULT, rig_map(&self->rig, view, PAGE, BAR_IOVA));
	EXPECT_EQ(0, iommu_map_fixed(self->rig.fd, self->rig.ioas, view, PAGE,
				     IOMMU_R, BAR_IOVA));
}

/* VFIO fills in an mmap as it is touched; this one never was. */
TEST_F(p2p, untouched_mmap)
{
	size_t length;
	void *view = vfio_map_bar(self->b.fd, 0, &length);

	ASSERT_NE(NULL, view);
	ASSERT_EQ(0, rig_map(&self->rig, view, length, BAR_IOVA));
	/* The mapping is of the BAR, not of this view of it */
	munmap(view, length);
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
}

/* Mapped into an IOAS that no device uses yet. */
TEST_F(p2p, map_then_attach)
{
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, ioas, self->mem, PAGE,
				     IOMMU_RW, IOVA));
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, ioas, self->b.regs, PAGE,
				     IOMMU_RW, BAR_IOVA));
	ASSERT_EQ(0, rig_move(self->rig.edu.fd, ioas));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
	ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, ioas, NULL));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
}

TEST_F(p2p, own_bar)
{
	struct edu *a = &self->rig.edu;

	EXPECT_EQ(0, rig_map(&self->rig, a->regs, a->regs_length, BAR_IOVA));
	EXPECT_EQ(0, edu_check(a, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, rig_unmap(&self->rig, BAR_IOVA, a->regs_length));
}

/* Who may not ------------------------------------------------------------ */

TEST_F(p2p, owner_of_another_descriptor)
{
	int other = iommu_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, reopen_b(self, other));
	EXPECT_EQ(-EFAULT, map_bar(self));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	close(other);
	EXPECT_EQ(-EFAULT, map_bar(self));
}

TEST_F(p2p, owner_in_a_legacy_container)
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group;

	ASSERT_LE(0, container);
	edu_close(&self->b);
	group = vfio_group_open(self->pci_b.group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, container));
	ASSERT_EQ(0, ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, edu_open_in_group(&self->b, &self->pci_b, group));
	EXPECT_EQ(-EFAULT, map_bar(self));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	edu_close(&self->b);
	close(group);
	close(container);
}

/* Memory and a BAR in one map; a BAR and nothing after it. */
TEST_F(p2p, mixed)
{
	struct vfio_region_info info;
	char *area = mem_reserve(4 * PAGE);
	long pinned = mem_pinned();

	ASSERT_NE(NULL, area);
	ASSERT_EQ(0, vfio_region_info(self->b.fd, 0, &info));
	ASSERT_EQ(area + PAGE, mmap(area + PAGE, PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, self->b.fd,
				    info.offset));
	ASSERT_EQ(area, mmap(area, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memset(area, 1, PAGE);
	munmap(area + 2 * PAGE, 2 * PAGE);
	EXPECT_EQ(-EFAULT, rig_map(&self->rig, area, 2 * PAGE, BAR_IOVA));
	EXPECT_EQ(-EFAULT, rig_map(&self->rig, area + PAGE, 2 * PAGE,
				   BAR_IOVA));
	EXPECT_EQ(pinned, mem_pinned());
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA + PAGE));
	/* Each alone is welcome */
	EXPECT_EQ(0, rig_map(&self->rig, area, PAGE, BAR_IOVA));
	EXPECT_EQ(0, rig_map(&self->rig, area + PAGE, PAGE, BAR_IOVA + PAGE));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA + PAGE));
}

static void map_without_a_limit(void *arg)
{
	struct _test_data_p2p *self = arg;
	char *mem = mem_anon(PAGE);

	CHILD_EQ(0, mem_become_user(4010, 0));
	CHILD_EQ(-ENOMEM, rig_map(&self->rig, mem, PAGE, BAR_IOVA));
	CHILD_EQ(0, map_bar(self));
	CHILD_EQ(1, a_reaches_b(self, BAR_IOVA));
	CHILD_EQ(0, mem_wait_vm_lck(0));
	CHILD_EQ(0, rig_unmap(&self->rig, BAR_IOVA, self->b.regs_length));
}

TEST_F(p2p, not_accounted)
{
	EXPECT_EQ(0, child_run(map_without_a_limit, self));
}

/* Revoked ---------------------------------------------------------------- */

TEST_F(p2p, revoked_at_unbind)
{
	size_t length = self->b.regs_length;

	ASSERT_EQ(0, map_bar(self));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));

	/* Bound again it is the same device, but nobody has mapped its BAR */
	ASSERT_EQ(0, reopen_b(self, self->rig.fd));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));

	/* The addresses are taken until they are unmapped */
	EXPECT_EQ(-EEXIST, map_bar(self));
	EXPECT_EQ(0, rig_unmap(&self->rig, BAR_IOVA, length));
	ASSERT_EQ(0, map_bar(self));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
}

TEST_F(p2p, revoked_faults)
{
	struct klog_fault fault;
	int klog = klog_open();

	ASSERT_LE(0, klog);
	if (!klog_has_faults())
		SKIP(return, "this vIOMMU stops DMA without a report");
	ASSERT_EQ(0, map_bar(self));
	edu_close(&self->b);
	EXPECT_EQ(0, edu_expect_fault(&self->rig.edu, klog, BAR_IOVA, true,
				      &fault));
}

/* The owner goes to somebody else. */
TEST_F(p2p, revoked_for_the_next_owner)
{
	int other = iommu_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, map_bar(self));
	ASSERT_EQ(0, reopen_b(self, other));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, rig_unmap(&self->rig, BAR_IOVA, self->b.regs_length));
	EXPECT_EQ(-EFAULT, map_bar(self));
	close(other);
}

TEST_F(p2p, detach_does_not_revoke)
{
	ASSERT_EQ(0, vfio_attach(self->b.fd, self->rig.ioas, NULL));
	ASSERT_EQ(0, map_bar(self));
	ASSERT_EQ(0, vfio_detach(self->b.fd));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
}

/* What was copied is revoked in every place. */
TEST_F(p2p, revoked_copy)
{
	size_t length = self->b.regs_length;
	struct rig *rig = &self->rig;
	uint32_t other, third;
	int foreign, rc;

	ASSERT_EQ(0, map_bar(self));
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &other));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, other, rig->ioas, BAR_IOVA,
				      length, IOMMU_RW, BAR_IOVA + PAGE));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, other, rig->ioas, IOVA, PAGE,
				      IOMMU_RW, IOVA));
	ASSERT_EQ(0, rig_unmap(rig, BAR_IOVA, length));
	ASSERT_EQ(0, rig_move(rig->edu.fd, other));
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA + PAGE));

	ASSERT_EQ(0, reopen_b(self, rig->fd));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA + PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));

	/*
	 * A copy of what was revoked gives nobody access again, even less so
	 * when the owner is somebody else's.
	 */
	foreign = iommu_open();
	ASSERT_LE(0, foreign);
	ASSERT_EQ(0, reopen_b(self, foreign));
	close(foreign);
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &third));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, third, other, IOVA, PAGE,
				      IOMMU_RW, IOVA));
	rc = iommu_copy_fixed(rig->fd, third, other, BAR_IOVA + PAGE, length,
			      IOMMU_RW, BAR_IOVA);
	EXPECT_TRUE(rc == 0 || rc == -EFAULT);
	ASSERT_EQ(0, rig_move(rig->edu.fd, third));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, iommu_ioas_unmap(rig->fd, other, BAR_IOVA + PAGE, length,
				      NULL));
}

/* Revoked while no device used the IOAS, and used again then. */
TEST_F(p2p, revoked_then_attach)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map_bar(self));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	edu_close(&self->b);
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, edu_open(&self->b, &self->pci_b, rig->fd));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA));
	EXPECT_EQ(0, rig_unmap(rig, BAR_IOVA, self->b.regs_length));
}

TEST_F(p2p, revoked_with_a_transfer_on_its_way)
{
	static const uint32_t value = 0xfeedface;
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map_bar(self));
	memcpy(self->mem, &value, sizeof(value));
	ASSERT_EQ(0, edu_read(&rig->edu, IOVA, sizeof(value)));
	edu_reg_write(&self->b, EDU_REG_LIVENESS, 0);
	edu_start_write(&rig->edu, BAR_IOVA + EDU_REG_LIVENESS, sizeof(value));
	edu_close(&self->b);
	if (!edu_busy(&rig->edu))
		SKIP(return, "the machine is too slow for this");
	ASSERT_EQ(0, edu_wait(&rig->edu));
	/* The register keeps its value while the device is closed */
	ASSERT_EQ(0, edu_open(&self->b, &self->pci_b, rig->fd));
	EXPECT_EQ(~0U, edu_reg_read(&self->b, EDU_REG_LIVENESS));
}

/* Several mappings, in more than one IOAS; again and again. */
TEST_F(p2p, revoked_often)
{
	struct rig *rig = &self->rig;
	uint32_t other;
	int i, j;

	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &other));
	for (i = 0; i < 5; i++) {
		for (j = 0; j < 4; j++) {
			uint64_t iova = BAR_IOVA + 2 * j * PAGE;

			ASSERT_EQ(0, rig_map(rig, self->b.regs, PAGE, iova));
			ASSERT_EQ(0, iommu_map_fixed(rig->fd, other,
						     self->b.regs, PAGE,
						     IOMMU_RW, iova));
		}
		/* One goes the usual way before */
		ASSERT_EQ(0, rig_unmap(rig, BAR_IOVA + 2 * PAGE, PAGE));
		EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA + 6 * PAGE));
		ASSERT_EQ(0, reopen_b(self, rig->fd));
		EXPECT_EQ(0, a_reaches_b(self, BAR_IOVA + 6 * PAGE));
		ASSERT_EQ(0, iommu_ioas_unmap(rig->fd, rig->ioas, BAR_IOVA,
					      8 * PAGE, NULL));
		ASSERT_EQ(0, iommu_unmap_all(rig->fd, other, NULL));
	}
}

/* The descriptor is closed first, the devices after it. */
TEST_F(p2p, close_iommufd_first)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map_bar(self));
	close(rig->fd);
	rig->fd = -1;
	EXPECT_EQ(1, a_reaches_b(self, BAR_IOVA));
	edu_close(&rig->edu);
	edu_close(&self->b);
}

/* A is gone before B; the IOAS is gone before B. */
TEST_F(p2p, owner_is_last)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map_bar(self));
	edu_close(&rig->edu);
	ASSERT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
	ASSERT_EQ(0, reopen_b(self, rig->fd));
}

static void leave_bar_mapped(void *arg)
{
	struct vfio_pci pci[2];
	struct rig rig;
	struct edu b;

	(void)arg;
	CHILD_EQ(0, rig_open(&rig));
	CHILD_EQ(0, rig_attach(&rig));
	CHILD_EQ(2, edu_find_alone(pci, 2));
	CHILD_EQ(0, edu_open(&b, &pci[1], rig.fd));
	CHILD_EQ(0, rig_map(&rig, b.regs, b.regs_length, BAR_IOVA));
}

TEST(p2p_exit_without_cleaning_up)
{
	struct vfio_pci pci[2];
	struct edu b;
	int fd = iommu_open(), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, child_run(leave_bar_mapped, NULL));
	}
	ASSERT_EQ(2, edu_find_alone(pci, 2));
	ASSERT_EQ(0, edu_open(&b, &pci[1], fd));
	edu_close(&b);
	close(fd);
}

TEST_HARNESS_MAIN
