// SPDX-License-Identifier: GPL-2.0-only
/*
 * A caller that cannot be told the IOVA of his mapping (EFAULT) has none, and that is
 * all: what other threads have mapped or unmapped meanwhile stays as it is.
 *
 * The structure of the command is write-protected by a userfaultfd, so that the answer
 * takes as long as the test likes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "hold.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 2
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)
#define WAIT_MS 20000

/* Where the memory is in the parent, and in the IOAS that is copied from */
#define SOURCE ((uint64_t)0x10000000)

FIXTURE(answer) {
	int fd;
	uint32_t source;	/* has the memory at SOURCE */
	uint32_t ioas;	/* to be mapped in */
	char *buf;
	int file;
	int uffd;
	void *page;	/* of the answer */
	unsigned long how;
	uint64_t *iova;
	int rc;
};

FIXTURE_VARIANT(answer) {
	unsigned long how;
	bool nested;
	bool chosen;	/* the IOVA is, by the kernel */
};

#define VARIANT(name, how_, nested_, chosen_)				\
	FIXTURE_VARIANT_ADD(answer, name) {				\
		.how = how_, .nested = nested_, .chosen = chosen_,	\
	}
/* clang-format off */
VARIANT(map, IOMMU_IOAS_MAP, false, false);
VARIANT(map_anywhere, IOMMU_IOAS_MAP, false, true);
VARIANT(map_nested, IOMMU_IOAS_MAP, true, false);
VARIANT(map_nested_anywhere, IOMMU_IOAS_MAP, true, true);
VARIANT(map_file, IOMMU_IOAS_MAP_FILE, false, false);
VARIANT(copy, IOMMU_IOAS_COPY, false, false);
VARIANT(batch, IOASID_MAP_BATCH, false, false);
VARIANT(batch_nested, IOASID_MAP_BATCH, true, false);
/* clang-format on */

static void fill(FIXTURE_DATA(answer) *self,
		 const FIXTURE_VARIANT(answer) *variant)
{
	const uint32_t flags = IOMMU_RW | (variant->chosen ? 0 : IOMMU_FIXED);
	const uint64_t src = variant->nested ? SOURCE : iommu_ptr(self->buf);

	if (variant->how == IOMMU_IOAS_MAP) {
		struct iommu_ioas_map *map = self->page;

		*map = (struct iommu_ioas_map) {
			.size = sizeof(*map), .flags = flags,
			.ioas_id = self->ioas, .user_va = src, .length = BUF,
			.iova = AT,
		};
		self->iova = (uint64_t *)&map->iova;
	} else if (variant->how == IOMMU_IOAS_MAP_FILE) {
		struct iommu_ioas_map_file *map = self->page;

		*map = (struct iommu_ioas_map_file) {
			.size = sizeof(*map), .flags = flags,
			.ioas_id = self->ioas, .fd = self->file, .length = BUF,
			.iova = AT,
		};
		self->iova = (uint64_t *)&map->iova;
	} else if (variant->how == IOMMU_IOAS_COPY) {
		struct iommu_ioas_copy *copy = self->page;

		*copy = (struct iommu_ioas_copy) {
			.size = sizeof(*copy), .flags = flags,
			.dst_ioas_id = self->ioas, .src_ioas_id = self->source,
			.length = BUF, .dst_iova = AT, .src_iova = SOURCE,
		};
		self->iova = (uint64_t *)&copy->dst_iova;
	} else {
		struct ioasid_batch_entry *entry = self->page;

		*entry = (struct ioasid_batch_entry) {
			.src = src, .iova = AT, .length = BUF, .flags = flags,
		};
		self->iova = (uint64_t *)&entry->iova;
	}
}

FIXTURE_SETUP(answer)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->buf = mem_anon(BUF);
	self->page = mem_anon(PAGE);
	self->file = mem_memfd(BUF, 0);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->source));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->source, self->buf, BUF,
				     IOMMU_RW, SOURCE));
	ASSERT_EQ(0, variant->nested ?
			     iommu_alloc_nested(self->fd, self->source,
						&self->ioas) :
			     iommu_ioas_alloc(self->fd, &self->ioas));
	fill(self, variant);
	self->uffd = hold_writes_open(self->page);
	ASSERT_LE(0, self->uffd);
}

FIXTURE_TEARDOWN(answer)
{
	close(self->uffd);
	close(self->file);
	close(self->fd);
}

/* The command, in a thread of its own. A batch has its structure elsewhere. */
static void *call(void *arg)
{
	FIXTURE_DATA(answer) *self = arg;
	struct ioasid_batch batch = {
		.size = sizeof(batch),
		.ioas_id = self->ioas,
		.nr = 1,
		.entries = iommu_ptr(self->page),
	};

	self->rc = iommu_cmd(self->fd, self->how,
			     self->how == IOASID_MAP_BATCH ? &batch :
							     self->page);
	return NULL;
}

/* A page of the source for another thread's mapping. */
static int map_page(FIXTURE_DATA(answer) *self,
		    const FIXTURE_VARIANT(answer) *variant, unsigned int page)
{
	const char *src = variant->nested ?
				  (char *)(uintptr_t)SOURCE : self->buf;

	return iommu_map_fixed(self->fd, self->ioas, src + page * PAGE, PAGE,
			       IOMMU_RW, AT + page * PAGE);
}

/*
 * While the answer is on its way another thread maps in the same range, if it can. That
 * is what is there afterwards, and nothing else.
 */
TEST_F(answer, cannot_be_written)
{
	struct uffdio_range range = { iommu_ptr(self->page), PAGE };
	struct pollfd pfd = { .fd = self->uffd, .events = POLLIN };
	bool theirs[NPAGES];
	pthread_t thread;
	uint64_t got = 0;
	unsigned int i;

	self->how = variant->how;
	ASSERT_EQ(0, pthread_create(&thread, NULL, call, self));
	ASSERT_EQ(1, poll(&pfd, 1, WAIT_MS));
	iommu_ioas_unmap(self->fd, self->ioas, AT, BUF, NULL);
	for (i = 0; i < NPAGES; i++)
		theirs[i] = !map_page(self, variant, i);
	/* Nobody else waits: not in the parent, nor anywhere. */
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->source, self->buf, BUF,
				     IOMMU_RW, 2 * SOURCE));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->source, 2 * SOURCE, BUF,
				      NULL));
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ));
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_WAKE, &range));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EFAULT, self->rc);
	for (i = 0; i < NPAGES; i++) {
		EXPECT_EQ(theirs[i] ? 0 : -ENOENT,
			  iommu_ioas_unmap(self->fd, self->ioas,
					   AT + i * PAGE, PAGE, &got));
	}
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->ioas, &got));
	EXPECT_EQ(0, got);
}

/* It only takes long: then the mapping is there, where the answer says. */
TEST_F(answer, comes_late)
{
	struct pollfd pfd = { .fd = self->uffd, .events = POLLIN };
	pthread_t thread;
	uint64_t got = 0;

	self->how = variant->how;
	ASSERT_EQ(0, pthread_create(&thread, NULL, call, self));
	ASSERT_EQ(1, poll(&pfd, 1, WAIT_MS));
	ASSERT_EQ(0, hold_writes(self->uffd, self->page, false));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, self->rc);
	EXPECT_EQ(!variant->chosen, *self->iova == AT);
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, *self->iova, BUF,
				      &got));
	EXPECT_EQ(BUF, got);
}

TEST_HARNESS_MAIN
