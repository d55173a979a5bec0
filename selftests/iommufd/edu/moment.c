// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something is unmapped, or revoked, in the moment in which a driver has given a device a
 * page table already, but would not flush its translations yet; or not any more, with the
 * page table still there. VT-d's driver has both moments. A module makes them long.
 *
 * The device has read from what is unmapped then: it knows the translation.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "kselftest_harness.h"
#include "mem.h"
#include "module.h"
#include "vfio.h"

#define PAGE 4096
#define AT 0x100000ULL
#define BAR_AT 0x200000ULL

/* Where the driver's moments begin. */
#define ATTACHING "function=cache_tag_assign_domain"
#define DETACHING "function=pci_for_each_dma_alias"

FIXTURE(moment)
{
	struct vfio_pci pci[2];
	struct edu edu;
	char *mem;
	uint32_t ioas;
	uint32_t hwpt;
	int fd;
	int rc;
	bool delayed;
};

FIXTURE_SETUP(moment)
{
	self->fd = -1;
	if (edu_find_alone(self->pci, 2) < 2)
		SKIP(return, "needs two edu devices");
	if (access("/sys/class/iommu/dmar0", F_OK))
		SKIP(return, "needs VT-d");
	self->fd = iommu_open();
	ASSERT_EQ(0, edu_open(&self->edu, &self->pci[0], self->fd));
	self->mem = mem_anon(PAGE);
	memset(self->mem, 0x5a, PAGE);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas, self->mem, PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->edu.dev_id, self->ioas, 0,
				      &self->hwpt));
}

FIXTURE_TEARDOWN(moment)
{
	if (self->fd < 0)
		return;
	if (self->delayed)
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	edu_close(&self->edu);
	close(self->fd);
}

static void *attach(void *arg)
{
	FIXTURE_DATA(moment) *self = arg;

	self->rc = vfio_attach(self->edu.fd, self->hwpt, NULL);
	return NULL;
}

static void *detach(void *arg)
{
	FIXTURE_DATA(moment) *self = arg;

	self->rc = vfio_detach(self->edu.fd);
	return NULL;
}

/* Returns in the middle of it. */
static void begin(struct __test_metadata *_metadata, FIXTURE_DATA(moment) *self,
		  pthread_t *thread, void *(*work)(void *), const char *where)
{
	self->rc = -1;
	ASSERT_EQ(0, module_load(MODULE_DELAY, where));
	self->delayed = true;
	ASSERT_EQ(0, module_thread(thread, work, self));
	module_wait(MODULE_DELAY, "hits");
}

/* Also shows that the device can read at all then: that there is such a moment. */
TEST_F(moment, unmap_during_attach)
{
	pthread_t thread;

	begin(_metadata, self, &thread, attach, ATTACHING);
	EXPECT_EQ(0, edu_read(&self->edu, AT, 64));
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE, NULL));
	EXPECT_EQ(0, edu_can_write(&self->edu, AT, self->mem, 64));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->rc);
	EXPECT_EQ(0, edu_can_write(&self->edu, AT, self->mem, 64));
}

TEST_F(moment, unmap_during_detach)
{
	pthread_t thread;

	ASSERT_EQ(0, vfio_attach(self->edu.fd, self->hwpt, NULL));
	EXPECT_EQ(0, edu_read(&self->edu, AT, 64));
	begin(_metadata, self, &thread, detach, DETACHING);
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE, NULL));
	EXPECT_EQ(0, edu_can_write(&self->edu, AT, self->mem, 64));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->rc);
}

/* To another space: what is left, and what is entered. */
TEST_F(moment, unmap_during_replace)
{
	pthread_t thread;
	uint32_t other;

	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &other));
	ASSERT_EQ(0, vfio_attach(self->edu.fd, other, NULL));
	begin(_metadata, self, &thread, attach, ATTACHING);
	EXPECT_EQ(0, edu_read(&self->edu, AT, 64));
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE, NULL));
	EXPECT_EQ(0, edu_can_write(&self->edu, AT, self->mem, 64));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->rc);
}

/* A peer whose BAR is mapped is closed: its next owner is somebody else. */
TEST_F(moment, revoke_during_attach)
{
	pthread_t thread;
	struct edu peer;
	int other;

	ASSERT_EQ(0, edu_open(&peer, &self->pci[1], self->fd));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas, peer.regs,
				     peer.regs_length, IOMMU_RW, BAR_AT));
	begin(_metadata, self, &thread, attach, ATTACHING);
	ASSERT_EQ(0, edu_copy(&self->edu, AT, BAR_AT + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(0xa5a5a5a5, edu_reg_read(&peer, EDU_REG_LIVENESS));
	edu_close(&peer);

	other = iommu_open();
	ASSERT_EQ(0, edu_open(&peer, &self->pci[1], other));
	edu_reg_write(&peer, EDU_REG_LIVENESS, 0x12345678);
	edu_copy(&self->edu, AT, BAR_AT + EDU_REG_LIVENESS, 4);
	EXPECT_EQ(~0x12345678U, edu_reg_read(&peer, EDU_REG_LIVENESS));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->rc);
	edu_close(&peer);
	close(other);
}

TEST_HARNESS_MAIN
