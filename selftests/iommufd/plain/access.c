// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-kernel access API, which drivers of emulated devices use: pin, read
 * and write the memory of an IOAS, and be told when it goes away. The test
 * module iommufd_access_test plays the driver.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include <linux/vfio.h>

#include "access_api.h"

static uint64_t iova_align(int fd, uint32_t id)
{
	uint64_t align = 0;
	uint32_t num = 0;

	iommu_iova_ranges(fd, id, NULL, &num, &align);
	return align;
}

/* IOAS_UNMAP in a thread, for when it has to wait. */
struct unmap_thread {
	pthread_t thread;
	int fd;
	uint32_t id;
	uint64_t iova;
	uint64_t len;
	uint64_t unmapped;
	int rc;
	bool done;
};

static void *unmap_fn(void *arg)
{
	struct unmap_thread *t = arg;

	t->rc = iommu_ioas_unmap(t->fd, t->id, t->iova, t->len, &t->unmapped);
	__atomic_store_n(&t->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool is_done(struct unmap_thread *t)
{
	return __atomic_load_n(&t->done, __ATOMIC_SEQ_CST);
}

TEST_F(api, create)
{
	uint32_t id = 0;
	int acc = access_open(self->fd, ACCESS_TEST_PINS, &id);

	ASSERT_LE(0, acc);
	EXPECT_NE(0, id);
	EXPECT_NE(self->id, id);
	/* An object like others, but the driver's: the user cannot destroy it */
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, id));
	EXPECT_EQ(-ENOENT, iommu_map_fixed(self->fd, id, self->buf, PAGE,
					   IOMMU_RW, AT));
	EXPECT_EQ(0, access_destroy(acc));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, id));
	close(acc);
	acc = access_open(self->fd, ACCESS_TEST_PINS | ACCESS_TEST_BY_FILE,
			  &id);
	ASSERT_LE(0, acc);
	close(acc);
}

TEST_F(api, create_of_another_file)
{
	int file = open("/dev/null", O_RDWR);

	ASSERT_LE(0, file);
	EXPECT_EQ(-EBADFD, access_open(file, 0, NULL));
	EXPECT_EQ(-EBADFD, access_open(file, ACCESS_TEST_BY_FILE, NULL));
	EXPECT_EQ(-EBADFD, access_open(self->acc, 0, NULL));
	close(file);
	EXPECT_EQ(-EBADF, access_open(-1, 0, NULL));
	EXPECT_EQ(-EBADF, access_open(1000, 0, NULL));
	EXPECT_EQ(-EBADF, access_open(1000, ACCESS_TEST_BY_FILE, NULL));
}

TEST_F(api, attach)
{
	int acc = access_open(self->fd, ACCESS_TEST_PINS, NULL);

	ASSERT_LE(0, acc);
	EXPECT_EQ(-ENOENT, access_attach(acc, 0));
	EXPECT_EQ(-ENOENT, access_attach(acc, self->other + 1000));
	EXPECT_EQ(0, access_attach(acc, self->other));
	/* It keeps the IOAS */
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->other));
	EXPECT_EQ(0, access_detach(acc));
	EXPECT_EQ(0, access_attach(acc, self->other));
	EXPECT_EQ(0, access_destroy(acc));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->other));
}

/* An access that pins deals in pages, and so does its IOAS then. */
TEST_F(api, attach_aligns)
{
	const uint64_t before = iova_align(self->fd, self->other);
	int acc = access_open(self->fd, ACCESS_TEST_PINS, NULL);
	int rw = access_open(self->fd, 0, NULL);

	ASSERT_LE(0, acc);
	ASSERT_LE(0, rw);
	EXPECT_EQ(PAGE, iova_align(self->fd, self->id));
	ASSERT_EQ(0, access_attach(rw, self->other));
	EXPECT_EQ(before, iova_align(self->fd, self->other));
	ASSERT_EQ(0, access_attach(acc, self->other));
	EXPECT_EQ(PAGE, iova_align(self->fd, self->other));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(self->fd, self->other, self->buf,
					   PAGE, IOMMU_RW, AT + 1));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(self->fd, self->other, self->buf,
					   PAGE + 1, IOMMU_RW, AT));
	ASSERT_EQ(0, access_detach(acc));
	EXPECT_EQ(before, iova_align(self->fd, self->other));
	if (before == PAGE)
		return;
	/* It is too late once something is there that is not aligned */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->other, self->buf, PAGE,
				     IOMMU_RW, AT + before));
	EXPECT_EQ(-EADDRINUSE, access_attach(acc, self->other));
	EXPECT_EQ(-EADDRINUSE, access_replace(self->acc, self->other));
	EXPECT_EQ(0, map(self));
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, PAGE));
}

TEST_F(api, pin)
{
	uint64_t pfns[NPAGES];
	unsigned int i;

	ASSERT_EQ(0, map(self));
	EXPECT_EQ(self->pinned, mem_pinned());
	ASSERT_EQ(0, access_pin_pfns(self->acc, AT, BUF, ACCESS_READ, pfns));
	EXPECT_EQ(self->pinned + NPAGES, mem_pinned());
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	/* They are the pages of the process, in order */
	for (i = 0; i < NPAGES; i++) {
		EXPECT_EQ(mem_pfn(self->buf + i * PAGE), pfns[i]);
	}
	/* What one side writes, the other sees */
	EXPECT_EQ(0, access_peek(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	mem_fill(self->copy, BUF, 2);
	EXPECT_EQ(0, access_poke(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->buf, BUF, 2));
	ASSERT_EQ(0, access_unpin(self->acc, AT, BUF));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
	/* And once more */
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, ACCESS_WRITE));
	EXPECT_EQ(self->pinned + NPAGES, mem_pinned());
	ASSERT_EQ(0, access_unpin(self->acc, AT, BUF));
}

TEST_F(api, pin_parts)
{
	unsigned int i;

	ASSERT_EQ(0, map(self));
	for (i = 0; i < NPAGES; i += 2) {
		ASSERT_EQ(0, access_pin(self->acc, AT + i * PAGE, PAGE,
					ACCESS_READ));
	}
	EXPECT_EQ(NPAGES / 2, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + NPAGES / 2, mem_pinned());
	EXPECT_EQ(0, access_peek(self->acc, AT + 4 * PAGE, self->copy, PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 4 * PAGE, PAGE));
	for (i = 0; i < NPAGES; i += 2) {
		ASSERT_EQ(0, access_unpin(self->acc, AT + i * PAGE, PAGE));
		EXPECT_EQ(NPAGES / 2 - 1 - i / 2, mem_vm_pin(0));
	}
}

TEST_F(api, pin_across_areas)
{
	uint64_t pfns[6];
	unsigned int i;

	/* Memory in reverse, so that order shows: pages 4 5 | 2 3 | 0 1 */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, map_perm(self, (4 - 2 * i) * PAGE, 2 * PAGE,
				      AT + 2 * i * PAGE, IOMMU_RW));
	}
	ASSERT_EQ(0, access_pin_pfns(self->acc, AT + PAGE, 4 * PAGE,
				     ACCESS_READ, pfns));
	EXPECT_EQ(mem_pfn(self->buf + 5 * PAGE), pfns[0]);
	EXPECT_EQ(mem_pfn(self->buf + 2 * PAGE), pfns[1]);
	EXPECT_EQ(mem_pfn(self->buf + 3 * PAGE), pfns[2]);
	EXPECT_EQ(mem_pfn(self->buf), pfns[3]);
	EXPECT_EQ(4, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc, AT + PAGE, 4 * PAGE));
	EXPECT_EQ(self->pinned, mem_pinned());
}

TEST_F(api, pin_of_a_hole)
{
	ASSERT_EQ(0, map_perm(self, 0, 2 * PAGE, AT, IOMMU_RW));
	ASSERT_EQ(0, map_perm(self, 0, PAGE, AT + 3 * PAGE, IOMMU_RW));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT + 2 * PAGE, PAGE, 0));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT, 3 * PAGE, 0));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT, 4 * PAGE, 0));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT - PAGE, 2 * PAGE, 0));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT + 3 * PAGE, 2 * PAGE, 0));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
}

TEST_F(api, pin_bad_numbers)
{
	int acc = access_open(self->fd, ACCESS_TEST_PINS, NULL);

	ASSERT_LE(0, acc);
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, map_perm(self, 0, PAGE, -PAGE, IOMMU_RW));
	EXPECT_EQ(-EINVAL, access_pin(self->acc, AT, 0, 0));
	EXPECT_EQ(-EINVAL, access_pin(self->acc, AT + 8, PAGE, 0));
	EXPECT_EQ(-EOVERFLOW, access_pin(self->acc, -PAGE, 2 * PAGE, 0));
	EXPECT_EQ(-EOVERFLOW, access_pin(self->acc, -PAGE, PAGE + 1, 0));
	EXPECT_EQ(self->pinned, mem_pinned());
	/* The last page of the space is as good as any */
	EXPECT_EQ(0, access_pin(self->acc, -PAGE, PAGE, 0));
	EXPECT_EQ(0, access_unpin(self->acc, -PAGE, PAGE));
	/* Without an IOAS there is nothing */
	EXPECT_EQ(-ENOENT, access_pin(acc, AT, PAGE, 0));
	EXPECT_EQ(-ENOENT, access_read(acc, AT, self->copy, PAGE));
}

TEST_F(api, pin_permissions)
{
	ASSERT_EQ(0, map_perm(self, 0, PAGE, AT, IOMMU_RW));
	ASSERT_EQ(0, map_perm(self, PAGE, PAGE, AT + PAGE, IOMMU_R));
	ASSERT_EQ(0, map_perm(self, 2 * PAGE, PAGE, AT + 2 * PAGE, IOMMU_W));
	EXPECT_EQ(-EPERM, access_pin(self->acc, AT + PAGE, PAGE,
				     ACCESS_WRITE));
	EXPECT_EQ(-EPERM, access_pin(self->acc, AT + 2 * PAGE, PAGE,
				     ACCESS_READ));
	/* What came before the page that may not is given back */
	EXPECT_EQ(-EPERM, access_pin(self->acc, AT, 2 * PAGE, ACCESS_WRITE));
	EXPECT_EQ(-EPERM, access_pin(self->acc, AT, 3 * PAGE, ACCESS_READ));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(0, access_pin(self->acc, AT, 2 * PAGE, ACCESS_READ));
	EXPECT_EQ(0, access_pin(self->acc, AT + 2 * PAGE, PAGE, ACCESS_WRITE));
	EXPECT_EQ(3, mem_vm_pin(0));
}

/* An area may be larger than any memory: what it costs is what is used. */
TEST_F(api, pin_in_a_huge_area)
{
	const uint64_t top = 0x7ffffffff000, base = 1ULL << 50;
	const uint64_t at = base + iommu_ptr(self->buf);
	uint64_t unmapped = 0;

	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->id, NULL, top, IOMMU_RW,
				     base));
	EXPECT_EQ(0, access_pin(self->acc, at, BUF, ACCESS_WRITE));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_peek(self->acc, at, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	EXPECT_EQ(0, access_read(self->acc, at + 5, self->copy, PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 5, PAGE));
	EXPECT_EQ(-EFAULT, access_pin(self->acc, base, PAGE, ACCESS_READ));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->other, self->id, at, BUF,
				      IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(top, unmapped);
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, access_replace(self->acc, self->other));
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
}

/* However often a page is pinned, it counts once. */
TEST_F(api, pin_counts_once)
{
	int acc = access_open_attached(self->fd, self->id);

	ASSERT_LE(0, acc);
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(0, access_pin(self->acc, AT, 8 * PAGE, 0));
	EXPECT_EQ(0, access_pin(self->acc, AT, 8 * PAGE, 0));
	EXPECT_EQ(0, access_pin(acc, AT, 8 * PAGE, 0));
	EXPECT_EQ(8, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + 8, mem_pinned());
	EXPECT_EQ(0, access_pin(acc, AT + 4 * PAGE, 8 * PAGE, 0));
	EXPECT_EQ(12, mem_vm_pin(0));
	EXPECT_EQ(0, access_pin(acc, AT + 2 * PAGE, PAGE, 0));
	EXPECT_EQ(12, mem_vm_pin(0));
	/* And stays as long as somebody needs it */
	EXPECT_EQ(0, access_unpin(self->acc, AT, 8 * PAGE));
	EXPECT_EQ(0, access_unpin(acc, AT, 8 * PAGE));
	EXPECT_EQ(12, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc, AT, 8 * PAGE));
	EXPECT_EQ(9, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + 9, mem_pinned());
	EXPECT_EQ(0, access_unpin(acc, AT + 4 * PAGE, 8 * PAGE));
	EXPECT_EQ(1, mem_vm_pin(0));
	EXPECT_EQ(0, access_peek(acc, AT + 2 * PAGE, self->copy, PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 2 * PAGE, PAGE));
	EXPECT_EQ(0, access_unpin(acc, AT + 2 * PAGE, PAGE));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* A copy shares the pinned memory; a second map does not. */
TEST_F(api, pin_of_copies)
{
	int acc = access_open_attached(self->fd, self->other);
	uint64_t pfn[2];

	ASSERT_LE(0, acc);
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, iommu_copy_fixed(self->fd, self->other, self->id,
				      AT + PAGE, 4 * PAGE, IOMMU_RW, 2 * AT));
	EXPECT_EQ(0, access_pin_pfns(self->acc, AT + PAGE, PAGE, 0, &pfn[0]));
	EXPECT_EQ(0, access_pin_pfns(acc, 2 * AT, PAGE, 0, &pfn[1]));
	EXPECT_EQ(pfn[0], pfn[1]);
	EXPECT_EQ(1, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + 1, mem_pinned());
	/* The copy does not need the original */
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT, BUF, NULL));
	EXPECT_EQ(1, mem_vm_pin(0));
	EXPECT_EQ(0, access_pin(acc, 2 * AT + 3 * PAGE, PAGE, 0));
	EXPECT_EQ(0, access_peek(acc, 2 * AT + 3 * PAGE, self->copy, PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 4 * PAGE, PAGE));
	EXPECT_EQ(2, mem_vm_pin(0));
	/* Which has to be counted anew */
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(0, access_pin(self->acc, AT + PAGE, PAGE, 0));
	EXPECT_EQ(3, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + 3, mem_pinned());
	close(acc);
	EXPECT_EQ(1, mem_vm_pin(0));
}

TEST_F(api, unmap_calls_back)
{
	struct access_test_event event;
	uint64_t unmapped = 0;

	ASSERT_EQ(0, map_perm(self, 0, 4 * PAGE, AT, IOMMU_RW));
	ASSERT_EQ(0, map_perm(self, 0, 4 * PAGE, AT + BUF, IOMMU_RW));
	ASSERT_EQ(0, access_pin(self->acc, AT + PAGE, PAGE, 0));
	ASSERT_EQ(0, access_pin(self->acc, AT + BUF, 2 * PAGE, 0));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT, 4 * PAGE,
				      &unmapped));
	EXPECT_EQ(4 * PAGE, unmapped);
	/* It was told, and it was the range in question */
	ASSERT_EQ(0, access_event(self->acc, &event));
	EXPECT_GE(AT + PAGE, event.iova);
	EXPECT_LE(AT + 2 * PAGE, event.iova + event.length);
	EXPECT_GE(AT + BUF, event.iova + event.length);
	EXPECT_EQ(2, mem_vm_pin(0));
	EXPECT_EQ(-ENOENT, access_unpin(self->acc, AT + PAGE, PAGE));
	/* The others' pages are still theirs */
	EXPECT_EQ(0, access_peek(self->acc, AT + BUF, self->copy, 2 * PAGE));
	EXPECT_EQ(0, access_unpin(self->acc, AT + BUF, 2 * PAGE));
}

TEST_F(api, unmap_of_many_pins)
{
	int acc = access_open_attached(self->fd, self->id);
	uint64_t unmapped = 0;
	unsigned int i;

	ASSERT_LE(0, acc);
	for (i = 0; i < NPAGES; i++) {
		ASSERT_EQ(0, map_perm(self, i * PAGE, PAGE, AT + i * PAGE,
				      IOMMU_RW));
		ASSERT_EQ(0, access_pin(i % 3 ? self->acc : acc,
					AT + i * PAGE, PAGE, 0));
	}
	ASSERT_EQ(0, access_pin(acc, AT, BUF, 0));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(BUF, unmapped);
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* As long as the driver has not let go, the memory and the IOVA are its own. */
TEST_F(api, unmap_waits)
{
	struct unmap_thread t = { .fd = self->fd, .id = self->id, .iova = AT,
				  .len = BUF };
	struct access_test_event event;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT + PAGE, 3 * PAGE, 0));
	ASSERT_EQ(0, access_set_policy(self->acc, ACCESS_TEST_HOLD));
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, unmap_fn, &t));
	ASSERT_EQ(0, access_wait_event(self->acc, &event));

	EXPECT_EQ(3, mem_vm_pin(0));
	EXPECT_EQ(0, access_peek(self->acc, AT + PAGE, self->copy, 3 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + PAGE, 3 * PAGE));
	EXPECT_EQ(-EEXIST, map(self));
	/* Nobody new gets in */
	EXPECT_EQ(-EINVAL, access_pin(self->acc, AT, PAGE, 0));
	EXPECT_EQ(-EINVAL, access_read(self->acc, AT, self->copy, PAGE));
	/* Others are not held up */
	EXPECT_EQ(0, map_perm(self, 0, PAGE, 2 * AT, IOMMU_RW));
	EXPECT_EQ(0, access_pin(self->acc, 2 * AT, PAGE, 0));
	EXPECT_EQ(0, access_unpin(self->acc, 2 * AT, PAGE));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, 2 * AT, PAGE, NULL));
	EXPECT_FALSE(is_done(&t));

	EXPECT_EQ(0, access_unpin(self->acc, AT + PAGE, 3 * PAGE));
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
	EXPECT_EQ(0, t.rc);
	EXPECT_EQ(BUF, t.unmapped);
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, map(self));
}

/* A driver goes while it is being called back, or is about to be. */
TEST_F(api, destroyed_during_unmap)
{
	enum { ROUNDS = 100 };
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		struct unmap_thread t = { .fd = self->fd, .id = self->id,
					  .iova = AT, .len = BUF };
		int acc = access_open_attached(self->fd, self->id);

		ASSERT_LE(0, acc);
		ASSERT_EQ(0, map(self));
		ASSERT_EQ(0, access_pin(acc, AT + i % NPAGES * PAGE, PAGE, 0));
		ASSERT_EQ(0, pthread_create(&t.thread, NULL, unmap_fn, &t));
		/* In every second round when it waits already, if it does */
		if (i % 2)
			sched_yield();
		EXPECT_EQ(0, access_destroy(acc));
		ASSERT_EQ(0, pthread_join(t.thread, NULL));
		EXPECT_EQ(0, t.rc);
		EXPECT_EQ(BUF, t.unmapped);
		close(acc);
	}
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* A driver that only reads and writes need not hear of an unmap. */
TEST_F(api, unmap_with_silent_reader)
{
	int rw = access_open(self->fd, ACCESS_TEST_NO_UNMAP, NULL);

	if (!iommu_has_cmd(self->fd, IOMMU_IOAS_MAP_FILE))
		SKIP(return, "Linux 6.12's own module calls a null pointer");
	ASSERT_LE(0, rw);
	ASSERT_EQ(0, access_attach(rw, self->id));
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT, PAGE, 0));
	EXPECT_EQ(0, access_read(rw, AT, self->copy, BUF));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT, BUF, NULL));
	EXPECT_EQ(-ENOENT, access_read(rw, AT, self->copy, BUF));
	EXPECT_EQ(0, access_detach(rw));
}

TEST_F(api, unmap_does_not_take_part_of_an_area)
{
	struct access_test_event event;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->fd, self->id, AT, PAGE,
					    NULL));
	/* So there is no reason to call anybody */
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc, AT, BUF));
	EXPECT_EQ(0, access_pin(self->acc, AT, BUF, 0));
}

TEST_F(api, replace)
{
	struct access_test_event event;
	char *buf2 = mem_anon(PAGE);
	int acc = access_open(self->fd, ACCESS_TEST_PINS, NULL);

	ASSERT_NE(NULL, buf2);
	ASSERT_LE(0, acc);
	mem_fill(buf2, PAGE, 7);
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->other, buf2, PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	/* A failure leaves everything as it is */
	EXPECT_EQ(-ENOENT, access_replace(self->acc, self->other + 1000));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	/* So does a replacement by the same */
	EXPECT_EQ(0, access_replace(self->acc, self->id));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));

	EXPECT_EQ(0, access_replace(self->acc, self->other));
	/* All that it had is gone */
	ASSERT_EQ(0, access_event(self->acc, &event));
	EXPECT_EQ(0, event.iova);
	EXPECT_LE(AT + BUF, event.length);
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, PAGE));
	EXPECT_EQ(-1, mem_check(self->copy, PAGE, 7));
	EXPECT_EQ(-ENOENT, access_read(self->acc, AT, self->copy, 2 * PAGE));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->other));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->id));
	/* Replace needs something to replace */
	EXPECT_EQ(-ENOENT, access_replace(acc, self->other));
}

TEST_F(api, detach_and_destroy_with_pins)
{
	struct access_test_event event;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	EXPECT_EQ(0, access_detach(self->acc));
	EXPECT_EQ(0, access_event(self->acc, &event));
	EXPECT_EQ(0, event.iova);
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT, PAGE, 0));

	ASSERT_EQ(0, access_attach(self->acc, self->id));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	EXPECT_EQ(0, access_destroy(self->acc));
	EXPECT_EQ(0, access_event(self->acc, &event));
	EXPECT_EQ(0, event.iova);
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, iommu_destroy(self->fd, self->id));
}

TEST_F(api, close_with_pins)
{
	int acc = access_open_attached(self->fd, self->id);

	ASSERT_LE(0, acc);
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	ASSERT_EQ(0, access_pin(acc, AT + PAGE, PAGE, 0));
	close(acc);
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	/* The driver keeps the context when the user closes it */
	close(self->fd);
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_peek(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	memset(self->copy, 0, BUF);
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	close(self->acc);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(api, compat_ioas)
{
	uint32_t id = 0, id2 = 0;
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, access_compat_get_id(fd));
	EXPECT_EQ(0, access_compat_create(fd));
	/* It is one that the user knows and may use */
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(id, access_compat_get_id(fd));
	EXPECT_EQ(0, iommu_map_fixed(fd, id, self->buf, PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	/* Once is enough */
	EXPECT_EQ(0, access_compat_create(fd));
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id2));
	EXPECT_EQ(id, id2);
	EXPECT_EQ(-EINVAL, access_compat_no_iommu(fd));
	/* An IOAS of the user's choice serves as well */
	EXPECT_EQ(0, iommu_vfio_ioas_set(self->fd, self->other));
	EXPECT_EQ(0, access_compat_create(self->fd));
	EXPECT_EQ(self->other, access_compat_get_id(self->fd));
	/* It can be destroyed, and made again */
	EXPECT_EQ(0, iommu_destroy(fd, id));
	EXPECT_EQ(-ENODEV, access_compat_get_id(fd));
	EXPECT_EQ(0, access_compat_create(fd));
	EXPECT_LT(0, access_compat_get_id(fd));
	EXPECT_EQ(-EBADFD, access_compat_create(self->acc));
}

/* Version 1 of the legacy interface cuts areas in two, if it can. */
TEST_F(api, compat_cuts_an_area_with_pins)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = AT + 4 * PAGE,
		.size = 4 * PAGE,
	};
	int rc;

	ASSERT_EQ(0, iommu_vfio_ioas_set(self->fd, self->id));
	ASSERT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT + 2 * PAGE, 4 * PAGE, 0));
	rc = iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	if (rc) {
		/* Then it did not touch anything */
		EXPECT_EQ(-EINVAL, rc);
		EXPECT_EQ(4, mem_vm_pin(0));
		EXPECT_EQ(0, access_peek(self->acc, AT + 2 * PAGE, self->copy,
					 4 * PAGE));
		EXPECT_EQ(0, memcmp(self->copy, self->buf + 2 * PAGE,
				    4 * PAGE));
		EXPECT_EQ(0, access_unpin(self->acc, AT + 2 * PAGE, 4 * PAGE));
		unmap.size = 4 * PAGE;
		EXPECT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA,
				       &unmap));
	}
	EXPECT_EQ(4 * PAGE, unmap.size);
	/* The parts on either side are still the right memory */
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT + 4 * PAGE, PAGE, 0));
	EXPECT_EQ(-ENOENT, access_pin(self->acc, AT + 3 * PAGE, 2 * PAGE, 0));
	EXPECT_EQ(0, access_pin(self->acc, AT + 8 * PAGE, 4 * PAGE, 0));
	EXPECT_EQ(0, access_peek(self->acc, AT + 8 * PAGE, self->copy,
				 4 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 8 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, access_pin(self->acc, AT, 4 * PAGE, 0));
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, 4 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf, 4 * PAGE));
	EXPECT_EQ(8, mem_vm_pin(0));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, NULL));
	EXPECT_EQ(self->pinned, mem_pinned());
}

TEST_F(api, compat_no_iommu)
{
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, access_compat_no_iommu(fd));
	EXPECT_EQ(0, access_compat_no_iommu(fd));
	/* No IOMMU means no IOAS */
	EXPECT_EQ(-EINVAL, access_compat_create(fd));
	EXPECT_EQ(-ENODEV, access_compat_get_id(fd));
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-1, ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(EINVAL, errno);
}

ACCESS_HARNESS_MAIN
