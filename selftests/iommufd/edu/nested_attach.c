// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting: what devices are attached to, and when the memory of the parent is
 * pinned for them; who pays; and what else uses a child.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "nested.h"

#define MSI_WINDOW 0xfee00000UL
#define USER 1234
#define MOVE(ioas) rig_move(self->rig.edu.fd, ioas)

/* Life and death ----------------------------------------------------------- */

TEST_F(nested, destroy)
{
	int fd = self->rig.fd;
	uint32_t id;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->rig.ioas));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->child));
	/* It has users */
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->grand));
	close(self->grand_acc);
	self->grand_acc = -1;
	ASSERT_EQ(0, ATTACH(self->grand));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->grand));
	ASSERT_EQ(0, DETACH());

	/* With mappings: they go with it */
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	EXPECT_EQ(0, iommu_destroy(fd, self->grand));
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, self->grand, &id));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->child));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->rig.ioas));
	close(self->acc);
	self->acc = -1;
	EXPECT_EQ(0, iommu_destroy(fd, self->child));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(0, iommu_destroy(fd, self->rig.ioas));
}

TEST_F(nested, depth_limit)
{
	uint64_t most = iommu_extension(self->rig.fd, IOASID_EXT_NESTED);
	uint32_t id[65], deep = self->rig.ioas, other;
	unsigned int i;
	int acc;

	ASSERT_LE(most, 64);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	for (i = 0; i < most; i++) {
		ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, deep, &id[i])) {
			TH_LOG("depth %u", i + 1);
		}
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i],
					PARENT + (i ? 0 : 3) * PAGE, 4 * PAGE,
					IOMMU_RW, PARENT));
		deep = id[i];
	}
	EXPECT_EQ(-EOVERFLOW, iommu_alloc_nested(self->rig.fd, deep, &other));
	acc = access_open_attached(self->rig.fd, deep);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, ATTACH(deep));
	EXPECT_EQ(0, SAME(acc, PARENT, 3, 4));
	EXPECT_DMA(PARENT + PAGE, 4);
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(-ENOENT, SAME(acc, PARENT, 3, 1));
	EXPECT_NO_DMA(PARENT + PAGE, 4);
	close(acc);
	ASSERT_EQ(0, DETACH());
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, id[0]));
	while (i--)
		EXPECT_EQ(0, iommu_destroy(self->rig.fd, id[i]));
}

/* Everything at once, in whatever order the kernel finds it. */
TEST_F(nested, close_with_everything)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	ASSERT_EQ(0, ATTACH(self->grand));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, 8 * PAGE, 0));
	EXPECT_PINNED(NPAGES);
	close(self->rig.fd);
	self->rig.fd = -1;
	EXPECT_DMA(GRAND + PAGE, 1);
	/* The teardown closes the rest and looks what is left */
}

/* Attaching ---------------------------------------------------------------- */

TEST_F(nested, attach_in_any_order)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	EXPECT_PINNED(0);

	/* The device comes after the one and before the other */
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(CHILD + PAGE, 1);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 4 * PAGE, CHILD + 8 * PAGE));
	EXPECT_DMA(CHILD + 9 * PAGE, 9);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
	EXPECT_NO_DMA(CHILD + PAGE, 1);

	/* Unmapped while nobody is attached */
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      4 * PAGE, NULL));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_NO_DMA(CHILD + PAGE, 1);
	EXPECT_DMA(CHILD + 9 * PAGE, 9);
}

/*
 * A mapping of the parent is pinned by the first child that needs a page of it for
 * a device, and stays while any child has a page table, or until it goes.
 */
TEST_F(nested, pinned_while_a_child_has_a_table)
{
	const unsigned int half = NPAGES / 2;
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, MAP_PARENT(0, half, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(half, half, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + half * PAGE, PAGE, CHILD + PAGE));
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD, PAGE,
				      NULL));
	EXPECT_PINNED(0);

	/* The one that is left counts when the table comes, the other later */
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_PINNED(half);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 3 * PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(CHILD, 3);
	EXPECT_EQ(2 * PAGE, TAKE_ALL(self->child));
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 4 * PAGE, 2 * PAGE, CHILD));
	EXPECT_DMA(CHILD + PAGE, 5);

	/* A second child's table, below the first's */
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, vfio_attach(second.fd, self->grand, NULL));
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, MAP_GRAND(CHILD + PAGE, PAGE, GRAND));
	EXPECT_EQ(0, edu_check(&second, GRAND, self->buf + 5 * PAGE, SOME));

	/* Gone with the mapping, and what is left with the table */
	ASSERT_EQ(0, UNMAP_PARENT(0, half));
	EXPECT_PINNED(half);
	EXPECT_EQ(0, edu_can_write(&second, GRAND, self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, vfio_detach(second.fd));
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* A parent's own table comes and goes while a child has one. */
TEST_F(nested, pinned_by_parent_and_child)
{
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_attach(second.fd, self->child, NULL));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + PAGE, SOME));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_detach(second.fd));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(PARENT + PAGE, 1);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* The same address means something else in each generation. */
TEST_F(nested, replace)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 10 * PAGE, 4 * PAGE, PARENT));
	ASSERT_EQ(0, MAP_GRAND(PARENT + 2 * PAGE, 2 * PAGE, PARENT));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	EXPECT_DMA(PARENT, 0);
	ASSERT_EQ(0, MOVE(self->child));
	EXPECT_DMA(PARENT, 10);
	ASSERT_EQ(0, MOVE(self->grand));
	EXPECT_DMA(PARENT, 12);
	ASSERT_EQ(0, MOVE(self->rig.ioas));
	EXPECT_DMA(PARENT, 0);
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
}

/* A page table of its own for a child, and one with small entries. */
TEST_F(nested, hwpt)
{
	uint32_t hwpt;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, PAGE, CHILD));
	ASSERT_EQ(0, iommu_option_set(self->rig.fd, IOMMU_OPTION_HUGE_PAGES,
				      self->child, 0));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->rig.fd, self->rig.edu.dev_id,
				      self->child, 0, &hwpt));
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, self->child));
	ASSERT_EQ(0, ATTACH(hwpt));
	EXPECT_DMA(CHILD, 1);
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_NO_DMA(CHILD, 1);
	ASSERT_EQ(0, DETACH());
	ASSERT_EQ(0, iommu_destroy(self->rig.fd, hwpt));
}

/* A child has the limits of its own devices, not those of its parent's. */
TEST_F(nested, reserved_ranges)
{
	struct iommu_iova_range ranges[16];
	uint32_t nr = ARRAY_SIZE(ranges);

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, MSI_WINDOW));
	EXPECT_EQ(-EADDRINUSE, ATTACH(self->child));
	EXPECT_EQ(PAGE, TAKE_ALL(self->child));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT, PAGE, MSI_WINDOW));
	ASSERT_EQ(0, iommu_iova_ranges(self->rig.fd, self->child, ranges, &nr,
				       NULL));
	EXPECT_LT(1, nr);
	/* The parent is not touched by it */
	nr = ARRAY_SIZE(ranges);
	ASSERT_EQ(0, iommu_iova_ranges(self->rig.fd, self->rig.ioas, ranges,
				       &nr, NULL));
	EXPECT_EQ(1, nr);
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, MSI_WINDOW));
	ASSERT_EQ(0, MAP_CHILD(MSI_WINDOW, PAGE, CHILD));
	EXPECT_DMA(CHILD, 0);
}

/* Who pays ----------------------------------------------------------------- */

struct payer {
	struct rig *rig;
	uint32_t child;
	uint32_t grand;
};

/* The limit is what the parent takes: the children take nothing. */
static void map_with_limit(void *arg)
{
	struct payer *p = arg;
	char *buf = mem_anon(BUF);
	struct edu second;
	struct vfio_pci pci[2];
	bool two = edu_find_alone(pci, 2) == 2;
	int fd = p->rig->fd;

	if (two)
		CHILD_EQ(0, edu_open(&second, &pci[1], fd));
	CHILD_EQ(0, mem_become_user(USER, BUF));
	CHILD_EQ(0, rig_attach(p->rig));
	CHILD_EQ(0, rig_map(p->rig, buf, BUF, PARENT));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, map_nested(fd, p->child, PARENT, BUF, IOMMU_RW, CHILD));
	CHILD_EQ(0, map_nested(fd, p->child, PARENT, BUF, IOMMU_RW,
			       CHILD + BUF));
	CHILD_EQ(0, map_nested(fd, p->grand, CHILD, 2 * BUF, IOMMU_RW, GRAND));
	/* Each of them is in a page table of its own */
	if (two)
		CHILD_EQ(0, vfio_attach(second.fd, p->grand, NULL));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(-ENOMEM, rig_map(p->rig, buf, PAGE, GRAND));
	CHILD_EQ(0, rig_move(p->rig->edu.fd, p->child));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, edu_check(&p->rig->edu, CHILD + BUF, buf, SOME));
	if (two) {
		CHILD_EQ(0, edu_check(&second, GRAND + BUF, buf, SOME));
		edu_close(&second);
	}
}

TEST_F(nested, limit_of_locked_memory)
{
	struct payer p = { &self->rig, self->child, self->grand };

	EXPECT_EQ(0, child_run(map_with_limit, &p));
	ASSERT_EQ(0, DETACH());
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Another process may map into a child: it is no memory of its own. */
static void map_from_elsewhere(void *arg)
{
	struct payer *p = arg;

	CHILD_EQ(0, mem_become_user(USER, 0));
	CHILD_EQ(0, map_nested(p->rig->fd, p->child, PARENT, BUF, IOMMU_RW,
			       CHILD));
	CHILD_EQ(0, mem_vm_pin(0));
}

TEST_F(nested, another_process)
{
	struct payer p = { &self->rig, self->child, self->grand };

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, MOVE(self->child));
	ASSERT_EQ(0, child_run(map_from_elsewhere, &p));
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, SAME(self->acc, CHILD, 0, NPAGES));
	EXPECT_DMA(CHILD + 5 * PAGE, 5);
}

/* Taken over by another process: counted once, however often it is mapped. */
static void take_over(void *arg)
{
	struct payer *p = arg;

	CHILD_EQ(0, iommu_change_process(p->rig->fd));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
}

TEST_F(nested, change_process)
{
	struct payer p = { &self->rig, self->child, self->grand };
	int file = mem_memfd(BUF, 0);
	char *va;

	if (!iommu_has_cmd(self->rig.fd, IOMMU_IOAS_CHANGE_PROCESS))
		SKIP(return, "no IOMMU_IOAS_CHANGE_PROCESS in this module");
	ASSERT_LE(0, file);
	va = mem_map_file(file, 0, BUF);
	ASSERT_NE(NULL, va);
	ASSERT_EQ(0, iommu_map_file_fixed(self->rig.fd, self->rig.ioas, file,
					  0, BUF, IOMMU_RW, PARENT));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD + BUF));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	ASSERT_EQ(0, child_run(take_over, &p));
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(0, edu_check(&self->rig.edu, CHILD + BUF + PAGE, va + PAGE,
			       SOME));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	close(file);
}

/* Other users of it -------------------------------------------------------- */

/* Through the commands of the legacy container. */
TEST_F(nested, legacy_map)
{
	uint64_t bytes = 0;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->rig.fd, self->child));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, vfio_dma_map(self->rig.fd, (void *)(PARENT + 4 * PAGE),
				  4 * PAGE, CHILD,
				  VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 4, 4));
	EXPECT_DMA(CHILD, 4);
	EXPECT_EQ(-EFAULT, vfio_dma_map(self->rig.fd, self->buf, PAGE, GRAND,
					VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, vfio_dma_unmap(self->rig.fd, CHILD, 4 * PAGE, 0, &bytes));
	EXPECT_EQ(4 * PAGE, bytes);
	EXPECT_NO_DMA(CHILD, 4);
}

/* Two devices in two generations, each with its own view of the memory. */
TEST_F(nested, two_devices)
{
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_attach(second.fd, self->child, NULL));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 5 * PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(PARENT + 5 * PAGE, 5);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + 5 * PAGE, SOME));
	EXPECT_NO_DMA(CHILD, 5);
	EXPECT_EQ(0, edu_can_write(&second, PARENT + 5 * PAGE,
				   self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(0, edu_can_write(&second, CHILD, self->buf + 5 * PAGE,
				   SOME));
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* A BAR seen through a child is taken from it as well when its device goes. */
TEST_F(nested, bar)
{
	struct vfio_pci pci[2];
	struct edu second;
	uint32_t value = 0x12345678;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->grand));
	ASSERT_EQ(0, rig_map(&self->rig, second.regs, PAGE, GRAND));
	ASSERT_EQ(0, MAP_CHILD(GRAND, PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, PARENT));
	ASSERT_EQ(0, MAP_GRAND(PARENT, PAGE, PARENT));
	memcpy(self->buf, &value, 4);
	ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
			      CHILD + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(~value, edu_reg_read(&second, EDU_REG_LIVENESS));

	edu_close(&second);
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	edu_reg_write(&second, EDU_REG_LIVENESS, 0);
	ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
			      CHILD + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(~0U, edu_reg_read(&second, EDU_REG_LIVENESS));
	/* Nor by a new mapping of the child's */
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD, PAGE,
				      NULL));
	if (!MAP_CHILD(GRAND, PAGE, CHILD) && !MAP_GRAND(CHILD, PAGE, CHILD)) {
		ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
				      CHILD + EDU_REG_LIVENESS, 4));
		EXPECT_EQ(~0U, edu_reg_read(&second, EDU_REG_LIVENESS));
	}
	EXPECT_DMA(PARENT, 0);
	edu_close(&second);
}

ACCESS_HARNESS_MAIN
