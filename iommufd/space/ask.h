/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a driver can do with the page table of a domain.
 */
#ifndef IOMMUFD_ASK_H
#define IOMMUFD_ASK_H

#include "space/paging.h"

int iommufd_paging_ask(struct paging *paging, unsigned long iova);

#endif
