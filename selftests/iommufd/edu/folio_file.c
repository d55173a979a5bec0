// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages of files: the same pages twice, holes, holes that are punched meanwhile,
 * mappings side by side, private ones, read-only ones.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "folio.h"
#include "iommu.h"

/**
 * struct subject - a file that is to be seen
 * @seer: who sees it
 * @size: bytes
 * @file: its descriptor
 * @va: the mapping that the module gets
 * @shadow: another one to look from
 * @reserved: huge pages of the pool that were promised to somebody before
 */
struct subject {
	struct seer seer;
	size_t size;
	int file;
	char *va;
	char *shadow;
	long reserved;
};

/* A mapping that the CPU can use huge pages for, untouched. */
static char *map_file(int fd, size_t size, int prot, int flags)
{
	char *at = reserve_huge(size);

	return at ? map_at(at, size, prot, flags, fd, 0) : NULL;
}

static int subject_open(struct subject *subject, enum file_kind kind)
{
	int rc = seer_open(&subject->seer);

	if (rc)
		return rc;
	subject->size = 4 * MEM_HUGE;
	subject->reserved = mem_info("HugePages_Rsvd");
	subject->file = file_of_kind(kind, subject->size);
	if (subject->file < 0)
		return subject->file;
	subject->va = map_file(subject->file, subject->size, PROT_RW,
			       MAP_SHARED);
	subject->shadow = map_file(subject->file, subject->size, PROT_RW,
				   MAP_SHARED);
	return subject->va && subject->shadow ? 0 : -ENOMEM;
}

/* Nobody has the file any more, except the module. */
static void subject_forget(struct subject *subject)
{
	if (subject->file < 0)
		return;
	munmap(subject->va, subject->size);
	munmap(subject->shadow, subject->size);
	close(subject->file);
	subject->file = -1;
}

/* Returns what has been left behind: pins, or promises of the pool. */
static long subject_close(struct subject *subject)
{
	long left = seer_close(&subject->seer);

	if (subject->file < 0)
		return left;
	subject_forget(subject);
	return left ?: mem_info("HugePages_Rsvd") - subject->reserved;
}

/* What there was to be seen has been written: is it as it should be? */
#define NEED_HUGE(subject)						\
	do {								\
		if (variant->kind == LARGE &&				\
		    !is_huge((subject)->shadow, (subject)->size))	\
			SKIP(return, "the kernel gave no huge pages");	\
	} while (0)

#define SETUP(subject)							\
	do {								\
		int rc;							\
									\
		(subject)->file = (subject)->seer.acc = -1;		\
		NEED_ACCESS;						\
		rc = subject_open(subject, variant->kind);		\
		if (rc == -ENOMEM && variant->kind == HUGETLB)		\
			SKIP(return, "too few free hugetlb pages");	\
		ASSERT_EQ(0, rc);					\
	} while (0)

/* A file as it is mapped, in one way or the other. */
FIXTURE(file)
{
	struct subject subject;
};

FIXTURE_VARIANT(file)
{
	enum file_kind kind;
	bool by_file;
};

FIXTURE_VARIANT_ADD(file, small) { .kind = SMALL };
FIXTURE_VARIANT_ADD(file, large) { .kind = LARGE };
FIXTURE_VARIANT_ADD(file, hugetlb) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(file, large_by_file) { .kind = LARGE, .by_file = true };
FIXTURE_VARIANT_ADD(file, hugetlb_by_file) {
	.kind = HUGETLB, .by_file = true,
};

FIXTURE_SETUP(file)
{
	SETUP(&self->subject);
	if (variant->by_file &&
	    !iommu_has_cmd(self->subject.seer.rig.fd, IOMMU_IOAS_MAP_FILE))
		SKIP(return, "no IOMMU_IOAS_MAP_FILE in this module");
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, subject_close(&self->subject));
	EXPECT_EQ(0, mem_vm_pin(0));
}

#define file_map(offset, length, iova)					\
	(variant->by_file ?						\
	 iommu_map_file_fixed(rig->fd, rig->ioas, s->file, offset,	\
			      length, IOMMU_RW, iova) :			\
	 rig_map(rig, s->va + (offset), length, iova))

/*
 * Holes: a huge page that nobody touched, one that was written, one of which
 * only two pages were, and another hole. The module fills them.
 */
TEST_F(file, holes)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char *shadow = s->shadow;

	mem_fill(shadow + MEM_HUGE, MEM_HUGE, 1);
	mem_fill(shadow + 2 * MEM_HUGE + 300 * PAGE - 8, PAGE, 2);
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, s->va, 4 * LEAF);
	EXPECT_EQ(-1, mem_check(s->va + MEM_HUGE, MEM_HUGE, 1));
	EXPECT_EQ(-1, mem_check(s->va + 2 * MEM_HUGE + 300 * PAGE - 8,
				PAGE, 2));
	EXPECT_EQ(0, s->va[300 * PAGE]);
	EXPECT_SEAM(&s->seer, IOVA, shadow, LEAF);
	EXPECT_SEAM(&s->seer, IOVA, s->va, 2 * LEAF + 300);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 3 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

/* Two pieces in the middle of huge pages, one over a seam; and a whole one. */
static int punch_holes(enum file_kind kind, int fd)
{
	if (kind == HUGETLB)
		return punch(fd, LEAF, LEAF);
	return punch(fd, 3, 6) ?: punch(fd, LEAF - 4, 10) ?:
	       punch(fd, 2 * LEAF, LEAF);
}

TEST_F(file, holes_punched)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char *shadow = s->shadow;

	mem_fill(shadow, s->size, 1);
	NEED_HUGE(s);
	ASSERT_EQ(0, punch_holes(variant->kind, s->file));
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, s->va, 4 * LEAF);
	EXPECT_EQ(-1, mem_check(s->va, 3 * PAGE, 1));
	EXPECT_EQ(0, s->va[(variant->kind == HUGETLB ? LEAF : 3) * PAGE]);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 9);
	EXPECT_SEAM(&s->seer, IOVA, s->va, LEAF);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

/* Whether a write of the device shows depends on who has the page by now. */
#define EXPECT_FOLLOWS(page)						\
	do {								\
		char *at = s->va + (page) * PAGE;			\
									\
		look_at(at, 1);						\
		EXPECT_EQ(mem_pfn(at) == pfns[page],			\
			  device_writes(&s->seer, IOVA + (page) * PAGE, \
					at, 100));			\
	} while (0)

/*
 * A hole is punched, or the file cut off, while a device has the memory. It
 * keeps what it has; whoever maps the file again gets what is there now.
 */
TEST_F(file, holes_punched_while_mapped)
{
	static uint64_t pfns[MAX_PAGES], now[MAX_PAGES];
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;

	mem_fill(s->shadow, s->size, 1);
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	ASSERT_EQ(0, access_pin_pfns(s->seer.acc, IOVA, s->size, 0,
				     pfns));
	ASSERT_EQ(0, access_unpin(s->seer.acc, IOVA, s->size));
	ASSERT_EQ(0, punch_holes(variant->kind, s->file));
	ASSERT_EQ(0, ftruncate(s->file, 3 * MEM_HUGE));
	ASSERT_EQ(0, ftruncate(s->file, s->size));
	if (variant->kind == LARGE)
		disturb(s->va, s->size);

	ASSERT_EQ(0, file_map(0, s->size, OTHER_IOVA));
	EXPECT_RIGHT(&s->seer, OTHER_IOVA, s->va, 4 * LEAF);
	ASSERT_EQ(0, access_pin_pfns(s->seer.acc, IOVA, s->size, 0,
				     now));
	ASSERT_EQ(0, access_unpin(s->seer.acc, IOVA, s->size));
	EXPECT_EQ(0, memcmp(pfns, now, sizeof(pfns)));
	EXPECT_FOLLOWS(4);
	EXPECT_FOLLOWS(2 * LEAF + 7);
	EXPECT_FOLLOWS(3 * LEAF + 7);

	/* One of the two may be gone: the other must not notice */
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_RIGHT(&s->seer, OTHER_IOVA, s->va, 4 * LEAF);
	EXPECT_SEAM(&s->seer, OTHER_IOVA, s->va, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

/* As anon.parts: a folio of the file is shared by several mappings. */
TEST_F(file, parts)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	unsigned int i, j;

	NEED_HUGE(s);
	for (i = 0; i < PARTS; i++) {
		mem_fill(s->shadow + cut[i] * PAGE, part_pages(i) * PAGE,
			 i);
		ASSERT_EQ(0, file_map(cut[i] * PAGE, part_pages(i) * PAGE,
				      part_at(i)));
		EXPECT_RIGHT(&s->seer, part_at(i), s->va + cut[i] * PAGE,
			     part_pages(i));
	}
	/* Nobody has the file any more but the device */
	subject_forget(s);
	if (variant->kind == LARGE && !variant->by_file)
		disturb(NULL, 0);
	for (i = 0; i < PARTS; i++) {
		for (j = i; j < PARTS; j++) {
			EXPECT_TRUE(part_is_right(&s->seer, cut_order[j])) {
				TH_LOG("part %u after %u", cut_order[j], i);
			}
		}
		if (i % 2) {
			EXPECT_TRUE(part_takes_writes(&s->seer,
						      cut_order[PARTS - 1]));
		}
		ASSERT_EQ(0, rig_unmap(rig, part_at(cut_order[i]),
				       part_pages(cut_order[i]) * PAGE));
	}
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(s->reserved, mem_info("HugePages_Rsvd"));
}

/* What the addresses of a file can look like. */
FIXTURE(view)
{
	struct subject subject;
};

FIXTURE_VARIANT(view)
{
	enum file_kind kind;
};

FIXTURE_VARIANT_ADD(view, small) { .kind = SMALL };
FIXTURE_VARIANT_ADD(view, large) { .kind = LARGE };
FIXTURE_VARIANT_ADD(view, hugetlb) { .kind = HUGETLB };

FIXTURE_SETUP(view)
{
	SETUP(&self->subject);
}

FIXTURE_TEARDOWN(view)
{
	EXPECT_EQ(0, subject_close(&self->subject));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/*
 * The same pages of a file three times side by side, so that a map meets a
 * folio again that it has just pinned.
 */
TEST_F(view, side_by_side)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	size_t half = variant->kind == HUGETLB ? MEM_HUGE : MEM_HUGE / 2;
	char *va = s->va;

	mem_fill(s->shadow, s->size, 1);
	NEED_HUGE(s);
	ASSERT_NE(NULL, map_at(va + MEM_HUGE, MEM_HUGE, PROT_RW, MAP_SHARED,
			       s->file, 0));
	ASSERT_NE(NULL, map_at(va + 2 * MEM_HUGE, half, PROT_RW, MAP_SHARED,
			       s->file, MEM_HUGE - half));
	ASSERT_EQ(0, rig_map(rig, va, 3 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 3 * LEAF);
	EXPECT_EQ(-1, mem_check(va + MEM_HUGE, MEM_HUGE, 1));

	/* Through the one, seen through the others */
	EXPECT_SEAM(&s->seer, IOVA, va + MEM_HUGE, 100);
	EXPECT_SEAM(&s->seer, IOVA + 2 * MEM_HUGE, va + MEM_HUGE - half, 100);
	EXPECT_SEAM(&s->seer, IOVA, va, LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 3 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
}

/*
 * A private mapping: the pages that were written are copies, the others become
 * copies when they are pinned. The file stays as it was.
 */
TEST_F(view, private)
{
	static const size_t written[] = { 0, 7, 300, LEAF, LEAF + 1, 1000 };
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	unsigned int i;
	char *va;

	mem_fill(s->shadow, 2 * MEM_HUGE, 1);
	va = map_file(s->file, 2 * MEM_HUGE, PROT_RW, MAP_PRIVATE);
	ASSERT_NE(NULL, va);
	for (i = 0; i < ARRAY_SIZE(written); i++)
		mem_fill(va + written[i] * PAGE, PAGE, 100 + i);
	ASSERT_EQ(0, rig_map(rig, va, 2 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	for (i = 0; i < ARRAY_SIZE(written); i++) {
		EXPECT_EQ(-1, mem_check(va + written[i] * PAGE, PAGE, 100 + i));
	}
	EXPECT_SEAM(&s->seer, IOVA, va, 7);
	EXPECT_SEAM(&s->seer, IOVA, va, LEAF);

	/* What the CPU writes now is for the device, and not for the file */
	mem_fill(va, 2 * MEM_HUGE, 3);
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	EXPECT_SEAM(&s->seer, IOVA, va, 500);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 1));
	mem_fill(s->shadow, 2 * MEM_HUGE, 4);
	EXPECT_EQ(-1, mem_check(va, 2 * MEM_HUGE, 3));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 4));
	munmap(va, 2 * MEM_HUGE);
}

/* Only to be read: that is no reason to stay behind when the CPU writes. */
TEST_F(view, private_to_be_read)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	static char copy[2 * MEM_HUGE];
	char *va;

	mem_fill(s->shadow, 2 * MEM_HUGE, 1);
	/*
	 * Not where the CPU can use huge pages for tmpfs: there, Linux 6.12
	 * never comes back from unsharing one in order to pin it.
	 */
	va = mem_reserve(4 * MEM_HUGE);
	ASSERT_NE(NULL, va);
	if (variant->kind != HUGETLB)
		va = (char *)((uintptr_t)va & -MEM_HUGE) + MEM_HUGE + PAGE;
	else
		va = (char *)((uintptr_t)va & -MEM_HUGE) + MEM_HUGE;
	ASSERT_NE(NULL, map_at(va, 2 * MEM_HUGE, PROT_RW, MAP_PRIVATE,
			       s->file, 0));
	mem_fill(va + 9 * PAGE, PAGE, 2);
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, va, 2 * MEM_HUGE,
				     IOMMU_R, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	mem_fill(va, 2 * MEM_HUGE, 3);
	EXPECT_EQ(0, access_read(s->seer.acc, IOVA, copy, 2 * MEM_HUGE));
	EXPECT_EQ(-1, mem_check(copy, 2 * MEM_HUGE, 3));
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 300 * PAGE, LOAD_IOVA, 1000));
	EXPECT_EQ(0, memcmp(va + 300 * PAGE, s->seer.load, 1000));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 1));
	munmap(va, 2 * MEM_HUGE);
}

/* A read-only mapping, the file open for reading only; with a hole. */
TEST_F(view, read_only)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char path[32], *va;
	int fd;

	mem_fill(s->shadow + MEM_HUGE, MEM_HUGE, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	va = map_file(fd, 2 * MEM_HUGE, PROT_READ, MAP_SHARED);
	ASSERT_NE(NULL, va);
	close(fd);
	/* A hole that only can be read may be filled or not: both are right */
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, va + MEM_HUGE,
				     MEM_HUGE, IOMMU_R, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va + MEM_HUGE, LEAF);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 300 * PAGE - 500, LOAD_IOVA,
			      1000));
	EXPECT_EQ(0, memcmp(va + MEM_HUGE + 300 * PAGE - 500, s->seer.load,
			    1000));
	/* The device's buffer has what it read: write something else */
	mem_fill(s->seer.load, PAGE, 5);
	ASSERT_EQ(0, edu_read(&rig->edu, LOAD_IOVA, 64));
	ASSERT_EQ(0, edu_write(&rig->edu, IOVA + 300 * PAGE, 64));
	EXPECT_EQ(-1, mem_check(s->shadow + MEM_HUGE, MEM_HUGE, 1));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	munmap(va, 2 * MEM_HUGE);
}

ACCESS_HARNESS_MAIN
