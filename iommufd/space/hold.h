/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holding the memory of an I/O address space for its page tables.
 */
#ifndef IOMMUFD_HOLD_H
#define IOMMUFD_HOLD_H

#include "space/space.h"

int iommufd_ioas_hold(struct ioas *ioas);
void iommufd_ioas_release(struct ioas *ioas);

void iommufd_ioas_need(struct ioas *ioas);
void iommufd_ioas_unneed(struct ioas *ioas);
void iommufd_ioas_settle(struct ioas *ioas);

#endif
