// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that maps, which need not be the one that has opened the file: libvirt
 * opens it, and passes it to QEMU.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "child.h"
#include "family.h"
#include "iommu.h"
#include "mem.h"
#include "pass.h"

#define USER 1000
#define MAPPER "maps"

/* The row of the context; to be freed. */
static struct genl_rows row_of(FIXTURE_DATA(netlink) *self)
{
	struct filter own = { IOASID_A_CONTEXT_ID, self->context, false };
	struct genl_rows rows;

	if (dump(&self->genl, &rows, IOASID_CMD_CONTEXT_GET, &own, 1) ||
	    rows.nr != 1)
		genl_free(&rows);
	return rows;
}

/* Is it that process which maps, and this one which has opened the file? */
static bool is_mapper(FIXTURE_DATA(netlink) *self, pid_t pid, uid_t uid,
		      const char *comm)
{
	struct genl_rows rows = row_of(self);
	const struct nlmsghdr *row = genl_row(&rows, 0);
	bool is = row && genl_attr(row, IOASID_A_CONTEXT_MAPPER_PID) &&
		  value(row, IOASID_A_CONTEXT_PID) == (uint64_t)getpid() &&
		  !strcmp(text(row, IOASID_A_CONTEXT_COMM), NAME) &&
		  value(row, IOASID_A_CONTEXT_MAPPER_PID) == (uint64_t)pid &&
		  value(row, IOASID_A_CONTEXT_MAPPER_UID) == uid &&
		  !strcmp(text(row, IOASID_A_CONTEXT_MAPPER_COMM), comm);

	genl_free(&rows);
	return is;
}

/* A process that gets the file and maps in it at each byte; see ask(). */
static pid_t start_mapper(int *end, uint32_t ioas)
{
	int pair[2], fd, n;
	char byte = 0;
	void *buf;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	pid = fork();
	if (pid) {
		close(pair[1]);
		*end = pair[0];
		return pid;
	}
	close(pair[0]);
	prctl(PR_SET_NAME, MAPPER);
	CHILD_EQ(0, mem_become_user(USER, 1 << 20));
	fd = fd_take(pair[1], 0);
	CHILD_EQ(1, fd >= 0);
	buf = mem_anon(PAGE);
	CHILD_EQ(1, !!buf);
	for (n = 0; read(pair[1], &byte, 1) == 1; n++) {
		CHILD_EQ(0, map(fd, ioas, buf, PAGE, 2 * AT + n * PAGE));
		CHILD_EQ(1, write(pair[1], &byte, 1));
	}
	_exit(0);
}

static int ask(int end)
{
	char byte = 0;

	return write(end, &byte, 1) == 1 && read(end, &byte, 1) == 1;
}

TEST_F(netlink, nobody_has_mapped)
{
	struct genl_rows rows = row_of(self);
	const struct nlmsghdr *row = genl_row(&rows, 0);

	ASSERT_NE(NULL, row);
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_CONTEXT_MAPPER_PID));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_CONTEXT_MAPPER_UID));
	EXPECT_EQ(NULL, genl_attr(row, IOASID_A_CONTEXT_MAPPER_COMM));
	genl_free(&rows);
}

TEST_F(netlink, mapper)
{
	int end, status, other;
	pid_t pid;

	pid = start_mapper(&end, self->ioas);
	ASSERT_LT(0, pid);
	/* Not the descriptor that it has by the fork */
	other = dup(self->fd);
	ASSERT_EQ(0, fd_pass(end, other, 0));
	close(other);
	ASSERT_EQ(1, ask(end));
	EXPECT_TRUE(is_mapper(self, pid, USER, MAPPER));
	ASSERT_EQ(1, ask(end));
	EXPECT_TRUE(is_mapper(self, pid, USER, MAPPER));
	/* It stays known when it has gone */
	close(end);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(is_mapper(self, pid, USER, MAPPER));
	/* Until another one begins */
	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	EXPECT_TRUE(is_mapper(self, getpid(), 0, NAME));
}

/* By CHANGE_PROCESS a process takes over what has been mapped before. */
static void body_of_heir(void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;

	prctl(PR_SET_NAME, MAPPER);
	CHILD_EQ(0, mem_become_user(USER, 1 << 20));
	CHILD_EQ(0, iommu_change_process(self->fd));
}

TEST_F(netlink, heir)
{
	struct genl_rows rows;
	int memfd = mem_memfd(PAGE, 0);

	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->ioas, memfd, 0, PAGE,
					  IOMMU_RW, AT));
	EXPECT_TRUE(is_mapper(self, getpid(), 0, NAME));
	EXPECT_EQ(0, child_run(body_of_heir, self));
	rows = row_of(self);
	EXPECT_STREQ(MAPPER, text(genl_row(&rows, 0),
				  IOASID_A_CONTEXT_MAPPER_COMM));
	EXPECT_EQ(USER, value(genl_row(&rows, 0), IOASID_A_CONTEXT_MAPPER_UID));
	genl_free(&rows);
	close(memfd);
}

/*
 * A user opens the file and gives it to another user's process, which maps: of that the
 * user is told nothing.
 */

/* What the caller is told of the one context that it sees. */
struct told {
	uint32_t opener;
	bool has_mapper;
	uint32_t mapper;
	uint32_t mapper_uid;
	char comm[32];
};

static int ask_netlink(struct genl *genl, struct told *told)
{
	const struct nlmsghdr *row;
	struct genl_rows rows;
	int rc = dump_all(genl, &rows, IOASID_CMD_CONTEXT_GET);

	memset(told, 0, sizeof(*told));
	row = rc ? NULL : genl_row(&rows, 0);
	if (row && rows.nr == 1) {
		told->opener = value(row, IOASID_A_CONTEXT_PID);
		told->has_mapper = genl_attr(row, IOASID_A_CONTEXT_MAPPER_PID);
		told->mapper = value(row, IOASID_A_CONTEXT_MAPPER_PID);
		told->mapper_uid = value(row, IOASID_A_CONTEXT_MAPPER_UID);
		if (genl_attr(row, IOASID_A_CONTEXT_MAPPER_COMM))
			strncpy(told->comm,
				text(row, IOASID_A_CONTEXT_MAPPER_COMM),
				sizeof(told->comm) - 1);
	} else {
		rc = rc ?: -ENOENT;
	}
	genl_free(&rows);
	return rc;
}

/* The opener is a user; root maps in its file, of which it is not told. */
static void body_of_user(void *arg)
{
	int socket = *(int *)arg, fd;
	struct told told;
	struct genl genl;
	uint32_t ioas;
	char *buf, c;

	CHILD_EQ(0, mem_become_user(USER, 1 << 20));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	fd = iommu_open();
	CHILD_EQ(1, fd >= 0);
	CHILD_EQ(0, iommu_ioas_alloc(fd, &ioas));
	buf = mem_anon(PAGE);
	CHILD_EQ(1, !!buf);
	CHILD_EQ(0, map(fd, ioas, buf, PAGE, AT + PAGE));
	CHILD_EQ(0, ask_netlink(&genl, &told));
	CHILD_EQ(getpid(), told.mapper);
	CHILD_EQ(USER, told.mapper_uid);
	CHILD_EQ(0, fd_pass(socket, fd, 0));
	CHILD_EQ(sizeof(ioas), write(socket, &ioas, sizeof(ioas)));
	CHILD_EQ(1, read(socket, &c, 1));
	CHILD_EQ(0, ask_netlink(&genl, &told));
	CHILD_EQ(getpid(), told.opener);
	CHILD_EQ(0, told.has_mapper);
	CHILD_EQ(UINT32_MAX, told.mapper_uid);
	CHILD_EQ(0, told.comm[0]);
}

TEST_F(netlink, another_users_mapper)
{
	int pair[2], status, fd;
	struct stat before;
	uint32_t ioas;
	pid_t pid;

	ASSERT_EQ(0, stat(IOMMU_DEV, &before));
	ASSERT_EQ(0, chmod(IOMMU_DEV, 0666));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(pair[0]);
		body_of_user(&pair[1]);
		_exit(0);
	}
	close(pair[1]);
	fd = fd_take(pair[0], 0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(sizeof(ioas), read(pair[0], &ioas, sizeof(ioas)));
	EXPECT_EQ(0, map(fd, ioas, self->buf, PAGE, AT));
	EXPECT_EQ(1, write(pair[0], "m", 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
	close(pair[0]);
	EXPECT_EQ(0, chmod(IOMMU_DEV, before.st_mode & 07777));
}

TEST_HARNESS_MAIN
