/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Software nesting: IOASes whose mappings are made of another IOAS's.
 */
#ifndef IOMMUFD_NESTED_H
#define IOMMUFD_NESTED_H

#include "space/chain.h"

/* How deep IOASes may be nested. */
#define NESTED_DEPTH_MAX	16
/* How many there can be below one that is nested in none. */
#define NESTED_FAMILY_MAX	4096

struct area *iommufd_nested_take(struct ioas *ioas, unsigned long source,
				 unsigned long length, u8 wanted);
struct area *iommufd_nested_chain(struct ioas *ioas, unsigned long source,
				  unsigned long length, u8 prot);
int iommufd_nested_lend(struct ioas *ioas, unsigned long source,
			unsigned long length, u8 prot);
bool iommufd_nested_keep_lent(struct area *area);
void iommufd_nested_take_back(struct area *chain);
int iommufd_nested_remove(struct ioas *ioas, struct area **chain,
			  struct obstacle *obstacle);

#endif
