/* SPDX-License-Identifier: GPL-2.0-only */
/* edu-alone.h - the device that the back ends attach. */
#ifndef SELFTESTS_BENCH_EDU_ALONE_H
#define SELFTESTS_BENCH_EDU_ALONE_H

#include <err.h>

#include "../lib/vfio.h"

/* QEMU's educational PCI device, one that shares its group with no other. */
static inline struct vfio_pci edu_alone(void)
{
	struct vfio_pci found[16];
	int n = vfio_find(0x1234, 0x11e8, found, 16);
	int i;

	for (i = 0; i < n; i++)
		if (found[i].group_size == 1)
			return found[i];
	errx(1, "no edu device with an IOMMU group of its own");
}

#endif /* SELFTESTS_BENCH_EDU_ALONE_H */
