/* SPDX-License-Identifier: GPL-2.0-only */
/* iommufd.h - what is open of /dev/iommu, for what is measured there. */
#ifndef SELFTESTS_BENCH_IOMMUFD_H
#define SELFTESTS_BENCH_IOMMUFD_H

#include <stdint.h>

#include "backend.h"

/**
 * struct iommufd - the descriptor, and what is attached to what
 * @fd: of /dev/iommu
 * @device: of the VFIO device
 * @dev_id: its ID
 * @ioas: that it is attached to
 */
struct iommufd {
	int fd;
	int device;
	uint32_t dev_id;
	uint32_t ioas;
};

extern struct iommufd iommufd;

/* Another device, which is bound and no more: its file descriptor. */
int iommufd_open_peer(void);

/* Map @all, at its IOVA, in an IOAS. 0 or a negative errno. */
int iommufd_map_in(uint32_t ioas, const struct range *all);
/* Undo that; ends the program if it cannot. */
void iommufd_unmap_in(uint32_t ioas, const struct range *all);
/* Destroy an object; ends the program if it cannot. */
void iommufd_destroy(uint32_t id);
/* Attach the device; ends the program if it cannot. */
void iommufd_attach(uint32_t pt);

#endif /* SELFTESTS_BENCH_IOMMUFD_H */
