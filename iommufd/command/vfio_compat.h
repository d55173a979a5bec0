/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The legacy VFIO container on /dev/iommu.
 */
#ifndef IOMMUFD_VFIO_COMPAT_H
#define IOMMUFD_VFIO_COMPAT_H

struct iommufd_ctx;

long iommufd_vfio_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
			unsigned long arg);

#endif
