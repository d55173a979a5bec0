// SPDX-License-Identifier: GPL-2.0-only
#include "vtd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommu.h"
#include "iosim.h"

/**
 * vtd_create_without() - make a device whose VT-d cannot do something
 * @name: as for iosim_create_unplugged(), which has not been called
 * @attributes: likewise
 * @cap: what is taken away from the capability register
 * @ecap: what is taken away from the extended one
 *
 * It is not plugged in yet.
 */
int vtd_create_without(const char *name, const char *attributes, uint64_t cap,
		       uint64_t ecap)
{
	const struct {
		const char *attribute;
		uint64_t without;
	} registers[] = { { "vtd_cap", cap }, { "vtd_ecap", ecap } };
	int rc = iosim_create_unplugged(name, attributes);
	char value[32];
	unsigned int i;

	for (i = 0; !rc && i < 2; i++) {
		rc = iosim_get(name, registers[i].attribute, value,
			       sizeof(value));
		if (rc)
			break;
		snprintf(value, sizeof(value), "%#llx",
			 strtoull(value, NULL, 0) & ~registers[i].without);
		rc = iosim_set(name, registers[i].attribute, value);
	}
	return rc;
}

/* sim_open() with such a device. */
int vtd_open_without(struct sim *sim, const char *attributes, uint64_t cap,
		     uint64_t ecap)
{
	int rc = sim_open(sim, attributes);

	if (!rc)
		rc = sim_remove(SIM_NAME, &sim->engine);
	if (!rc)
		rc = vtd_create_without(SIM_NAME, attributes, cap, ecap);
	if (!rc)
		rc = iosim_plug(SIM_NAME);
	return rc ?: engine_open_name(&sim->engine, SIM_NAME, sim->fd);
}

/* The entry for an IOVA on a level, 4 being the root's; missing tables are added. */
uint64_t *vtd_entry(struct guest *guest, uint64_t root, uint64_t iova,
		    int level)
{
	uint64_t *table = guest_va(guest, root), *entry, next;
	int at;

	for (at = 4; table; at--) {
		entry = &table[iova / VTD_SPAN(at) % 512];
		if (at == level)
			return entry;
		if (!(*entry & VTD_P)) {
			next = guest_table(guest);
			if (!next)
				return NULL;
			*entry = next | VTD_ALL;
		}
		table = guest_va(guest, *entry & VTD_ADDR);
	}
	return NULL;
}

/**
 * vtd_map() - map a page
 * @guest: whose memory the tables are in
 * @root: from vtd_root()
 * @iova: of the page
 * @gpa: what it shall be
 * @level: 1 to 3, of its entry
 * @bits: of the entry, VTD_ALL for example
 */
int vtd_map(struct guest *guest, uint64_t root, uint64_t iova, uint64_t gpa,
	    int level, uint64_t bits)
{
	uint64_t *entry = vtd_entry(guest, root, iova, level);

	if (!entry)
		return -ENOMEM;
	__atomic_store_n(entry, gpa | bits | (level > 1 ? VTD_PS : 0),
			 __ATOMIC_RELEASE);
	return 0;
}

/* A first stage with nothing in it but the completions, where sim_dma() has them. */
uint64_t vtd_root(struct sim *sim)
{
	uint64_t root = guest_table(&sim->guest);

	if (root && vtd_map(&sim->guest, root, SIM_AT + SIM_DONE,
			    SIM_AT + SIM_DONE, 1, VTD_ALL))
		return 0;
	return root;
}

/* A HWPT of it; @flags: IOMMU_VTD_S1_*; @fault: a fault queue, or 0. */
int vtd_hwpt_fault(const struct sim *sim, uint32_t parent, uint64_t root,
		   uint64_t flags, uint32_t fault, uint32_t *hwpt)
{
	struct iommu_hwpt_vtd_s1 data = {
		.flags = flags,
		.pgtbl_addr = root,
		.addr_width = 48,
	};

	return iommu_hwpt_alloc_user(sim->fd, sim->engine.dev_id, parent,
				     IOMMU_HWPT_DATA_VTD_S1, &data,
				     sizeof(data), fault, hwpt);
}

int vtd_hwpt(const struct sim *sim, uint32_t parent, uint64_t root,
	     uint64_t flags, uint32_t *hwpt)
{
	return vtd_hwpt_fault(sim, parent, root, flags, 0, hwpt);
}

/* One entry of an invalidation. 0 and UINT64_MAX: everything. */
int vtd_invalidate(int fd, uint32_t hwpt, uint64_t addr, uint64_t npages,
		   uint32_t flags)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {
		.addr = addr,
		.npages = npages,
		.flags = flags,
	};
	uint32_t num = 1;

	return iommu_hwpt_invalidate(fd, hwpt, &entry,
				     IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
				     sizeof(entry), &num);
}

/* The fault reason of the last DMA of a device that faulted; 0: none. */
unsigned int vtd_fault(const char *name)
{
	char value[16];

	if (iosim_get(name, "vtd_fault", value, sizeof(value)))
		return 0;
	return strtoul(value, NULL, 0);
}
