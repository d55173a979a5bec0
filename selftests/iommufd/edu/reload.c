// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules cannot go while they are in use, go when they are not, and work
 * again when they have come back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#include "kselftest_harness.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

FIXTURE(reload)
{
};

FIXTURE_SETUP(reload)
{
	if (access("/bin/load-modules", X_OK))
		SKIP(return, "not in a machine of selftests/vm/run");
	/* Another program may have left it, and it uses the others */
	unload("iommufd_access_test");
}

FIXTURE_TEARDOWN(reload)
{
	/* Whatever went wrong, other programs need the modules */
	if (access("/dev/iommu", F_OK)) {
		EXPECT_EQ(0, system("load-modules"));
	}
}

TEST_F(reload, not_while_in_use)
{
	char *mem = mem_anon(PAGE);
	struct rig rig;
	int fd;

	ASSERT_NE(NULL, mem);
	/* An open file is enough */
	fd = iommu_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, unload("iommufd"));
	close(fd);

	ASSERT_EQ(0, rig_open(&rig));
	ASSERT_EQ(0, rig_attach(&rig));
	ASSERT_EQ(0, rig_map(&rig, mem, PAGE, IOVA));
	EXPECT_EQ(-EAGAIN, unload("vfio_pci"));
	EXPECT_EQ(-EAGAIN, unload("vfio"));
	EXPECT_EQ(-EAGAIN, unload("iommufd"));
	EXPECT_EQ(0, edu_check(&rig.edu, IOVA, mem, 256));
	/* The device alone holds them, too */
	close(rig.fd);
	rig.fd = -1;
	EXPECT_EQ(-EAGAIN, unload("vfio_pci"));
	EXPECT_EQ(-EAGAIN, unload("iommufd"));
	EXPECT_EQ(0, edu_check(&rig.edu, IOVA, mem, 256));
	EXPECT_EQ(0, rig_close(&rig));
}

TEST_F(reload, again_and_again)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, rig_try());
		ASSERT_EQ(0, system("unload-modules"));
		EXPECT_NE(0, access("/dev/iommu", F_OK));
		EXPECT_NE(0, access("/dev/vfio/devices", F_OK));
		ASSERT_EQ(0, system("load-modules"));
		ASSERT_EQ(0, access("/dev/iommu", F_OK));
	}
	ASSERT_EQ(0, rig_try());
}

TEST_HARNESS_MAIN
