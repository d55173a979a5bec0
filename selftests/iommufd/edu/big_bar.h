/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device with a BAR of gigabytes, which the CPU maps by large entries: ivshmem, whose
 * BAR is memory, so that it can be seen what has been written. selftests/check has the
 * arguments for one.
 */
#ifndef SELFTESTS_BIG_BAR_H
#define SELFTESTS_BIG_BAR_H

#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "file.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "vfio.h"

#define PAGE 4096UL
#define GIB (1UL << 30)
#define AT 0x40000000UL
#define SOME_LENGTH 256UL
#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define BAR 2

/*
 * VFIO has the whole BAR in the kernel's address space as soon as it is mmap()ed, and KASAN
 * a shadow for that, of an eighth: of 2 GiB a quarter of a minute for each test. So on the
 * debug kernel the BAR is smaller, and it has those tests that take other ways through the
 * code, not those that take the same elsewhere.
 */
#define SKIP_ON_DEBUG							\
	do {								\
		if (mem_debug_kernel())					\
			SKIP(return, "KASAN's shadow of the BAR takes long"); \
	} while (0)

/* Have vfio-pci drive what nobody drives yet. */
static inline void bind(void)
{
	file_write("/sys/bus/pci/drivers/vfio-pci/new_id", "1af4 1110");
}

FIXTURE(big_bar)
{
	struct rig rig;
	int device;
	struct vfio_region_info bar;
};

FIXTURE_SETUP(big_bar)
{
	struct vfio_pci pci;
	uint32_t id;

	self->rig.fd = -1;
	self->rig.edu.fd = -1;
	self->device = -1;
	bind();
	if (vfio_find(IVSHMEM_VENDOR, IVSHMEM_DEVICE, &pci, 1) < 1)
		SKIP(return, "no ivshmem device");
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->device = vfio_cdev_open(&pci);
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, vfio_bind(self->device, self->rig.fd, &id));
	ASSERT_EQ(0, vfio_enable_dma(self->device, true));
	ASSERT_EQ(0, vfio_region_info(self->device, BAR, &self->bar));
	ASSERT_LE(mem_debug_kernel() ? GIB / 2 : 2 * GIB, self->bar.size);
}

FIXTURE_TEARDOWN(big_bar)
{
	if (self->device >= 0)
		close(self->device);
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

/* The BAR from @from on, at an address @off bytes behind one of whole gigabytes. */
static inline char *map_part(struct _test_data_big_bar *self, size_t from,
			     size_t off, size_t size)
{
	char *all = mem_reserve(size + 2 * GIB), *at;

	if (!all)
		return NULL;
	at = (char *)(((uintptr_t)all + GIB - 1) & ~(GIB - 1)) + off;
	at = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		  self->device, self->bar.offset + from);
	return at == MAP_FAILED ? NULL : at;
}

static inline char *map_bar(struct _test_data_big_bar *self, size_t off,
			    size_t size)
{
	return map_part(self, 0, off, size);
}

#endif
