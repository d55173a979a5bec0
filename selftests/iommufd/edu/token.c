// SPDX-License-Identifier: GPL-2.0-only
/*
 * VF tokens: who opens a virtual function whose physical function is vfio-pci's has
 * to know the token of that, by the cdev as by the group.
 *
 * Needs a device with virtual functions: QEMU's nvme, see selftests/check.
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "file.h"
#include "iommu.h"
#include "vfio.h"

#include "kselftest_harness.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010
#define PCI_DEVICES	"/sys/bus/pci/devices"
#define UUID_BYTES	16
#define OLD_ARGSZ	offsetof(struct ioasid_vfio_bind, token_uuid_ptr)

static const uint8_t token[UUID_BYTES] = {
	0xbd, 0x8d, 0x9d, 0x2b, 0x5a, 0x5f, 0x4f, 0x5a,
	0xa2, 0x11, 0xf5, 0x91, 0x51, 0x4b, 0xa1, 0xf3,
};
static const char token_text[] = "bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3";
static const char wrong_text[] = "bd8d9d2b-5a5f-4f5a-a211-f591514ba1f4";

static int set_attribute(const char *bdf, const char *attribute,
			 const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, attribute);
	return file_write(path, text);
}

static bool has_attribute(const char *bdf, const char *attribute)
{
	char path[128];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, attribute);
	return !access(path, F_OK);
}

/* The first device that can have virtual functions, or that is one. */
static bool find_function(bool virtual, struct vfio_pci *found)
{
	struct vfio_pci all[8];
	int i, n = vfio_find(NVME_VENDOR, NVME_DEVICE, all, 8);

	for (i = 0; i < n; i++) {
		*found = all[i];
		if (has_attribute(found->bdf, virtual ? "physfn" :
						       "sriov_totalvfs"))
			return true;
	}
	return false;
}

/*
 * The physical function's user: @fd, bound to @pf_iommu and known by the token; the
 * virtual function's: @vf_iommu.
 */
FIXTURE(token)
{
	struct vfio_pci pf;
	struct vfio_pci vf;
	int pf_iommu;
	int vf_iommu;
	int fd;
};

static int open_pf(struct _test_data_token *self, const uint8_t *with)
{
	int fd = vfio_cdev_open(&self->pf), rc;

	if (fd < 0)
		return fd;
	rc = with ? vfio_bind_token(fd, self->pf_iommu, with) :
		    vfio_bind(fd, self->pf_iommu, NULL);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int make_vf(struct _test_data_token *self)
{
	int rc = set_attribute(self->pf.bdf, "sriov_numvfs", "1");

	if (rc)
		return rc;
	return find_function(true, &self->vf) && self->vf.cdev >= 0 ? 0 : -ENODEV;
}

/*
 * The token stays, its user goes. Closing the device resets it, and its virtual functions
 * in QEMU do not live through that: so they go, and come back.
 */
static int close_pf(struct _test_data_token *self)
{
	int rc = set_attribute(self->pf.bdf, "sriov_numvfs", "0");

	close(self->fd);
	self->fd = -1;
	return rc ?: make_vf(self);
}

FIXTURE_SETUP(token)
{
	self->fd = -1;
	self->pf_iommu = iommu_open();
	self->vf_iommu = iommu_open();
	ASSERT_LE(0, self->pf_iommu);
	ASSERT_LE(0, self->vf_iommu);
	if (!find_function(false, &self->pf))
		SKIP(return, "needs a device with virtual functions");

	ASSERT_EQ(0, file_write("/sys/module/vfio_pci/parameters/enable_sriov",
				"Y"));
	ASSERT_EQ(0, vfio_take(&self->pf));
	self->fd = open_pf(self, token);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_vf(self));
}

FIXTURE_TEARDOWN(token)
{
	if (self->fd >= 0)
		close(self->fd);
	if (self->vf.bdf[0])
		EXPECT_EQ(0, set_attribute(self->pf.bdf, "sriov_numvfs", "0"));
	close(self->pf_iommu);
	close(self->vf_iommu);
}

/* Bind the virtual function. Returns a descriptor or -errno. */
static int open_vf(struct _test_data_token *self, const uint8_t *with)
{
	int fd = vfio_cdev_open(&self->vf), rc;

	if (fd < 0)
		return fd;
	rc = with ? vfio_bind_token(fd, self->vf_iommu, with) :
		    vfio_bind(fd, self->vf_iommu, NULL);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* One bit that is wrong, at either end, is enough. */
static void spoil(uint8_t *other, int byte, uint8_t bit)
{
	memcpy(other, token, UUID_BYTES);
	other[byte] ^= bit;
}

TEST_F(token, virtual_function)
{
	uint8_t other[UUID_BYTES];
	uint16_t vendor = 0;
	int fd;

	EXPECT_EQ(-EACCES, open_vf(self, NULL));
	spoil(other, 0, 0x80);
	EXPECT_EQ(-EACCES, open_vf(self, other));
	spoil(other, UUID_BYTES - 1, 0x01);
	EXPECT_EQ(-EACCES, open_vf(self, other));

	fd = open_vf(self, token);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vfio_config_read(fd, PCI_VENDOR_ID, &vendor,
				      sizeof(vendor)));
	EXPECT_EQ(NVME_VENDOR, vendor);
	close(fd);
	EXPECT_EQ(-EACCES, open_vf(self, NULL));
}

/* A file that was refused is as good as a new one. */
TEST_F(token, refused_then_granted)
{
	int fd = vfio_cdev_open(&self->vf);
	uint32_t id;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, vfio_bind(fd, self->vf_iommu, &id));
	EXPECT_EQ(-EINVAL, vfio_attach(fd, 1, NULL));
	EXPECT_EQ(0, vfio_bind_token(fd, self->vf_iommu, token));
	EXPECT_EQ(-EINVAL, vfio_bind_token(fd, self->vf_iommu, token));
	close(fd);
}

/* The user of the physical function can choose another one later. */
TEST_F(token, changed)
{
	struct {
		struct vfio_device_feature head;
		uint8_t token[UUID_BYTES];
	} set = {
		.head.argsz = sizeof(set),
		.head.flags = VFIO_DEVICE_FEATURE_SET |
			      VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
	};
	int fd;

	spoil(set.token, 5, 0x10);
	ASSERT_EQ(0, ioctl(self->fd, VFIO_DEVICE_FEATURE, &set));
	EXPECT_EQ(-EACCES, open_vf(self, token));
	fd = open_vf(self, set.token);
	EXPECT_LE(0, fd);
	close(fd);
}

/* While the virtual function is open, the physical one is not anybody's. */
TEST_F(token, physical_function)
{
	uint8_t other[UUID_BYTES];
	int vf;

	ASSERT_EQ(0, close_pf(self));
	vf = open_vf(self, token);
	ASSERT_LE(0, vf);
	spoil(other, 3, 0x04);
	EXPECT_EQ(-EACCES, open_pf(self, NULL));
	EXPECT_EQ(-EACCES, open_pf(self, other));

	/* With nobody there, who comes first says what the token is. */
	close(vf);
	self->fd = open_pf(self, other);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-EACCES, open_vf(self, token));
}

/* What the token is does not depend on somebody being there. */
TEST_F(token, nobody_has_the_physical_function)
{
	uint8_t other[UUID_BYTES];
	int vf;

	ASSERT_EQ(0, close_pf(self));
	spoil(other, 7, 0x40);
	EXPECT_EQ(-EACCES, open_vf(self, NULL));
	EXPECT_EQ(-EACCES, open_vf(self, other));
	vf = open_vf(self, token);
	EXPECT_LE(0, vf);
	close(vf);
}

TEST_F(token, structure)
{
	struct {
		struct ioasid_vfio_bind bind;
		uint64_t more;
	} arg;
	int fd = vfio_cdev_open(&self->vf);
	const struct ioasid_vfio_bind right = {
		.argsz = sizeof(right),
		.flags = VFIO_DEVICE_BIND_FLAG_TOKEN,
		.iommufd = self->vf_iommu,
		.token_uuid_ptr = iommu_ptr(token),
	};

	ASSERT_LE(0, fd);
	memset(&arg, 0, sizeof(arg));

	/* The structure does not reach as far as the token. */
	arg.bind = right;
	arg.bind.argsz = OLD_ARGSZ;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.argsz = sizeof(right) - 1;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	/* A pointer without the flag is nothing. */
	arg.bind = right;
	arg.bind.flags = 0;
	EXPECT_EQ(-EACCES, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.flags = VFIO_DEVICE_BIND_FLAG_TOKEN << 1;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.flags = VFIO_DEVICE_BIND_FLAG_TOKEN | 1U << 31;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind = right;
	arg.bind.token_uuid_ptr = 1;
	EXPECT_EQ(-EFAULT, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.token_uuid_ptr = UINT64_MAX - 8;
	EXPECT_EQ(-EFAULT, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));

	arg.bind = right;
	arg.bind.argsz = sizeof(arg);
	EXPECT_EQ(0, iommu_cmd(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	EXPECT_NE(0, arg.bind.out_devid);
	close(fd);
}

/* The errno of the group, which asks for the same. */
TEST_F(token, group_path)
{
	int group = vfio_group_open(self->vf.group), fd;
	char name[96];

	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, self->vf_iommu));
	EXPECT_EQ(-EACCES, vfio_group_device(group, self->vf.bdf));
	snprintf(name, sizeof(name), "%s vf_token=%s", self->vf.bdf, wrong_text);
	EXPECT_EQ(-EACCES, vfio_group_device(group, name));
	snprintf(name, sizeof(name), "%s vf_token=%s", self->vf.bdf, token_text);
	fd = vfio_group_device(group, name);
	EXPECT_LE(0, fd);
	close(fd);
	close(group);
}

/* A token for a device that has no use for one is an error, as by the group. */
TEST(no_use_for_a_token)
{
	int iommu = iommu_open(), group, fd;
	struct vfio_pci edu;
	char name[96];

	if (vfio_find(0x1234, 0x11e8, &edu, 1) != 1)
		SKIP(return, "needs an edu device");
	fd = vfio_cdev_open(&edu);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, vfio_bind_token(fd, iommu, token));
	EXPECT_EQ(0, vfio_bind(fd, iommu, NULL));
	close(fd);

	group = vfio_group_open(edu.group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, iommu));
	snprintf(name, sizeof(name), "%s vf_token=%s", edu.bdf, token_text);
	EXPECT_EQ(-EINVAL, vfio_group_device(group, name));
	close(group);
	close(iommu);
}

TEST_HARNESS_MAIN
