// SPDX-License-Identifier: GPL-2.0-only
/* Devices in the hands of chaotic workers. They are pulled out now and then. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "action.h"
#include "chaos.h"
#include "edu.h"
#include "guest.h"
#include "inject.h"
#include "iommu.h"
#include "iosim.h"

static bool wanted_back(const struct worker *w)
{
	return w->free_engine >= 0 &&
	       __atomic_load_n(&world->away[w->free_engine], __ATOMIC_RELAXED);
}

void loose_close(struct worker *w)
{
	engine_close(&w->loose);
	w->free_engine = -1;
}

static bool have(struct worker *w)
{
	if (wanted_back(w))
		loose_close(w);
	return w->free_engine >= 0;
}

int act_loose_open(struct worker *w)
{
	unsigned int nr = pick(w, NR_ENGINES);
	int fd = any_fd(w), rc;
	char name[16];

	if (have(w))
		return NOTHING_TO_DO;
	snprintf(name, sizeof(name), FREE_ENGINE, nr);
	w->free_engine = nr;
	w->loose_in = fd;
	rc = engine_open_name(&w->loose, name, fd);
	if (rc)
		loose_close(w);
	else
		seen_id(w, fd, DEVICE, w->loose.dev_id);
	return rc;
}

int act_loose_close(struct worker *w)
{
	if (!have(w))
		return NOTHING_TO_DO;
	loose_close(w);
	return 0;
}

int act_loose_attach(struct worker *w)
{
	if (!have(w))
		return NOTHING_TO_DO;
	return CALL(w, vfio_attach(w->loose.fd, any_page_table(w, w->loose_in),
				   NULL));
}

int act_loose_detach(struct worker *w)
{
	if (!have(w))
		return NOTHING_TO_DO;
	return CALL(w, vfio_detach(w->loose.fd));
}

/* Most often where the worker's device is, and that. */
static int loose_context(struct worker *w)
{
	return have(w) && chance(w, 80) ? w->loose_in : any_fd(w);
}

static uint32_t loose_device(struct worker *w, int fd)
{
	return have(w) && chance(w, 80) ? w->loose.dev_id :
					  any_id(w, fd, DEVICE);
}

int act_loose_pasid(struct worker *w)
{
	int fd = loose_context(w);
	uint32_t dev = loose_device(w, fd);

	if (chance(w, 30))
		return CALL(w, iommu_pasid_detach(fd, dev, pick(w, 6)));
	return CALL(w, iommu_pasid_attach(fd, dev, pick(w, 6),
					  any_page_table(w, fd)));
}

/* Its registers, which others may have just destroyed. */
static void touch(int fd, const struct iosim_viommu *data)
{
	volatile struct iosim_viommu_page *page = guest_viommu_page(fd, data);

	if (!page)
		return;
	page->queue[0].prod++;
	munmap((void *)page, data->out_mmap_length);
}

static int new_viommu(struct worker *w, int fd, uint32_t dev)
{
	struct iosim_viommu data = { };
	uint32_t parent, id;
	int rc;

	rc = CALL(w, iommu_hwpt_alloc(fd, dev, any_id(w, fd, IOAS),
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	if (rc)
		return rc;
	seen_id(w, fd, TABLE, parent);
	rc = CALL(w, iommu_viommu_alloc(fd, dev, parent, IOSIM_VIOMMU_TYPE,
					&data, chance(w, 70) ? sizeof(data) : 0,
					&id));
	if (rc)
		return rc;
	seen_id(w, fd, VIOMMU, id);
	if (data.out_mmap_length)
		touch(fd, &data);
	return 0;
}

/* Events that others may read, too. */
static int vevents(struct worker *w, int fd, uint32_t viommu)
{
	char buffer[256];
	int queue, rc;
	uint32_t id;

	rc = CALL(w, iommu_veventq_alloc(fd, viommu, IOSIM_VEVENT_FAULT,
					 pick(w, 9), &id, &queue));
	if (rc)
		return rc;
	seen_id(w, fd, OTHER, id);
	fcntl(queue, F_SETFL, O_NONBLOCK);
	rc = read(queue, buffer, pick(w, sizeof(buffer)));
	close(queue);
	return rc < 0 ? -errno : 0;
}

/* What is made on a vIOMMU of any of the devices, which come and go. */
int act_loose_viommu(struct worker *w)
{
	int fd = loose_context(w), rc;
	uint32_t dev = loose_device(w, fd), on = any_id(w, fd, VIOMMU), id;
	unsigned int how = pick(w, 6);

	about(w, how, on);
	switch (how) {
	case 0:
		return new_viommu(w, fd, dev);
	case 1:
		rc = CALL(w, iommu_vdevice_alloc(fd, on, dev, pick(w, 8), &id));
		break;
	case 2:
		rc = CALL(w, iommu_hw_queue_alloc(fd, on, IOSIM_HW_QUEUE_TYPE,
						  pick(w, 2), any_iova(w),
						  32U << pick(w, 6), &id));
		break;
	case 3:
		return vevents(w, fd, on);
	case 4:
		return CALL(w, guest_invalidate_viommu(fd, on, 1 + pick(w, 2),
						       pick(w, 8), 0,
						       UINT64_MAX));
	default:
		rc = CALL(w, guest_hwpt(fd, dev, on, any_iova(w), 0, &id));
		if (!rc)
			seen_id(w, fd, TABLE, id);
		return rc;
	}
	if (!rc)
		seen_id(w, fd, OTHER, id);
	return rc;
}

int act_loose_dma(struct worker *w)
{
	struct iosim_desc desc = {
		.op = pick(w, 7),
		.flags = pick(w, 32),
		.pasid = pick(w, 6),
		.src = any_iova(w),
		.dst = any_iova(w),
		.length = pick(w, 3 * PAGE),
		.value = random_next(&w->random),
		.completion = any_iova(w),
	};

	/* Nobody may answer: not too many who wait. */
	if (chance(w, 90))
		desc.flags &= ~IOSIM_DESC_BLOCK;
	if (!have(w))
		return NOTHING_TO_DO;
	return engine_submit(&w->loose, &desc);
}

static int map_bar(struct worker *w)
{
	uint64_t iova = any_iova(w);
	int fd = any_fd(w), rc;
	size_t length;
	void *bar;

	bar = engine_mmap(&w->loose, pick(w, 3), &length);
	if (!bar)
		return -errno;
	rc = CALL(w, iommu_ioas_map(fd, any_id(w, fd, IOAS), bar, length,
				    pick_perm(w) | IOMMU_FIXED, &iova));
	munmap(bar, length);
	return rc;
}

int act_loose_vfio(struct worker *w)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct ioasid_device_info about = { };
	int fd = any_fd(w);

	if (!have(w))
		return NOTHING_TO_DO;
	switch (pick(w, 5)) {
	case 0:
		return engine_reset(&w->loose);
	case 1:
		return map_bar(w);
	case 2:
		return CALL(w, iommu_device_info(fd, any_id(w, fd, DEVICE),
					       &about));
	case 3:
		return vfio_bind(w->loose.fd, fd, NULL);
	default:
		return ioctl(w->loose.fd, VFIO_DEVICE_GET_INFO, &info) ?
		       -errno : 0;
	}
}

/* The other way in, while the device may be in use by its cdev. */
int act_loose_group(struct worker *w)
{
	int fd = any_fd(w), group, device = -1, rc;
	unsigned int nr = pick(w, NR_ENGINES);
	char name[16], bus[32];

	if (__atomic_load_n(&world->away[nr], __ATOMIC_RELAXED))
		return NOTHING_TO_DO;
	snprintf(name, sizeof(name), FREE_ENGINE, nr);
	snprintf(bus, sizeof(bus), "iosim-%s", name);
	rc = iosim_group(name);
	group = rc < 0 ? rc : vfio_group_open(rc);
	if (group < 0)
		return group;
	rc = vfio_group_set_container(group, fd);
	if (!rc && ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		rc = -errno;
	if (!rc)
		device = vfio_group_device(group, bus);
	if (!rc && chance(w, 50))
		vfio_group_unset_container(group);
	if (device >= 0)
		close(device);
	close(group);
	return rc ?: device < 0 ? device : 0;
}

/* A PCI device: page tables of the other IOMMU driver are not for it. */
int act_loose_edu(struct worker *w)
{
	int nr = edu_claim(w->nr, true), fd = any_fd(w), rc;
	unsigned int times = 1 + pick(w, 4);
	struct edu edu;

	if (nr < 0)
		return NOTHING_TO_DO;
	rc = edu_open(&edu, &world->edus[nr], fd);
	if (!rc)
		seen_id(w, fd, DEVICE, edu.dev_id);
	while (!rc && times--) {
		uint32_t pt = any_page_table(w, fd);

		about(w, nr, pt);
		if (vfio_attach(edu.fd, pt, NULL))
			continue;
		edu_start_write(&edu, any_iova(w), 64);
		if (chance(w, 30))
			rc = vfio_detach(edu.fd);
		edu_wait(&edu);
	}
	edu_close(&edu);
	edu_release(nr);
	return rc;
}
