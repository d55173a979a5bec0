// SPDX-License-Identifier: GPL-2.0-only
/* Queues: page requests and their answers, and events. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "fault.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "probe.h"
#include "report.h"

#define PASID_FAULTS 22U
#define FAULTS_AT 0x60000000ULL

/**
 * struct asker - an address space whose pages are missing until they are asked for
 * @va: a page to be asked for, and behind it one for completions
 * @ioas: with the second one mapped
 * @hwpt: a page table of it
 * @queue: where requests arrive
 */
struct asker {
	char *va;
	uint32_t ioas;
	uint32_t hwpt;
	struct fault_queue queue;
};

static int asker_open(struct worker *w, struct asker *a)
{
	int rc;

	*a = (struct asker) { .va = mem_anon(2 * PAGE), .queue.fd = -1 };
	if (!a->va)
		return -ENOMEM;
	rc = CALL(w, iommu_ioas_alloc(w->context, &a->ioas));
	if (rc)
		return rc;
	rc = CALL(w, iommu_map_fixed(w->context, a->ioas, a->va + PAGE, PAGE,
				     IOMMU_RW, FAULTS_AT + PAGE));
	if (rc)
		return rc;
	rc = CALL(w, fault_queue_open(w->context, &a->queue));
	if (rc)
		return rc;
	rc = CALL(w, iommu_hwpt_alloc_fault(w->context, w->engine.dev_id,
					    a->ioas, 0, a->queue.id, &a->hwpt));
	if (rc)
		return rc;
	return CALL(w, iommu_pasid_attach(w->context, w->engine.dev_id,
					  PASID_FAULTS, a->hwpt));
}

static int asker_close(struct worker *w, struct asker *a, bool attached)
{
	int rc = 0;

	if (attached)
		rc = iommu_pasid_detach(w->context, w->engine.dev_id,
					PASID_FAULTS);
	if (!rc && a->hwpt)
		rc = CALL(w, iommu_destroy(w->context, a->hwpt));
	if (a->queue.fd >= 0)
		close(a->queue.fd);
	if (!rc && a->queue.id)
		rc = CALL(w, iommu_destroy(w->context, a->queue.id));
	if (!rc && a->ioas)
		rc = CALL(w, iommu_destroy(w->context, a->ioas));
	mem_free(a->va, 2 * PAGE);
	return rc ? broken(w, "end of a fault queue: %d", rc) : 0;
}

/* The request has arrived. It is granted, refused, or nobody answers. */
static int answer(struct worker *w, struct asker *a, struct dma *dma,
		  uint32_t cookie, uint64_t value)
{
	unsigned int how = pick(w, 4);
	int rc;

	about(w, how, cookie);
	switch (how) {
	case 0:
		rc = fault_respond(a->queue.fd, cookie,
				   IOMMUFD_PAGE_RESP_INVALID);
		if (rc)
			return broken(w, "refusal: %d", rc);
		rc = dma_wait(dma);
		break;
	case 1:
		close(a->queue.fd);
		a->queue.fd = -1;
		rc = dma_wait(dma);
		break;
	default:
		rc = iommu_map_fixed(w->context, a->ioas, a->va, PAGE, IOMMU_RW,
				     FAULTS_AT) ?:
		     fault_respond(a->queue.fd, cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS) ?:
		     dma_wait(dma);
		if (rc || memcmp(a->va, &value, sizeof(value)))
			return broken(w, "a page that was asked for: %d", rc);
		return 0;
	}
	if (rc <= 0 || !memcmp(a->va, &value, sizeof(value)))
		return broken(w, "a page that was refused: %d", rc);
	return 0;
}

static int ask(struct worker *w, struct asker *a)
{
	struct dma dma = probe_dma_at(&w->engine, PASID_FAULTS, a->va + PAGE,
				      FAULTS_AT + PAGE);
	uint64_t value = ++w->fresh ^ 0xfa17000000000000;
	struct iosim_desc desc = dma_desc_fill(FAULTS_AT, 8, value);
	struct iommu_hwpt_pgfault fault;
	int rc;

	dma.block = true;
	rc = dma_start(&dma, &desc);
	if (rc)
		return broken(w, "submit: %d", rc);
	rc = fault_read_group(a->queue.fd, &fault, 1);
	if (rc != 1 || fault.addr != FAULTS_AT || fault.pasid != PASID_FAULTS)
		return broken(w, "page request: %d", rc);
	return answer(w, a, &dma, fault.cookie, value);
}

int act_page_request(struct worker *w)
{
	struct asker a;
	int rc = asker_open(w, &a);
	bool attached = !rc;

	if (!rc)
		rc = ask(w, &a);
	else if (!excused(w, rc))
		broken(w, "fault queue: %d", rc);
	return asker_close(w, &a, attached) ?: rc;
}

/*
 * A fault is told, to the space's own queue; or, if that is short and something else
 * happens meanwhile (devices that go are told to every queue), that events are lost.
 */
int act_event(struct worker *w)
{
	struct space *s = &w->spaces[NR_SHARED + pick(w, 2)];
	const struct view *view = pick_view(w, s);
	struct ioasid_event event = { };
	int queue = -1, cell = pick_unmapped(w, s), rc;
	struct dma dma;
	uint32_t id;

	rc = CALL(w, iommu_eventq_alloc(w->context, s->ioas, 1 + pick(w, 8),
					&id, &queue));
	if (rc)
		return excused(w, rc) || rc == -EMFILE ? rc :
		       broken(w, "event queue: %d", rc);
	if (view && cell >= 0) {
		dma = probe_dma(w, view);
		rc = probe_nothing(w, &dma, cell_iova(s, cell), NO_PAGE) ?:
		     event_wait(queue, IOASID_EVENT_DMA_FAULT, &event);
		if (rc != -EOVERFLOW &&
		    (rc || event.ioas_id != s->ioas ||
		     event.iova / PAGE != cell_iova(s, cell) / PAGE))
			broken(w, "event of a fault: %d, space %u, 0x%llx", rc,
			       event.ioas_id, (unsigned long long)event.iova);
	}
	close(queue);
	rc = iommu_destroy(w->context, id);
	return rc ? broken(w, "destroy of an event queue: %d", rc) : 0;
}
