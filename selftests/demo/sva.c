// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting, a PASID and page faults on the simulated IOMMU, in the order in which a VMM
 * does it for a process of its guest. Documentation/simulator.rst goes through it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "iommu.h"
#include "sim.h"

#define PASID 42
#define HEAP 0x550000000000ULL	/* where the process has its memory */

#define must(call) do {							\
	int _rc = (call);						\
									\
	printf("%-68.68s %d\n", #call, _rc);				\
	if (_rc < 0)							\
		exit(1);						\
} while (0)

int main(void)
{
	struct iosim_desc copy = dma_desc_copy(HEAP, HEAP + SIM_PAGE, SIM_PAGE);
	struct iommu_hwpt_pgfault fault;
	struct fault_queue queue;
	uint32_t dev, parent = 0, nested = 0;
	struct guest *guest;
	struct dma dma;
	struct sim sim;
	uint64_t root;

	/* The hardware: a device with PASIDs and page requests, bound to VFIO. */
	iosim_load();
	/* The guest: 8 MiB of memory at guest-physical 1 GiB, which is an IOAS. */
	must(sim_open(&sim, "pasid_bits=8 pri=1"));
	dev = sim.engine.dev_id;
	guest = &sim.guest;

	/* The second stage, and a queue for page requests. */
	must(iommu_hwpt_alloc(sim.fd, dev, sim.ioas,
			      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	must(fault_queue_open(sim.fd, &queue));

	/* The guest makes page tables for a process, with one page in them, */
	root = sim_guest_root(&sim);
	must(guest_map(guest, root, HEAP, SIM_AT, SIM_PAGE, GUEST_4K, GUEST_R));
	strcpy(sim.buf, "written by the process");
	/* and the VMM hands them on: a first stage, attached to a PASID. */
	must(guest_hwpt(sim.fd, dev, parent, root, queue.id, &nested));
	must(iommu_pasid_attach(sim.fd, dev, PASID, nested));

	/* The device copies to the next page, which is not there. */
	dma = sim_dma_pasid(&sim, 0, PASID);
	dma.block = true;
	must(dma_start(&dma, &copy));
	must(fault_read_group(queue.fd, &fault, 1));
	printf("\tdevice %u, PASID %u: wants to %s %#llx\n", fault.dev_id,
	       fault.pasid, fault.perm & IOMMU_PGFAULT_PERM_WRITE ?
	       "write to" : "read", (unsigned long long)fault.addr);

	/* The guest puts a page there, and the transfer goes on. */
	must(guest_map(guest, root, HEAP + SIM_PAGE, SIM_AT + SIM_PAGE, SIM_PAGE,
		       GUEST_4K, GUEST_RW));
	must(fault_respond(queue.fd, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS));
	must(dma_wait(&dma));
	printf("\tcopied: \"%s\"\n", sim.buf + SIM_PAGE);

	/* It takes the page away. The device goes on until that is invalidated. */
	must(guest_unmap(guest, root, HEAP, SIM_PAGE, GUEST_4K));
	dma.block = false;
	must(dma_peek(&dma, HEAP, NULL));
	must(guest_invalidate(sim.fd, nested, HEAP, SIM_PAGE));
	must(dma_peek(&dma, HEAP, NULL));
	printf("\tthat was the reason: IOSIM_REASON_NOT_PRESENT\n");

	must(iommu_pasid_detach(sim.fd, dev, PASID));
	close(queue.fd);
	must(sim_close(&sim));
	iosim_unload();
	return 0;
}
