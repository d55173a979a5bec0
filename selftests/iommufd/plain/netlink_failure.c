// SPDX-License-Identifier: GPL-2.0-only
/*
 * The failures that the module keeps: which, of whom, for how long, and who is told.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "kselftest_harness.h"

#include "child.h"
#include "family.h"
#include "iommu.h"
#include "mem.h"

#define KEPT 64
#define USER_A 1000
#define USER_B 1001

/* A map that fails, since its range is taken: with a sentence that has its IOVA. */
static int fail_to_map(int fd, uint32_t ioas, void *buf)
{
	return map(fd, ioas, buf, PAGE, AT);
}

/* One of many failures that differ: the sentence has the IOVA. */
static int fail_to_unmap(int fd, uint32_t ioas, unsigned int nr)
{
	return iommu_ioas_unmap(fd, ioas, AT + (1 + nr) * PAGE, PAGE, NULL);
}

/* The newest failure that a dump has; NULL without one. */
static const struct nlmsghdr *newest(const struct genl_rows *rows)
{
	return rows->nr ? genl_row(rows, rows->nr - 1) : NULL;
}

/* How many failures of the context is it told? There may be others, of other tests. */
static int seen_by(struct genl *genl, uint32_t context)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, context, false };
	struct genl_rows rows;
	int rc = dump(genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1);

	if (!rc)
		rc = rows.nr;
	genl_free(&rows);
	return rc;
}

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	return at.tv_sec * 1000000000ULL + at.tv_nsec;
}

/* Nobody listens, and the file has been closed when they are asked for. */
TEST_F(netlink, kept)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	uint64_t before = now();
	const struct nlmsghdr *row;
	struct genl_rows rows;

	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	ASSERT_EQ(-EEXIST, fail_to_map(self->fd, self->ioas, self->buf));
	ASSERT_EQ(-ENOENT, iommu_destroy(self->fd, 99));
	close(self->fd);
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	ASSERT_EQ(2, rows.nr);
	row = genl_row(&rows, 0);
	EXPECT_EQ(self->context, value(row, IOASID_A_FAILURE_CONTEXT));
	EXPECT_LE(before, value(row, IOASID_A_FAILURE_TIME));
	EXPECT_GE(now(), value(row, IOASID_A_FAILURE_TIME));
	EXPECT_EQ(getpid(), value(row, IOASID_A_FAILURE_PID));
	EXPECT_STREQ(NAME, text(row, IOASID_A_FAILURE_COMM));
	EXPECT_EQ(0, value(row, IOASID_A_FAILURE_UID));
	EXPECT_STREQ("IOMMU_IOAS_MAP", text(row, IOASID_A_FAILURE_COMMAND));
	EXPECT_EQ(EEXIST, value(row, IOASID_A_FAILURE_ERROR));
	EXPECT_NE(NULL, strstr(text(row, IOASID_A_FAILURE_REASON),
			       "0x40000000-0x40000fff"));
	/* What is said by the error already has no sentence */
	row = genl_row(&rows, 1);
	EXPECT_STREQ("IOMMU_DESTROY", text(row, IOASID_A_FAILURE_COMMAND));
	EXPECT_EQ(ENOENT, value(row, IOASID_A_FAILURE_ERROR));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_FAILURE_REASON));
	EXPECT_EQ(1, value(row, IOASID_A_FAILURE_NUMBER) -
		     value(genl_row(&rows, 0), IOASID_A_FAILURE_NUMBER));
	genl_free(&rows);
	self->fd = iommu_open();
}

/*
 * The last 64, of all contexts together, in order; more than fits into one message. What
 * other users have of them, from tests before, stays, as they have fewer.
 */
TEST_F(netlink, wrap)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	struct genl_rows rows;
	int other = iommu_open();
	unsigned int i, nr;
	uint64_t last;

	ASSERT_LE(0, other);
	for (i = 0; i < 2 * KEPT + 5; i++)
		ASSERT_EQ(-ENOENT, fail_to_unmap(self->fd, self->ioas, i));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_FAILURE_GET));
	ASSERT_EQ(KEPT, rows.nr);
	last = value(newest(&rows), IOASID_A_FAILURE_NUMBER);
	genl_free(&rows);
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	nr = rows.nr;
	ASSERT_LT(KEPT / 3, nr);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(last - nr + 1 + i,
			  value(genl_row(&rows, i), IOASID_A_FAILURE_NUMBER));
	genl_free(&rows);

	/* Of another context: one of them makes room */
	ASSERT_EQ(-ENOENT, iommu_destroy(other, 99));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	EXPECT_EQ(nr - 1, rows.nr);
	EXPECT_EQ(last, value(newest(&rows), IOASID_A_FAILURE_NUMBER));
	genl_free(&rows);
	own.value = 0;
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	EXPECT_EQ(0, rows.nr);
	genl_free(&rows);
	close(other);
}

/* Who tries again and again takes one, whatever else fails between. */
TEST_F(netlink, repeated)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	const struct nlmsghdr *row;
	struct genl_rows rows;
	uint64_t half = 0;
	unsigned int i;

	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	for (i = 0; i < 2 * KEPT; i++) {
		ASSERT_EQ(-EEXIST,
			  fail_to_map(self->fd, self->ioas, self->buf));
		ASSERT_EQ(-ENOENT, iommu_destroy(self->fd, 99));
		half = i == KEPT ? now() : half;
	}
	ASSERT_EQ(-EEXIST, fail_to_map(self->fd, self->ioas, self->buf));
	ASSERT_EQ(-EEXIST, map(self->fd, self->ioas, self->buf, 2 * PAGE, AT));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	ASSERT_EQ(3, rows.nr);
	row = genl_row(&rows, 0);
	EXPECT_EQ(2 * KEPT + 1, value(row, IOASID_A_FAILURE_TIMES));
	EXPECT_LT(half, value(row, IOASID_A_FAILURE_TIME));
	row = genl_row(&rows, 1);
	EXPECT_STREQ("IOMMU_DESTROY", text(row, IOASID_A_FAILURE_COMMAND));
	EXPECT_EQ(2 * KEPT, value(row, IOASID_A_FAILURE_TIMES));
	EXPECT_EQ(1, value(newest(&rows), IOASID_A_FAILURE_TIMES));
	genl_free(&rows);
}

/* Who may ------------------------------------------------------------------ */

/* Fails in root's file, which it has been given, as libvirt gives its one to QEMU. */
static void body_of_a(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	const struct nlmsghdr *row;
	struct genl_rows rows;
	struct genl genl;

	CHILD_EQ(0, mem_become_user(USER_A, 1 << 20));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, seen_by(&genl, self->context));
	CHILD_EQ(-EEXIST, fail_to_map(self->fd, self->ioas, self->buf));
	CHILD_EQ(1, seen_by(&genl, self->context));
	CHILD_EQ(0, dump_all(&genl, &rows, IOASID_CMD_FAILURE_GET));
	row = newest(&rows);
	CHILD_EQ(USER_A, value(row, IOASID_A_FAILURE_UID));
	CHILD_EQ(getpid(), value(row, IOASID_A_FAILURE_PID));
	CHILD_EQ(1, !!strstr(text(row, IOASID_A_FAILURE_REASON),
			     "0x40000000-0x40000fff"));
	genl_free(&rows);
	/* A socket of root's tells it no more than its own one */
	CHILD_EQ(1, seen_by(&self->genl, self->context));
	genl_close(&genl);
}

static void body_of_b(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	struct genl genl;

	CHILD_EQ(0, mem_become_user(USER_B, 1 << 20));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, seen_by(&genl, self->context));
	CHILD_EQ(-ENOENT, iommu_destroy(self->fd, 99));
	CHILD_EQ(1, seen_by(&genl, self->context));
	genl_close(&genl);
}

TEST_F(netlink, users_see_their_own)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	struct genl_rows rows;

	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	ASSERT_EQ(-EEXIST, fail_to_map(self->fd, self->ioas, self->buf));
	EXPECT_EQ(0, child_run(body_of_a, self));
	EXPECT_EQ(0, child_run(body_of_b, self));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	ASSERT_EQ(3, rows.nr);
	EXPECT_NE(NULL, find(&rows, IOASID_A_FAILURE_UID, 0));
	EXPECT_NE(NULL, find(&rows, IOASID_A_FAILURE_UID, USER_A));
	EXPECT_NE(NULL, find(&rows, IOASID_A_FAILURE_UID, USER_B));
	genl_free(&rows);
}

/* Fails as often as would be enough for all that is kept. */
static void body_of_flood(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	unsigned int i;

	CHILD_EQ(0, mem_become_user(USER_A, 1 << 20));
	for (i = 0; i < 2 * KEPT; i++)
		CHILD_EQ(-ENOENT, fail_to_unmap(self->fd, self->ioas, i));
}

static unsigned int count_of(const struct genl_rows *rows, uint64_t user)
{
	unsigned int i, nr = 0;

	for (i = 0; i < rows->nr; i++)
		nr += value(genl_row(rows, i), IOASID_A_FAILURE_UID) == user;
	return nr;
}

TEST_F(netlink, nobody_pushes_out_others)
{
	struct genl_rows rows;
	unsigned int i;

	for (i = 0; i < KEPT; i++)
		ASSERT_EQ(-ENOENT, fail_to_unmap(self->fd, self->ioas, i));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_FAILURE_GET));
	EXPECT_LT(KEPT / 3, count_of(&rows, 0));
	genl_free(&rows);
	EXPECT_EQ(0, child_run(body_of_flood, self));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(-ENOENT, fail_to_unmap(self->fd, self->ioas,
						 2 * KEPT + i));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_FAILURE_GET));
	/* Other tests have had a few of other users */
	EXPECT_LE(KEPT / 3, count_of(&rows, 0));
	EXPECT_LE(KEPT / 3, count_of(&rows, USER_A));
	genl_free(&rows);
}

/* Root of a container, as far as netlink can tell: user 0 without its capabilities. */
static void body_of_weak_root(void *arg)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { };
	FIXTURE_DATA(netlink) *self = arg;
	struct genl genl;

	CHILD_EQ(0, syscall(SYS_capset, &head, data));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, seen_by(&genl, self->context));
}

TEST_F(netlink, not_for_root_of_a_container)
{
	ASSERT_EQ(-ENOENT, iommu_destroy(self->fd, 99));
	EXPECT_EQ(1, seen_by(&self->genl, self->context));
	EXPECT_EQ(0, child_run(body_of_weak_root, self));
}

/* Where a process has its memory is told to root only. */
#define SECRET 0xfffffffffffff000ULL

static void body_of_secret(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	struct genl_rows rows;
	const char *why;
	struct genl genl;

	CHILD_EQ(0, mem_become_user(USER_A, 1 << 20));
	CHILD_EQ(-EOVERFLOW, map(self->fd, self->ioas, (void *)SECRET,
				 2 * PAGE, AT));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, dump_all(&genl, &rows, IOASID_CMD_FAILURE_GET));
	why = text(newest(&rows), IOASID_A_FAILURE_REASON);
	if (strcmp(why, "memory of 0x? bytes from 0x? on reaches beyond the last page"))
		printf("# %s\n", why);
	CHILD_EQ(0, strcmp(why, "memory of 0x? bytes from 0x? on reaches beyond the last page"));
	genl_free(&rows);
	genl_close(&genl);
}

TEST_F(netlink, addresses_are_secret)
{
	struct genl_rows rows;

	EXPECT_EQ(0, child_run(body_of_secret, self));
	ASSERT_EQ(0, dump_all(&self->genl, &rows, IOASID_CMD_FAILURE_GET));
	EXPECT_STREQ("memory of 0x2000 bytes from 0xfffffffffffff000 on reaches beyond the last page",
		     text(newest(&rows), IOASID_A_FAILURE_REASON));
	genl_free(&rows);
}

/* Asking ------------------------------------------------------------------- */

/* An answer, even one that has no room, is no failure: neither kept nor told. */
TEST_F(netlink, asking_is_no_failure)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	char why[64];
	uint32_t nr = 0, length = sizeof(why), error;
	struct genl_rows row, rows;
	struct genl events;

	ASSERT_EQ(0, genl_open(&events, IOASID_FAMILY_NAME));
	ASSERT_EQ(0, genl_listen(&events));
	ASSERT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->ioas, NULL, &nr,
					       NULL));
	EXPECT_EQ(1, nr);
	ASSERT_EQ(-ENODATA, iommu_last_reason(self->fd, why, &length, &error));
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	EXPECT_EQ(0, rows.nr);
	genl_free(&rows);
	EXPECT_TRUE(genl_silent(&events));
	/* But what is wrong with the question is one */
	ASSERT_EQ(-ENOENT, iommu_iova_ranges(self->fd, 99, NULL, &nr, NULL));
	ASSERT_EQ(0, genl_event(&events, &row));
	EXPECT_STREQ("IOMMU_IOAS_IOVA_RANGES",
		     text(genl_row(&row, 0), IOASID_A_EVENT_COMMAND));
	genl_free(&row);
	ASSERT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET, &own, 1));
	EXPECT_EQ(1, rows.nr);
	genl_free(&rows);
	genl_close(&events);
}

/* Racing ------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 400

struct failer {
	int fd;
	uint32_t ioas;
	void *buf;
	unsigned int nr;
	atomic_uint *left;
	int bad;
};

/* Even ones fail to destroy, without a sentence; odd ones to map, with one. */
static void *keep_failing(void *arg)
{
	struct failer *failer = arg;
	int want = failer->nr % 2 ? -EEXIST : -ENOENT;

	while (atomic_load(failer->left) && !failer->bad) {
		int rc = failer->nr % 2 ?
			 fail_to_map(failer->fd, failer->ioas, failer->buf) :
			 iommu_destroy(failer->fd, 99);

		failer->bad = rc == want ? 0 : rc;
	}
	return NULL;
}

/* A failure is whole, whatever replaces it meanwhile. */
static bool is_whole(const struct nlmsghdr *row)
{
	const char *command = text(row, IOASID_A_FAILURE_COMMAND);
	bool maps = !strcmp(command, "IOMMU_IOAS_MAP");

	if (strcmp(text(row, IOASID_A_FAILURE_COMM), NAME))
		return false;
	if (value(row, IOASID_A_FAILURE_ERROR) != (maps ? EEXIST : ENOENT))
		return false;
	return maps ? !!strstr(text(row, IOASID_A_FAILURE_REASON),
			       " is mapped in IOAS ") :
		      !strcmp(command, "IOMMU_DESTROY") &&
		      !genl_attr(row, IOASID_A_FAILURE_REASON);
}

TEST_F(netlink, while_others_fail)
{
	struct filter own = { IOASID_A_FAILURE_CONTEXT, self->context, false };
	struct failer failers[THREADS];
	pthread_t threads[THREADS];
	uint64_t first = 0, last = 0, number, times;
	atomic_uint left = ROUNDS;
	struct genl_rows rows;
	unsigned int i, n;

	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	for (i = 0; i < THREADS; i++) {
		failers[i] = (struct failer) {
			.fd = self->fd, .ioas = self->ioas, .buf = self->buf,
			.nr = i, .left = &left,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, keep_failing,
					    &failers[i]));
	}
	for (n = 0; n < ROUNDS; n++) {
		EXPECT_EQ(0, dump(&self->genl, &rows, IOASID_CMD_FAILURE_GET,
				  &own, 1));
		EXPECT_GE(KEPT, rows.nr);
		for (i = 0, number = 0, times = 0; i < rows.nr; i++) {
			const struct nlmsghdr *row = genl_row(&rows, i);

			EXPECT_TRUE(is_whole(row));
			EXPECT_LT(number, value(row, IOASID_A_FAILURE_NUMBER));
			number = value(row, IOASID_A_FAILURE_NUMBER);
			times += value(row, IOASID_A_FAILURE_TIMES);
		}
		EXPECT_LE(last, times);
		last = times;
		first = first ?: times;
		genl_free(&rows);
		atomic_fetch_sub(&left, 1);
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, failers[i].bad);
	}
	TH_LOG("%d dumps, during which %d failures", ROUNDS,
	       (int)(last - first));
	EXPECT_LT(first, last);
}

TEST_HARNESS_MAIN
