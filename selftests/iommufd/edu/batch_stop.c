// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches that do not come to their end: they stop where the single commands would have
 * failed, at a limit, or when the process is killed, and tell how far they got.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "batch.h"
#include "child.h"

#define MSI_WINDOW 0xfee00000UL
#define MANY 520U
#define USER 1234

static unsigned int count_untouched(const entry_t *e, unsigned int n)
{
	unsigned int i, count = 0;

	for (i = 0; i < n; i++)
		count += e[i].error == UNTOUCHED;
	return count;
}

/* Failures ----------------------------------------------------------------- */

/* Where the failing entry is: inside of portions and at their ends. */
static const struct {
	unsigned int at;
	unsigned int n;
} places[] = {
	{ 0, 1 }, { 0, 5 }, { 2, 5 }, { 4, 5 }, { 255, 256 }, { 255, 300 },
	{ 256, 300 }, { 257, 300 }, { MANY - 1, MANY },
};

/* Of @n entries in all, those before @at are done, and those behind are untouched. */
#define EXPECT_STOPPED(at, errno_)					\
	do {								\
		EXPECT_EQ(at, done);					\
		EXPECT_EQ(at, count_done(self->e, n));			\
		EXPECT_EQ(errno_, self->e[at].error);			\
		EXPECT_EQ(n - (at) - 1, count_untouched(self->e, n));	\
	} while (0)

TEST_F(batch, failing_entry)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		uint64_t bytes = 0;
		uint32_t done;

		fill_pages(self->e, n, self->buf, AT);
		/* In the way of the last one that is to be done, or its own */
		self->e[at].iova = OTHER_AT;
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, OTHER_AT));

		EXPECT_EQ(-EEXIST, MAP_BATCH(n, &done));
		EXPECT_STOPPED(at, EEXIST);
		EXPECT_PINNED(at + 1);
		EXPECT_EQ(at > 0, IS_MAPPED(AT + (at - 1) * PAGE, PAGE));
		EXPECT_FALSE(IS_MAPPED(AT + (at + 1) * PAGE, PAGE));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((at + 1) * PAGE, bytes);
	}
}

/* A page that is not there makes the rest fail that would be pinned with it. */
TEST_F(batch, failing_memory)
{
	char *buf = mem_anon(MANY * PAGE);
	unsigned int i;

	if (!variant->device)
		SKIP(return, "nothing is pinned without a device");
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		char *page = buf + at * PAGE;
		uint64_t bytes = 0;
		uint32_t done;
		int k;

		for (k = 0; k < 2; k++) {
			/* All in one row; and no two pages side by side */
			fill_pages(self->e, n, buf, AT);
			if (k) {
				unsigned int j;

				for (j = 0; j < n; j++)
					self->e[j].iova = AT + 2 * j * PAGE;
			}
			ASSERT_EQ(0, mprotect(page, PAGE, PROT_NONE));
			EXPECT_EQ(-EFAULT, MAP_BATCH(n, &done));
			ASSERT_EQ(0, mprotect(page, PAGE,
					      PROT_READ | PROT_WRITE));
			EXPECT_STOPPED(at, EFAULT);
			EXPECT_PINNED(at);
			ASSERT_EQ(0, UNMAP_ALL(&bytes));
			EXPECT_EQ(at * PAGE, bytes);
		}
	}
}

/* What is wrong with an entry is what IOAS_MAP says is wrong with it. */
TEST_F(batch, same_errors_as_single)
{
	char *none = mem_reserve(PAGE);
	const char *buf = self->buf;
	const entry_t bad[] = {
		{ iommu_ptr(buf), AT, 0, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, PAGE, IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, PAGE, 0, 0 },
		{ iommu_ptr(buf), AT, PAGE, 1U << 31 | IOMMU_RW, 0 },
		{ iommu_ptr(buf), AT, PAGE, 1U << 3 | IOMMU_RW, 0 },
		{ iommu_ptr(buf), -PAGE, 2 * PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), UINT64_MAX, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, UINT64_MAX, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, -PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ -PAGE, AT, 2 * PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ UINT64_MAX, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ 1UL << 62, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(none), AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT + 100, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, 100, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf) + 100, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), MSI_WINDOW, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), 1UL << 60, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, 1UL << 63, IOMMU_RW, 0 },
	};
	unsigned int i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct iommu_ioas_map single = {
			.size = sizeof(single),
			.flags = bad[i].flags,
			.ioas_id = self->rig.ioas,
			.user_va = bad[i].src,
			.length = bad[i].length,
			.iova = bad[i].iova,
		};
		int want = iommu_cmd(self->rig.fd, IOMMU_IOAS_MAP, &single);
		uint32_t done;

		ASSERT_EQ(0, UNMAP_ALL(NULL));
		failed += want < 0;
		self->e[0] = map_entry(buf, OTHER_AT, PAGE);
		self->e[1] = bad[i];
		self->e[2] = map_entry(buf, OTHER_AT + PAGE, PAGE);
		EXPECT_EQ(want, MAP_BATCH(3, &done)) {
			TH_LOG("entry %u", i);
		}
		EXPECT_EQ(want ? 1 : 3, done);
		EXPECT_EQ(-want, self->e[1].error);
		EXPECT_EQ(0, self->e[0].error);
		EXPECT_EQ(want ? UNTOUCHED : 0, self->e[2].error);
		EXPECT_TRUE(IS_MAPPED(OTHER_AT, PAGE));
		EXPECT_EQ(!want, IS_MAPPED(OTHER_AT + PAGE, PAGE));
		ASSERT_EQ(0, UNMAP_ALL(NULL));
	}
	/* It would be too easy if nothing failed */
	EXPECT_LT(11, failed);
}

/* Memory that ends within the array. */
TEST_F(batch, array_runs_into_a_hole)
{
	static const struct {
		/* Whole entries that are there, and bytes of one more */
		unsigned int there;
		unsigned int bytes;
	} hole[] = { { 0, 8 }, { 1, 0 }, { 3, 28 }, { 256, 0 }, { 300, 4 } };
	const unsigned int n = 400;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(hole); i++) {
		const unsigned int there = hole[i].there;
		entry_t *e = mem_before_hole(there * sizeof(*e) +
					     hole[i].bytes);
		uint64_t bytes = 0;
		uint32_t done = n;

		ASSERT_NE(NULL, e);
		for (j = 0; j < there; j++)
			e[j] = map_entry(self->buf + j * PAGE, AT + j * PAGE,
					 PAGE);
		EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd,
						   self->rig.ioas, e, n,
						   &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, there));
		EXPECT_PINNED(there);

		for (j = 0; j < there; j++)
			e[j] = unmap_entry(AT + j * PAGE, PAGE);
		EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd,
						     self->rig.ioas, e, n,
						     &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, there));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ(0, bytes);
	}
}

/*
 * Results cannot be written. What has not been told as mapped is not mapped;
 * what is told as unmapped is unmapped.
 */
TEST_F(batch, read_only_array)
{
	const unsigned int per_page = PAGE / sizeof(entry_t), n = 5 * per_page;
	entry_t *e = mem_anon(n * sizeof(*e));
	unsigned int part, i;
	uint32_t done;

	ASSERT_NE(NULL, e);
	for (part = 0; part < 5; part++) {
		const unsigned int there = part * per_page;
		uint64_t bytes = 0;

		fill_pages(e, n, self->buf, AT);
		ASSERT_EQ(0, mprotect(e + there, (n - there) * sizeof(*e),
				      PROT_READ));
		EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd,
						   self->rig.ioas, e, n,
						   &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, n));
		EXPECT_EQ(n - there, count_untouched(e, n));
		EXPECT_PINNED(there);
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ(there * PAGE, bytes);
		ASSERT_EQ(0, mprotect(e, n * sizeof(*e),
				      PROT_READ | PROT_WRITE));

		fill_pages(e, n, self->buf, AT);
		ASSERT_EQ(0, iommu_map_batch(self->rig.fd, self->rig.ioas, e,
					     n, &done));
		fill_unmaps(e, n, AT);
		ASSERT_EQ(0, mprotect(e + there, (n - there) * sizeof(*e),
				      PROT_READ));
		EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd,
						     self->rig.ioas, e, n,
						     &done));
		EXPECT_LE(there, count_done(e, n));
		EXPECT_LE(count_done(e, n), done);
		for (i = 0; i < n; i++)
			if (!e[i].error)
				EXPECT_FALSE(IS_MAPPED(AT + i * PAGE, PAGE));
		EXPECT_EQ(n > done, IS_MAPPED(AT + (n - 1) * PAGE, PAGE));
		ASSERT_EQ(0, mprotect(e, n * sizeof(*e),
				      PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((n - done) * PAGE, bytes);
	}
}

/* Unmapping ---------------------------------------------------------------- */

TEST_F(batch, unmap_failing_entry)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		uint64_t bytes = 0;
		uint32_t done;

		fill_pages(self->e, n, self->buf, AT);
		ASSERT_EQ(0, MAP_BATCH(n, &done));
		fill_unmaps(self->e, n, AT);
		/* Nothing there */
		self->e[at].iova = OTHER_AT;
		EXPECT_EQ(-ENOENT, UNMAP_BATCH(n, &done));
		EXPECT_STOPPED(at, ENOENT);
		EXPECT_PINNED(n - at);
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((n - at) * PAGE, bytes);
	}
}

TEST_F(batch, unmap_bad_entries)
{
	static const struct {
		entry_t e;
		int want;
	} bad[] = {
		/* Cuts a mapping, at the one end and at the other */
		{ { .iova = AT, .length = PAGE }, ENOENT },
		{ { .iova = AT + PAGE, .length = 3 * PAGE }, ENOENT },
		{ { .iova = AT + PAGE, .length = PAGE }, ENOENT },
		{ { .iova = AT - PAGE, .length = 3 * PAGE }, ENOENT },
		{ { .iova = AT, .length = 6 * PAGE }, ENOENT },
		{ { .iova = AT + 100 * PAGE, .length = PAGE }, ENOENT },
		{ { .iova = AT, .length = 0 }, EINVAL },
		{ { .iova = -PAGE, .length = 2 * PAGE }, EOVERFLOW },
		{ { .iova = AT, .length = UINT64_MAX }, EOVERFLOW },
		{ { .iova = AT, .length = 4 * PAGE, .src = 1 }, EOPNOTSUPP },
		{ { .iova = AT, .length = 4 * PAGE, .flags = IOMMU_RW },
		  EOPNOTSUPP },
		{ { .iova = AT, .length = 4 * PAGE, .flags = 1U << 31 },
		  EOPNOTSUPP },
	};
	uint64_t bytes = 0;
	unsigned int i;
	uint32_t done;

	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 4 * PAGE, AT));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 4 * PAGE, AT + 4 * PAGE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, OTHER_AT));
		self->e[0] = unmap_entry(OTHER_AT, PAGE);
		self->e[1] = bad[i].e;
		self->e[2] = unmap_entry(AT, 4 * PAGE);
		EXPECT_EQ(-bad[i].want, UNMAP_BATCH(3, &done)) {
			TH_LOG("entry %u", i);
		}
		EXPECT_EQ(1, done);
		EXPECT_EQ(0, self->e[0].error);
		EXPECT_EQ(bad[i].want, self->e[1].error);
		EXPECT_EQ(UNTOUCHED, self->e[2].error);
		EXPECT_TRUE(IS_MAPPED(AT, 8 * PAGE));
	}
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(8 * PAGE, bytes);
}

/* Twice the same, at once or over one that has gone with another. */
TEST_F(batch, unmap_duplicates)
{
	uint32_t done;

	fill_pages(self->e, 10, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(10, &done));
	fill_unmaps(self->e, 10, AT);
	self->e[4] = self->e[1];
	EXPECT_EQ(-ENOENT, UNMAP_BATCH(10, &done));
	EXPECT_EQ(4, done);
	EXPECT_EQ(ENOENT, self->e[4].error);
	EXPECT_EQ(UNTOUCHED, self->e[5].error);
	EXPECT_PINNED(6);

	/* The second takes what the first has left */
	self->e[0] = unmap_entry(AT + 5 * PAGE, 2 * PAGE);
	self->e[1] = unmap_entry(AT + 5 * PAGE, 3 * PAGE);
	EXPECT_EQ(0, UNMAP_BATCH(2, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(2 * PAGE, self->e[0].length);
	EXPECT_EQ(PAGE, self->e[1].length);
	EXPECT_PINNED(3);
	EXPECT_DMA(AT + 4 * PAGE, self->buf + 4 * PAGE, 64);
	EXPECT_NO_DMA(AT + 7 * PAGE, self->buf + 7 * PAGE);
}

/* Others ------------------------------------------------------------------- */

struct limited {
	int fd;
	uint32_t ioas;
	entry_t *e;
	unsigned int n;
	unsigned int limit;
};

/* The entries are in one row, and together they are too many. */
static void map_with_limit(void *arg)
{
	struct limited *l = arg;
	char *buf = mem_anon(l->n * PAGE);
	uint64_t bytes = 0;
	uint32_t done;

	CHILD_EQ(0, mem_become_user(USER, l->limit * PAGE));
	fill_pages(l->e, l->n, buf, AT);
	CHILD_EQ(-ENOMEM, iommu_map_batch(l->fd, l->ioas, l->e, l->n, &done));
	CHILD_EQ(l->limit, done);
	CHILD_EQ(l->limit, count_done(l->e, l->n));
	CHILD_EQ(ENOMEM, l->e[l->limit].error);
	CHILD_EQ(l->limit, mem_vm_pin(0));

	/* What goes makes room again */
	fill_unmaps(l->e, 10, AT);
	CHILD_EQ(0, iommu_unmap_batch(l->fd, l->ioas, l->e, 10, &done));
	fill_pages(l->e, 11, buf, OTHER_AT);
	CHILD_EQ(-ENOMEM, iommu_map_batch(l->fd, l->ioas, l->e, 11, &done));
	CHILD_EQ(10, done);
	CHILD_EQ(0, iommu_unmap_all(l->fd, l->ioas, &bytes));
	CHILD_EQ(l->limit * PAGE, bytes);
	CHILD_EQ(0, mem_vm_pin(0));
}

TEST_F(batch, limit_of_locked_memory)
{
	struct limited l = {
		.fd = self->rig.fd, .ioas = self->rig.ioas, .e = self->e,
		.n = 400, .limit = 300,
	};

	if (!variant->device)
		SKIP(return, "nothing is charged without a device");
	EXPECT_EQ(0, child_run(map_with_limit, &l));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Killed in the middle: what is told as done is, and nothing else. */
#define MILLION 1000000U

/*
 * A child in the middle of a batch that is killed when entry @n is done. The
 * command and the entries are in shared memory, so that its end can be seen.
 */
static int kill_in_batch(int fd, unsigned long how, struct ioasid_batch *cmd,
			 const entry_t *e, unsigned int n)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ioctl(fd, how, cmd);
		/* It came to its end, so it was not killed in time */
		_exit(1);
	}
	if (pid < 0)
		return -errno;
	while (__atomic_load_n(&e[n].error, __ATOMIC_ACQUIRE)) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sched_yield();
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid ? status : -ECHILD;
}

TEST_F(batch, killed)
{
	const bool debug = mem_debug_kernel();
	/* Which it could not all do in the time that a test has */
	const unsigned int n = debug ? MILLION / 10 : MILLION;
	const size_t size = n * sizeof(entry_t);
	char *buf = mem_shared(PAGE);
	struct ioasid_batch *cmd = mem_shared(PAGE);
	unsigned int done, unmapped, i;
	uint64_t bytes = 0;
	entry_t *e;

	ASSERT_NE(NULL, buf);
	ASSERT_NE(NULL, cmd);
	e = mem_shared(size);
	ASSERT_NE(NULL, e);
	for (i = 0; i < n; i++)
		e[i] = map_entry(buf, AT + i * PAGE, PAGE);
	*cmd = (struct ioasid_batch) {
		.size = sizeof(*cmd),
		.ioas_id = self->rig.ioas,
		.nr = n,
		.entries = iommu_ptr(e),
		.out_done = UINT32_MAX,
	};
	/* Many, so that unmapping them takes a while, too */
	EXPECT_EQ(SIGKILL, kill_in_batch(self->rig.fd, IOASID_MAP_BATCH, cmd,
					 e, debug ? 10000 : 150000));
	done = count_done(e, n);
	EXPECT_LT(5000, done);
	EXPECT_GT(n, done);
	EXPECT_EQ(done, cmd->out_done);
	/* EINTR is of the command, not of an entry */
	EXPECT_EQ(n - done, count_untouched(e, n));
	EXPECT_TRUE(IS_MAPPED(AT + (done - 1) * PAGE, PAGE));
	EXPECT_FALSE(IS_MAPPED(AT + done * PAGE, PAGE));

	for (i = 0; i < done; i++)
		e[i] = unmap_entry(AT + i * PAGE, PAGE);
	cmd->nr = done;
	EXPECT_EQ(SIGKILL, kill_in_batch(self->rig.fd, IOASID_UNMAP_BATCH, cmd,
					 e, 300));
	unmapped = count_done(e, done);
	EXPECT_LT(300, unmapped);
	EXPECT_EQ(unmapped, cmd->out_done);
	EXPECT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ((done - unmapped) * PAGE, bytes);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	mem_free(e, size);
}

ACCESS_HARNESS_MAIN
