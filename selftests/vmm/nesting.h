/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A function of the simulator behind a simulated VT-d, and a guest of an unmodified QEMU
 * that gives its own guests' kernel a VT-d with first stages.
 */
#ifndef SELFTESTS_VMM_NESTING_H
#define SELFTESTS_VMM_NESTING_H

#include "vmm.h"

/* Its name in configfs, and in QEMU. */
#define NESTING_NAME	"nic"

/* The guest's IOMMU, and what selftests/vmm/booted has had, too. */
#define NESTING_VTD	"intel-iommu,scalable-mode=on,fsts=on,pasid-bits=8,device-iotlb=on,svm=on,caching-mode=on"

int nesting_create(char *bdf, size_t size, const char *attributes);
int nesting_start(struct vmm *vmm, const char *name);
int nesting_plug(struct vmm *vmm, const char *bdf);

#endif
