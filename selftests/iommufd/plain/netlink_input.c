// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": to whom it tells what, and what it does about
 * messages that are wrong.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "child.h"
#include "family.h"
#include "iommu.h"
#include "mem.h"

#define USER 65534

/* Who may ------------------------------------------------------------------ */

static void body_of_nobody(void *arg)
{
	/* Opened by root: no better for that */
	struct genl *roots = arg, genl;
	uint32_t ioas;
	int fd;

	CHILD_EQ(0, mem_become_user(USER, 1 << 20));
	CHILD_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
	CHILD_EQ(0, count(&genl, IOASID_CMD_CONTEXT_GET));
	CHILD_EQ(0, count(&genl, IOASID_CMD_SPACE_GET));
	CHILD_EQ(0, count(&genl, IOASID_CMD_AREA_GET));
	CHILD_EQ(0, count(roots, IOASID_CMD_CONTEXT_GET));
	fd = iommu_open();
	CHILD_EQ(1, fd >= 0);
	CHILD_EQ(0, iommu_ioas_alloc(fd, &ioas));
	CHILD_EQ(1, count(&genl, IOASID_CMD_CONTEXT_GET));
	CHILD_EQ(1, count(&genl, IOASID_CMD_SPACE_GET));
	CHILD_EQ(1, newest_context(&genl) > 0);
	CHILD_EQ(-EPERM, split(&genl, IOASID_CMD_SPLIT_ADD, "a", "b"));
	CHILD_EQ(-EPERM, split(&genl, IOASID_CMD_SPLIT_DEL, "a", "b"));
	CHILD_EQ(-EPERM, split(roots, IOASID_CMD_SPLIT_ADD, "a", "b"));
	CHILD_EQ(-EPERM, genl_listen(&genl));
}

TEST_F(netlink, nobody_sees_its_own)
{
	struct stat before;

	ASSERT_EQ(0, map(self->fd, self->ioas, self->buf, PAGE, AT));
	ASSERT_EQ(0, stat(IOMMU_DEV, &before));
	ASSERT_EQ(0, chmod(IOMMU_DEV, 0666));
	EXPECT_EQ(0, child_run(body_of_nobody, &self->genl));
	ASSERT_EQ(0, chmod(IOMMU_DEV, before.st_mode & 07777));
}

/* Messages that are wrong -------------------------------------------------- */

/* What a dump says to one attribute. */
static int dump_with(struct genl *genl, int cmd, int type, const void *data,
		     size_t size)
{
	struct genl_request request;
	struct genl_rows rows;
	int rc;

	genl_begin(genl, &request, cmd);
	genl_put(&request, type, data, size);
	rc = genl_dump(genl, &request, &rows);
	genl_free(&rows);
	return rc;
}

TEST_F(netlink, bad_attributes)
{
	static const int cmds[] = {
		IOASID_CMD_CONTEXT_GET, IOASID_CMD_SPACE_GET,
		IOASID_CMD_DEVICE_GET, IOASID_CMD_AREA_GET,
		IOASID_CMD_FAILURE_GET,
	};
	const char zeros[300] = "";
	unsigned int i;

	for (i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		int cmd = cmds[i];

		EXPECT_EQ(-EINVAL, dump_with(&self->genl, cmd, 200, zeros, 4));
		EXPECT_NE(0, dump_with(&self->genl, cmd, 1, zeros, 0));
		EXPECT_NE(0, dump_with(&self->genl, cmd, 1, zeros, 2));
		EXPECT_NE(0, dump_with(&self->genl, cmd, 1, zeros, 8));
		EXPECT_NE(0, dump_with(&self->genl, cmd, 1, zeros, 300));
		/* A nest where there should be a number */
		EXPECT_NE(0, dump_with(&self->genl, cmd, 1 | NLA_F_NESTED,
				       zeros, 4));
	}
	/* Known to the answers, but no filter */
	EXPECT_EQ(-EINVAL, dump_with(&self->genl, IOASID_CMD_SPACE_GET,
				     IOASID_A_SPACE_KIND, zeros, 4));
	EXPECT_EQ(-EINVAL, dump_with(&self->genl, IOASID_CMD_FAILURE_GET,
				     IOASID_A_FAILURE_UID, zeros, 4));
	EXPECT_NE(0, dump_with(&self->genl, IOASID_CMD_AREA_GET,
			       IOASID_A_AREA_IOVA, zeros, 4));
	EXPECT_LT(0, count(&self->genl, IOASID_CMD_CONTEXT_GET));
}

TEST_F(netlink, bad_splits)
{
	struct genl *genl = &self->genl;
	struct genl_request request;
	char name[4096];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	EXPECT_EQ(-EINVAL, split(genl, IOASID_CMD_SPLIT_ADD, "a", NULL));
	EXPECT_EQ(-EINVAL, split(genl, IOASID_CMD_SPLIT_ADD, NULL, NULL));
	EXPECT_EQ(-EINVAL, split(genl, IOASID_CMD_SPLIT_ADD, "a", "a"));
	EXPECT_EQ(-EINVAL, split(genl, IOASID_CMD_SPLIT_ADD, "", "a"));
	EXPECT_EQ(-ENAMETOOLONG, split(genl, IOASID_CMD_SPLIT_ADD, "a", name));
	EXPECT_EQ(-ENAMETOOLONG, split(genl, IOASID_CMD_SPLIT_ADD, name, "a"));
	EXPECT_EQ(-ENOENT, split(genl, IOASID_CMD_SPLIT_DEL, "a", "b"));
	/* A string without an end */
	genl_begin(genl, &request, IOASID_CMD_SPLIT_ADD);
	genl_put(&request, IOASID_A_SPLIT_DEVICE, "a", 1);
	genl_put_text(&request, IOASID_A_SPLIT_OTHER, "b");
	EXPECT_EQ(-EINVAL, genl_do(genl, &request));
	EXPECT_EQ(0, count(genl, IOASID_CMD_SPLIT_GET));
}

TEST_F(netlink, bad_messages)
{
	struct genl *genl = &self->genl;
	struct genl_request request;
	struct genl_rows rows;
	unsigned int cmd;

	/* Commands that are not there, or not in this manner */
	for (cmd = IOASID_CMD_EVENT; cmd < 256; cmd++) {
		genl_begin(genl, &request, cmd);
		ASSERT_EQ(-EOPNOTSUPP, genl_do(genl, &request));
	}
	genl_begin(genl, &request, IOASID_CMD_CONTEXT_GET);
	EXPECT_EQ(-EOPNOTSUPP, genl_do(genl, &request));
	genl_begin(genl, &request, IOASID_CMD_SPLIT_ADD);
	EXPECT_EQ(-EOPNOTSUPP, genl_dump(genl, &request, &rows));
	/* Shorter than its own head */
	genl_begin(genl, &request, IOASID_CMD_SPLIT_ADD);
	request.nlh.nlmsg_len = NLMSG_HDRLEN + 2;
	EXPECT_EQ(-EINVAL, genl_do(genl, &request));
	/* An attribute that ends beyond the message, or before its own head */
	genl_begin(genl, &request, IOASID_CMD_CONTEXT_GET);
	genl_put_u32(&request, IOASID_A_CONTEXT_ID, 1);
	((struct nlattr *)request.room)->nla_len = 60;
	EXPECT_EQ(-EINVAL, genl_dump(genl, &request, &rows));
	genl_begin(genl, &request, IOASID_CMD_CONTEXT_GET);
	genl_put_u32(&request, IOASID_A_CONTEXT_ID, 1);
	((struct nlattr *)request.room)->nla_len = 2;
	EXPECT_EQ(-EINVAL, genl_dump(genl, &request, &rows));
	/* Something behind the attributes */
	genl_begin(genl, &request, IOASID_CMD_CONTEXT_GET);
	request.nlh.nlmsg_len += 3;
	EXPECT_EQ(-EINVAL, genl_dump(genl, &request, &rows));
	EXPECT_LT(0, count(genl, IOASID_CMD_CONTEXT_GET));
}

/* Anything at all: the family goes on answering. */
TEST_F(netlink, random_messages)
{
	struct genl_request request;
	struct genl_rows rows;
	unsigned int seed = 20261120, i, n;
	struct genl genl;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, genl_open(&genl, IOASID_FAMILY_NAME));
		genl_begin(&genl, &request,
			   1 + rand_r(&seed) % (IOASID_CMD_MAX + 1));
		for (n = rand_r(&seed) % 64; n > 0; n--)
			request.room[n - 1] = rand_r(&seed) % 12;
		request.nlh.nlmsg_len += rand_r(&seed) % 64;
		if (i % 2) {
			genl_do(&genl, &request);
		} else {
			genl_dump(&genl, &request, &rows);
			genl_free(&rows);
		}
		genl_close(&genl);
	}
	EXPECT_LT(0, count(&self->genl, IOASID_CMD_CONTEXT_GET));
}

TEST_HARNESS_MAIN
