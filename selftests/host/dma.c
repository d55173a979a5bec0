// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: dma [MIB [again]]
 *
 * What a program that drives a device does, as whichever user runs it: bind the
 * edu device that is bound to vfio-pci, map MIB of memory (1), and let the device
 * copy from its beginning to its end; with "again", for each line of the standard
 * input once more. It needs nothing but the device's nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "edu.h"
#include "iommu.h"
#include "mem.h"

#define IOVA 0x40000000UL
#define LENGTH 2048UL

static int iommufd = -1;

static void must(int rc, const char *what)
{
	char why[256] = "";
	uint32_t length = sizeof(why) - 1, error;

	if (rc >= 0)
		return;
	if (iommufd >= 0 &&
	    iommu_last_reason(iommufd, why, &length, &error))
		why[0] = '\0';
	printf("dma: %s: %s%s%s\n", what, strerror(-rc), *why ? ": " : "", why);
	exit(1);
}

static void copy(struct edu *edu, char *mem, size_t size, int value)
{
	memset(mem, value, LENGTH);
	must(edu_copy(edu, IOVA, IOVA + size - LENGTH, LENGTH), "DMA");
	must(memcmp(mem, mem + size - LENGTH, LENGTH) ? -EIO : 0,
	     "what arrived is not what was sent");
	printf("dma: %s copied, with %zu MiB mapped\n", edu->pci.bdf, size >> 20);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 1) << 20;
	struct vfio_pci pci;
	struct edu edu;
	uint32_t ioas = 0;
	char line[16], *mem;
	int value = 0x5a;

	iommufd = iommu_open();
	must(iommufd, "/dev/iommu");
	must(edu_find_alone(&pci, 1) == 1 ? 0 : -ENODEV,
	     "an edu device that is bound to vfio-pci");
	must(edu_open(&edu, &pci, iommufd), pci.bdf);
	must(iommu_ioas_alloc(iommufd, &ioas), "IOMMU_IOAS_ALLOC");
	must(vfio_attach(edu.fd, ioas, NULL), "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(mem == MAP_FAILED ? -ENOMEM : 0, "memory");
	must(iommu_map_fixed(iommufd, ioas, mem, size, IOMMU_RW, IOVA),
	     "IOMMU_IOAS_MAP");
	copy(&edu, mem, size, value++);
	while (argc > 2 && fgets(line, sizeof(line), stdin))
		copy(&edu, mem, size, value++);
	return 0;
}
