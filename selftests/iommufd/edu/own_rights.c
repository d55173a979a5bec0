// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory and BARs by their addresses: a device gets no more than the process, and the
 * thread that maps them for it, may do there: by the permissions of the mapping, and by
 * protection keys.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "reason.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define PROT_RW (PROT_READ | PROT_WRITE)

struct place {
	char *va;
	size_t size;
};

static struct place small_page(struct rig *rig)
{
	(void)rig;
	return (struct place) { mem_anon(PAGE), PAGE };
}

static struct place huge_page(struct rig *rig)
{
	(void)rig;
	return (struct place) { mem_thp(MEM_HUGE), MEM_HUGE };
}

static struct place private_hugetlb(struct rig *rig)
{
	(void)rig;
	return (struct place) { mem_hugetlb(MEM_HUGE), MEM_HUGE };
}

/* Where the module looks at the file, not at the CPU's page table. */
static struct place map_untouched(int file)
{
	char *at = mem_reserve_huge(MEM_HUGE);

	if (file < 0 || !at ||
	    mmap(at, MEM_HUGE, PROT_RW, MAP_SHARED | MAP_FIXED, file,
		 0) == MAP_FAILED)
		at = NULL;
	return (struct place) { at, MEM_HUGE };
}

static struct place untouched_memfd(struct rig *rig)
{
	(void)rig;
	return map_untouched(mem_memfd(MEM_HUGE, 0));
}

static struct place untouched_hugetlb(struct rig *rig)
{
	(void)rig;
	return map_untouched(mem_memfd_hugetlb(MEM_HUGE));
}

static struct place memfd(struct rig *rig)
{
	struct place place = untouched_memfd(rig);

	if (place.va)
		memset(place.va, 1, place.size);
	return place;
}

/* One that is in the CPU's page table. */
static struct place bar(struct rig *rig)
{
	(void)edu_reg_read(&rig->edu, EDU_REG_ID);
	return (struct place) { rig->edu.regs, PAGE };
}

static struct place untouched_bar(struct rig *rig)
{
	size_t length;

	return (struct place) { vfio_map_bar(rig->edu.fd, 0, &length), PAGE };
}

FIXTURE(own_rights)
{
	struct rig rig;
	struct place place;
};

FIXTURE_VARIANT(own_rights)
{
	struct place (*make)(struct rig *rig);
};

FIXTURE_VARIANT_ADD(own_rights, small_page) { .make = small_page };
FIXTURE_VARIANT_ADD(own_rights, huge_page) { .make = huge_page };
FIXTURE_VARIANT_ADD(own_rights, private_hugetlb) { .make = private_hugetlb };
FIXTURE_VARIANT_ADD(own_rights, memfd) { .make = memfd };
FIXTURE_VARIANT_ADD(own_rights, untouched_memfd) { .make = untouched_memfd };
FIXTURE_VARIANT_ADD(own_rights, untouched_hugetlb) {
	.make = untouched_hugetlb,
};
FIXTURE_VARIANT_ADD(own_rights, bar) { .make = bar };
FIXTURE_VARIANT_ADD(own_rights, untouched_bar) { .make = untouched_bar };

FIXTURE_SETUP(own_rights)
{
	self->rig.fd = -1;
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->place = variant->make(&self->rig);
	if (!self->place.va)
		SKIP(return, "no huge pages");
}

FIXTURE_TEARDOWN(own_rights)
{
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

static int map(FIXTURE_DATA(own_rights) *self, uint32_t prot)
{
	return iommu_map_fixed(self->rig.fd, self->rig.ioas, self->place.va,
			       self->place.size, prot, AT);
}

static int map_and_unmap(FIXTURE_DATA(own_rights) *self, uint32_t prot)
{
	return map(self, prot) ?:
	       rig_unmap(&self->rig, AT, self->place.size);
}

#define EXPECT_SAYS(part)						\
	EXPECT_TRUE(reason_explains(self->rig.fd, EFAULT, part))

TEST_F(own_rights, no_permissions)
{
	ASSERT_EQ(0, mprotect(self->place.va, self->place.size, PROT_NONE));
	EXPECT_EQ(-EFAULT, map(self, IOMMU_R));
	EXPECT_SAYS("is not readable");
	EXPECT_EQ(-EFAULT, map(self, IOMMU_RW));
	EXPECT_SAYS("is mapped read-only");
	ASSERT_EQ(0, mprotect(self->place.va, self->place.size, PROT_RW));
	EXPECT_EQ(0, map_and_unmap(self, IOMMU_RW));
}

TEST_F(own_rights, only_to_be_read)
{
	ASSERT_EQ(0, mprotect(self->place.va, self->place.size, PROT_READ));
	EXPECT_EQ(-EFAULT, map(self, IOMMU_RW));
	EXPECT_SAYS("is mapped read-only");
	EXPECT_EQ(0, map_and_unmap(self, IOMMU_R));
}

/* Returns a key that the thread may not use like that, or -1 if there are none. */
static int protect(FIXTURE_DATA(own_rights) *self, unsigned int rights)
{
	int key = pkey_alloc(0, rights);

	if (key < 0)
		return -1;
	return pkey_mprotect(self->place.va, self->place.size, PROT_RW, key) ?
	       -1 : key;
}

TEST_F(own_rights, key_without_access)
{
	int key = protect(self, PKEY_DISABLE_ACCESS);

	if (key < 0)
		SKIP(return, "no protection keys");
	EXPECT_EQ(-EFAULT, map(self, IOMMU_R));
	EXPECT_SAYS("protection key");
	EXPECT_EQ(-EFAULT, map(self, IOMMU_RW));
	EXPECT_SAYS("protection key");
	/* The same thread, once it may */
	ASSERT_EQ(0, pkey_set(key, 0));
	EXPECT_EQ(0, map_and_unmap(self, IOMMU_RW));
}

TEST_F(own_rights, key_only_to_read)
{
	if (protect(self, PKEY_DISABLE_WRITE) < 0)
		SKIP(return, "no protection keys");
	EXPECT_EQ(-EFAULT, map(self, IOMMU_RW));
	EXPECT_SAYS("protection key");
	EXPECT_EQ(0, map_and_unmap(self, IOMMU_R));
}

TEST_HARNESS_MAIN
