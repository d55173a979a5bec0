// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_LAST_REASON: that it says what an errno does not, to whom it failed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "reason.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 16UL
#define BUF (NPAGES * PAGE)
#define AT 0x40000000UL
#define MSI_WINDOW 0xfee00000UL
#define USER 1234
#define TEXT REASON_TEXT
/* More threads than the module remembers */
#define CROWD 200

FIXTURE(reason)
{
	int fd;
	uint32_t ioas;
	char *buf;
};

FIXTURE_SETUP(reason)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	if (!iommu_has_cmd(self->fd, IOASID_LAST_REASON))
		SKIP(return, "no IOASID_LAST_REASON in this module");
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(reason)
{
	if (self->fd >= 0)
		close(self->fd);
}

#define EXPECT_EXPLAINS(fd, error, part)				\
	EXPECT_TRUE(reason_explains(fd, error, part))

static int map(int fd, uint32_t ioas, void *va, uint64_t iova)
{
	return iommu_map_fixed(fd, ioas, va, PAGE, IOMMU_RW, iova);
}

/* A failure that is always at hand: EEXIST at @iova. */
static int fail_at(int fd, uint32_t ioas, void *va, uint64_t iova)
{
	int rc = map(fd, ioas, va, iova);

	if (rc && rc != -EEXIST)
		return rc;
	return map(fd, ioas, va, iova) == -EEXIST ? 0 : -EIO;
}

TEST_F(reason, fresh)
{
	EXPECT_TRUE(reason_none(self->fd));
	/* What succeeds does not need to be explained */
	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, AT));
	EXPECT_TRUE(reason_none(self->fd));
	EXPECT_TRUE(reason_none(self->fd));
}

TEST_F(reason, stays_until_the_next)
{
	uint32_t id;

	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT + PAGE));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40001000");

	/* A call that succeeds has nothing to explain */
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &id));
	EXPECT_TRUE(reason_none(self->fd));

	/* One that fails is not explained by one before it */
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, 9999));
	EXPECT_TRUE(reason_none(self->fd));

	/* Nor is an ioctl that is none, or one of the container */
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EQ(-ENOTTY, iommu_cmd(self->fd, _IO(';', 0xff), NULL));
	EXPECT_TRUE(reason_none(self->fd));
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_LE(0, ioctl(self->fd, VFIO_GET_API_VERSION));
	EXPECT_TRUE(reason_none(self->fd));

	/* It is of this descriptor, and of no object of it */
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

TEST_F(reason, of_each_descriptor)
{
	int other = iommu_open();
	uint32_t ioas;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, iommu_ioas_alloc(other, &ioas));
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_TRUE(reason_none(other));
	ASSERT_EQ(0, fail_at(other, ioas, self->buf, AT + 3 * PAGE));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
	EXPECT_EXPLAINS(other, EEXIST, "0x40003000");
	close(other);
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

/* Threads ------------------------------------------------------------------ */

struct asker {
	int fd;
	uint32_t ioas;
	char *buf;
	uint64_t iova;
	const char *part;
	pthread_barrier_t *all_failed;
	bool good;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->good = reason_none(a->fd) &&
		  !fail_at(a->fd, a->ioas, a->buf, a->iova);
	if (a->all_failed)
		pthread_barrier_wait(a->all_failed);
	if (a->part)
		a->good &= reason_explains(a->fd, EEXIST, a->part);
	return NULL;
}

/* Each is told its own, at the same time. */
TEST_F(reason, of_each_thread)
{
	static const char * const part[] = {
		"0x40005000", "0x40006000", "0x40007000", "0x40008000",
	};
	struct asker a[ARRAY_SIZE(part)];
	pthread_t thread[ARRAY_SIZE(part)];
	pthread_barrier_t all_failed;
	unsigned int i;

	ASSERT_EQ(0, pthread_barrier_init(&all_failed, NULL, ARRAY_SIZE(a)));
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = (struct asker) {
			.fd = self->fd, .ioas = self->ioas, .buf = self->buf,
			.iova = AT + (5 + i) * PAGE, .part = part[i],
			.all_failed = &all_failed,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, ask, &a[i]));
	}
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		pthread_join(thread[i], NULL);
		EXPECT_TRUE(a[i].good);
	}
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

static void ask_in_child(void *arg)
{
	struct asker *a = arg;

	CHILD_EQ(true, reason_none(a->fd));
	CHILD_EQ(0, fail_at(a->fd, a->ioas, a->buf, a->iova));
	CHILD_EQ(true, reason_explains(a->fd, EEXIST, a->part));
}

TEST_F(reason, of_each_process)
{
	struct asker a = {
		.fd = self->fd, .ioas = self->ioas, .buf = self->buf,
		.iova = AT + 9 * PAGE, .part = "0x40009000",
	};

	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EQ(0, child_run(ask_in_child, &a));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

/*
 * Many threads, one after the other: the first is forgotten, at some time, but
 * never is one told what was meant for another. Whoever failed last is told.
 */
TEST_F(reason, of_a_crowd)
{
	unsigned int i;

	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	for (i = 0; i < CROWD; i++) {
		struct asker a = {
			.fd = self->fd, .ioas = self->ioas, .buf = self->buf,
			.iova = AT + PAGE, .part = "0x40001000",
		};
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, ask, &a));
		pthread_join(thread, NULL);
		ASSERT_TRUE(a.good);
	}
	if (!reason_none(self->fd)) {
		EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
	}
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT + 2 * PAGE));
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40002000");
}

/* The buffer --------------------------------------------------------------- */

TEST_F(reason, short_buffers)
{
	char whole[TEXT], text[TEXT], *edge;
	uint32_t need = TEXT, about, len, i;

	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	ASSERT_EQ(0, iommu_last_reason(self->fd, whole, &need, &about));
	ASSERT_EQ(strlen(whole) + 1, need);
	EXPECT_LE(need, iommu_extension(self->fd, IOASID_EXT_LAST_REASON));
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	for (i = 0; i <= need + 8; i++) {
		uint32_t want = i < need ? i : need;

		memset(text, 0x55, sizeof(text));
		len = i;
		about = 0;
		ASSERT_EQ(0, iommu_last_reason(self->fd, text, &len, &about));
		EXPECT_EQ(need, len);
		EXPECT_EQ(EEXIST, about);
		/* Cut, ended, and nothing behind it */
		if (want) {
			EXPECT_EQ(0, memcmp(text, whole, want - 1));
			EXPECT_EQ(0, text[want - 1]);
		}
		EXPECT_EQ(0x55, text[want]);
	}

	/* It need not be there if it is of no length */
	len = 0;
	EXPECT_EQ(0, iommu_last_reason(self->fd, NULL, &len, &about));
	EXPECT_EQ(need, len);
	/* No more of it is written than the sentence takes */
	edge = mem_before_hole(need);
	ASSERT_NE(NULL, edge);
	len = UINT32_MAX;
	EXPECT_EQ(0, iommu_last_reason(self->fd, edge, &len, &about));
	EXPECT_EQ(need, len);
	EXPECT_EQ(0, strcmp(whole, edge));
}

TEST_F(reason, bad_buffers)
{
	char *fixed = mem_anon(PAGE), *edge;
	uint32_t len = TEXT, about = 0;

	ASSERT_NE(NULL, fixed);
	/* The last one: nothing shall fill the hole */
	edge = mem_before_hole(10);
	ASSERT_NE(NULL, edge);
	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	EXPECT_EQ(-EFAULT, iommu_last_reason(self->fd, NULL, &len, &about));
	EXPECT_EQ(-EFAULT, iommu_last_reason(self->fd, edge, &len, &about));
	EXPECT_EQ(-EFAULT, iommu_last_reason(self->fd,
					     (char *)0xffff888000001000, &len,
					     &about));
	ASSERT_EQ(0, mprotect(fixed, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_last_reason(self->fd, fixed, &len, &about));
	EXPECT_EQ(TEXT, len);
	EXPECT_EQ(0, about);
	/* It is still known */
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

TEST_F(reason, bad_structure)
{
	struct {
		struct ioasid_last_reason cmd;
		uint64_t tail;
	} arg;
	char text[TEXT];

	ASSERT_EQ(0, fail_at(self->fd, self->ioas, self->buf, AT));
	memset(&arg, 0, sizeof(arg));
	arg.cmd.buffer = iommu_ptr(text);
	arg.cmd.buffer_len = sizeof(text);
	arg.cmd.size = sizeof(arg.cmd) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, IOASID_LAST_REASON, &arg));
	arg.cmd.size = sizeof(arg.cmd);
	arg.cmd.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_LAST_REASON, &arg));
	arg.cmd.flags = 0;
	arg.cmd.size = sizeof(arg);
	arg.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(self->fd, IOASID_LAST_REASON, &arg));
	arg.tail = 0;
	/* The answer's field may hold anything before */
	arg.cmd.out_errno = 12345;
	EXPECT_EQ(0, iommu_cmd(self->fd, IOASID_LAST_REASON, &arg));
	EXPECT_EQ(EEXIST, arg.cmd.out_errno);
	EXPECT_EXPLAINS(self->fd, EEXIST, "0x40000000");
}

/* CHECK_EXTENSION ---------------------------------------------------------- */

TEST_F(reason, extensions)
{
	struct {
		struct ioasid_check_extension cmd;
		uint64_t tail;
	} arg;
	uint32_t i;

	for (i = IOASID_EXT_API_VERSION; i <= IOASID_EXT_P2P; i++) {
		EXPECT_NE(0, iommu_extension(self->fd, i));
	}
	EXPECT_EQ(0, iommu_extension(self->fd, 1000));
	EXPECT_EQ(0, iommu_extension(self->fd, UINT32_MAX));

	memset(&arg, 0, sizeof(arg));
	arg.cmd.size = sizeof(arg.cmd) - 8;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, IOASID_CHECK_EXTENSION, &arg));
	arg.cmd.size = sizeof(arg.cmd);
	arg.cmd.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_CHECK_EXTENSION,
					 &arg));
	arg.cmd.flags = 0;
	arg.cmd.__reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_CHECK_EXTENSION,
					 &arg));
	arg.cmd.__reserved = 0;
	arg.cmd.size = sizeof(arg);
	arg.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(self->fd, IOASID_CHECK_EXTENSION, &arg));
	arg.tail = 0;
	EXPECT_EQ(0, iommu_cmd(self->fd, IOASID_CHECK_EXTENSION, &arg));
	EXPECT_EQ(1, arg.cmd.out_value);
}

/* What is explained -------------------------------------------------------- */

FIXTURE(device)
{
	struct rig rig;
	char *buf;
};

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	if (!iommu_has_cmd(self->rig.fd, IOASID_LAST_REASON))
		SKIP(return, "no IOASID_LAST_REASON in this module");
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

#define RIG_EXPLAINS(error, part) EXPECT_EXPLAINS(self->rig.fd, error, part)

TEST_F(device, attach_over_reserved_range)
{
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, MSI_WINDOW));
	EXPECT_EQ(-EADDRINUSE, rig_attach(&self->rig));
	RIG_EXPLAINS(EADDRINUSE, "0xfee00000");
	/* So it can be cured */
	ASSERT_EQ(0, rig_unmap(&self->rig, MSI_WINDOW, PAGE));
	EXPECT_EQ(0, rig_attach(&self->rig));
}

TEST_F(device, attach_over_allowed_range)
{
	const struct iommu_iova_range window = {
		MSI_WINDOW, MSI_WINDOW + 0xffff,
	};

	ASSERT_EQ(0, iommu_allow_iovas(self->rig.fd, self->rig.ioas, &window,
				       1));
	EXPECT_EQ(-EADDRINUSE, rig_attach(&self->rig));
	RIG_EXPLAINS(EADDRINUSE, "allowed");
}

TEST_F(device, map_over_reserved_range)
{
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(-EINVAL, rig_map(&self->rig, self->buf, 2 * PAGE,
				   MSI_WINDOW - PAGE));
	RIG_EXPLAINS(EINVAL, "0xfedff000");
}

TEST_F(device, map_not_aligned)
{
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(-EINVAL, rig_map(&self->rig, self->buf, PAGE, AT + 100));
	RIG_EXPLAINS(EINVAL, "align");
}

TEST_F(device, map_of_nothing)
{
	char part[32], *none = mem_reserve(PAGE);

	ASSERT_NE(NULL, none);
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(-EFAULT, rig_map(&self->rig, none, PAGE, AT));
	snprintf(part, sizeof(part), "%p", (void *)none);
	RIG_EXPLAINS(EFAULT, part);
}

/* The failing entry of a batch, not the batch. */
TEST_F(device, batch)
{
	struct ioasid_batch_entry e[8];
	unsigned int i;
	char part[32];
	uint32_t done;

	ASSERT_EQ(0, rig_attach(&self->rig));
	for (i = 0; i < ARRAY_SIZE(e); i++)
		e[i] = (struct ioasid_batch_entry) {
			.src = iommu_ptr(self->buf + i * PAGE),
			.iova = AT + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
	ASSERT_EQ(0, mprotect(self->buf + 5 * PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd, self->rig.ioas, e,
					   ARRAY_SIZE(e), &done));
	snprintf(part, sizeof(part), "%p", (void *)(self->buf + 5 * PAGE));
	RIG_EXPLAINS(EFAULT, part);
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, NULL));
	e[3].iova = AT + PAGE;
	EXPECT_EQ(-EEXIST, iommu_map_batch(self->rig.fd, self->rig.ioas, e,
					   ARRAY_SIZE(e), &done));
	RIG_EXPLAINS(EEXIST, "0x40001000");
}

static void map_with_limit(void *arg)
{
	struct rig *rig = arg;
	char *buf = mem_anon(BUF);

	CHILD_EQ(0, mem_become_user(USER, 4 * PAGE));
	CHILD_EQ(-ENOMEM, rig_map(rig, buf, BUF, AT));
	CHILD_EQ(true, reason_explains(rig->fd, ENOMEM, "RLIMIT_MEMLOCK"));
	CHILD_EQ(true, reason_explains(rig->fd, ENOMEM, "16 pages"));
	CHILD_EQ(true, reason_explains(rig->fd, ENOMEM, "4"));
	CHILD_EQ(0, rig_map(rig, buf, 4 * PAGE, AT));
}

TEST_F(device, map_over_limit)
{
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(0, child_run(map_with_limit, &self->rig));
}

/* The memory was mapped before: then it is the attach that is too much. */
static void attach_with_limit(void *arg)
{
	struct rig *rig = arg;
	char *buf = mem_anon(BUF);

	CHILD_EQ(0, mem_become_user(USER, 4 * PAGE));
	CHILD_EQ(0, rig_map(rig, buf, BUF, AT));
	CHILD_EQ(-ENOMEM, rig_attach(rig));
	CHILD_EQ(true, reason_explains(rig->fd, ENOMEM, "RLIMIT_MEMLOCK"));
	CHILD_EQ(0, rig_unmap(rig, AT, BUF));
	CHILD_EQ(0, rig_attach(rig));
}

TEST_F(device, attach_over_limit)
{
	EXPECT_EQ(0, child_run(attach_with_limit, &self->rig));
}

TEST_F(device, nested_hole)
{
	uint32_t child;
	char part[32];

	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas, &child));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 4 * PAGE, AT));
	EXPECT_EQ(-EFAULT, iommu_map_fixed(self->rig.fd, child, (void *)AT,
					   8 * PAGE, IOMMU_RW, PAGE));
	/* Where the hole begins, and whose it is */
	RIG_EXPLAINS(EFAULT, "0x40004000");
	snprintf(part, sizeof(part), "IOAS %u", self->rig.ioas);
	RIG_EXPLAINS(EFAULT, part);

	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, self->rig.ioas,
				     self->buf + 4 * PAGE, PAGE, IOMMU_R,
				     AT + 4 * PAGE));
	EXPECT_EQ(-EPERM, iommu_map_fixed(self->rig.fd, child, (void *)AT,
					  5 * PAGE, IOMMU_W, PAGE));
	RIG_EXPLAINS(EPERM, "0x40004000");
}

/* A group of two devices, one of which somebody else has. */
TEST_F(device, group_of_another)
{
	int other = iommu_open(), late;
	struct vfio_pci pair[2];
	struct edu first;
	uint32_t id;

	ASSERT_LE(0, other);
	if (edu_find_pair(pair))
		SKIP(return, "needs two devices in one group");
	ASSERT_EQ(0, edu_open(&first, &pair[0], self->rig.fd));
	late = vfio_cdev_open(&pair[1]);
	ASSERT_LE(0, late);
	EXPECT_EQ(-EBUSY, vfio_bind(late, other, &id));
	/* Both, the one that cannot be had and the one that is the reason */
	EXPECT_EXPLAINS(other, EBUSY, pair[1].bdf);
	EXPECT_EXPLAINS(other, EBUSY, pair[0].bdf);
	EXPECT_EXPLAINS(other, EBUSY, "vfio-pci");
	EXPECT_TRUE(reason_none(self->rig.fd));
	edu_close(&first);
	EXPECT_EQ(0, vfio_bind(late, other, &id));
	close(late);
	close(other);
}

/* Two devices of one group cannot have two page tables. */
TEST_F(device, group_is_elsewhere)
{
	struct vfio_pci pair[2];
	struct edu both[2];
	uint32_t other;
	char part[32];

	if (edu_find_pair(pair))
		SKIP(return, "needs two devices in one group");
	ASSERT_EQ(0, edu_open(&both[0], &pair[0], self->rig.fd));
	ASSERT_EQ(0, edu_open(&both[1], &pair[1], self->rig.fd));
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &other));
	ASSERT_EQ(0, vfio_attach(both[0].fd, self->rig.ioas, NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(both[1].fd, other, NULL));
	RIG_EXPLAINS(EINVAL, pair[1].bdf);
	snprintf(part, sizeof(part), "IOAS %u", self->rig.ioas);
	RIG_EXPLAINS(EINVAL, part);
	EXPECT_EQ(0, vfio_attach(both[1].fd, self->rig.ioas, NULL));
	edu_close(&both[0]);
	edu_close(&both[1]);
}

TEST_HARNESS_MAIN
