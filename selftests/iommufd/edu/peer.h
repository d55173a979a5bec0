/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two devices: A reads a register in a BAR of B, through an IOAS, and is stopped, or not.
 *
 * B is an edu or, since that has no power management and no reset, QEMU's nvme; see
 * selftests/check.
 */
#ifndef SELFTESTS_EDU_PEER_H
#define SELFTESTS_EDU_PEER_H

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "klog.h"
#include "mem.h"
#include "rig.h"
#include "vfio.h"

#define PAGE		4096UL
#define IOVA		0x40000000UL
#define BAR_IOVA	0x80000000UL
#define COPY_IOVA	0xa0000000UL
#define SOME_LENGTH	256

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010
#define NVME_REG_VS	0x08

/* A device that has a register which reads as what is known, but neither 0 nor -1. */
struct peer {
	struct vfio_pci pci;
	int fd;
	char *bar;
	size_t length;
	unsigned int reg;
	uint32_t value;
};

static inline int peer_open(struct peer *peer, int iommufd)
{
	int rc;

	peer->fd = vfio_cdev_open(&peer->pci);
	if (peer->fd < 0)
		return peer->fd;
	rc = vfio_bind(peer->fd, iommufd, NULL);
	if (!rc)
		rc = vfio_decode(peer->fd, true);
	if (rc)
		return rc;
	peer->bar = vfio_map_bar(peer->fd, 0, &peer->length);
	if (!peer->bar)
		return -ENOMEM;
	peer->value = *(volatile uint32_t *)(peer->bar + peer->reg);
	return peer->value && ~peer->value ? 0 : -EIO;
}

static inline void peer_close(struct peer *peer)
{
	if (peer->bar)
		munmap(peer->bar, peer->length);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->bar = NULL;
	peer->fd = -1;
}

static inline bool peer_find(struct peer *peer, bool nvme)
{
	struct vfio_pci pci[2];

	if (nvme) {
		peer->reg = NVME_REG_VS;
		return vfio_find(NVME_VENDOR, NVME_DEVICE, &peer->pci, 1) == 1 &&
		       !vfio_take(&peer->pci);
	}
	if (edu_find_alone(pci, 2) != 2)
		return false;
	peer->pci = pci[1];
	peer->reg = EDU_REG_ID;
	return true;
}

/* A is the device of the rig, and attached. */
struct pair {
	struct rig rig;
	struct peer b;
	char *mem;
	int klog;
};

/* Returns 0, -ENODEV (no such devices here), or another errno. */
static inline int pair_open(struct pair *pair, bool nvme)
{
	int rc;

	pair->b.fd = -1;
	rc = rig_open(&pair->rig);
	if (rc)
		return rc;
	if (!peer_find(&pair->b, nvme))
		return -ENODEV;
	pair->klog = klog_open();
	pair->mem = mem_anon(PAGE);
	rc = rig_map(&pair->rig, pair->mem, PAGE, IOVA);
	if (!rc)
		rc = rig_attach(&pair->rig);
	return rc ?: peer_open(&pair->b, pair->rig.fd);
}

static inline long pair_close(struct pair *pair)
{
	peer_close(&pair->b);
	close(pair->klog);
	return rig_close(&pair->rig);
}

/* What has been logged until now is no fault of what comes. */
static inline void forget_faults(struct pair *pair)
{
	close(pair->klog);
	pair->klog = klog_open();
}

static inline int map_bar(struct pair *pair)
{
	return rig_map(&pair->rig, pair->b.bar, pair->b.length, BAR_IOVA);
}

/* Does A read B's register? 1: yes. 0: no. Negative errno: could not be tried. */
static inline int reaches(struct pair *pair, uint64_t bar_iova)
{
	uint32_t seen;
	int rc;

	memset(pair->mem, 0x55, sizeof(seen));
	rc = edu_copy(&pair->rig.edu, bar_iova + pair->b.reg, IOVA, sizeof(seen));
	if (rc)
		return rc;
	memcpy(&seen, pair->mem, sizeof(seen));
	return seen == pair->b.value;
}

/*
 * Is A stopped by the IOMMU? That nobody answers is not enough. 1: yes, and what else is
 * mapped still works.
 */
static inline int kept_out(struct pair *pair, uint64_t bar_iova)
{
	struct klog_fault fault;

	if (reaches(pair, bar_iova))
		return 0;
	if (klog_has_faults() &&
	    edu_expect_fault(&pair->rig.edu, pair->klog, bar_iova, false, &fault))
		return 0;
	return !edu_check(&pair->rig.edu, IOVA, pair->mem, SOME_LENGTH);
}

static inline int low_power(int fd, uint32_t feature)
{
	struct vfio_device_feature arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return iommu_cmd(fd, VFIO_DEVICE_FEATURE, &arg);
}

#endif
