// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user opens /dev/iommu and gives the file to another user's process, which maps: of
 * that the user is told nothing.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "family.h"
#include "iommu.h"
#include "mem.h"

#define USER 65534

static int give_file(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec iov = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

static int take_file(int socket)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec iov = { .iov_base = &(char) { 0 }, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(socket, &msg, 0) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* What the caller is told of the one context that it sees. */
struct told {
	uint32_t opener;
	bool has_mapper;
	uint32_t mapper;
	uint32_t mapper_uid;
	char comm[32];
};

static int ask(struct genl *genl, struct told *told)
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
	CHILD_EQ(0, ask(&genl, &told));
	CHILD_EQ(getpid(), told.mapper);
	CHILD_EQ(USER, told.mapper_uid);
	CHILD_EQ(0, give_file(socket, fd));
	CHILD_EQ(sizeof(ioas), write(socket, &ioas, sizeof(ioas)));
	CHILD_EQ(1, read(socket, &c, 1));
	CHILD_EQ(0, ask(&genl, &told));
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
	fd = take_file(pair[0]);
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
