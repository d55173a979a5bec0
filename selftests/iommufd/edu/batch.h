/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Batches of map and unmap, once with a device and once without: what is in the entries,
 * what is mapped, what the device sees.
 */
#ifndef SELFTESTS_BATCH_H
#define SELFTESTS_BATCH_H

#include <string.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 1024UL
#define BUF (NPAGES * PAGE)
#define AT 0x40000000UL
#define OTHER_AT 0x80000000UL
/* Has what no result is: to see what has not been written */
#define UNTOUCHED 0x5a5a

typedef struct ioasid_batch_entry entry_t;

FIXTURE(batch)
{
	struct rig rig;
	/* Of what is mapped: to look whether it is */
	uint32_t scratch;
	char *buf;
	entry_t *e;
	long pinned;
};

FIXTURE_VARIANT(batch)
{
	bool device;
};

FIXTURE_VARIANT_ADD(batch, alone) { .device = false };
FIXTURE_VARIANT_ADD(batch, device) { .device = true };

static inline int open_without_device(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->edu.fd = -1;
	rig->pinned = mem_pinned();
	rig->fd = iommu_open();
	if (rig->fd < 0)
		return rig->fd;
	return iommu_ioas_alloc(rig->fd, &rig->ioas);
}

FIXTURE_SETUP(batch)
{
	int rc;

	rc = variant->device ? rig_open(&self->rig) ?: rig_attach(&self->rig) :
			       open_without_device(&self->rig);
	if (rc == -ENODEV)
		SKIP(return, "no device");
	ASSERT_EQ(0, rc);
	if (!iommu_has_cmd(self->rig.fd, IOASID_MAP_BATCH))
		SKIP(return, "no IOASID_MAP_BATCH in this module");
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &self->scratch));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	mem_fill(self->buf, BUF, 1);
	self->e = mem_anon(NPAGES * sizeof(*self->e));
	ASSERT_NE(NULL, self->e);
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(batch)
{
	uint64_t left = 0;

	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas,
					     &left));
		EXPECT_EQ(0, left % PAGE);
		EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	}
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static inline entry_t map_entry(const void *va, uint64_t iova, uint64_t length)
{
	return (entry_t) {
		.src = iommu_ptr(va),
		.iova = iova,
		.length = length,
		.flags = IOMMU_RW | IOMMU_FIXED,
		.error = UNTOUCHED,
	};
}

static inline entry_t unmap_entry(uint64_t iova, uint64_t length)
{
	return (entry_t) {
		.iova = iova,
		.length = length,
		.error = UNTOUCHED,
	};
}

/* Page @i of the buffer at page @i behind an IOVA, in an entry each. */
static inline void fill_pages(entry_t *e, unsigned int n, const char *buf,
			      uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		e[i] = map_entry(buf + i * PAGE, iova + i * PAGE, PAGE);
}

static inline void fill_unmaps(entry_t *e, unsigned int n, uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		e[i] = unmap_entry(iova + i * PAGE, PAGE);
}

/* How many entries from the first on say that they have been done. */
static inline unsigned int count_done(const entry_t *e, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && !e[i].error; i++)
		;
	return i;
}

static inline bool is_mapped(int fd, uint32_t ioas, uint32_t scratch,
			     uint64_t iova, uint64_t length)
{
	uint64_t at;
	int rc = iommu_ioas_copy(fd, scratch, ioas, iova, length, IOMMU_R,
				 &at);

	return !rc && !iommu_unmap_all(fd, scratch, NULL);
}

#define MAP_BATCH(n, done)						\
	iommu_map_batch(self->rig.fd, self->rig.ioas, self->e, n, done)
#define UNMAP_BATCH(n, done)						\
	iommu_unmap_batch(self->rig.fd, self->rig.ioas, self->e, n, done)
#define IS_MAPPED(iova, length)						\
	is_mapped(self->rig.fd, self->rig.ioas, self->scratch, iova, length)
#define UNMAP(iova, length)						\
	rig_unmap(&self->rig, iova, length)
#define UNMAP_ALL(bytes)						\
	iommu_unmap_all(self->rig.fd, self->rig.ioas, bytes)

/* The device, if there is one, sees what is mapped there. */
#define EXPECT_DMA(iova, va, length)					\
	do {								\
		if (variant->device)					\
			EXPECT_EQ(0, edu_check(&self->rig.edu, iova, va, \
					       length));		\
	} while (0)

#define EXPECT_NO_DMA(iova, va)						\
	do {								\
		if (variant->device)					\
			EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova, \
						   va, 64));		\
	} while (0)

/* As many pages are pinned as the device has, none without one. */
#define EXPECT_PINNED(npages)						\
	do {								\
		const long want = variant->device ? (npages) : 0;	\
									\
		EXPECT_EQ(self->pinned + want,				\
			  mem_wait_pinned(self->pinned + want));	\
		EXPECT_EQ(want, mem_vm_pin(0));				\
	} while (0)

#endif
