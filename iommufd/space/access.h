/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is kept for an IOMMU which reads it by itself.
 */
#ifndef IOMMUFD_ACCESS_H
#define IOMMUFD_ACCESS_H

#include <linux/types.h>

struct ioas;

int iommufd_ioas_keep(struct ioas *ioas, unsigned long first,
		      unsigned long last, phys_addr_t *phys);
void iommufd_ioas_unkeep(struct ioas *ioas, unsigned long first,
			 unsigned long last);

#endif
