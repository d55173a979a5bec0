/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a "guest": mapped in an IOAS, with page tables and PASID tables of
 * the simulator's format in it, which a device walks below that IOAS.
 *
 * An address of the guest (GPA) is an IOVA of the IOAS. Page sizes are GUEST_4K,
 * GUEST_2M and GUEST_1G; functions that cannot do what they are asked to return
 * -errno.
 */
#ifndef SELFTESTS_LIB_GUEST_H
#define SELFTESTS_LIB_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "iosim.h"

#define GUEST_4K (1ULL << 12)
#define GUEST_2M (1ULL << 21)
#define GUEST_1G (1ULL << 30)

#define GUEST_R IOSIM_PTE_READ
#define GUEST_W IOSIM_PTE_WRITE
#define GUEST_RW (IOSIM_PTE_READ | IOSIM_PTE_WRITE)

/**
 * struct guest - memory
 * @va: where this process has it
 * @gpa: where the guest has it
 * @size: bytes
 * @used: bytes that guest_alloc() has given away
 */
struct guest {
	char *va;
	uint64_t gpa;
	size_t size;
	size_t used;
};

void guest_init(struct guest *guest, void *va, uint64_t gpa, size_t size);
void *guest_alloc(struct guest *guest, size_t size);
uint64_t guest_gpa(const struct guest *guest, const void *va);
void *guest_va(const struct guest *guest, uint64_t gpa);

uint64_t guest_table(struct guest *guest);
int guest_map(struct guest *guest, uint64_t root, uint64_t iova, uint64_t gpa,
	      uint64_t length, uint64_t page_size, uint64_t permission);
uint64_t *guest_pte(const struct guest *guest, uint64_t root, uint64_t iova,
		    uint64_t page_size);
int guest_unmap(const struct guest *guest, uint64_t root, uint64_t iova,
		uint64_t length, uint64_t page_size);

struct iosim_pasid_entry *guest_pasid_table(struct guest *guest,
					    unsigned int pasid_bits);

int guest_hwpt(int fd, uint32_t dev_id, uint32_t parent, uint64_t root,
	       uint32_t fault, uint32_t *hwpt);
int guest_hwpt_pasid_table(int fd, uint32_t dev_id, uint32_t parent,
			   uint64_t table, unsigned int pasid_bits,
			   uint32_t fault, uint32_t *hwpt);
int guest_invalidate(int fd, uint32_t hwpt, uint64_t iova, uint64_t length);
int guest_viommu(int fd, uint32_t dev_id, uint32_t parent, uint32_t *viommu);
int guest_viommu_with_page(int fd, uint32_t dev_id, uint32_t parent,
			   struct iosim_viommu *data, uint32_t *viommu);
volatile struct iosim_viommu_page *
guest_viommu_page(int fd, const struct iosim_viommu *data);
int guest_invalidate_viommu(int fd, uint32_t viommu, uint32_t op,
			    uint64_t vdev_id, uint64_t iova, uint64_t length);
int guest_invalidate_pasid(int fd, uint32_t hwpt, uint32_t flags,
			   uint32_t pasid, uint64_t iova, uint64_t length);

#endif
