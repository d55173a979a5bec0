// SPDX-License-Identifier: GPL-2.0-only
#include "guest.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "iommu.h"

#define ENTRY_BITS 9
#define LINK (IOSIM_PTE_VALID | IOSIM_PTE_READ | IOSIM_PTE_WRITE)

/* Memory ------------------------------------------------------------------- */

/**
 * guest_init() - say which memory a guest has
 * @guest: filled
 * @va: the memory, aligned to 4 KiB
 * @gpa: where the user maps it, or has mapped it, in an IOAS
 * @size: bytes
 */
void guest_init(struct guest *guest, void *va, uint64_t gpa, size_t size)
{
	*guest = (struct guest) { .va = va, .gpa = gpa, .size = size };
}

/* Zeroed memory, aligned to its size up to 2 MiB; NULL: there is no more. */
void *guest_alloc(struct guest *guest, size_t size)
{
	uint64_t align = size >= GUEST_2M ? GUEST_2M : GUEST_4K;
	uint64_t at = guest->gpa + guest->used;

	at = (at + align - 1) & ~(align - 1);
	if (at + size > guest->gpa + guest->size)
		return NULL;
	guest->used = at + size - guest->gpa;
	guest->used = (guest->used + GUEST_4K - 1) & ~(GUEST_4K - 1);
	return memset(guest_va(guest, at), 0, size);
}

uint64_t guest_gpa(const struct guest *guest, const void *va)
{
	return guest->gpa + ((const char *)va - guest->va);
}

/* NULL if the guest has no such address. */
void *guest_va(const struct guest *guest, uint64_t gpa)
{
	if (gpa - guest->gpa >= guest->size)
		return NULL;
	return guest->va + (gpa - guest->gpa);
}

/* Page tables -------------------------------------------------------------- */

/* A new table. Return: its GPA; 0: no memory. */
uint64_t guest_table(struct guest *guest)
{
	void *table = guest_alloc(guest, GUEST_4K);

	return table ? guest_gpa(guest, table) : 0;
}

/* On which level, 1 to 3, pages of that size are. 0: there are none. */
static int level_of(uint64_t page_size)
{
	switch (page_size) {
	case GUEST_4K:
		return 1;
	case GUEST_2M:
		return 2;
	case GUEST_1G:
		return 3;
	default:
		return 0;
	}
}

static unsigned int index_at(uint64_t iova, int level)
{
	return iova >> (12 + ENTRY_BITS * (level - 1)) &
	       (IOSIM_TABLE_ENTRIES - 1);
}

/* The entry of an IOVA on a level; with @make set, tables that are missing, too. */
static uint64_t *entry_at(struct guest *guest, uint64_t root, uint64_t iova,
			  int level, bool make)
{
	uint64_t *table = guest_va(guest, root), *entry;
	uint64_t next;
	int i;

	for (i = IOSIM_LEVELS; table; i--) {
		entry = &table[index_at(iova, i)];
		if (i == level)
			return entry;
		if (!(*entry & IOSIM_PTE_VALID) && make) {
			next = guest_table(guest);
			if (!next)
				return NULL;
			*entry = next | LINK;
		}
		if (!(*entry & IOSIM_PTE_VALID) || *entry & IOSIM_PTE_LEAF)
			return NULL;
		table = guest_va(guest, *entry & IOSIM_PTE_ADDR);
	}
	return NULL;
}

/**
 * guest_map() - map a range in a page table of the guest
 * @guest: whose memory the tables are in
 * @root: from guest_table()
 * @iova: first IOVA
 * @gpa: what it shall be
 * @length: bytes
 * @page_size: of the entries; @iova, @gpa and @length are multiples of it
 * @permission: GUEST_R, GUEST_W, or both
 *
 * Return: 0; -ENOMEM; -EINVAL: not aligned, or no such page size.
 */
int guest_map(struct guest *guest, uint64_t root, uint64_t iova, uint64_t gpa,
	      uint64_t length, uint64_t page_size, uint64_t permission)
{
	int level = level_of(page_size);
	uint64_t *entry, done;

	if (!level || (iova | gpa | length) & (page_size - 1))
		return -EINVAL;
	for (done = 0; done < length; done += page_size) {
		entry = entry_at(guest, root, iova + done, level, true);
		if (!entry)
			return -ENOMEM;
		__atomic_store_n(entry, (gpa + done) | permission |
				 IOSIM_PTE_VALID | IOSIM_PTE_LEAF,
				 __ATOMIC_RELEASE);
	}
	return 0;
}

/* The entry for an IOVA on the level of that page size, or NULL. */
uint64_t *guest_pte(const struct guest *guest, uint64_t root, uint64_t iova,
		    uint64_t page_size)
{
	return entry_at((struct guest *)guest, root, iova, level_of(page_size),
			false);
}

/* Clear the entries of a range, as guest_map() has set them. */
int guest_unmap(const struct guest *guest, uint64_t root, uint64_t iova,
		uint64_t length, uint64_t page_size)
{
	uint64_t *entry, done;

	for (done = 0; done < length; done += page_size) {
		entry = guest_pte(guest, root, iova + done, page_size);
		if (!entry)
			return -ENOENT;
		__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
	}
	return 0;
}

/* An empty PASID table, or NULL. */
struct iosim_pasid_entry *guest_pasid_table(struct guest *guest,
					    unsigned int pasid_bits)
{
	return guest_alloc(guest, sizeof(struct iosim_pasid_entry) <<
				  pasid_bits);
}

/* What the kernel is told -------------------------------------------------- */

/* A HWPT of a page table of the guest, below @parent; @fault may be 0. */
int guest_hwpt(int fd, uint32_t dev_id, uint32_t parent, uint64_t root,
	       uint32_t fault, uint32_t *hwpt)
{
	struct iosim_hwpt_first_stage data = {
		.root = root,
		.addr_bits = IOSIM_ADDR_BITS,
	};

	return iommu_hwpt_alloc_user(fd, dev_id, parent, IOSIM_HWPT_FIRST_STAGE,
				     &data, sizeof(data), fault, hwpt);
}

/* A HWPT of a PASID table of the guest, at the GPA @table. */
int guest_hwpt_pasid_table(int fd, uint32_t dev_id, uint32_t parent,
			   uint64_t table, unsigned int pasid_bits,
			   uint32_t fault, uint32_t *hwpt)
{
	struct iosim_hwpt_pasid_table data = {
		.table = table,
		.pasid_bits = pasid_bits,
	};

	return iommu_hwpt_alloc_user(fd, dev_id, parent, IOSIM_HWPT_PASID_TABLE,
				     &data, sizeof(data), fault, hwpt);
}

/* A range of a first stage; 0 and UINT64_MAX: everything. */
int guest_invalidate(int fd, uint32_t hwpt, uint64_t iova, uint64_t length)
{
	struct iosim_invalidate_first_stage entry = {
		.addr = iova,
		.length = length,
	};
	uint32_t num = 1;

	return iommu_hwpt_invalidate(fd, hwpt, &entry,
				     IOSIM_INVALIDATE_FIRST_STAGE,
				     sizeof(entry), &num);
}

/* A vIOMMU of the simulator. */
int guest_viommu(int fd, uint32_t dev_id, uint32_t parent, uint32_t *viommu)
{
	return iommu_viommu_alloc(fd, dev_id, parent, IOSIM_VIOMMU_TYPE, NULL,
				  0, viommu);
}

/* One with registers for its queues, which @data says where to map. */
int guest_viommu_with_page(int fd, uint32_t dev_id, uint32_t parent,
			   struct iosim_viommu *data, uint32_t *viommu)
{
	return iommu_viommu_alloc(fd, dev_id, parent, IOSIM_VIOMMU_TYPE, data,
				  sizeof(*data), viommu);
}

/* Those registers, for munmap() of @data's length; NULL, and errno, if there are none. */
volatile struct iosim_viommu_page *
guest_viommu_page(int fd, const struct iosim_viommu *data)
{
	void *page = mmap(NULL, data->out_mmap_length, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, data->out_mmap_offset);

	return page == MAP_FAILED ? NULL : page;
}

/* A range of all that has been made on a vIOMMU; @op: IOSIM_VIOMMU_*. */
int guest_invalidate_viommu(int fd, uint32_t viommu, uint32_t op,
			    uint64_t vdev_id, uint64_t iova, uint64_t length)
{
	struct iosim_invalidate_viommu entry = {
		.op = op,
		.vdev_id = vdev_id,
		.addr = iova,
		.length = length,
	};
	uint32_t num = 1;

	return iommu_hwpt_invalidate(fd, viommu, &entry, IOSIM_INVALIDATE_VIOMMU,
				     sizeof(entry), &num);
}

/* The same of a PASID in a PASID table; @flags: IOSIM_INVALIDATE_*. */
int guest_invalidate_pasid(int fd, uint32_t hwpt, uint32_t flags,
			   uint32_t pasid, uint64_t iova, uint64_t length)
{
	struct iosim_invalidate_pasid_table entry = {
		.addr = iova,
		.length = length,
		.flags = flags,
		.pasid = pasid,
	};
	uint32_t num = 1;

	return iommu_hwpt_invalidate(fd, hwpt, &entry,
				     IOSIM_INVALIDATE_PASID_TABLE,
				     sizeof(entry), &num);
}
