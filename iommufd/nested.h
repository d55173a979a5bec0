/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Software nesting: IOASes whose mappings are made of another IOAS's.
 */
#ifndef IOMMUFD_NESTED_H
#define IOMMUFD_NESTED_H

#include "ioas_map.h"

/* How many IOASes may be below each other. */
#define NESTED_DEPTH_MAX	16

/**
 * nested_prot - what a mapping that is made of another one permits
 * @wanted: what is asked for
 * @from: the area of the parent
 *
 * Both have to permit it; there is no use in an area that permits nothing.
 *
 * Return: the permissions, or 0.
 */
static inline u8 nested_prot(u8 wanted, const struct area *from)
{
	u8 prot = wanted & from->prot;

	return prot & (IOMMU_READ | IOMMU_WRITE) ? prot : 0;
}

void nested_init(const struct ioas *ioas, struct area *area,
		 const struct area *from, unsigned long source,
		 unsigned long length, u8 prot);
struct area *nested_chain(struct ioas *ioas, unsigned long source,
			  unsigned long length, u8 prot);
void nested_link(struct ioas *ioas, struct area *area);
void nested_unlink(struct ioas *ioas, struct area *area);
int nested_use(struct area *area);
void nested_take_back(struct area *chain);
void nested_take_back_all(struct ioas *ioas);
int nested_remove(struct ioas *ioas, struct area **chain,
		  struct obstacle *obstacle);

#endif
