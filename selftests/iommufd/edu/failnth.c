// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command with every one of its allocations failing, one after the
 * other, by the kernel's fault injection (Documentation/fault-injection).
 *
 * A command that has lost an allocation may fail with ENOMEM, or do without.
 * If it fails nothing may have changed, and the same command must work when
 * it is given again. What must never fail for want of memory - unmap,
 * detach, destroy, close - is tested for that.
 *
 * Only a debug kernel has /proc/self/fail-nth.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <unistd.h>

#include "access.h"
#include "edu.h"
#include "failnth.h"

/* How many of a bind are iommufd's. */
#define BIND_ALLOCATIONS 6

WALK_FIXTURE(failnth);
WALK_FIXTURE_SETUP(failnth, NULL,
		   ground_open(&self->ground, mem_anon(PAGE), PAGE),
		   rig_close(&self->ground.rig))

/* The device still does what it should after all that. */
static int still_works(struct ground *ground)
{
	struct rig *rig = &ground->rig;
	char *mem = mem_anon(PAGE);
	int rc;

	rc = rig_attach(rig);
	if (!rc)
		rc = rig_map(rig, mem, PAGE, 0x10000000);
	if (!rc)
		rc = edu_check(&rig->edu, 0x10000000, mem, SOME_LENGTH);
	if (!rc)
		rc = rig_unmap(rig, 0x10000000, PAGE);
	if (!rc)
		rc = vfio_detach(rig->edu.fd);
	return rc;
}

/* Objects ---------------------------------------------------------------- */

static int do_open(struct ground *ground)
{
	ground->fd = iommu_open();
	return ground->fd < 0 ? ground->fd : 0;
}

static int undo_open(struct ground *ground)
{
	return close(ground->fd);
}

TEST_F(failnth, open)
{
	static const struct step step = {
		.command = do_open, .undo = undo_open,
	};

	EXPECT_WALK(&step, 1);
}

static int do_ioas_alloc(struct ground *ground)
{
	return iommu_ioas_alloc(ground->rig.fd, &ground->id);
}

static int undo_alloc(struct ground *ground)
{
	return iommu_destroy(ground->rig.fd, ground->id);
}

TEST_F(failnth, ioas_alloc)
{
	static const struct step step = {
		.command = do_ioas_alloc, .undo = undo_alloc,
	};

	EXPECT_WALK(&step, 1);
}

static int do_allow(struct ground *ground)
{
	static const struct iommu_iova_range ranges[] = {
		{ 0x100000, 0x1fffff }, { 0x300000, 0x3fffff },
		{ 0x500000, 0x5fffff }, { 0x700000, 0x7fffff },
	};

	return iommu_allow_iovas(ground->rig.fd, ground->other, ranges, 4);
}

static int undo_allow(struct ground *ground)
{
	return iommu_allow_iovas(ground->rig.fd, ground->other, NULL, 0);
}

TEST_F(failnth, allow_iovas)
{
	static const struct step step = {
		.command = do_allow, .undo = undo_allow,
	};

	EXPECT_WALK(&step, 1);
}

/* Map -------------------------------------------------------------------- */

static int do_map_auto(struct ground *ground)
{
	uint64_t iova;

	return iommu_map_auto(ground->rig.fd, ground->rig.ioas, ground->mem,
			      ground->size, IOMMU_RW, &iova);
}

static int do_map_file(struct ground *ground)
{
	return iommu_map_file_fixed(ground->rig.fd, ground->rig.ioas,
				    ground->file, 0, ground->size, IOMMU_RW,
				    IOVA);
}

static const struct step map_step = { .command = do_map, .undo = undo_map };

TEST_F(failnth, map_without_device)
{
	EXPECT_WALK(&map_step, 1);
}

TEST_F(failnth, map_page)
{
	static const struct step chosen = {
		.command = do_map_auto, .undo = undo_map,
	};

	ASSERT_EQ(0, rig_attach(&self->ground.rig));
	EXPECT_WALK(&map_step, 1);
	EXPECT_WALK(&chosen, 1);
	EXPECT_EQ(0, still_works(&self->ground));
}

TEST_F(failnth, map_huge)
{
	struct ground *ground = &self->ground;

	ground->size = 4 * MEM_HUGE;
	ground->mem = mem_thp(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&map_step, 1);
	EXPECT_EQ(0, still_works(ground));
}

/*
 * Small pages that come and go one by one leave tables where the huge ones go; but none for
 * the first of these, so that taking the others out of the way takes memory.
 */
static int leave_tables(struct ground *ground)
{
	struct rig *rig = &ground->rig;
	uint64_t at = IOVA + MEM_HUGE + PAGE;
	int rc = 0;

	for (; at < IOVA + ground->size && !rc; at += MEM_HUGE)
		rc = rig_map(rig, ground->mem, PAGE, at) ?:
		     rig_unmap(rig, at, PAGE);
	return rc;
}

static int undo_map_over_tables(struct ground *ground)
{
	return undo_map(ground) ?: leave_tables(ground);
}

TEST_F(failnth, map_over_tables)
{
	static const struct step step = {
		.command = do_map, .undo = undo_map_over_tables,
	};
	struct ground *ground = &self->ground;

	ground->size = 4 * MEM_HUGE;
	ground->mem = mem_hugetlb(ground->size);
	if (!ground->mem)
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, rig_attach(&ground->rig));
	ASSERT_EQ(0, leave_tables(ground));
	EXPECT_WALK(&step, 1);
	EXPECT_EQ(0, still_works(ground));
}

/* More pages than are pinned at a time, each a run of its own. */
TEST_F(failnth, map_scattered)
{
	struct ground *ground = &self->ground;

	ground->size = 1300 * PAGE;
	ground->mem = mem_scattered(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&map_step, 1);
	EXPECT_EQ(0, still_works(ground));
}

TEST_F(failnth, map_file)
{
	static const struct step step = {
		.command = do_map_file, .undo = undo_map,
	};
	struct ground *ground = &self->ground;

	ground->size = 700 * PAGE;
	ground->file = mem_memfd(ground->size, 0);
	ASSERT_LE(0, ground->file);
	/* Pages that are not there yet would have to be allocated */
	ASSERT_NE(NULL, mem_map_file(ground->file, 0, ground->size));
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&step, 1);
	EXPECT_EQ(0, still_works(ground));
}

static int do_copy(struct ground *ground)
{
	return iommu_copy_fixed(ground->rig.fd, ground->rig.ioas,
				ground->other, OTHER_IOVA, ground->size,
				IOMMU_RW, IOVA);
}

/* From an IOAS that no device uses into one that a device does. */
TEST_F(failnth, copy)
{
	static const struct step step = {
		.command = do_copy, .undo = undo_map,
	};
	struct ground *ground = &self->ground;
	int i;

	ground->size = 6 * PAGE;
	ground->mem = mem_anon(ground->size);
	ASSERT_NE(NULL, ground->mem);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, iommu_map_fixed(ground->rig.fd, ground->other,
					     ground->mem + 2 * i * PAGE,
					     2 * PAGE, IOMMU_RW,
					     OTHER_IOVA + 2 * i * PAGE));
	}
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&step, 1);
	EXPECT_EQ(0, still_works(ground));
}

/* The BAR of the device itself. */
TEST_F(failnth, map_bar)
{
	struct ground *ground = &self->ground;

	ground->size = ground->rig.edu.regs_length;
	ground->mem = ground->rig.edu.regs;
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&map_step, 1);
	EXPECT_EQ(0, still_works(ground));
}

/* Attach ----------------------------------------------------------------- */

static int map_several(struct ground *ground, uint32_t ioas)
{
	char *scattered = mem_scattered(600 * PAGE), *huge = mem_thp(MEM_HUGE);
	int rc;

	if (!scattered || !huge)
		return -ENOMEM;
	rc = iommu_map_fixed(ground->rig.fd, ioas, ground->mem, PAGE, IOMMU_RW,
			     IOVA);
	if (!rc)
		rc = iommu_map_fixed(ground->rig.fd, ioas, scattered,
				     600 * PAGE, IOMMU_RW, OTHER_IOVA);
	if (!rc)
		rc = iommu_map_fixed(ground->rig.fd, ioas, huge, MEM_HUGE,
				     IOMMU_RW, 2 * OTHER_IOVA);
	return rc;
}

static int do_attach(struct ground *ground)
{
	return rig_attach(&ground->rig);
}

static int undo_attach(struct ground *ground)
{
	return vfio_detach(ground->rig.edu.fd);
}

TEST_F(failnth, attach)
{
	static const struct step step = {
		.command = do_attach, .undo = undo_attach,
	};
	struct ground *ground = &self->ground;

	ASSERT_EQ(0, map_several(ground, ground->rig.ioas));
	EXPECT_WALK(&step, 1);
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_EQ(0, edu_check(&ground->rig.edu, IOVA, ground->mem,
			       SOME_LENGTH));
}

/* A device moves to another IOAS, or stays with all it had. */
static int do_replace(struct ground *ground)
{
	int rc = vfio_attach(ground->rig.edu.fd, ground->other, NULL);

	if (rc && iommu_destroy(ground->rig.fd, ground->rig.ioas) != -EBUSY)
		return -EIO;
	return rc;
}

static int undo_replace(struct ground *ground)
{
	return rig_attach(&ground->rig);
}

TEST_F(failnth, replace)
{
	static const struct step step = {
		.command = do_replace, .undo = undo_replace,
	};
	struct ground *ground = &self->ground;
	char *mem = mem_anon(PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(&ground->rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, map_several(ground, ground->other));
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&step, 1);
	EXPECT_EQ(0, edu_check(&ground->rig.edu, IOVA, mem, SOME_LENGTH));
}

static int do_hwpt_alloc(struct ground *ground)
{
	return iommu_hwpt_alloc(ground->rig.fd, ground->rig.edu.dev_id,
				ground->rig.ioas, 0, &ground->id);
}

TEST_F(failnth, hwpt_alloc)
{
	static const struct step step = {
		.command = do_hwpt_alloc, .undo = undo_alloc,
	};
	struct ground *ground = &self->ground;

	ASSERT_EQ(0, map_several(ground, ground->rig.ioas));
	EXPECT_WALK(&step, 1);
	EXPECT_EQ(0, still_works(ground));
}

static int do_hw_info(struct ground *ground)
{
	char data[64];
	struct iommu_hw_info info = {
		.data_len = sizeof(data),
		.data_uptr = iommu_ptr(data),
	};

	return iommu_get_hw_info(ground->rig.fd, ground->rig.edu.dev_id,
				 &info);
}

TEST_F(failnth, hw_info)
{
	static const struct step step = { .command = do_hw_info };

	EXPECT_WALK(&step, 0);
}

/*
 * Bind opens the device in VFIO, too. That comes after the part of iommufd, and
 * goes through ACPI, which does not survive that it runs out of memory.
 */
static int prepare_bind(struct ground *ground)
{
	ground->fd = vfio_cdev_open(&ground->rig.edu.pci);
	return ground->fd < 0 ? ground->fd : 0;
}

static int do_bind(struct ground *ground)
{
	return vfio_bind(ground->fd, ground->rig.fd, &ground->id);
}

TEST_F(failnth, bind)
{
	static const struct step step = {
		.command = do_bind, .undo = undo_open,
		.prepare = prepare_bind, .last = BIND_ALLOCATIONS,
	};
	struct ground *ground = &self->ground;
	struct vfio_pci pci = ground->rig.edu.pci;

	edu_close(&ground->rig.edu);
	EXPECT_WALK(&step, 1);
	ASSERT_EQ(0, edu_open(&ground->rig.edu, &pci, ground->rig.fd));
	EXPECT_EQ(0, still_works(ground));
}

/* The legacy container --------------------------------------------------- */

static int do_set_container(struct ground *ground)
{
	return vfio_group_set_container(ground->fd, ground->rig.fd);
}

/* The address space that VFIO has made goes with the group. */
static int undo_set_container(struct ground *ground)
{
	uint32_t ioas = 0;
	int rc;

	rc = iommu_vfio_ioas_get(ground->rig.fd, &ioas);
	if (!rc)
		rc = vfio_group_unset_container(ground->fd);
	if (!rc && iommu_destroy(ground->rig.fd, ioas) != -ENOENT)
		rc = -EBUSY;
	return rc;
}

TEST_F(failnth, set_container)
{
	static const struct step step = {
		.command = do_set_container, .undo = undo_set_container,
	};
	struct vfio_pci pci[2];

	ASSERT_EQ(2, edu_find_alone(pci, 2));
	self->ground.fd = vfio_group_open(pci[1].group);
	ASSERT_LE(0, self->ground.fd);
	EXPECT_WALK(&step, 1);
	close(self->ground.fd);
}

static int do_legacy_map(struct ground *ground)
{
	return vfio_dma_map(ground->rig.fd, ground->mem, ground->size, IOVA,
			    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

static int do_legacy_unmap(struct ground *ground)
{
	return vfio_dma_unmap(ground->rig.fd, IOVA, ground->size, 0, NULL);
}

/* Two pages out of the middle, which needs a description of the rest. */
static int do_legacy_cut(struct ground *ground)
{
	uint64_t unmapped = 0;
	int rc;

	rc = vfio_dma_unmap(ground->rig.fd, IOVA + 4 * PAGE, 2 * PAGE, 0,
			    &unmapped);
	if (rc)
		return rc;
	/* The first try may have got as far as this */
	return unmapped == 2 * PAGE ? 0 : -EIO;
}

static int undo_legacy_cut(struct ground *ground)
{
	uint64_t unmapped = 0;
	int rc;

	rc = vfio_dma_unmap(ground->rig.fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL,
			    &unmapped);
	if (rc)
		return rc;
	return unmapped == ground->size - 2 * PAGE ? 0 : -EIO;
}

TEST_F(failnth, legacy_map)
{
	static const struct step map = {
		.command = do_legacy_map, .undo = do_legacy_unmap,
	};
	static const struct step unmap = {
		.command = do_legacy_unmap, .prepare = do_legacy_map,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;

	ground->size = 40 * PAGE;
	ground->mem = mem_scattered(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, iommu_vfio_ioas_set(ground->rig.fd, ground->rig.ioas));
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&map, 1);
	EXPECT_WALK(&unmap, 0);
	EXPECT_EQ(0, still_works(ground));
}

TEST_F(failnth, legacy_cut)
{
	static const struct step cut = {
		.command = do_legacy_cut, .undo = undo_legacy_cut,
		.prepare = do_legacy_map,
	};
	struct ground *ground = &self->ground;

	ground->size = 40 * PAGE;
	ground->mem = mem_anon(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, iommu_vfio_ioas_set(ground->rig.fd, ground->rig.ioas));
	ASSERT_EQ(0, ioctl(ground->rig.fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&cut, 1);
	EXPECT_EQ(0, still_works(ground));
}

static int do_legacy_info(struct ground *ground)
{
	union {
		struct vfio_iommu_type1_info info;
		char bytes[1024];
	} buffer = { .info.argsz = sizeof(buffer) };

	return iommu_cmd(ground->rig.fd, VFIO_IOMMU_GET_INFO, &buffer);
}

TEST_F(failnth, legacy_info)
{
	static const struct step step = { .command = do_legacy_info };

	ASSERT_EQ(0, iommu_vfio_ioas_set(self->ground.rig.fd,
					 self->ground.rig.ioas));
	EXPECT_WALK(&step, 0);
}

/* What may not fail ------------------------------------------------------ */

static int do_unmap(struct ground *ground)
{
	return rig_unmap(&ground->rig, IOVA, ground->size);
}

TEST_F(failnth, unmap)
{
	static const struct step step = {
		.command = do_unmap, .prepare = do_map,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;

	ground->size = 1300 * PAGE;
	ground->mem = mem_scattered(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&step, 0);
}

static int do_detach(struct ground *ground)
{
	return vfio_detach(ground->rig.edu.fd);
}

TEST_F(failnth, detach)
{
	static const struct step step = {
		.command = do_detach, .prepare = do_attach,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;

	ASSERT_EQ(0, map_several(ground, ground->rig.ioas));
	EXPECT_WALK(&step, 0);
}

static int prepare_destroy(struct ground *ground)
{
	int rc = do_ioas_alloc(ground);

	return rc ?: iommu_map_fixed(ground->rig.fd, ground->id, ground->mem,
				     PAGE, IOMMU_RW, IOVA);
}

TEST_F(failnth, destroy)
{
	static const struct step ioas = {
		.command = undo_alloc, .prepare = prepare_destroy,
		.never_fails = true,
	};
	static const struct step hwpt = {
		.command = undo_alloc, .prepare = do_hwpt_alloc,
		.never_fails = true,
	};

	EXPECT_WALK(&ioas, 0);
	ASSERT_EQ(0, map_several(&self->ground, self->ground.rig.ioas));
	EXPECT_WALK(&hwpt, 0);
}

static int prepare_close(struct ground *ground)
{
	uint32_t ioas;
	int rc = do_open(ground);

	if (!rc)
		rc = iommu_ioas_alloc(ground->fd, &ioas);
	return rc ?: iommu_map_fixed(ground->fd, ioas, ground->mem, PAGE,
				     IOMMU_RW, IOVA);
}

TEST_F(failnth, close)
{
	static const struct step iommu = {
		.command = undo_open, .prepare = prepare_close,
		.never_fails = true,
	};

	EXPECT_WALK(&iommu, 0);
}

/* In-kernel users -------------------------------------------------------- */

static int do_access_pin(struct ground *ground)
{
	return access_pin(ground->fd, IOVA, ground->size, ACCESS_WRITE);
}

static int undo_access_pin(struct ground *ground)
{
	return access_unpin(ground->fd, IOVA, ground->size);
}

static int prepare_access(struct ground *ground)
{
	uint32_t id;

	ground->fd = access_open(ground->rig.fd, 0, &id);
	return ground->fd < 0 ? ground->fd : 0;
}

static int do_access_attach(struct ground *ground)
{
	return access_attach(ground->fd, ground->rig.ioas);
}

TEST_F(failnth, access)
{
	static const struct step pin = {
		.command = do_access_pin, .undo = undo_access_pin,
	};
	static const struct step attach = {
		.command = do_access_attach, .undo = undo_open,
		.prepare = prepare_access,
	};
	struct ground *ground = &self->ground;

	NEED_ACCESS;
	ground->size = 600 * PAGE;
	ground->mem = mem_scattered(ground->size);
	ASSERT_NE(NULL, ground->mem);
	ASSERT_EQ(0, rig_map(&ground->rig, ground->mem, ground->size, IOVA));
	EXPECT_WALK(&attach, 0);

	/* Alone, and beside a device that has the memory pinned already */
	ground->fd = access_open_attached(ground->rig.fd, ground->rig.ioas);
	ASSERT_LE(0, ground->fd);
	EXPECT_WALK(&pin, 1);
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&pin, 0);
	close(ground->fd);
}

ACCESS_HARNESS_MAIN
