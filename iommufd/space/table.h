/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page tables and in-kernel users of an I/O address space, and what they ask of it.
 */
#ifndef IOMMUFD_TABLE_H
#define IOMMUFD_TABLE_H

#include "space/space.h"

int iommufd_ioas_reserve(struct ioas *ioas, unsigned long start,
			 unsigned long last, struct reserver *owner);
void iommufd_ioas_unreserve(struct ioas *ioas, struct reserver *owner);
int iommufd_ioas_set_small_pages(struct ioas *ioas, bool on);

int iommufd_ioas_add_table(struct ioas *ioas, struct ioas_table *table);
void iommufd_ioas_remove_table(struct ioas *ioas, struct ioas_table *table);

int iommufd_ioas_add_user(struct ioas *ioas, struct ioas_user *user);
void iommufd_ioas_remove_user(struct ioas *ioas, struct ioas_user *user);

#endif
