/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many mappings in one command.
 */
#ifndef IOMMUFD_BATCH_H
#define IOMMUFD_BATCH_H

/* The limit of IOASID_MAP_BATCH and IOASID_UNMAP_BATCH. */
#define BATCH_ENTRIES_MAX	(1U << 30)

int iommufd_batch_init(void);
void iommufd_batch_exit(void);

#endif
