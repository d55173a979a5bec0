// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the guest: for each two edu devices, does DMA of the one arrive at the
 * BAR of the other?  Once with the BAR mapped for the sender, and once to the
 * BAR's bus address, which is mapped to nothing: what arrives then went past
 * the IOMMU.  A line for each direction:
 *
 *	dma FROM TO memory=0|1 mapped=0|1 past=0|1
 *
 * memory: whether the sender reaches memory that is mapped for it at all.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edu.h"
#include "iommu.h"
#include "mem.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define BAR_IOVA 0x80000000UL
#define DEVICES_MAX 16
#define LENGTH 64

static int bar_address(const struct vfio_pci *pci, uint64_t *address)
{
	unsigned long long start;
	char path[80];
	FILE *file;
	int n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource",
		 pci->bdf);
	file = fopen(path, "r");
	if (!file)
		return -1;
	n = fscanf(file, "%llx", &start);
	fclose(file);
	*address = start;
	return n == 1 ? 0 : -1;
}

/* A's DMA engine writes to B's liveness register, which complements it. */
static int arrives(struct edu *a, struct edu *b, char *mem, uint64_t bar)
{
	static uint32_t value = 0x10203040;
	int rc;

	value += 0x01010101;
	memcpy(mem, &value, sizeof(value));
	edu_reg_write(b, EDU_REG_LIVENESS, 0);
	rc = edu_copy(a, IOVA, bar + EDU_REG_LIVENESS, sizeof(value));
	if (rc)
		return rc;
	return edu_reg_read(b, EDU_REG_LIVENESS) == ~value;
}

static int try_pair(const struct vfio_pci *from, const struct vfio_pci *to)
{
	char *mem = mem_shared(PAGE);
	struct edu a, b;
	int fd = iommu_open(), memory, mapped, past;
	uint64_t bar;
	uint32_t ioas;

	if (!mem || fd < 0 || bar_address(to, &bar) ||
	    iommu_ioas_alloc(fd, &ioas) || edu_open(&a, from, fd) ||
	    edu_open(&b, to, fd) || vfio_attach(a.fd, ioas, NULL) ||
	    vfio_attach(b.fd, ioas, NULL) ||
	    iommu_map_fixed(fd, ioas, mem, PAGE, IOMMU_RW, IOVA) ||
	    iommu_map_fixed(fd, ioas, b.regs, PAGE, IOMMU_RW, BAR_IOVA)) {
		printf("dma %s %s cannot be tried\n", from->bdf, to->bdf);
		return 1;
	}
	memory = edu_check(&a, IOVA, mem, LENGTH) == 0;
	mapped = arrives(&a, &b, mem, BAR_IOVA);
	past = arrives(&a, &b, mem, bar);
	printf("dma %s %s memory=%d mapped=%d past=%d\n", from->bdf, to->bdf,
	       memory, mapped, past);
	edu_close(&a);
	edu_close(&b);
	close(fd);
	return 0;
}

int main(void)
{
	struct vfio_pci found[DEVICES_MAX];
	int nr = edu_find(found, DEVICES_MAX), i, j, failed = 0;

	for (i = 0; i < nr; i++)
		for (j = 0; j < nr; j++)
			if (i != j)
				failed |= try_pair(&found[i], &found[j]);
	return failed;
}
