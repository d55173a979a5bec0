// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a vIOMMU of the simulator's: its device by a virtual ID, invalidated in three
 * ways, a ring in its memory among them, and told of faults.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "must.h"
#include "probe.h"
#include "report.h"
#include "vm.h"

#define PASID_VIOMMU 24U
/* The simulator looks every millisecond; hosts may be busy. */
#define DRAIN_MS 30000
#define RING_SIZE (4 * sizeof(struct iosim_invalidate_viommu))

/**
 * struct viommu - what there is of it
 * @id: its object, and below those that are made on it; 0: there is none
 * @hwpt: a first stage
 * @vdevice: the worker's device
 * @queue: of hardware, whose ring is in the guest's memory
 * @attached: the device is, by a PASID
 * @virtual: how the guest calls the device
 * @page: registers of the queue; NULL: there are none
 * @ring: of the queue
 */
struct viommu {
	uint32_t id;
	uint32_t hwpt;
	uint32_t vdevice;
	uint32_t queue;
	bool attached;
	uint64_t virtual;
	volatile struct iosim_viommu_page *page;
	struct iosim_invalidate_viommu *ring;
};

/* With a queue it is of the type that has registers. */
static int open_queue(struct worker *w, struct vm *vm, struct viommu *v,
		      const struct iosim_viommu *data)
{
	int rc;

	inject_begin(w);
	v->page = guest_viommu_page(w->context, data);
	rc = v->page ? 0 : -errno;
	inject_end(w);
	if (rc)
		return rc;
	v->ring = guest_alloc(&vm->guest, RING_SIZE);
	return CALL(w, iommu_hw_queue_alloc(w->context, v->id,
					    IOSIM_HW_QUEUE_TYPE, 0,
					    guest_gpa(&vm->guest, v->ring),
					    RING_SIZE, &v->queue));
}

static int make(struct worker *w, struct vm *vm, struct viommu *v)
{
	uint32_t dev = w->engine.dev_id;
	bool queue = chance(w, 50);
	struct iosim_viommu data;
	int rc;

	*v = (struct viommu) { .virtual = random_next(&w->random) };
	rc = CALL(w, iommu_viommu_alloc(w->context, dev, vm->parent,
					IOSIM_VIOMMU_TYPE, &data,
					queue ? sizeof(data) : 0, &v->id));
	if (!rc && queue)
		rc = open_queue(w, vm, v, &data);
	if (!rc)
		rc = CALL(w, iommu_vdevice_alloc(w->context, v->id, dev,
						 v->virtual, &v->vdevice));
	if (!rc)
		rc = CALL(w, guest_hwpt(w->context, dev, v->id, vm->root, 0,
					&v->hwpt));
	if (!rc)
		rc = try_attach(w, PASID_VIOMMU, v->hwpt);
	v->attached = !rc;
	return rc;
}

/* What it is made of goes in any order, and only then it itself. */
static int destroy(struct worker *w, struct viommu *v)
{
	uint32_t parts[] = { v->hwpt, v->vdevice, v->queue };
	unsigned int i, first = pick(w, 3);
	int rc;

	if (v->attached && must_detach(w, PASID_VIOMMU))
		return -EIO;
	if (v->page)
		munmap((void *)v->page, PAGE);
	for (i = 0; i < 3; i++) {
		uint32_t part = parts[(first + i) % 3];

		if (!part)
			continue;
		rc = iommu_destroy(w->context, v->id);
		if (rc != -EBUSY)
			return broken(w, "destroy of a vIOMMU in use: %d", rc);
		if (must_destroy(w, part))
			return -EIO;
	}
	return v->id ? must_destroy(w, v->id) : 0;
}

/* The entry is in the ring; the simulator looks every millisecond. */
static int drain(struct viommu *v)
{
	unsigned int i;

	__atomic_store_n(&v->page->queue[0].prod, 1, __ATOMIC_RELEASE);
	for (i = 0; i < DRAIN_MS; i++) {
		if (v->page->queue[0].error)
			return -(int)v->page->queue[0].error;
		if (v->page->queue[0].cons == 1)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

static int invalidate(struct worker *w, struct viommu *v)
{
	bool by_device = chance(w, 50), all = chance(w, 50);
	struct iosim_invalidate_viommu entry = {
		.op = by_device ? IOSIM_VIOMMU_DEVICE : IOSIM_VIOMMU_RANGE,
		.vdev_id = by_device ? v->virtual : 0,
		.addr = all ? 0 : PROCESS_AT,
		.length = all ? UINT64_MAX : PAGE,
	};

	if (v->queue && chance(w, 50)) {
		v->ring[0] = entry;
		return drain(v);
	}
	if (chance(w, 20))
		return guest_invalidate(w->context, v->hwpt, entry.addr,
					entry.length);
	return guest_invalidate_viommu(w->context, v->id, entry.op,
				       entry.vdev_id, entry.addr, entry.length);
}

/* The fault is told by the virtual ID, or it is told that it is lost. */
static int told(struct worker *w, const struct viommu *v, int queue)
{
	struct {
		struct iommufd_vevent_header header;
		struct iosim_vevent_fault fault;
	} event = { };
	ssize_t n = read(queue, &event, sizeof(event));

	if (n == sizeof(event.header) &&
	    event.header.flags == IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
		return 0;
	if (n != sizeof(event) || event.fault.vdev_id != v->virtual ||
	    event.fault.addr / PAGE != PROCESS_AT / PAGE ||
	    event.fault.pasid != PASID_VIOMMU)
		return broken(w, "event of a vIOMMU: %zd, device 0x%llx, 0x%llx",
			      n, (unsigned long long)event.fault.vdev_id,
			      (unsigned long long)event.fault.addr);
	return 0;
}

/* The page has gone, and the device does not reach it; the guest is told of that. */
static int loses(struct worker *w, struct vm *vm, struct viommu *v,
		 struct dma *dma)
{
	uint32_t id = 0;
	int queue = -1, rc;

	rc = CALL(w, iommu_veventq_alloc(w->context, v->id, IOSIM_VEVENT_FAULT,
					 1 + pick(w, 4), &id, &queue));
	if (rc)
		return excused(w, rc) || rc == -EMFILE ? rc :
		       broken(w, "queue of a vIOMMU: %d", rc);
	rc = vm_silence(w, vm, dma) ?: told(w, v, queue);
	close(queue);
	return must_destroy(w, id) ?: rc;
}

static int works(struct worker *w, struct vm *vm, struct viommu *v)
{
	struct dma dma = vm_dma(w, vm, PASID_VIOMMU);
	int rc = vm_maps(w, vm, &dma);

	if (rc)
		return rc;
	/* The memory of a queue stays. */
	rc = v->queue ? iommu_unmap_all(w->context, vm->ioas, NULL) : -EBUSY;
	if (rc != -EBUSY)
		return broken(w, "unmap of a queue's memory: %d", rc);
	rc = vm_unmaps(vm) ?: invalidate(w, v);
	if (rc)
		return broken(w, "invalidation by a vIOMMU: %d", rc);
	return loses(w, vm, v, &dma);
}

int act_viommu(struct worker *w)
{
	struct viommu v;
	struct vm vm;
	int rc = vm_open(w, &vm);

	if (rc)
		return rc;
	about(w, vm.ioas, vm.parent);
	rc = make(w, &vm, &v);
	if (!rc)
		rc = works(w, &vm, &v);
	else if (!excused(w, rc))
		broken(w, "vIOMMU: %d", rc);
	if (destroy(w, &v))
		return -EIO;
	return vm_close(w, &vm) ?: rc;
}
